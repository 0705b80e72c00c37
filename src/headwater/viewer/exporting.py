"""An export for the accredited viewer: files written as they come, guarded, and closed by a manifest."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from headwater.engine import Progress, Session, silent
from headwater.judgements import Grade
from headwater.packages import check_no_media
from headwater.schema import canonical_json
from headwater.viewer.csv_out import csv_lines, csv_start
from headwater.viewer.media_out import Medium, media_in_order, without_digest
from headwater.viewer.vics_out import vics_end, vics_medium, vics_start

__all__ = ["FORMATS", "MANIFEST_NAME", "ExportWishes", "Exported", "write_export"]

FORMATS = ("vics", "csv")
MANIFEST_NAME = "manifest.json"
_FILE_NAMES = {"vics": "media.vics.json", "csv": "media.csv"}
_MEDIA_AT_ONCE = 256
_MANIFEST_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportWishes:
    """What an export is to hold.

    Attributes:
        formats: Of `FORMATS`.
        groups: Verdict groups.
        exhibit_id: Only this exhibit; None for all.
        case_id: The case.
        case_number: The authority under which the case was opened.
        version: Of headwater.
    """

    formats: Sequence[str]
    groups: Sequence[str]
    exhibit_id: str | None
    case_id: str
    case_number: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written.

    Attributes:
        outputs: Name to SHA-256 of each file, the manifest too.
        groups: For each group: media (distinct contents), files (all their places) and bytes of those files.
        paths_withheld: Paths of which a part was withheld.
        graded: Media with a grade.
        without_digest: Items left out because nothing could be digested of them.
    """

    outputs: Mapping[str, str]
    groups: Mapping[str, Mapping[str, int]]
    paths_withheld: int
    graded: int
    without_digest: int


GradesFor = Callable[[Sequence[str]], Sequence[Grade]]
"""From contents to the grades that count on them, with their rows, in the order in which they were added."""


class _GuardedFile:
    """A file that is written in pieces, each of which is looked at before it is written."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.size_bytes = 0
        self._total = hashlib.sha256()
        self._file = path.open("xb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def write(self, text: str) -> None:
        """Write a piece.

        Raises:
            RefusedError: It holds media or key material.
        """
        content = text.encode("utf-8")
        check_no_media({self.name: content}, leaving="export")
        self._file.write(content)
        self._total.update(content)
        self.size_bytes += len(content)

    def close(self) -> str:
        """SHA-256 of the file, which is on the medium now."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return self._total.hexdigest()


def write_export(
    tables: Session, folder: Path, wishes: ExportWishes, grades_for: GradesFor, progress: Progress = silent
) -> Exported:
    """Write the files of an export into an empty folder; the same case and wishes give the same bytes.

    Raises:
        RefusedError: Media or key material would leave.
    """
    counts: dict[str, Counter[str]] = {group: Counter(media=0, files=0, bytes=0) for group in wishes.groups}
    withheld = graded = 0
    media = media_in_order(tables, groups=wishes.groups, exhibit_id=wishes.exhibit_id)
    with ExitStack() as opened:
        files = {name: opened.enter_context(_GuardedFile(folder / _FILE_NAMES[name])) for name in wishes.formats}
        if "vics" in files:
            start = vics_start(case_id=wishes.case_id, case_number=wishes.case_number, version=wishes.version)
            files["vics"].write(start)
        if "csv" in files:
            files["csv"].write(csv_start())
        for medium, grades in _with_grades(media, grades_for):
            places = len(medium.places)
            counts[medium.row["verdict_group"]].update(media=1, files=places, bytes=places * medium.row["size_bytes"])
            withheld += sum(place.withheld for place in medium.places)
            graded += any(grade.says_something for grade in grades)
            if "vics" in files:
                text = vics_medium(medium, grades, other_places=wishes.exhibit_id is None)
                files["vics"].write((",\n" if medium.media_id > 1 else "\n") + text)
            if "csv" in files:
                files["csv"].write(csv_lines(medium, grades))
            progress("media", medium.media_id, None)
        if "vics" in files:
            files["vics"].write(vics_end())
        digests = {file.name: file.close() for file in files.values()}
    left_out = without_digest(tables, groups=wishes.groups, exhibit_id=wishes.exhibit_id)
    manifest = {
        "format": _MANIFEST_FORMAT,
        "case_id": wishes.case_id,
        "exhibit_id": wishes.exhibit_id,
        "files": {file.name: {"sha256": digests[file.name], "size_bytes": file.size_bytes} for file in files.values()},
        "groups": {group: dict(count) for group, count in counts.items()},
        "paths_withheld": withheld,
        "graded": graded,
        "without_digest": left_out,
    }
    with _GuardedFile(folder / MANIFEST_NAME) as closing:
        closing.write(canonical_json(manifest).decode("utf-8") + "\n")  # type: ignore[arg-type]  # plain values, above
        digests[MANIFEST_NAME] = closing.close()
    return Exported(
        outputs=digests,
        groups={group: dict(count) for group, count in counts.items()},
        paths_withheld=withheld,
        graded=graded,
        without_digest=left_out,
    )


def _with_grades(media: Iterator[Medium], grades_for: GradesFor) -> Iterator[tuple[Medium, list[Grade]]]:
    for part in _parts(media):
        found: dict[str, list[Grade]] = {}
        for grade in grades_for([medium.row["sha256"] for medium in part]):
            found.setdefault(grade.sha256, []).append(grade)
        for medium in part:
            yield medium, found.get(medium.row["sha256"], [])


def _parts(media: Iterator[Medium]) -> Iterator[list[Medium]]:
    part: list[Medium] = []
    for medium in media:
        part.append(medium)
        if len(part) == _MEDIA_AT_ONCE:
            yield part
            part = []
    if part:
        yield part
