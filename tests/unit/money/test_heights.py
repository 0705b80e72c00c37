"""Heights are counted from the first block, or from what blocks state where the first is not there."""

from __future__ import annotations

import bz2

import pytest

from headwater.money.block_index import NO_HEIGHT, BlockSource, indexed_blocks
from headwater.money.block_layout import stated_height
from headwater.money.defects import Defects

HEADER = (2).to_bytes(4, "little") + bytes(76)
COINBASE = (1).to_bytes(4, "little") + b"\x01" + bytes(32) + b"\xff" * 4


def heights(path):
    defects = Defects()
    index = indexed_blocks([BlockSource(exhibit_id="EX-1", path=path)], defects)
    return [block.height for block in index.active], [row["code"] for row in defects.rows]


def stating(number):
    """The beginning of a coinbase's script that states a height, as Bitcoin Core writes it."""
    if 1 <= number <= 16:
        return bytes((0x50 + number,))
    width = number.bit_length() // 8 + 1
    return bytes((width,)) + number.to_bytes(width, "little")


@pytest.fixture
def stated(tools, tmp_path):
    """A function: a folder with a chain whose coinbases state these heights, without the block that it begins with."""

    def make(numbers, version=2):
        previous, blocks = b"\x11" * 32, []
        for number in numbers:
            script = stating(number) + b"\x00"
            coinbase = COINBASE + bytes((len(script),)) + script + b"\xff" * 4 + b"\x01" + bytes(8) + b"\x00" + bytes(4)
            blocks.append(tools.mined(previous, [coinbase], version=version))
            previous = tools.twice(blocks[-1][:80])
        folder = tmp_path / f"stated{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        (folder / "blk00000.dat").write_bytes(tools.framed_blocks(*blocks))
        return folder

    return make


@pytest.mark.parametrize("first", [1, 15, 126, 127, 128, 32_766, 227_931, 8_388_600])
def test_a_chain_without_its_beginning_is_counted_from_what_its_blocks_state(stated, first):
    numbers = list(range(first, first + 4))
    assert heights(stated(numbers)) == (numbers, ["chain_not_whole"])


@pytest.mark.parametrize("numbers", [[70, 71, 73], [70, 70], [71, 70], [8_388_608, 8_388_609]])
def test_what_is_not_consecutive_counts_nothing(stated, numbers):
    assert set(heights(stated(numbers))[0]) == {NO_HEIGHT}


def test_older_blocks_state_nothing(stated):
    assert set(heights(stated([70, 71], version=1))[0]) == {NO_HEIGHT}


@pytest.mark.parametrize("end", range(40))
def test_a_head_that_is_cut_states_nothing_wrong(end):
    whole = HEADER + b"\x01" + COINBASE + b"\x04" + stating(70_000)
    assert stated_height(whole) == 70_000
    assert stated_height(whole[: len(whole) - 1 - end]) is None


def test_a_witness_marker_is_passed_over():
    with_witness = COINBASE[:4] + b"\x00\x01" + COINBASE[4:]
    assert stated_height(HEADER + b"\x01" + with_witness + b"\x04" + stating(70_000)) == 70_000


def test_the_first_blocks_of_the_main_network_follow_the_one_everybody_has(reference_data, tmp_path):
    (tmp_path / "blk00000.dat").write_bytes(bz2.decompress((reference_data / "money" / "blocks1-256.bz2").read_bytes()))
    assert heights(tmp_path / "blk00000.dat") == (list(range(1, 256)), [])


def test_a_block_alone_states_its_height(reference_data):
    assert heights(reference_data / "money" / "block413567.raw") == ([413_567], ["chain_not_whole"])
