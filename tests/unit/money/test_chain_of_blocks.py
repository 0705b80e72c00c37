"""Which blocks are the chain, which undo record is whose, and what is said when something does not fit."""

from __future__ import annotations

from collections import Counter

import pytest

from headwater.errors import UnreadableInputError
from headwater.money.block_index import BlockSource, indexed_blocks
from headwater.money.defects import Defects
from headwater.money.snapshot import snapshot_of
from headwater.money.undo import undo_checksum
from headwater.money.undo_index import matched_undo


def read(folder):
    defects = Defects()
    index = indexed_blocks([BlockSource(exhibit_id="EX-4", path=folder)], defects)
    snapshot = snapshot_of(index, matched_undo(index, defects), defects)
    return index, snapshot, defects


def codes(defects):
    return Counter(row["code"] for row in defects.rows)


@pytest.fixture
def spending(tools):
    """Three spends in two blocks, on coins of two coinbases."""
    made = tools.HandMade.begun()
    first = made.add((), [(tools.key_script(1), 5_000), (tools.key_script(2), 700)])
    second = made.add((), [(tools.key_script(3), 900)])
    pays = tools.transaction([(first, 0), (second, 0)], [(tools.key_script(4), 5_800)])
    again = tools.transaction([(tools.twice(pays), 0)], [(tools.key_script(5), 5_000), (tools.key_script(1), 800)])
    made.add([pays, again])
    made.add([tools.transaction([(first, 1)], [(tools.key_script(6), 650)])])
    return made


def test_everything_resolves(spending, tmp_path):
    index, snapshot, defects = read(spending.write(tmp_path, key=b"12345678"))
    assert defects.rows == []
    assert [block.height for block in index.active] == [0, 1, 2, 3, 4]
    assert index.network == "regtest"
    assert list(snapshot.input_amounts_sat) == [5_000, 900, 5_800, 700]
    assert snapshot.scripts[snapshot.input_scripts[0]] == b"\x00\x14" + (1).to_bytes(20, "big")
    assert all(snapshot.is_resolved(tx) for tx in range(len(snapshot.txids)))


def test_the_order_of_blocks_in_files_means_nothing(spending, tools, tmp_path):
    _, expected, _ = read(spending.write(tmp_path / "a"))
    folder = spending.write(tmp_path / "b")
    (folder / "blk00000.dat").write_bytes(tools.framed_blocks(*reversed(spending.blocks)))
    (folder / "rev00000.dat").write_bytes(b"".join(reversed(spending.undo[1:])))
    _, snapshot, defects = read(folder)
    assert defects.rows == []
    assert snapshot.txids == expected.txids
    assert snapshot.input_amounts_sat == expected.input_amounts_sat


def test_the_chain_with_more_work_wins_and_the_other_is_kept(spending, tools, tmp_path):
    rival = tools.mined(tools.twice(spending.blocks[2][:80]), [spending.coinbase()], time_s=1, bits=0x200FFFFF)
    folder = spending.write(tmp_path)
    (folder / "blk00000.dat").write_bytes(tools.framed_blocks(*spending.blocks, rival))
    index, snapshot, defects = read(folder)
    # One block of sixteenfold difficulty outweighs two easy ones.
    assert [block.height for block in index.active] == [0, 1, 2, 3]
    assert index.active[-1].header.time_s == 1
    assert len(index.blocks) == 6
    assert all(snapshot.merkle_ok.values())
    assert codes(defects) == {}


def test_of_equal_tips_the_first_in_the_files_wins(tools, tmp_path):
    made = tools.HandMade.begun()
    rivals = [tools.mined(made.tip, [made.coinbase()], time_s=time_s) for time_s in (10, 20)]
    for name, order in (("a", rivals), ("b", rivals[::-1])):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "blk00000.dat").write_bytes(tools.framed_blocks(made.blocks[0], *order))
        index, _, _ = read(folder)
        assert index.active[-1].header.time_s == (10 if name == "a" else 20)


