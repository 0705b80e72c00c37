"""A grade is what a specialist decided in their own viewer; files of them are applied and withdrawn, never changed."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from headwater.schema import canonical_json, content_id, table_named
from headwater.schema.state import GRADED_FILES, GRADES

__all__ = [
    "Grade",
    "GradeKey",
    "GradedFile",
    "add_graded_file",
    "add_grades",
    "current_grades",
    "grade_snapshot",
    "graded_files",
    "grades_digest",
    "grades_of_file",
    "grades_on",
    "is_applied",
    "victims_of",
]

_AT_ONCE = 500  # bound parameters of one query; SQLite before 3.32 takes 999

GradeKey = tuple[str, str, str, str]
"""SHA-256 of the content, scheme, country, and who graded: a later grade with the same key replaces the earlier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """What one row of a graded file says of one content.

    Attributes:
        sha256: Of the content, from the catalogue.
        sha1: Of the content, from the catalogue.
        md5: Of the content, from the catalogue.
        scheme: Whose categories; empty if the file does not say.
        country: Whose law; empty if the file does not say.
        category: As the file writes it; None where it gives none, or takes one back.
        series: As stated.
        victim_identified: yes, no or unknown.
        tags: As stated, without those that headwater wrote.
        graded_by: Who graded, as the file states; empty if it does not.
        operator: Who imported it.
        at_utc: When it was imported.
        source_sha256: The graded file.
        source_row: Row of it, from 0.
        row_sha256: Of the row as it stands there.
        row_bytes: The row as it stands there; empty where it was not asked for.
    """

    sha256: str
    sha1: str | None
    md5: str | None
    scheme: str
    country: str
    category: str | None
    series: str | None
    victim_identified: str
    tags: str | None
    graded_by: str
    operator: str
    at_utc: str
    source_sha256: str
    source_row: int
    row_sha256: str
    row_bytes: bytes = b""

    @property
    def grade_id(self) -> str:
        """Digest of the whole statement."""
        parts = ((name, value) for name, value in sorted(asdict(self).items()) if name != "row_bytes")
        return content_id("grd", *(part for name, value in parts for part in (name, _told(value))))

    @property
    def key(self) -> GradeKey:
        """What a later grade must share to replace this one."""
        return self.sha256, self.scheme, self.country, self.graded_by

    @property
    def says_something(self) -> bool:
        """Whether it states a category, a series or a victim; a row may be kept for its other fields alone."""
        return bool(self.category or self.series) or self.victim_identified != "unknown"


def _told(value: object) -> str | int:
    return value if isinstance(value, str | int) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedFile:
    """That a graded file was applied, or withdrawn.

    Attributes:
        act: applied or withdrawn.
        source_sha256: The file.
        file_name: Its name when it was applied.
        grades_sha256: Digest of the grades taken from it; the custody log holds it too.
        operator: Who did it.
        why: In that person's words.
        at_utc: When.
    """

    act: str
    source_sha256: str
    file_name: str
    grades_sha256: str
    operator: str
    why: str
    at_utc: str

    @property
    def act_id(self) -> str:
        """Digest of the whole act, and so of all grades that it brought."""
        return content_id("gra", *(part for name, value in sorted(asdict(self).items()) for part in (name, value)))


def add_graded_file(connection: sa.Connection, act: GradedFile) -> int:
    """Add the act; its number, which the grades name."""
    added = connection.execute(GRADED_FILES.insert().values(**asdict(act)))
    key = added.inserted_primary_key
    assert key is not None
    return int(key[0])


def add_grades(connection: sa.Connection, graded_file_seq: int, grades: Sequence[Grade]) -> None:
    """Add grades of one file; there is no way to change or remove one."""
    if grades:
        rows = [{"grade_id": g.grade_id, "graded_file_seq": graded_file_seq, **asdict(g)} for g in grades]
        connection.execute(GRADES.insert(), rows)


def graded_files(connection: sa.Connection) -> list[tuple[int, GradedFile]]:
    """Every act with its number, in order."""
    rows = connection.execute(sa.select(GRADED_FILES).order_by(GRADED_FILES.c.seq)).mappings()
    return [(int(row["seq"]), GradedFile(**{k: v for k, v in row.items() if k != "seq"})) for row in rows]


def is_applied(connection: sa.Connection, source_sha256: str) -> bool:
    """Whether the file's grades count: applied, and not withdrawn since."""
    acts = [act.act for _, act in graded_files(connection) if act.source_sha256 == source_sha256]
    return bool(acts) and acts[-1] == "applied"


