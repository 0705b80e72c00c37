"""Blocks as a node prints them give the tables that its files give."""

from __future__ import annotations

import io
import json
from decimal import Decimal

import pytest
from bitcoin.core import CBlock
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import UnreadableInputError
from headwater.money import read_block_summaries
from headwater.money.block_exports import object_spans
from headwater.money.block_index import BlockSource, indexed_blocks, read_content
from headwater.money.defects import Defects
from headwater.money.snapshot import snapshot_of
from headwater.money.undo_index import matched_undo


def shown(digest):
    return digest[::-1].hex()


def coins(amount_sat):
    """Bitcoin as the node writes it: with eight places, whatever the amount is."""
    return f"{Decimal(amount_sat) / 100_000_000:.8f}"


def printed(raw, outputs, verbosity):
    """What `getblock` prints of a block, as far as headwater reads it; amounts stand in it as marked strings."""
    block = CBlock.deserialize(raw)
    transactions = []
    for transaction in block.vtx:
        spends = []
        for place, each in enumerate(transaction.vin):
            if transaction.is_coinbase():
                spent = {"coinbase": bytes(each.scriptSig).hex()}
            else:
                spent = {"txid": shown(each.prevout.hash), "vout": each.prevout.n}
                spent["scriptSig"] = {"asm": "", "hex": bytes(each.scriptSig).hex()}
                if verbosity == 3:
                    amount_sat, script = outputs[each.prevout.hash, each.prevout.n]
                    told = {"hex": script.hex(), "asm": 'a "{" in a string \\'}
                    spent["prevout"] = {
                        "generated": False,
                        "height": 1,
                        "value": coins(amount_sat),
                        "scriptPubKey": told,
                    }
            witnesses = transaction.wit.vtxinwit
            stack = witnesses[place].scriptWitness.stack if witnesses else ()
            if stack:
                spent["txinwitness"] = [bytes(part).hex() for part in stack]
            spends.append(spent | {"sequence": each.nSequence})
        pays = []
        for index, each in enumerate(transaction.vout):
            outputs[transaction.GetTxid(), index] = (each.nValue, bytes(each.scriptPubKey))
            script = {"hex": bytes(each.scriptPubKey).hex(), "address": "bcrt1qinvented"}
            pays.append({"value": coins(each.nValue), "n": index, "scriptPubKey": script})
        made = {
            "txid": shown(transaction.GetTxid()),
            "version": transaction.nVersion,
            "locktime": transaction.nLockTime,
        }
        transactions.append(made | {"vin": spends, "vout": pays})
    made = {
        "hash": shown(block.GetHash()),
        "version": block.nVersion,
        "merkleroot": shown(block.hashMerkleRoot),
        "time": block.nTime,
        "nonce": block.nNonce,
        "bits": f"{block.nBits:08x}",
        "tx": transactions,
    }
    if any(block.hashPrevBlock):
        made["previousblockhash"] = shown(block.hashPrevBlock)
    return made


def as_text(made, **options):
    """JSON in which amounts are numbers with eight places."""
    text = json.dumps(made, **options)
    for quote in ('"value": "', '"value":"'):
        text = text.replace(quote, '"value": #')
    return "".join(part if not at else part.replace('"', "", 1) for at, part in enumerate(text.split("#")))


def printed_blocks(case, verbosity):
    """All blocks of the case's files, in their order."""
    index = indexed_blocks([BlockSource(exhibit_id="EX-4", path=case.folder)], Defects())
    raw = [read_content(block.file, block.offset_bytes, block.length_bytes) for block in index.blocks]
    outputs = {}
    for block in raw:
        printed(block, outputs, 2)
    return [printed(block, outputs, verbosity) for block in raw]


def exported(case, folder, verbosity=3, form="lines"):
    blocks = printed_blocks(case, verbosity)
    folder.mkdir()
    text = {
        "lines": lambda: "\n".join(map(as_text, blocks)),
        "list": lambda: as_text(blocks),
        "spread": lambda: "\n\n".join(as_text({"result": block, "error": None}, indent=2) for block in blocks),
    }[form]()
    (folder / "blocks.json").write_text(text)
    return folder


def read(folder):
    defects = Defects()
    index = indexed_blocks([BlockSource(exhibit_id="EX-4", path=folder)], defects)
    return index, snapshot_of(index, matched_undo(index, defects), defects), defects


@pytest.mark.parametrize("form", ["lines", "list", "spread"])
def test_an_export_gives_the_tables_of_the_files(case, run_money, tmp_path, form):
    tables = run_money(exported(case, tmp_path / "export", form=form), case.inputs)
    for name, expected in case.tables.items():
        left_out = ["file_name", "file_offset_bytes", "size_bytes"] if name == "blocks" else []
        assert tables[name].drop_columns(left_out).equals(expected.drop_columns(left_out)), name


def test_without_spent_outputs_what_was_seen_is_used(case, tmp_path):
    _, expected, _ = read(case.folder)
    index, snapshot, defects = read(exported(case, tmp_path / "export", verbosity=2))
    assert index.network == "regtest"
    assert {row["code"] for row in defects.rows} == {"undo_missing"}
    assert snapshot.input_amounts_sat == expected.input_amounts_sat
    assert snapshot.txids == expected.txids