def test_siblings_with_one_parent_get_their_own_undo_data(tools, tmp_path):
    made = tools.HandMade.begun()
    coin = made.add((), [(tools.key_script(1), 50), (tools.key_script(2), 60)])
    parent = made.tip
    loser = tools.mined(
        parent, [made.coinbase(), tools.transaction([(coin, 1)], [(tools.key_script(9), 60)])], time_s=9
    )
    lost = b"\x01\x01" + tools.undo_coin(tools.key_script(2), 60)
    made.add([tools.transaction([(coin, 0)], [(tools.key_script(3), 50)])])
    made.add(())
    folder = made.write(tmp_path)
    (folder / "blk00000.dat").write_bytes(tools.framed_blocks(*made.blocks[:2], loser, *made.blocks[2:]))

    record = tools.MAGIC + len(lost).to_bytes(4, "little") + lost + undo_checksum(parent, lost)
    (folder / "rev00000.dat").write_bytes(made.undo[1] + record + made.undo[2] + made.undo[3])
    _, snapshot, defects = read(folder)
    assert list(snapshot.input_amounts_sat) == [50]
    assert defects.rows == []


def test_blocks_that_join_no_chain_are_told(spending, tools, tmp_path):
    folder = spending.write(tmp_path)
    (folder / "blk00000.dat").write_bytes(tools.framed_blocks(*spending.blocks[:3], *spending.blocks[4:]))
    index, snapshot, defects = read(folder)
    assert codes(defects)["chain_not_whole"] == 1
    assert [block.height for block in index.blocks] == [0, 1, 2, -1]
    assert len(snapshot.blocks) == 3


def test_a_snapshot_without_its_beginning_resolves_from_undo_data(spending, tools, tmp_path):
    folder = spending.write(tmp_path)
    (folder / "blk00000.dat").write_bytes(tools.framed_blocks(*spending.blocks[3:]))
    index, snapshot, defects = read(folder)
    assert [block.height for block in index.active] == [-1, -1]
    assert list(snapshot.input_amounts_sat) == [5_000, 900, 5_800, 700]
    assert len(snapshot.outside) == 3
    assert codes(defects) == {"chain_not_whole": 1, "undo_unmatched": 2}


def test_without_undo_data_what_was_seen_is_used_and_the_rest_is_a_defect(spending, tools, tmp_path):
    folder = spending.write(tmp_path, with_undo=False)
    (folder / "blk00000.dat").write_bytes(tools.framed_blocks(*spending.blocks[2:]))
    _, snapshot, defects = read(folder)
    assert list(snapshot.input_amounts_sat) == [-1, 900, 5_800, -1]
    assert codes(defects) == {
        "chain_not_whole": 1,
        "undo_file_unread": 1,
        "undo_missing": 2,
        "spent_output_unresolved": 2,
    }
    unresolved = [row for row in defects.rows if row["code"] == "spent_output_unresolved"]
    assert all(row["offset_bytes"] is not None and row["path"] == "blk00000.dat" for row in unresolved)


def test_altered_undo_data_is_noticed_and_does_not_count(spending, tmp_path):
    folder = spending.write(tmp_path)
    path = folder / "rev00000.dat"
    content = bytearray(path.read_bytes())
    content[-40] ^= 1  # within the last record, before its checksum
    path.write_bytes(content)
    _, snapshot, defects = read(folder)
    assert list(snapshot.input_amounts_sat) == [5_000, 900, 5_800, 700]
    assert codes(defects) == {"undo_unmatched": 1, "undo_missing": 1}


def test_undo_data_that_contradicts_the_chain_is_told_and_the_chain_is_believed(spending, tools, tmp_path):

    folder = spending.write(tmp_path)
    forged = b"\x01\x01" + tools.undo_coin(tools.key_script(2), 699)
    previous = tools.twice(spending.blocks[3][:80])
    record = tools.MAGIC + len(forged).to_bytes(4, "little") + forged + undo_checksum(previous, forged)
    (folder / "rev00000.dat").write_bytes(b"".join(spending.undo[1:-1]) + record)
    _, snapshot, defects = read(folder)
    assert snapshot.input_amounts_sat[3] == 700
    assert codes(defects) == {"undo_disagrees": 1}


