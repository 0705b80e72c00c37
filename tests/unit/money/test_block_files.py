"""Files of blocks: keys, padding, gaps, cuts, and files that are one block."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import InputError, UnreadableInputError
from headwater.money import check_block_files, read_block_summaries
from headwater.money.block_files import BlockRecord, Damage, block_file, block_files_at, deobfuscated, records


@pytest.fixture
def blocks(tools):
    made = tools.HandMade.begun()
    for _ in range(4):
        made.add(())
    return made.blocks


def found_in(path):
    file = block_file(path)
    with path.open("rb") as stream:
        return list(records(file, stream))


@given(st.binary(max_size=64), st.binary(min_size=8, max_size=8), st.integers(0, 99))
def test_a_key_laid_over_twice_is_gone(content, key, offset):
    laid_over = deobfuscated(content, key, offset)
    assert laid_over == bytes(byte ^ key[(offset + place) % 8] for place, byte in enumerate(content))
    assert deobfuscated(laid_over, key, offset) == content


@pytest.mark.parametrize("key", [b"", bytes(8), b"\x01\x02\x03\x04\x05\x06\x07\x88"])
def test_blocks_with_and_without_a_key(tools, blocks, tmp_path, key):
    (tmp_path / "blk00000.dat").write_bytes(tools.framed_blocks(*blocks, key=key))
    if key:
        (tmp_path / "xor.dat").write_bytes(key)
    summaries = list(read_block_summaries([tmp_path]))
    assert [summary["block_hash"] for summary in summaries] == [tools.twice(b[:80])[::-1].hex() for b in blocks]
    assert all(summary["merkle_ok"] and summary["inputs"] == 1 for summary in summaries)
    assert check_block_files(tmp_path) == 5


@pytest.mark.parametrize("reserved_before_key", [True, False])
def test_room_that_a_node_reserved_is_no_damage(tools, blocks, tmp_path, reserved_before_key):
    key = b"abcdefgh"
    content = tools.framed_blocks(*blocks)
    room = bytes(100_000)
    written = deobfuscated(content, key, 0)
    written += room if reserved_before_key else deobfuscated(room, key, len(content))
    (tmp_path / "blk00000.dat").write_bytes(written)
    (tmp_path / "blk00001.dat").write_bytes(room)
    (tmp_path / "blk00002.dat").write_bytes(b"")
    (tmp_path / "xor.dat").write_bytes(key)
    assert len(list(read_block_summaries([tmp_path]))) == 5


def test_a_cut_file_gives_its_whole_blocks_and_then_says_so(tools, blocks, tmp_path):
    path = tmp_path / "blk00000.dat"
    content = tools.framed_blocks(*blocks)
    last = len(tools.framed_blocks(*blocks[:-1]))
    for end in (last + 4, last + 7, last + 8, last + 50, len(content) - 1):
        path.write_bytes(content[:end])
        summaries = read_block_summaries([path])
        assert [next(summaries)["transactions"] for _ in range(4)] == [1] * 4
        with pytest.raises(UnreadableInputError, match="ends within") as caught:
            next(summaries)
        assert caught.value.offset_bytes == last
        assert str(path) in str(caught.value)


def test_bytes_between_blocks_are_told_and_passed(tools, blocks, tmp_path):
    path = tmp_path / "blk00000.dat"
    first, rest = tools.framed_blocks(*blocks[:2]), tools.framed_blocks(*blocks[2:])
    for junk in (
        b"junk that is no block",
        tools.MAGIC + b"\xff\xff\xff\xff" + bytes(20),
        tools.MAGIC + b"\x05\x00\x00\x00",
    ):
        path.write_bytes(first + junk + rest)
        found = found_in(path)
        assert [type(each) for each in found] == [BlockRecord] * 2 + [Damage] + [BlockRecord] * 3
        damage = found[2]
        assert (damage.code, damage.offset_bytes, damage.length_bytes) == ("unparsed_bytes", len(first), len(junk))


def test_a_gap_wider_than_a_step_is_searched(tools, blocks, tmp_path, monkeypatch):
    monkeypatch.setattr("headwater.money.block_files._STEP_BYTES", 64)
    path = tmp_path / "blk00000.dat"
    for width in range(120, 136):
        path.write_bytes(tools.framed_blocks(blocks[0]) + b"x" * width + tools.framed_blocks(blocks[1]))
        assert [type(each) for each in found_in(path)] == [BlockRecord, Damage, BlockRecord]


def test_a_key_that_is_missing_or_wrong_is_named(tools, blocks, tmp_path):
    path = tmp_path / "blk00000.dat"
    path.write_bytes(tools.framed_blocks(*blocks, key=b"abcdefgh"))
    with pytest.raises(UnreadableInputError, match=r"put the xor\.dat"):
        list(read_block_summaries([path]))
    (tmp_path / "xor.dat").write_bytes(b"short")
    with pytest.raises(UnreadableInputError, match="a key has 8 bytes"):
        list(read_block_summaries([path]))


def test_a_file_that_is_one_block(reference_data, tools, blocks, tmp_path):
    (summary,) = read_block_summaries([reference_data / "money" / "block413567.raw"])
    assert (summary["transactions"], summary["inputs"], summary["outputs"]) == (1557, 4887, 3581)
    assert summary["output_sat"] == 914_705_170_223
    assert summary["merkle_ok"] is True
    path = tmp_path / "one.raw"
    path.write_bytes(blocks[0][:-3])
    with pytest.raises(UnreadableInputError, match="not a whole block") as caught:
        list(read_block_summaries([path]))
    assert caught.value.offset_bytes is not None


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "too few"), (b"\x89PNG\r\n\x1a\n" + b"p" * 400, "not a whole block"), (bytes(4_000_001), "too long")],
)
def test_files_that_are_something_else(tmp_path, content, reason):
    path = tmp_path / "found.bin"
    path.write_bytes(content)
    with pytest.raises(UnreadableInputError, match=reason):
        list(read_block_summaries([path]))


def test_paths_that_hold_nothing(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        block_files_at([tmp_path / "absent"])
    with pytest.raises(InputError, match=r"no blk\*\.dat"):
        block_files_at([tmp_path])


def test_files_come_in_the_order_of_their_numbers(tmp_path):
    for name in ("blk100000.dat", "blk99999.dat", "blk00002.dat"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in block_files_at([tmp_path])] == ["blk00002.dat", "blk99999.dat", "blk100000.dat"]
