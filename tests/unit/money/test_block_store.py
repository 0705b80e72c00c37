"""Blocks are recognised by what they are, and whatever is read for them is digested."""

from __future__ import annotations

import random

import pytest

from headwater.errors import InputError
from headwater.evidence.block_store import block_files
from headwater.evidence.intake import stamp_of, whole_digest
from headwater.money import check_block_files, is_block_store
from headwater.money.block_files import block_files_at

KEY = bytes(range(1, 9))


@pytest.fixture
def chain(tools):
    made = tools.HandMade.begun()
    made.add(())
    made.add(())
    return made


def names(paths):
    return [path.name for path in paths]


def test_a_node_s_folder_with_and_without_its_key(chain, tmp_path):
    assert is_block_store(chain.write(tmp_path / "plain"))
    assert is_block_store(chain.write(tmp_path / "under", key=KEY))
    under = tmp_path / "under"
    assert names(block_files(under)) == ["blk00000.dat", "rev00000.dat", "xor.dat"]
    assert is_block_store(under / "blk00000.dat")
    assert not is_block_store(under / "xor.dat")


def test_a_file_alone_is_digested_with_what_is_read_beside_it(chain, tmp_path):
    file = chain.write(tmp_path / "under", key=KEY) / "blk00000.dat"
    assert names(block_files(file)) == ["blk00000.dat", "rev00000.dat", "xor.dat"]
    assert stamp_of(file, "blocks").files == 3
    before = whole_digest(file, "blocks")
    with (file.parent / "rev00000.dat").open("ab") as undo:
        undo.write(b"\0")
    assert whole_digest(file, "blocks") != before
    (file.parent / "notes.txt").write_text("not read")
    assert stamp_of(file, "blocks").files == 3


def test_one_block_to_a_file_and_a_folder_of_such(chain, tmp_path):
    for number, block in enumerate(chain.blocks):
        (tmp_path / f"{number}.raw").write_bytes(block)
    assert is_block_store(tmp_path / "1.raw")
    assert is_block_store(tmp_path)
    assert names(block_files_at([tmp_path])) == ["0.raw", "1.raw", "2.raw"]
    assert check_block_files(tmp_path) == 3
    assert names(block_files(tmp_path)) == ["0.raw", "1.raw", "2.raw"]
    (tmp_path / "letter.txt").write_text("a letter, which is no block, and long enough to have been one: " * 4)
    assert not is_block_store(tmp_path)


def test_an_export_of_four_tables(tmp_path):
    for table in ("blocks", "transactions", "tx_in", "tx_out"):
        (tmp_path / f"{table}-0-9.csv").write_text("a;b\n")
    assert is_block_store(tmp_path / "blocks-0-9.csv")
    assert is_block_store(tmp_path)
    assert stamp_of(tmp_path / "blocks-0-9.csv", "blocks").files == 4
    (tmp_path / "tx_in-0-9.csv").unlink()
    assert not is_block_store(tmp_path / "blocks-0-9.csv")


def test_blocks_as_they_are_printed(tmp_path):
    (tmp_path / "b.json").write_text('{"hash": "00", "merkleroot": "11", "bits": "207fffff", "tx": []}')
    assert is_block_store(tmp_path / "b.json")
    (tmp_path / "c.json").write_text('{"rows": [{"merkleroot": "a word in a text"}]}')
    assert not is_block_store(tmp_path / "c.json")


def test_nothing_else_is_taken_for_blocks(tmp_path):
    draw = random.Random(5)
    for number in range(500):
        path = tmp_path / f"{number}.bin"
        # The highest byte of the target is set so that a hash meets it half of the time, if any target will do.
        path.write_bytes(draw.randbytes(75) + b"\x20" + draw.randbytes(100))
        assert not is_block_store(path)
    (tmp_path / "empty").mkdir()
    assert not is_block_store(tmp_path / "empty")
    assert not is_block_store(tmp_path / "nothing there")
    with pytest.raises(InputError, match=r"no blk\*.dat"):
        block_files_at([tmp_path / "empty"])
