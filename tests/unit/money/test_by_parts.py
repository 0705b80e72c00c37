"""By parts and in memory: the same rows, the same bytes, the same defects, for whole chains and for hostile ones."""

from __future__ import annotations

import bz2
import json
import random
from itertools import pairwise

import pyarrow.parquet as pq
import pytest

from headwater.engine import Exhibit, Session, StageContext, StoredTable, file_sha256, write_parquet
from headwater.money import chain_windows, trace_money, verdict_parts
from headwater.money.undo import undo_checksum
from headwater.schema import content_id, table_named

IN_MEMORY, BY_PARTS = 1 << 50, 1
POOL = 1_000_000


@pytest.fixture
def both_ways(tmp_path, monkeypatch):
    """From a folder of blocks to what the stage makes of it, after both ways were found to give the same."""

    def made(folder, inputs=None, *, small=True, **parameters):
        if small:  # every window, every part and every list is longer than what is taken at once
            monkeypatch.setattr(chain_windows, "WINDOW_ENDS", 9)
            monkeypatch.setattr(verdict_parts, "MIXES_AT_ONCE", 1)
            monkeypatch.setattr("headwater.engine.session.ROW_GROUP_ROWS", 50)
        found = []
        for memory_bytes in (IN_MEMORY, BY_PARTS):
            scratch = tmp_path / f"scratch-{len(list(tmp_path.iterdir()))}"
            scratch.mkdir()
            with Session({}, scratch=scratch) as session:
                for name, rows in (inputs or {}).items():
                    session.put(name, rows)
                context = StageContext(
                    tables=session,
                    exhibits=(Exhibit(exhibit_id="EX-4", exhibit_kind="blocks", path=folder),),
                    parameters=parameters,
                    chain_memory_bytes=memory_bytes,
                    scratch=scratch,
                )
                tables = trace_money(context)
            digests, rows = {}, {}
            for name, table in tables.items():
                path = table.path if isinstance(table, StoredTable) else scratch / f"made-{name}.parquet"
                if not isinstance(table, StoredTable):
                    write_parquet(table_named(name).checked(table), path)
                digests[name], rows[name] = file_sha256(path), pq.read_table(path)
            found.append((digests, rows))
        (digests, rows), (other_digests, other_rows) = found
        for name, table in rows.items():
            assert table.to_pylist() == other_rows[name].to_pylist(), name
        assert digests == other_digests
        return rows

    return made


def codes(rows):
    return {row["code"] for row in rows["defects"].to_pylist()}


@pytest.mark.parametrize("small", [False, True])
def test_a_synthetic_case(case, both_ways, small):
    rows = both_ways(case.folder, case.inputs, small=small)
    for name in ("transactions", "traces", "endpoints", "peel_chains", "change_candidates", "cluster_merges"):
        assert rows[name].equals(case.tables[name]), name
        assert rows[name].num_rows


@pytest.mark.parametrize(
    "parameters",
    [
        {"trace_further_policies": "lifo tiho poison"},
        {"trace_max_hops": 0},
        {"trace_max_hops": 2, "trace_max_days": 1, "trace_dust_sat": 30_000},
        {"trace_service_min_scripts": 5, "trace_service_min_payees": 0},
        {"trace_service_min_scripts": 0, "trace_service_min_payees": 3},
        {"trace_service_min_scripts": 1, "trace_service_min_payees": 1},
        {"trace_service_min_scripts": 0, "trace_service_min_payees": 0},
    ],
)
def test_whatever_the_rules_of_tracing(case, both_ways, parameters):
    inputs = {**case.inputs, "tags": case.inputs["tags"].slice(1)}  # one service is nobody's until it is large
    assert both_ways(case.folder, inputs, small=False, **parameters)["traces"].num_rows


