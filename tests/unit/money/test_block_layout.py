"""The layout of a block is what other parsers see in it; damage is named, with its place."""

from __future__ import annotations

import bz2

import bitcoin
import pytest
from bitcoin.core import CBlock

from headwater.money.block_layout import (
    BlockLayoutError,
    amounts_sat,
    compact_size,
    header_of,
    laid_out,
    merkle_root,
    transaction_ids,
)


def test_a_real_block_of_the_main_network(reference_data):
    block = (reference_data / "money" / "block413567.raw").read_bytes()
    layout = laid_out(block)
    header = header_of(block)
    txids = transaction_ids(block, layout)
    assert (len(txids), len(layout.outpoints), len(layout.amounts)) == (1557, 4887, 3581)
    assert header.block_hash[::-1].hex() == "0000000000000000025aff8be8a55df8f89c77296db6198f272d6577325d4069"
    assert merkle_root(txids) == header.merkle_root
    assert header.has_proof_of_work
    parsed = CBlock.deserialize(block)
    assert list(map(bytes, txids)) == [transaction.GetTxid() for transaction in parsed.vtx]
    assert amounts_sat(block, layout).tolist() == [
        output.nValue for transaction in parsed.vtx for output in transaction.vout
    ]
    scripts = [block[a:b] for a, b in zip(layout.script_starts, layout.script_ends, strict=True)]
    assert scripts == [bytes(output.scriptPubKey) for transaction in parsed.vtx for output in transaction.vout]


def test_the_first_blocks_of_the_main_network(reference_data):
    content = bz2.decompress((reference_data / "money" / "blocks1-256.bz2").read_bytes())
    at, previous, blocks = 0, None, 0
    while at < len(content):
        length = int.from_bytes(content[at + 4 : at + 8], "little")
        block = content[at + 8 : at + 8 + length]
        header = header_of(block)
        assert previous in {None, header.previous_hash}
        assert merkle_root(transaction_ids(block, laid_out(block))) == header.merkle_root
        assert header.work == 4295032833  # difficulty 1
        previous, at, blocks = header.block_hash, at + 8 + length, blocks + 1
    assert blocks == 255


def test_another_parser_agrees_on_blocks_with_witnesses(case):
    bitcoin.SelectParams("regtest")
    for mined in case.chain.blocks[::9]:
        block = mined.raw
        layout = laid_out(block)
        parsed = CBlock.deserialize(block)
        assert list(map(bytes, transaction_ids(block, layout))) == [transaction.GetTxid() for transaction in parsed.vtx]
        assert layout.input_counts.tolist() == [len(transaction.vin) for transaction in parsed.vtx]


def test_a_block_cut_at_any_byte_is_no_block(tools):
    spend = tools.transaction([(b"\x11" * 32, 1)], [(tools.key_script(1), 5), (b"\x6a" * 300, 0)])
    block = tools.mined(bytes(32), [tools.transaction([], [(b"\x51", 50)]), spend])
    assert len(laid_out(block).amounts) == 3
    for end in range(80, len(block)):
        with pytest.raises(BlockLayoutError) as caught:
            laid_out(block[:end])
        assert 80 <= caught.value.offset_bytes <= end
    with pytest.raises(BlockLayoutError, match="follow the last"):
        laid_out(block + b"\x00")


def test_a_count_that_cannot_be_is_refused_at_once(tools):
    block = bytes(80) + b"\xff" + b"\xff" * 8 + bytes(200)
    with pytest.raises(BlockLayoutError, match="do not fit"):
        laid_out(block)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("00", 0),
        ("fc", 252),
        ("fdfd00", 253),
        ("fdffff", 65_535),
        ("fe00000100", 65_536),
        ("ff" + "00" * 7 + "01", 1 << 56),
    ],
)
def test_counts(written, number):
    content = bytes.fromhex(written)
    assert compact_size(content, 0) == (number, len(content))
    for end in range(len(content)):
        with pytest.raises(IndexError):
            compact_size(content[:end], 0)


def test_a_repeated_tail_gives_no_root():
    ids = [bytes((number,)) * 32 for number in range(3)]
    assert merkle_root(ids) is not None
    assert merkle_root([*ids, ids[2]]) is None
    assert merkle_root([]) is None
