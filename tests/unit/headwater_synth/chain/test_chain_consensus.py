"""Bitcoin Core's consensus library accepts the chain, byte for byte, and nothing that was tampered with."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from headwater_synth.chain import build_chain, write_blocks
from headwater_synth.chain.keys import owned_key
from headwater_synth.chain.ledger import Ledger
from headwater_synth.chain.transactions import signed_transaction

MAGIC = bytes.fromhex("fabfb5da")


def revealed(path, key):
    content = path.read_bytes()
    return bytes(byte ^ key[place % 8] for place, byte in enumerate(content))


def records(content):
    offset = 0
    while offset < len(content):
        assert content[offset : offset + 4] == MAGIC
        size_bytes = int.from_bytes(content[offset + 4 : offset + 8], "little")
        yield content[offset + 8 : offset + 8 + size_bytes]
        offset += 8 + size_bytes


def test_core_accepts_every_block(chain, core):
    assert core.height(block.raw for block in chain.blocks) == chain.plan.blocks == len(chain.blocks) - 1


@pytest.mark.parametrize("seed", [0, 1, 2**63, 20_261_123])
def test_core_accepts_any_seed(plan_of, core, seed):
    result = build_chain(plan_of(seed, invoices=9, blocks=140))
    assert core.height(block.raw for block in result.blocks) == 140


def test_core_reads_the_files_and_writes_the_same_undo_data(chain, core, tmp_path):
    write_blocks(chain, tmp_path / "blocks")
    ours = (tmp_path / "blocks" / "rev00000.dat").read_bytes()
    height, theirs = core.reindexed(tmp_path / "blocks")
    assert height == chain.plan.blocks
    written_by_core = (theirs / "rev00000.dat").read_bytes()
    assert written_by_core[: len(ours)] == ours
    assert not written_by_core[len(ours) :].strip(b"\x00")


def test_core_reads_preallocated_files(chain, core, tmp_path):
    write_blocks(chain, tmp_path / "blocks", preallocated=True)
    assert (tmp_path / "blocks" / "blk00000.dat").stat().st_size == 16 * 1024 * 1024
    assert core.reindexed(tmp_path / "blocks")[0] == chain.plan.blocks


def test_core_reads_several_files(chain, core, tmp_path):
    write_blocks(chain, tmp_path / "blocks", max_file_bytes=60_000)
    files = sorted(path.name for path in (tmp_path / "blocks").glob("blk*.dat"))
    assert len(files) > 3
    assert files == [f"blk{number:05}.dat" for number in range(len(files))]
    assert all(path.stat().st_size < 60_000 for path in (tmp_path / "blocks").glob("blk*.dat"))
    assert len(list((tmp_path / "blocks").glob("rev*.dat"))) == len(files)
    assert core.reindexed(tmp_path / "blocks")[0] == chain.plan.blocks


@pytest.mark.parametrize("place", ["header", "middle", "end"])
def test_core_refuses_a_damaged_block(chain, core, place):
    damaged_at = 130
    raw = [block.raw for block in chain.blocks]
    offset = {"header": 10, "middle": len(raw[damaged_at]) // 2, "end": len(raw[damaged_at]) - 10}[place]
    damaged = bytearray(raw[damaged_at])
    damaged[offset] ^= 1
    raw[damaged_at] = bytes(damaged)
    assert core.height(raw) == damaged_at - 1


def spending_ledger(*, blocks, wrong_key=False, too_much=False):
    """A short chain whose last block spends the first coins."""
    ledger = Ledger()
    miner, payee = owned_key(1, "miner", 0, "p2wpkh"), owned_key(1, "payee", 0, "p2tr")
    coins = [ledger.mine(1_700_000_000 + 60 * number, miner) for number in range(blocks)]
    coin = coins[0]
    if wrong_key:
        thief = owned_key(1, "thief", 0, "p2wpkh")
        coin = replace(coin, key=replace(coin.key, secret=thief.secret))
    if too_much:
        coin = replace(coin, amount_sat=coin.amount_sat + 1)
    ledger.submit(signed_transaction([coin], [(payee, coin.amount_sat - 1_000)], kind="honest"))
    ledger.mine(1_700_000_000 + 60 * blocks, miner)
    return [block.raw for block in ledger.blocks]


def test_core_judges_what_a_ledger_is_told(core):
    assert core.height(spending_ledger(blocks=100)) == 101
    assert core.height(spending_ledger(blocks=99)) == 99, "new coins rest for 100 blocks"
    assert core.height(spending_ledger(blocks=100, wrong_key=True)) == 100, "signatures count"
    assert core.height(spending_ledger(blocks=100, too_much=True)) == 100, "amounts count"


def test_every_kind_of_script_is_spent(chain):
    bitcoin = pytest.importorskip("bitcoin.core", reason="python-bitcoinlib parses independently")
    scripts, spent = {}, set()
    for block in chain.blocks:
        for transaction in bitcoin.CBlock.deserialize(block.raw).vtx:
            for spending in transaction.vin:
                script = scripts.get((spending.prevout.hash, spending.prevout.n), b"")
                spent.add((len(script), script[:1]))
            for place, output in enumerate(transaction.vout):
                scripts[transaction.GetTxid(), place] = bytes(output.scriptPubKey)
    assert {(22, b"\x00"), (25, b"\x76"), (23, b"\xa9"), (34, b"\x51"), (35, b"\x21")} <= spent


def test_another_parser_agrees_on_ids_sums_and_proof_of_work(chain):
    bitcoin = pytest.importorskip("bitcoin.core", reason="python-bitcoinlib parses independently")
    amounts, ids = {}, []
    for block in chain.blocks:
        parsed = bitcoin.CBlock.deserialize(block.raw)
        assert parsed.GetHash() == block.block_hash
        assert int.from_bytes(block.block_hash, "little") <= 0x7FFFFF << 232
        assert parsed.hashMerkleRoot == parsed.calc_merkle_root()
        assert parsed.nTime == block.at_s
        fees_sat = 0
        for position, transaction in enumerate(parsed.vtx):
            assert transaction.GetTxid() == block.txids[position]
            ids.append(transaction.GetTxid()[::-1].hex())
            out_sat = sum(output.nValue for output in transaction.vout)
            if position:
                in_sat = sum(amounts.pop((spent.prevout.hash, spent.prevout.n)) for spent in transaction.vin)
                assert in_sat > out_sat
                fees_sat += in_sat - out_sat
            for place, output in enumerate(transaction.vout):
                amounts[transaction.GetTxid(), place] = output.nValue
        reward_sat = sum(output.nValue for output in parsed.vtx[0].vout)
        assert reward_sat == (50 * 100_000_000 >> block.height // 150) + fees_sat
    assert ids == list(chain.transaction_kinds)


def test_files_hold_stale_blocks_and_some_disorder(chain, tmp_path):
    write_blocks(chain, tmp_path)
    stored = list(records(revealed(tmp_path / "blk00000.dat", (tmp_path / "xor.dat").read_bytes())))
    active = [block.raw for block in chain.blocks]
    assert sorted(stored) == sorted([*active, *(block.raw for block in chain.stale_blocks)])
    assert [raw for raw in stored if raw in active] != active
    assert chain.stale_blocks
    for stale in chain.stale_blocks:
        winner = chain.blocks[stale.height]
        assert stale.previous_hash == winner.previous_hash
        assert stale.txids[1:] == winner.txids[1:]
        assert stored.index(stale.raw) > stored.index(winner.raw)


def test_core_prefers_the_active_chain(chain, core):
    stale = chain.stale_blocks[0]
    offered = [block.raw for block in chain.blocks]
    offered.insert(stale.height + 1, stale.raw)
    assert core.height(offered) == chain.plan.blocks


def test_undo_carries_its_checksum(chain, tmp_path):
    write_blocks(chain, tmp_path)
    content = revealed(tmp_path / "rev00000.dat", chain.xor_key)
    offset = 0
    for block in chain.blocks[1:]:
        size_bytes = int.from_bytes(content[offset + 4 : offset + 8], "little")
        undo = content[offset + 8 : offset + 8 + size_bytes]
        checksum = content[offset + 8 + size_bytes : offset + 40 + size_bytes]
        first = hashlib.sha256(block.previous_hash + undo).digest()
        assert hashlib.sha256(first).digest() == checksum
        offset += 40 + size_bytes
    assert offset == len(content)


def test_full_blocks_make_more_blocks(plan_of, core):
    plan = plan_of(3, invoices=30, blocks=140)
    crowded = build_chain(plan, max_block_weight=16_000)
    assert len(crowded.blocks) - 1 > plan.blocks
    assert max(len(block.raw) for block in crowded.blocks) < 16_000
    assert len(crowded.payment_txid) == sum(1 for invoice in plan.invoices if invoice.paid_at_s is not None)
    assert core.height(block.raw for block in crowded.blocks) == len(crowded.blocks) - 1