def test_a_damaged_block_is_left_out_with_its_place(spending, tools, tmp_path):
    folder = spending.write(tmp_path)
    content = bytearray((folder / "blk00000.dat").read_bytes())
    content[-5] ^= 0xFF  # lock time of the last transaction
    (folder / "blk00000.dat").write_bytes(content)
    index, snapshot, defects = read(folder)
    assert codes(defects) == {"block_damaged": 1}
    assert list(snapshot.merkle_ok.values()).count(False) == 1
    assert len(index.active) == 5
    assert len(snapshot.blocks) == 4


def test_a_cut_file_gives_its_whole_blocks(spending, tmp_path):
    folder = spending.write(tmp_path)
    content = (folder / "blk00000.dat").read_bytes()
    (folder / "blk00000.dat").write_bytes(content[:-1])
    index, _, defects = read(folder)
    assert len(index.active) == 4
    (cut,) = [row for row in defects.rows if row["code"] == "file_cut"]
    assert cut["offset_bytes"] + cut["length_bytes"] == len(content) - 1


def test_a_file_cut_at_every_byte_of_its_last_block_loses_no_earlier_one(spending, tmp_path):
    folder = spending.write(tmp_path)
    path = folder / "blk00000.dat"
    content = path.read_bytes()
    last_bytes = len(spending.blocks[-1]) + 8
    for missing in range(1, last_bytes + 1):
        path.write_bytes(content[:-missing])
        index, snapshot, defects = read(folder)
        assert len(index.active) == 4
        assert len(snapshot.blocks) == 4
        assert list(snapshot.input_amounts_sat) == [5_000, 900, 5_800]
        # All that is said is that the file is cut, and that an undo record is left over.
        expected = {"undo_unmatched": 1} | ({"file_cut": 1} if missing < last_bytes else {})
        assert codes(defects) == expected
        for row in defects.rows:
            if row["code"] == "file_cut":
                assert row["offset_bytes"] == len(content) - last_bytes


def test_a_block_without_work_joins_nothing(spending, tools, tmp_path):
    block = spending.blocks[-1]
    lazy = next(
        content
        for content in (block[:76] + nonce.to_bytes(4, "little") + block[80:] for nonce in range(100, 200))
        if tools.twice(content[:80])[-1] > 0x7F
    )
    folder = spending.write(tmp_path)
    (folder / "blk00000.dat").write_bytes(tools.framed_blocks(*spending.blocks[:-1], lazy))
    index, _, defects = read(folder)
    assert codes(defects)["no_proof_of_work"] == 1
    assert len(index.active) == 4


def test_a_copy_of_a_block_is_told_and_counts_once(spending, tools, tmp_path):
    folder = spending.write(tmp_path)
    (folder / "blk00001.dat").write_bytes(tools.framed_blocks(spending.blocks[2]))
    index, _, defects = read(folder)
    assert len(index.blocks) == 5
    assert codes(defects) == {"block_repeated": 1}


def test_two_networks_at_once_are_refused(spending, tools, tmp_path):
    folder = spending.write(tmp_path)
    block = spending.blocks[0]
    main = bytes.fromhex("f9beb4d9") + len(block).to_bytes(4, "little") + block
    (folder / "blk00001.dat").write_bytes(main)
    with pytest.raises(UnreadableInputError, match="several networks: main, regtest"):
        read(folder)


def test_more_out_than_in_is_a_defect_and_not_a_flow(tools, tmp_path):
    made = tools.HandMade.begun()
    coin = made.add((), [(tools.key_script(1), 50)])
    made.add([tools.transaction([(coin, 0)], [(tools.key_script(2), 51)])])
    _, snapshot, defects = read(made.write(tmp_path))
    assert codes(defects) == {"more_out_than_in": 1}
    assert not snapshot.is_resolved(len(snapshot.txids) - 1)