def test_tags_of_every_kind(case, both_ways):
    tags = case.inputs["tags"].to_pylist()
    platform = [row for row in case.tables["platform_addresses"].to_pylist() if row["received_sat"]]
    more = [
        {**tags[0], "tag_id": content_id("tag", "other"), "actor": "Elm", "label": "Elm"},
        {**tags[1], "tag_id": content_id("tag", "bridge"), "actor": "Fir", "label": "Fir", "category": "bridge"},
        {**tags[0], "tag_id": content_id("tag", "own"), "address": platform[0]["address"]},
        {**tags[0], "tag_id": content_id("tag", "nowhere"), "address": "nobody"},
        {**tags[0], "tag_id": content_id("tag", "elsewhere"), "network": "ETH"},
    ]
    inputs = {**case.inputs, "tags": table_named("tags").rows([*tags, *more])}
    rows = both_ways(case.folder, inputs, small=False)
    assert {"tags_disagree", "platform_at_service"} <= codes(rows)


def test_the_first_blocks_of_the_main_network(reference_data, both_ways, tmp_path):
    folder = tmp_path / "blocks"
    folder.mkdir()
    (folder / "blk00000.dat").write_bytes(bz2.decompress((reference_data / "money" / "blocks1-256.bz2").read_bytes()))
    rows = both_ways(folder)
    assert rows["transactions"].num_rows > 250
    heights = set(rows["transactions"]["block_height"].to_pylist())
    assert heights == set(range(1, len(heights) + 1))


def test_a_whole_block_of_the_main_network(reference_data, both_ways):
    rows = both_ways(reference_data / "money" / "block413567.raw", small=False)
    assert rows["transactions"].num_rows == 1_557
    assert "spent_output_unresolved" in codes(rows)


def test_a_chain_of_published_transactions(reference_data, both_ways, tools, tmp_path):
    path = reference_data / "money" / "graphsense-utxo-expected" / "test_txs.json"
    numbers: dict[str, int] = {}

    def paid(sides):
        return [
            (tools.key_script(numbers.setdefault(repr(side["address"]), len(numbers) + 1)), side["value"])
            for side in sides
        ]

    made = tools.HandMade.begun()
    for row in map(json.loads, path.read_text("utf-8").splitlines()):
        if row["coinbase"]:
            made.add((), paid(row["outputs"]))
        else:
            coin = made.add((), paid(row["inputs"]))
            made.add([tools.transaction([(coin, at) for at in range(len(row["inputs"]))], paid(row["outputs"]))])
    rows = both_ways(made.write(tmp_path / "blocks"))
    assert rows["cluster_merges"].num_rows
    assert rows["change_candidates"].num_rows


