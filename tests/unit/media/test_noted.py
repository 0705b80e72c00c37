"""Digests that the platform noted: matched to lists whether the file is there or gone."""

from __future__ import annotations

from headwater.media.listed import listed_entries
from headwater.media.noted import noted_matches


def noted(context) -> list[dict]:
    with listed_entries(context.tables) as listed:
        return noted_matches(context, listed).to_pylist()


def test_a_noted_digest_is_matched_by_its_strongest_method_and_says_whether_the_file_is_gone(case):
    there = case.item("there", sha256="a" * 64)
    case.listed("one", sha256="a" * 64)
    case.listed("two", sha256="b" * 64, polarity="known-benign")
    case.listed("three", md5="c" * 32, victim_identified="no")
    case.upload("kept", [there], hours=1)
    case.upload("lost", [], hours=2)
    case.upload("other", [], hours=3)
    for row, digest in zip(case.rows["uploads"], ("a" * 64, "b" * 64, "d" * 64), strict=True):
        row["media_sha256"] = digest
    upload = case.rows["uploads"][0]
    place = {
        name: upload[name] for name in upload if name.startswith("source_") or name in {"exhibit_id", "mapping_id"}
    }
    case.rows["media_references"] = [{**place, "media_reference_id": "mrf-1", "media_md5": "c" * 32}]
    found = noted(case.context())
    told = {(row["upload_id"] or row["media_reference_id"]): row for row in found}
    assert {name: (row["entry_id"], row["method"], row["file_is_gone"]) for name, row in told.items()} == {
        "upl-kept": ("hle-one", "sha256", False),
        "upl-lost": ("hle-two", "sha256", True),
        "mrf-1": ("hle-three", "md5", True),
    }
    assert told["mrf-1"]["victim_identified"] == "no"
    assert told["upl-lost"]["polarity"] == "known-benign"
    assert noted(case.context(reverse=True)) == found
