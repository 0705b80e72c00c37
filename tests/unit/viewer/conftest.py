"""A case small enough to read, as tables in memory; and the grades on it, in a database of their own."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from headwater.engine import Session
from headwater.judgements import Grade, GradedFile, add_graded_file, add_grades, grades_on
from headwater.schema import table_named
from headwater.schema.state import METADATA
from headwater.viewer import (
    EXPORTED_GROUPS,
    Comparison,
    Defaults,
    ExportWishes,
    GradedSource,
    Recogniser,
    compared,
    grader_of,
    stated_rows,
    write_export,
)


def digest(name: str, kind: str = "sha256") -> str:
    return hashlib.new(kind, name.encode()).hexdigest()


class Made:
    """Tables and grades; what a test does with them in one call each.

    Args:
        folder: Where exports and graded files go.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tables = Session({})
        self.items: list[dict[str, Any]] = []
        self.verdicts: list[dict[str, Any]] = []
        self.clusters: list[dict[str, Any]] = []
        self.matches: list[dict[str, Any]] = []
        self.hashes: list[dict[str, Any]] = []
        self.engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
        METADATA.create_all(self.engine)
        self._applied = 0

    def medium(
        self,
        name: str,
        *,
        path: bytes | None = None,
        content: str | None = None,
        group: str = "none",
        victim: str | None = None,
        cluster: str | None = None,
        exhibit: str = "EX-1",
        series: str | None = None,
        **values: Any,
    ) -> str:
        content = name if content is None else content
        path = f"srv/{name}.jpg".encode() if path is None else path
        item = f"itm-{name}"
        verdict = {"known": "exact", "near": "strong", "benign": "exact"}.get(group, group)
        self.items.append(
            {
                "item_id": item,
                "exhibit_id": exhibit,
                "volume_index": 0,
                "path": path.decode("utf-8", "backslashreplace"),
                "path_bytes": path,
                "directory": "srv",
                "entry_type": "file",
                "size_bytes": 10,
                "disposition": "catalogued",
                "read_bytes": 10,
                **{kind: digest(content, kind) for kind in ("md5", "sha1", "sha256")},
                "content_kind": "still",
                "content_format": "jpeg",
                "copies": 1,
                **values,
            }
        )
        matched = {}
        if victim is not None:
            matched = {"match_id": f"mat-{name}", "series": series, "victim_identified": victim}
            self.matches.append(
                {
                    **matched,
                    "item_id": item,
                    "entry_id": f"hle-{name}",
                    "method": "sha256",
                    "tier": verdict,
                    "transform": "none",
                    "quarantined": False,
                    "polarity": "known-illegal",
                    "reference_name": "harbour",
                    "reference_version": "1",
                    "category": "7",
                }
            )
        self.verdicts.append({"item_id": item, "verdict": verdict, "verdict_group": group, **matched})
        self.clusters.append({"media_cluster_id": cluster or f"mcl-{content}", "item_id": item})
        return item

    def put(self) -> Session:
        for name, rows in (
            ("items", self.items),
            ("media_verdicts", self.verdicts),
            ("media_clusters", self.clusters),
            ("media_matches", self.matches),
            ("media_hashes", self.hashes),
        ):
            self.tables.put(name, table_named(name).rows(rows))
        return self.tables

    def export(self, name: str = "out", **wishes: Any) -> Path:
        folder = self.folder / name
        folder.mkdir()
        settings = {"formats": ("vics", "csv"), "groups": EXPORTED_GROUPS, "exhibit_id": None} | wishes
        chosen = ExportWishes(case_id="cas-1", case_number="Order 1", version="1", **settings)
        with self.engine.connect() as connection:
            self.exported = write_export(
                self.put(), folder, chosen, lambda part: grades_on(connection, part, with_rows=True)
            )
        return folder

    def media(self, folder: Path) -> list[dict[str, Any]]:
        return json.loads((folder / "media.vics.json").read_bytes())["value"][0]["Media"]

    def compare(self, content: bytes | list[dict[str, Any]], *, name: str = "graded", **defaults: str) -> Comparison:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else json.dumps({"value": content}).encode())
        self.source, unknown = GradedSource(path=path), Counter[str]()
        rows = list(stated_rows(self.source, unknown))
        told = Defaults(
            defaults.get("scheme", ""),
            defaults.get("country", ""),
            grader_of(self.source.envelope) or defaults.get("graded_by", ""),
        )
        with self.engine.connect() as connection:
            return compared(
                rows,
                Recogniser(self.put(), rows),
                lambda part: grades_on(connection, part, with_rows=True),
                told,
                unknown,
            )

    def apply(self, content: bytes | list[dict[str, Any]], **defaults: str) -> Comparison:
        comparison = self.compare(content, **defaults)
        self._applied += 1
        again = {raw.number: raw.text for raw in self.source.rows()}
        grades = [
            Grade(
                sha256=stored.content.sha256,
                sha1=stored.content.sha1,
                md5=stored.content.md5,
                scheme=stored.scheme,
                country=stored.country,
                **stored.said._asdict(),
                graded_by=stored.graded_by,
                operator="A. Examiner",
                at_utc=f"2026-01-01T00:00:{self._applied:02}.000000Z",
                source_sha256=self.source.sha256,
                source_row=number,
                row_sha256=stored.row_sha256,
                row_bytes=again[number].encode(),
            )
            for number, stored in sorted(comparison.stored.items())
        ]
        self.act("applied", grades)
        return comparison

    def act(self, act: str, grades: list[Grade], source_sha256: str = "") -> None:
        with self.engine.begin() as connection:
            seq = add_graded_file(
                connection,
                GradedFile(
                    act=act,
                    source_sha256=source_sha256 or self.source.sha256,
                    file_name="graded",
                    grades_sha256="0" * 64,
                    operator="A. Examiner",
                    why="test",
                    at_utc="2026-01-01T00:00:00.000000Z",
                ),
            )
            add_grades(connection, seq, grades)

    def grades(self) -> list[Grade]:
        with self.engine.connect() as connection:
            return grades_on(connection)


@contextmanager
def _making(folder: Path) -> Iterator[Made]:
    made = Made(folder)
    try:
        yield made
    finally:
        made.tables.close()
        made.engine.dispose()


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    with _making(tmp_path) as one:
        yield one


@pytest.fixture(scope="session")
def made_in() -> Callable[[Path], AbstractContextManager[Made]]:
    """From a folder to a case of its own, for tests that need one for each example."""
    return _making