def grades_on(
    connection: sa.Connection, sha256s: Iterable[str] | None = None, *, with_rows: bool = False
) -> list[Grade]:
    """The grades that count on these contents, or on all, in the order in which they were added.

    Args:
        connection: The case's database.
        sha256s: The contents; None for all.
        with_rows: Whether to read `row_bytes` too.
    """
    acts = graded_files(connection)
    last_withdrawn = {act.source_sha256: seq for seq, act in acts if act.act == "withdrawn"}
    counting = [s for s, act in acts if act.act == "applied" and s > last_withdrawn.get(act.source_sha256, 0)]
    if not counting:
        return []
    columns = [c for c in GRADES.c if c.name in Grade.__slots__ and (with_rows or c.name != "row_bytes")]
    query = sa.select(*columns).where(GRADES.c.graded_file_seq.in_(counting)).order_by(GRADES.c.seq)
    if sha256s is None:
        return [Grade(**row) for row in connection.execute(query).mappings()]
    wanted = sorted(set(sha256s))
    found: list[Grade] = []
    for start in range(0, len(wanted), _AT_ONCE):
        part = query.where(GRADES.c.sha256.in_(wanted[start : start + _AT_ONCE]))
        found += [Grade(**row) for row in connection.execute(part).mappings()]
    return found


def grades_of_file(connection: sa.Connection, graded_file_seq: int) -> list[Grade]:
    """The grades that one application added, with their rows, in order."""
    columns = [c for c in GRADES.c if c.name in Grade.__slots__]
    query = sa.select(*columns).where(GRADES.c.graded_file_seq == graded_file_seq).order_by(GRADES.c.seq)
    return [Grade(**row) for row in connection.execute(query).mappings()]


def grades_digest(grades: Iterable[Grade]) -> str:
    """SHA-256 over what the grades say and over the digests of their rows: what the custody log holds of them."""
    total = hashlib.sha256()
    for grade in grades:
        said = {name: value for name, value in asdict(grade).items() if name not in {"row_bytes", "operator", "at_utc"}}
        total.update(canonical_json(said) + b"\n")
    return total.hexdigest()


def current_grades(grades: Iterable[Grade]) -> dict[GradeKey, Grade]:
    """For each content, scheme, country and grader, the last of the grades, which stands."""
    return {grade.key: grade for grade in grades}


def victims_of(grades: Iterable[Grade]) -> str:
    """yes, no or unknown over several graders: one who says no is heard, because that child may be at risk."""
    said = {grade.victim_identified for grade in grades}
    return "no" if "no" in said else "yes" if "yes" in said else "unknown"


def grade_snapshot(grades: Iterable[Grade], items: pa.Table) -> pa.Table:
    """The grades that stand as the table `media_grades`, without clock times.

    Args:
        grades: Those that count.
        items: The table `items`.
    """
    groups: dict[tuple[str, str, str], list[Grade]] = defaultdict(list)
    for grade in current_grades(grades).values():
        if grade.says_something:
            groups[grade.sha256, grade.scheme, grade.country].append(grade)
    graded = pa.array(sorted({key[0] for key in groups}), pa.string())
    copies: dict[str, list[str]] = defaultdict(list)
    held = items.select(["item_id", "sha256"]).filter(pc.is_in(items["sha256"], value_set=graded))
    for row in held.to_pylist():
        copies[row["sha256"]].append(row["item_id"])
    return table_named("media_grades").rows(
        {"item_id": item, "scheme": scheme, "country": country, **_standing(group)}
        for (sha256, scheme, country), group in groups.items()
        for item in copies[sha256]
    )


def _standing(group: Sequence[Grade]) -> Mapping[str, object]:
    categories = {grade.category for grade in group if grade.category}
    series = {grade.series for grade in group if grade.series}
    differ = len(categories) > 1 or {"yes", "no"} <= {grade.victim_identified for grade in group}
    gradings = [
        {
            "graded_by": grade.graded_by,
            "category": grade.category,
            "series": grade.series,
            "victim_identified": grade.victim_identified,
            "source_sha256": grade.source_sha256,
        }
        for grade in sorted(group, key=lambda grade: grade.graded_by)
    ]
    return {
        "category": next(iter(categories)) if len(categories) == 1 else None,
        "series": next(iter(series)) if len(series) == 1 else None,
        "victim_identified": victims_of(group),
        "in_conflict": differ,
        "graders": len(group),
        "gradings": gradings,
    }
