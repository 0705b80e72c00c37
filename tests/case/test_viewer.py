"""Media of a seized server go out as digests and paths, and come back graded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.case
WHO = ("--operator", "B. Analyst", "--why", "first batch for the specialists")


def test_the_unseen_go_first_and_grades_come_back(own_case, headwater, tmp_path):
    def do(*arguments: object):
        done = headwater("viewer", *arguments, *WHO, "--json")
        assert done.status == 0, done.err
        return done.rows

    (out,) = do("export", own_case, tmp_path / "out", "--format", "vics", "--format", "csv")
    verdicts = headwater("show", own_case, "media_verdicts", "--json").rows
    assert sum(group["files"] for group in out["groups"].values()) == len(
        [row for row in verdicts if row["verdict_group"] != "benign"]
    )
    path = tmp_path / "out" / "media.vics.json"
    media = json.loads(path.read_bytes())["value"][0]["Media"]
    groups = [medium["HeadwaterGroup"] for medium in media]
    unseen = groups.count("none")
    assert unseen
    assert groups[:unseen] == ["none"] * unseen
    # No media: nothing that a file on the evidence begins with, or holds, is in what was written.
    assert all(b"\xff\xd8" not in file.read_bytes() and file.read_bytes().isascii() for file in path.parent.iterdir())

    # The specialist grades the whole of the first near-duplicate cluster, and writes a field of their own.
    first = media[0]["HeadwaterClusterID"]
    text = path.read_text()
    lines = [
        line.replace('"Category":0', '"Category":"1", "Note" : { "n":1.0 }') if first in line else line
        for line in text.split("\n")
    ]
    graded = tmp_path / "graded.json"
    graded.write_text("\n".join(lines))
    *changes, total = do("import", own_case, graded, "--apply", "--graded-by", "G. One", "--scheme", "test")
    assert {change["kind"] for change in changes} == {"new", "unknown_field"}
    assert total["state"] == "applied"
    of_cluster = {r["item_id"] for r in headwater("show", own_case, "media_clusters", "--json").rows
                  if r["media_cluster_id"] == first}  # fmt: skip
    grades = headwater("show", own_case, "media_grades", "--json").rows
    assert {row["item_id"] for row in grades} == of_cluster
    assert {(row["scheme"], row["category"], row["in_conflict"]) for row in grades} == {("test", "1", False)}

    do("export", own_case, tmp_path / "again")
    again = (tmp_path / "again" / "media.vics.json").read_text()
    assert again.count('"Note" : { "n":1.0 }') == sum(first in line for line in text.split("\n"))
    do("export", own_case, tmp_path / "thrice")
    assert _bytes(tmp_path / "again") == _bytes(tmp_path / "thrice")
    assert headwater("verify", own_case, "--skip-evidence").status == 0
    do("withdraw", own_case, total["source_sha256"])
    assert headwater("show", own_case, "media_grades", "--json").rows == []


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
