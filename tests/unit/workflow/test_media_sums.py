"""What the ledger says of media: by verdict, and how much of it no person need look at."""

from __future__ import annotations

from headwater.cli.table_commands import _media_lines
from headwater.engine import Session
from headwater.schema import table_named
from headwater.workflow.views import _media_sums


def sums(*media: tuple[str, str, str | None, int]) -> dict[str, dict[str, int]]:
    """Of media stated as content, group, victim identified, and playing time."""
    with Session({}) as session:
        return _sums(session, list(enumerate(media)))


def _sums(session: Session, rows: list) -> dict[str, dict[str, int]]:
    session.put(
        "items",
        table_named("items").rows(
            {
                "item_id": f"itm-{n}", "exhibit_id": "E1", "volume_index": 0, "path": str(n), "path_bytes": b"%d" % n,
                "directory": "", "entry_type": "file", "size_bytes": 100, "disposition": "catalogued",
                "read_bytes": 100,
                "md5": None, "sha1": None, "sha256": content * 64,
                "content_kind": "video", "content_format": "mp4",
                "copies": 1,
            }
            for n, (content, _, _, _) in rows
        ),
    )  # fmt: skip
    session.put(
        "media_files",
        table_named("media_files").rows(
            {
                "item_id": f"itm-{n}", "media_kind": "video", "status": "ok", "hashing_tier": "keyframe",
                "duration_ms": playing_ms, "frames_hashed": 1,
            }
            for n, (_, _, _, playing_ms) in rows
        ),
    )  # fmt: skip
    session.put(
        "media_verdicts",
        table_named("media_verdicts").rows(
            {"item_id": f"itm-{n}", "verdict": "none", "verdict_group": group, "victim_identified": victim}
            for n, (_, group, victim, _) in rows
        ),
    )
    return {row["verdict_group"]: row for row in _media_sums(session)}


def test_benign_identified_and_copies_are_spared_and_nothing_else():
    found = sums(
        ("a", "none", None, 1000), ("b", "none", None, 2000), ("b", "none", None, 2000),
        ("c", "known", "yes", 500), ("d", "known", "no", 500), ("e", "known", "unknown", 500),
        ("f", "near", "yes", 10), ("0", "benign", None, 7), ("1", "not_comparable", None, 0),
    )  # fmt: skip
    looked_at = {group: row["files"] - row["spared_files"] for group, row in found.items()}
    # Near a known file is not that file: who was identified there need not be who is here.
    assert looked_at == {"none": 2, "known": 2, "near": 1, "benign": 0, "not_comparable": 1}
    assert (found["none"]["files"], found["none"]["bytes"], found["none"]["playing_ms"]) == (3, 300, 5000)
    assert (found["none"]["spared_bytes"], found["none"]["spared_playing_ms"]) == (100, 2000)


def test_it_is_told_in_lines_that_add_up():
    found = sums(("a", "none", None, 3_600_000), ("b", "benign", None, 3_600_000))
    lines = list(_media_lines([found["benign"], found["none"]]))
    assert lines == [
        "media benign: 1 files, 100 bytes, 1.00 h; 0 to look at",
        "media none: 1 files, 100 bytes, 1.00 h; 1 to look at",
        "media: no person need look at 50.0 % of files, 50.0 % of bytes, 50.0 % of playing time",
    ]
    assert list(_media_lines([])) == []