class Hostile:
    """A chain of random payments in which everything goes wrong that can, by a seed."""

    def __init__(self, tools, seed):
        self.tools, self.chance, self.made = tools, random.Random(seed), tools.HandMade.begun()
        self.coins: list[tuple[bytes, int]] = []
        self.spent: list[tuple[bytes, int]] = []
        self.earlier: list[bytes] = []

    def script(self):
        if self.chance.random() < 0.1:
            return self.chance.choice((b"\x6a\x02ab", b"\x51", b"", b"\x6a" * 40, b"\x21" + b"\x02" * 33 + b"\xac"))
        number = self.chance.randrange(40)
        return self.tools.key_script(number) if number % 3 else b"\x76\xa9\x14" + bytes([number]) * 20 + b"\x88\xac"

    def block(self, transactions):
        pays = [
            (self.script(), self.chance.choice((0, 500, 1_000_000, 123_456))) for _ in range(self.chance.randint(1, 4))
        ]
        before = set(self.made.outputs)
        self.made.add(transactions, pays)
        self.coins += sorted(set(self.made.outputs) - before)

    def payment_from_outside(self):
        """A spend of an output that these blocks do not hold; undo data alone tells what it was."""
        coin = (self.chance.randbytes(32), 0)
        self.made.outputs[coin] = (self.script(), self.chance.choice((777, 100_000)))
        return self.tools.transaction([coin], [(self.script(), 700), (self.script(), 77)])

    def payment(self):
        chance, outputs = self.chance, self.made.outputs
        count = min(len(self.coins), chance.randint(1, 4))
        spends = [self.coins.pop(chance.randrange(len(self.coins))) for _ in range(count)]
        total = int(sum(outputs[coin][1] for coin in spends))
        if self.spent and chance.random() < 0.1:
            spends.append(chance.choice(self.spent))  # spent before
        self.spent += spends[:count]
        if chance.random() < 0.1:
            total += 1 + chance.randrange(1_000)  # more out than in
        cuts = sorted(
            chance.choice((0, total // 2, total // 3, chance.randint(0, total))) for _ in range(chance.randint(0, 4))
        )
        amounts = [high - low for low, high in zip([0, *cuts], [*cuts, total], strict=True)]
        if chance.random() < 0.3 and len(amounts) > 2:
            amounts = [total // len(amounts)] * len(amounts)
        return self.tools.transaction(
            spends, [(self.script(), each) for each in amounts], mark=chance.choice((0, 0, 9))
        )

    def transactions(self):
        chance = self.chance
        found = [self.payment() for _ in range(chance.randint(0, 4)) if self.coins]
        if found and chance.random() < 0.1:
            # A txid again, but not side by side: a block that shares its merkle root with another is refused.
            found = [found[-1], *found, self.payment_from_outside()]
        if chance.random() < 0.2:
            found.append(self.payment_from_outside())
        if self.earlier and chance.random() < 0.1:
            found.insert(0, chance.choice(self.earlier))
        found = [each for each, after in pairwise([*found, b""]) if each != after]
        self.earlier += found
        return found

    def written(self, folder, blocks=40):
        chance, made = self.chance, self.made
        for _ in range(blocks):
            self.block(self.transactions())
        made.write(folder)
        undo = made.undo[1:]
        for place in range(len(undo)):
            if chance.random() < 0.1:
                undo[place] = b""  # lost
            elif chance.random() < 0.1:
                undo[place] = chance.choice((undo[place], b"")) + self.forged(place + 1)
        (folder / "rev00000.dat").write_bytes(b"".join(undo))
        framed = [self.tools.framed_blocks(block) for block in made.blocks]
        if chance.random() < 0.5:
            framed = framed[chance.randrange(1, 6) :]  # the chain's beginning is not there
        if chance.random() < 0.5:
            at = chance.randrange(10, 20)
            framed[at] = framed[at][:-1] + bytes([framed[at][-1] ^ 1])  # damaged
        (folder / "blk00000.dat").write_bytes(b"".join(framed))
        return folder

    def forged(self, block):
        """A second record for a block, which says otherwise of an amount."""
        content = self.made.undo[block]
        record = bytearray(content[8:-32])
        if len(record) > 6:
            record[4] ^= 1
        previous = self.tools.twice(self.made.blocks[block - 1][:80])
        framed = self.tools.MAGIC + len(record).to_bytes(4, "little") + bytes(record)
        return framed + undo_checksum(previous, bytes(record))


@pytest.mark.parametrize("seed", range(8))
def test_hostile_chains(seed, tools, both_ways, tmp_path):
    rows = both_ways(Hostile(tools, seed).written(tmp_path / "blocks"))
    assert rows["tx_inputs"].num_rows > 20


def test_everything_that_can_go_wrong_does_in_some_hostile_chain(tools, both_ways, tmp_path):
    found = set()
    for seed in range(20, 24):
        found |= codes(both_ways(Hostile(tools, seed).written(tmp_path / f"blocks-{seed}")))
    assert found >= {
        "txid_repeated",
        "spent_twice",
        "spent_output_unresolved",
        "more_out_than_in",
        "undo_missing",
        "undo_disagrees",
        "block_damaged",
        "chain_not_whole",
    }


def test_mixes_of_a_pool_and_what_was_prepared_for_them(tools, both_ways, tmp_path):
    made, numbers = tools.HandMade.begun(), iter(range(1, 10_000))

    def coins(*amounts_sat):
        pays = [(tools.key_script(next(numbers)), each) for each in amounts_sat]
        txid = made.add((), pays)
        return [(txid, at) for at in range(len(pays))]

    def spend(spent, amounts_sat, *, data=False):
        pays = [(tools.key_script(next(numbers)), each) for each in amounts_sat]
        raw = tools.transaction(spent, [*pays, (b"\x6a\x02ab", 0)] if data else pays)
        made.add([raw])
        return [(tools.twice(raw), at) for at in range(len(amounts_sat))]

    prepared = []
    for _ in range(3):
        prepared += spend(coins(2_000_000, 2_500_000), [POOL + 1_500] * 3 + [50_000, 400_000], data=True)[:3]
    mixed = spend(prepared[:5], [POOL] * 5)
    spend([*mixed[:3], *prepared[5:8]], [POOL] * 6)
    spend([*prepared[8:], *coins(*[POOL + 700] * 4)], [POOL] * 5)
    spend(coins(*[POOL + 700] * 5), [POOL] * 5)
    rows = both_ways(made.write(tmp_path / "blocks"))
    rules = rows["transactions"]["coinjoin_rule"].to_pylist()
    assert rules.count("whirlpool_mix") == 2
    assert rules.count("whirlpool_shape") == 2


@pytest.mark.parametrize("linked", [False, True])
def test_doubts_that_others_settle_and_cuts(linked, tools, both_ways, tmp_path):
    made, key = tools.HandMade.begun(), tools.key_script
    coins = [made.add((), [(key(1), 1_000_000), (key(2), 1_000_000)]) for _ in range(3)]
    pays = [(key(3), 300_000), (key(4), 300_000), (key(5), 1_390_000)]
    made.add([tools.transaction([(coins[0], 0), (coins[0], 1)], pays)])
    cut = tools.transaction([(coins[2], 0), (coins[2], 1)], [(key(7), 1_900_000)])
    made.add([cut])
    if linked:
        made.add([tools.transaction([(coins[1], 0), (coins[1], 1)], [(key(6), 1_900_000)])])
    txids = (tools.twice(cut)[::-1].hex(), "ab" * 32)
    cuts = table_named("merge_cuts").rows({"txid": txid, "operator": "a"} for txid in txids)
    rows = both_ways(made.write(tmp_path / "blocks"), {"merge_cuts": cuts})["transactions"]
    rules = rows["coinjoin_rule"].to_pylist()
    assert rules.count("cut_by_judgement") == 1
    assert rules.count("inputs_spent_together_elsewhere") == int(linked)
    assert rules.count("equal_outputs") == int(not linked)


def test_chains_of_peels(tools, both_ways, tmp_path):
    made, key = tools.HandMade.begun(), tools.key_script
    for chain in range(3):
        coin, left_sat = (made.add((), [(key(1_000 * chain + 1), 90_000_000)]), 0), 90_000_000
        for hop in range(2 + chain):
            left_sat -= 1_000_000 + 137 * hop
            pays = [(key(9_000 + chain), 1_000_000), (key(1_000 * chain + 2 + hop), left_sat)]
            raw = tools.transaction([coin], pays)
            made.add([raw])
            coin = (tools.twice(raw), 1)
    rows = both_ways(made.write(tmp_path / "blocks"))
    assert sorted(rows["peel_chains"]["hops"].to_pylist()) == [3, 4]


def test_what_was_said_names_the_way_and_the_reason(case, tmp_path):
    said = []
    for memory_bytes in (IN_MEMORY, BY_PARTS):
        with Session({}, scratch=tmp_path) as session:
            exhibit = Exhibit(exhibit_id="EX-4", exhibit_kind="blocks", path=case.folder)
            trace_money(
                StageContext(
                    tables=session,
                    exhibits=(exhibit,),
                    chain_memory_bytes=memory_bytes,
                    say=said.append,
                    scratch=tmp_path,
                )
            )
    assert ["in memory" in said[0], "by parts" in said[1]] == [True, True]
    assert all("chain_memory_bytes" in line for line in said)
