"""Real data that nobody here wrote goes through."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.case

MAX_DISTANCE_BITS = 10  # source: the published hashes come from a decoder that resizes first


def test_the_same_volume_in_two_containers_gives_the_same_files(reference_data, headwater, tmp_path):
    found = {}
    for name in ("ext2.qcow2", "ext2.E01", "ext2.split.E01"):
        case = tmp_path / name
        steps = (
            ("case", "create", case, "--authority", "x", "--operator", "A"),
            ("evidence", "add", case, reference_data / "disk" / name, "--exhibit", "DISK"),
            ("run", case, "--until", "catalogue"),
        )
        for step in steps:
            unsealed = () if step[0] == "case" else ("--allow-unsealed",)
            done = headwater(*step, *unsealed)
            assert done.status == 0, done.err
        items = headwater("show", case, "items", "--json").rows
        names = ("path", "entry_type", "size_bytes", "md5", "sha1", "sha256", "disposition", "inode")
        found[name] = [{column: item[column] for column in names} for item in items]
        assert headwater("verify", case).status == 0
        total = headwater("ledger", case, "--json").rows[1]
        assert total["unaccounted_bytes"] == 0
        assert total["catalogued"] == len(items)
        (volume,) = headwater("show", case, "volumes", "--json").rows
        assert (volume["status"], volume["filesystem"]) == ("readable", "ext")
    assert found["ext2.qcow2"] == found["ext2.E01"] == found["ext2.split.E01"]
    paths = {item["path"]: item for item in found["ext2.E01"]}
    assert {"passwords.txt", "a_directory/a_file", "a_directory/another_file", "a_link"} <= set(paths)
    assert paths["a_link"]["entry_type"] == "symlink"
    assert all(item["sha256"] for item in found["ext2.E01"] if item["entry_type"] == "file")


def test_hashes_of_published_stills_are_within_ten_bits(reference_data, headwater):
    text = (reference_data / "SOURCES.md").read_text(encoding="utf-8")
    published = dict(re.findall(r"^([\w.-]+\.jpg),([0-9a-f]{64})$", text, re.MULTILINE))
    assert len(published) == 12
    done = headwater("hash", reference_data / "media/stills", "--json", "--allow-unsealed")
    assert done.status == 0, done.err
    found = {row["path"].rpartition("/")[2]: row for row in done.rows}
    assert set(found) == set(published)
    for name, expected in published.items():
        distance_bits = (int(found[name]["pdq"], 16) ^ int(expected, 16)).bit_count()
        assert distance_bits <= MAX_DISTANCE_BITS, name
        assert found[name]["status"] == "ok"
        assert found[name]["pdq_quality"] >= 50


def test_a_published_block_is_read_whole(reference_data, headwater):
    done = headwater("blocks", reference_data / "money/block413567.raw", "--json")
    assert done.status == 0, done.err
    (row,) = done.rows
    assert row["block_hash"].startswith("0000000000000000025aff8be8a5")
    assert (row["transactions"], row["inputs"], row["outputs"]) == (1_557, 4_887, 3_581)
    assert row["merkle_ok"] is True
