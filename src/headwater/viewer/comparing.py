"""What applying a graded file would change: new grades, changed ones, withdrawn ones, and what fits nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from headwater.judgements import Grade, GradeKey, current_grades
from headwater.viewer.graded_rows import NOTHING_SAID, Defaults, GradedRow, Said
from headwater.viewer.kept import Place, kept_digests, merged
from headwater.viewer.recognising import Content, Recogniser

__all__ = ["Change", "Comparison", "Stored", "compared"]

_CONTENTS_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What the file says of one content, against what stands.

    Attributes:
        kind: new, changed, withdrawn, cleared_by_another, as_exported, contradictory or fields.
        content: The content.
        row: Number of the row that says it.
        scheme: Whose categories.
        country: Whose law.
        graded_by: Who graded.
        old: What that grader said before.
        new: What they say now.
        against: Other graders who say otherwise, with what they say.
    """

    kind: str
    content: Content
    row: int
    scheme: str
    country: str
    graded_by: str
    old: Said
    new: Said
    against: tuple[tuple[str, Said], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A row that applying the file would add.

    Attributes:
        content: What it is about.
        said: The grade; of a row that is kept for its other fields, the one that stands.
        scheme: Whose categories.
        country: Whose law.
        graded_by: Who graded.
        row_sha256: Of the row's text.
    """

    content: Content
    said: Said
    scheme: str
    country: str
    graded_by: str
    row_sha256: str


@dataclass(slots=True, kw_only=True)
class Comparison:
    """A graded file against a case.

    Attributes:
        rows: Rows of the file.
        counts: Contents by kind of change.
        conflicts: Contents on which graders differ once the file is applied.
        changes: All that would change, and all that contradicts itself, in order of the file.
        stored: Rows to add, by number.
        unrecognised: Number and reason of each row that fits nothing.
        unknown_fields: How often each field occurs that headwater does not know.
    """

    rows: int
    counts: Counter[str]
    conflicts: int
    changes: list[Change]
    stored: dict[int, Stored]
    unrecognised: list[tuple[int, str]]
    unknown_fields: Counter[str]


Standing = Callable[[Sequence[str]], Iterable[Grade]]
"""From contents to the grades that count on them, with their rows, in the order in which they were added."""


def compared(
    rows: Sequence[GradedRow], recogniser: Recogniser, standing: Standing, defaults: Defaults, unknown: Counter[str]
) -> Comparison:
    """What applying the rows would do.

    Args:
        rows: Of the file.
        recogniser: Knows what each is about.
        standing: Gives the grades there are.
        defaults: What the file says for all of its rows, or the operator for the file.
        unknown: Counts of unknown fields.
    """
    result = Comparison(
        rows=len(rows), counts=Counter(), conflicts=0, changes=[], stored={}, unrecognised=[], unknown_fields=unknown
    )
    by_content: dict[str, tuple[Content, list[GradedRow]]] = {}
    for row in rows:
        found = recogniser.content_of(row)
        if isinstance(found, str):
            result.unrecognised.append((row.number, found))
        else:
            by_content.setdefault(found.sha256, (found, []))[1].append(row)
    contents = sorted(by_content)
    for start in range(0, len(contents), _CONTENTS_AT_ONCE):
        part = contents[start : start + _CONTENTS_AT_ONCE]
        grades: dict[str, list[Grade]] = defaultdict(list)
        for grade in standing(part):
            grades[grade.sha256].append(grade)
        for sha256 in part:
            content, of_it = by_content[sha256]
            _OneContent(result, content, grades[sha256], defaults).take(of_it)
    result.changes.sort(key=lambda change: change.row)
    return result


class _OneContent:
    """What a file says of one content."""

    def __init__(self, result: Comparison, content: Content, grades: Sequence[Grade], defaults: Defaults) -> None:
        self._result = result
        self._content = content
        self._stands: dict[GradeKey, Grade] = current_grades(grades)
        newest_first = (grade.row_bytes.decode("utf-8") for grade in reversed(grades))
        self._fields: Mapping[Place, bytes] = kept_digests(merged(newest_first))
        self._defaults = defaults
        self._says = {key: _said(grade) for key, grade in self._stands.items()}

    def take(self, rows: Sequence[GradedRow]) -> None:
        """Compare the rows on it, grader by grader."""
        by_grader: dict[GradeKey, list[GradedRow]] = defaultdict(list)
        for row in rows:
            by_grader[self._key(row)].append(row)
        for key, of_one in by_grader.items():
            self._take_grader(key, of_one)
        by_law: dict[tuple[str, str], list[Said]] = defaultdict(list)
        for key, said in self._says.items():
            by_law[key[1], key[2]].append(said)
        self._result.conflicts += any(_differ(one, other) for said in by_law.values() for one in said for other in said)

    def _key(self, row: GradedRow) -> GradeKey:
        default = self._defaults
        return (
            self._content.sha256,
            row.scheme or default.scheme,
            row.country or default.country,
            row.graded_by or default.graded_by,
        )

    def _take_grader(self, key: GradeKey, rows: Sequence[GradedRow]) -> None:
        old = self._says.get(key, NOTHING_SAID)
        statements = self._statements(rows, old)
        if len(statements) > 1:
            for said, row in statements.items():
                self._tell("contradictory", key, row, old, said)
            self._result.counts["contradictory"] += 1
            return
        said, row = next(iter(statements.items()), (old, rows[0]))
        kind = self._kind(old, said, key) if statements else "unchanged"
        adding = [one for one in rows if any(self._fields.get(place) != now for place, now in one.fields.items())]
        if not statements and row.exported is not None and old.category not in {None, row.said.category}:
            # From an export before this grade: taken back since, or never looked at again? Nobody can tell from here.
            kind, said = "as_exported", row.said
        elif kind == "unchanged" and adding:
            kind, row = "fields", adding[0]
        self._result.counts[kind] += 1
        if kind != "unchanged":
            self._tell(kind, key, row, old, said)
        if kind in {"cleared_by_another", "as_exported"}:
            said = old
        elif kind in {"new", "changed", "withdrawn"}:
            adding.append(row)
        if adding:
            self._says[key] = said
        for one in adding:
            self._result.stored[one.number] = Stored(
                content=self._content,
                said=said,
                scheme=key[1],
                country=key[2],
                graded_by=key[3],
                row_sha256=one.row_sha256,
            )

    def _statements(self, rows: Sequence[GradedRow], old: Said) -> dict[Said, GradedRow]:
        """Each thing that the rows say, with the first row that says it."""
        found = {said: row for row in reversed(rows) if (said := self._statement(row, old)) is not None}
        silent = found.get(NOTHING_SAID)
        if len(found) > 1 and silent is not None and silent.exported is None:
            # Viewers write a row for each place of a file, and may put the grade on one of them.
            del found[NOTHING_SAID]
        return found

    def _statement(self, row: GradedRow, old: Said) -> Said | None:
        """What the row says that nobody had told the viewer; None if nothing."""
        if row.exported is not None:
            return None if row.said == row.exported else row.said
        if row.said.category is None and row.said in {NOTHING_SAID, self._content.listed}:
            # The viewer dropped our own field, so no category may be one that was taken back.
            return NOTHING_SAID if old.category is not None else None
        return row.said

    def _kind(self, old: Said, said: Said, key: GradeKey) -> str:
        others = any(theirs.category for other, theirs in self._says.items() if other != key)
        if said == NOTHING_SAID and old.category is None and others:
            return "cleared_by_another"
        if said == old:
            return "unchanged"
        if said.category is None and old.category is not None:
            return "withdrawn"
        return "changed" if old.category is not None else "new"

    def _tell(self, kind: str, key: GradeKey, row: GradedRow, old: Said, said: Said) -> None:
        against = tuple(
            (other[3], theirs)
            for other, theirs in sorted(self._says.items(), key=lambda pair: pair[0])
            if other != key and other[1:3] == key[1:3] and _differ(theirs, said)
        )
        self._result.changes.append(
            Change(
                kind=kind,
                content=self._content,
                row=row.number,
                scheme=key[1],
                country=key[2],
                graded_by=key[3],
                old=old,
                new=said,
                against=against,
            )
        )


def _said(grade: Grade) -> Said:
    return Said(grade.category, grade.series, grade.victim_identified, grade.tags)


def _differ(one: Said, other: Said) -> bool:
    victims = {one.victim_identified, other.victim_identified}
    return bool(one.category and other.category and one.category != other.category) or victims == {"yes", "no"}