def test_summaries_are_those_of_the_files(case, tmp_path):
    folder = exported(case, tmp_path / "export")
    wanted = ("block_hash", "transactions", "inputs", "outputs", "output_sat", "merkle_ok")
    found, expected = (
        [{name: row[name] for name in wanted} for row in read_block_summaries([path])] for path in (folder, case.folder)
    )
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_an_altered_amount_breaks_the_merkle_root(case, tmp_path):
    folder = exported(case, tmp_path / "export")
    path = folder / "blocks.json"
    before, after = path.read_text().rsplit('"value": ', 1)
    path.write_text(before + '"value": 1' + after)
    _, snapshot, defects = read(folder)
    assert list(snapshot.merkle_ok.values()).count(False) == 1
    assert "block_damaged" in {row["code"] for row in defects.rows}


@pytest.mark.parametrize(
    ("alter", "reason"),
    [
        (lambda block: block | {"nonce": block["nonce"] ^ 1}, "does not give the hash"),
        (lambda block: block | {"tx": [tx["txid"] for tx in block["tx"]]}, "not a block of verbosity 2 or 3"),
        (lambda block: {"height": 1}, "not a block of verbosity 2 or 3"),
        (lambda block: block | {"time": -(2**40)}, "no number of 4 bytes"),
        (lambda block: block | {"bits": "zz"}, "not a block of verbosity 2 or 3"),
    ],
)
def test_what_is_no_block_is_a_defect_with_its_place(case, tmp_path, alter, reason):
    blocks = printed_blocks(case, 3)[:3]
    lines = [as_text(blocks[0]), as_text(alter(blocks[1])), as_text(blocks[2])]
    path = tmp_path / "blocks.jsonl"
    path.write_text("\n".join(lines))
    index, _, defects = read(path)
    assert len(index.blocks) == 2
    (row,) = [row for row in defects.rows if row["code"] == "unparsed_bytes"]
    assert reason in row["reason"]
    assert (row["offset_bytes"], row["length_bytes"]) == (len(lines[0]) + 1, len(lines[1]))
    with pytest.raises(UnreadableInputError, match=reason):
        list(read_block_summaries([path]))


def test_an_export_cut_anywhere_gives_the_blocks_before(case, tmp_path):
    lines = [as_text(block) for block in printed_blocks(case, 3)[:3]]
    path = tmp_path / "blocks.jsonl"
    for kept in range(1, len(lines[2]), 7):
        path.write_text("\n".join([*lines[:2], lines[2][:kept]]))
        index, _, defects = read(path)
        assert len(index.blocks) == 2
        assert [row["code"] for row in defects.rows] == ["file_cut"]


def written_as_csv(case, folder):
    rows = {"blocks": [], "transactions": [], "tx_in": [], "tx_out": []}
    for height, block in enumerate(printed_blocks(case, 2)):
        previous = block.get("previousblockhash", "00" * 32)
        head = (block["hash"], height, block["version"], 1, previous, block["merkleroot"], block["time"])
        rows["blocks"].append((*head, int(block["bits"], 16), block["nonce"]))
        for tx in block["tx"]:
            rows["transactions"].append((tx["txid"], block["hash"], tx["version"], tx["locktime"]))
            for spent in tx["vin"]:
                outpoint = (spent.get("txid", "00" * 32), spent.get("vout", 0xFFFFFFFF))
                script = spent["coinbase"] if "coinbase" in spent else spent["scriptSig"]["hex"]
                rows["tx_in"].append((tx["txid"], *outpoint, script, spent["sequence"]))
            for paid in tx["vout"]:
                amount_sat = int(Decimal(paid["value"]) * 100_000_000)
                script = paid["scriptPubKey"]
                rows["tx_out"].append((tx["txid"], paid["n"], amount_sat, script["hex"], script["address"]))
    folder.mkdir()
    for name, lines in rows.items():
        text = "".join(";".join(map(str, line)) + "\n" for line in lines)
        (folder / f"{name}-0-9.csv").write_text(text)
    return folder


def test_csv_files_give_the_transactions_of_the_files(case, tmp_path):
    _, expected, _ = read(case.folder)
    index, snapshot, defects = read(written_as_csv(case, tmp_path / "csv"))
    assert index.network == "regtest"
    assert {row["code"] for row in defects.rows} == {"undo_missing"}
    assert snapshot.txids == expected.txids
    assert snapshot.scripts == expected.scripts
    assert snapshot.input_amounts_sat == expected.input_amounts_sat
    assert snapshot.spent_by == expected.spent_by


@pytest.mark.parametrize("name", ["transactions", "tx_in", "tx_out"])
def test_csv_files_cut_or_with_other_columns_lose_no_earlier_block(case, tmp_path, name):
    folder = written_as_csv(case, tmp_path / "csv")
    whole = len(read(folder)[1].blocks)
    path = folder / f"{name}-0-9.csv"
    content = path.read_bytes()
    for number, altered in enumerate((content[: len(content) - 9], content + b"a;b\n", content[:-1] + b";x;y;z\n")):
        copy = tmp_path / str(number)
        copy.mkdir()
        for each in folder.iterdir():
            (copy / each.name).write_bytes(altered if each.name == path.name else each.read_bytes())
        _, snapshot, defects = read(copy)
        assert len(snapshot.blocks) >= whole - 1
        assert len(snapshot.blocks) == whole or {row["code"] for row in defects.rows} & {
            "unparsed_bytes",
            "block_damaged",
        }


@given(st.binary(max_size=300), st.integers(1, 9))
def test_spans_of_any_bytes_lie_within_them(content, times):
    stream = io.BytesIO(content * times)
    at = 0
    for start, length in object_spans(stream):
        assert at <= start <= len(content) * times
        at = start + (length or 0)
