"""The table of claims: each content once, every copy its rows, a reason for every failure, no trust in the worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headwater.engine import Exhibit
from headwater.evidence import Failure, SealedPool, sandbox_report
from headwater.media import claimed_origins
from headwater.media.claims import CLAIM_KINDS, GROUP_ENTRIES
from headwater_sealed.claims import READ_CLAIMS_SCHEMA, read_claims
from headwater_synth.claimed_media import claimed_media

MADE = claimed_media()


class OpenPool:
    """Runs the job in this process: the tests' files are our own."""

    def __init__(self) -> None:
        self.entries = 0

    def groups(
        self, job: str, files: Sequence[Path], groups: Sequence[Mapping[str, Any]]
    ) -> Iterator[pa.Table | Failure]:
        assert job == "read_claims"
        for group in groups:
            self.entries += len(group["entries"])
            batches: list[pa.RecordBatch] = []
            opened = [file.open("rb") for file in files]
            try:
                read_claims(opened, group, batches.append)
            finally:
                for file in opened:
                    file.close()
            yield pa.Table.from_batches(batches, schema=READ_CLAIMS_SCHEMA)


class OtherPool(OpenPool):
    """Answers with what it is told to answer, as a worker would that was taken over."""

    def __init__(self, change: Any) -> None:
        super().__init__()
        self.change = change

    def groups(
        self, job: str, files: Sequence[Path], groups: Sequence[Mapping[str, Any]]
    ) -> Iterator[pa.Table | Failure]:
        for table in super().groups(job, files, groups):
            yield table if isinstance(table, Failure) else self.change(table)


@pytest.fixture
def folder(case, tmp_path):
    """Puts files into a folder that is an exhibit, and into the case."""
    case.exhibits.append(Exhibit(exhibit_id="E1", exhibit_kind="directory", path=tmp_path))

    def put(name: str, content: bytes, kind: str = "still") -> str:
        (tmp_path / name).write_bytes(content)
        return str(case.item(name, content=content, kind=kind))

    return put


def claims_by_item(table: pa.Table) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in table.to_pylist():
        found.setdefault(row["item_id"], []).append(row)
    return found


def summary(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    (one,) = [row for row in rows if row["claim_kind"] == "summary"]
    return one


def test_each_item_has_a_summary_and_each_content_is_read_once(case, folder):
    copies = [folder(name, MADE["png"]) for name in ("b.png", "a.png")]
    film = folder("c.mp4", MADE["mp4"], "video")
    other = folder("d.txt", b"text", "text")
    pool = OpenPool()
    found = claims_by_item(claimed_origins(case.context(), pool=pool)["media_claims"])
    assert pool.entries == 2
    assert set(found) == {*copies, film}
    assert other not in found
    assert {summary(rows)["claims_synthetic"] for rows in found.values()} == {"yes"}
    first, second = ([{**row, "item_id": "", "claim_id": ""} for row in found[copy]] for copy in copies)
    assert first == second
    assert {row["claim_kind"] for rows in found.values() for row in rows} <= CLAIM_KINDS


def test_an_item_that_could_not_be_read_says_why(case, folder, tmp_path):
    gone = folder("a.png", MADE["png"])
    (tmp_path / "a.png").unlink()
    unread = case.item("x", md5=None, sha1=None, sha256=None, disposition="refused", reason="unreadable sector")
    away = case.item("y", exhibit="E9")

    class Failing(OpenPool):
        def groups(self, job: str, files: Any, groups: Any) -> Iterator[pa.Table | Failure]:
            return (Failure(reason="out of memory") for _ in groups)

    found = claims_by_item(claimed_origins(case.context(), pool=Failing())["media_claims"])
    assert {item: (row["status"], row["reason"], row["claims_synthetic"]) for item, (row,) in found.items()} == {
        gone: ("refused", "out of memory", "unknown"),
        unread: ("refused", "unreadable sector", "unknown"),
        away: ("refused", "its exhibit is not at hand", "unknown"),
    }


def changed(name: str, value: object) -> Any:
    def change(table: pa.Table) -> pa.Table:
        rows = table.to_pylist()
        rows[0][name] = value
        return pa.Table.from_pylist(rows, schema=READ_CLAIMS_SCHEMA)

    return change


@pytest.mark.parametrize(
    "change",
    [
        changed("claim", "x" * 257),
        changed("claim", "two\nlines"),
        changed("note", "\x1b[31m"),
        changed("claim_kind", "verdict"),
        changed("claims_synthetic", "surely"),
        changed("signature_checked", "yes"),
        changed("claim_kind", "summary"),
        lambda table: table.slice(0, 1),
        lambda table: table.slice(0, 0),
        lambda table: pa.concat_tables([table.slice(0, 1)] * 201 + [table]),
    ],
)
def test_an_answer_that_no_worker_gives_is_refused(case, folder, change):
    item = folder("a.mkv", MADE["mkv"], "video")
    (row,) = claims_by_item(claimed_origins(case.context(), pool=OtherPool(change))["media_claims"])[item]
    assert (row["claim_kind"], row["status"]) == ("summary", "refused")
    assert row["reason"] == "the worker's answer for this file is none that a worker gives"


@pytest.mark.skipif(not sandbox_report().sealed, reason="this kernel lacks a part of the sandbox")
def test_the_rows_do_not_depend_on_workers_or_order(case, folder):
    for number in range(GROUP_ENTRIES + 8):
        name, content = list(MADE.items())[number % len(MADE)]
        folder(f"{number:03}.{name}", content + bytes(number))
    with SealedPool(workers=1) as pool:
        one = claimed_origins(case.context(), pool=pool)["media_claims"]
    with SealedPool(workers=3) as pool:
        other = claimed_origins(case.context(reverse=True), pool=pool)["media_claims"]
    assert one.equals(other)
    assert one.num_rows > 300
