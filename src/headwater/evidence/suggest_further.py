"""Suggestions for what stands beside the main tables: further identifiers of accounts, and references to files.

Unlike accounts or invoices, these have no one table. A name on a messenger stands in a column beside the account, in a
table of contacts, or among attributes; a file that was uploaded is named again wherever it is shown. So each place is
suggested by itself, and those with points enough go into a draft.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from headwater.evidence.profile import ColumnProfile, PlatformProfile, TableProfile, name_words
from headwater.evidence.suggest_grounds import (
    ALL_PPM,
    TIMES,
    KnownFiles,
    by_value,
    called_after,
    is_object,
    name_points,
    schema_words,
)
from headwater.evidence.suggestion import Suggestion, TableSuggestion, rival_order

__all__ = ["DRAFT_POINTS", "Main", "further_suggestions", "kinds_and_values"]

DRAFT_POINTS = 60
"""With so many a place goes into a draft: its values or its name say what it is, and it is told whose."""

_MOSTLY_PPM, _SOME_PPM, _FEW_PPM = 900_000, 500_000, 100_000
_WITHIN_PPM = 900_000
_REFERS_PPM = 150_000  # a part of the files that are named again are gone, and not in the table of uploads any more
_KIND_POINTS = 45
_SHAPE_POINTS = 45
_REFERS_POINTS = 60
_MEDIA_NAME_POINTS = 30
_OWNED_POINTS = 20
_BESIDE_POINTS = 30
_SERVES_ONLY_KINDS_PPM = 700_000  # of the rows of attributes: a table of contacts, in which others may stand too
_LEAST_LETTERS = 2

# Shapes that say by themselves what an identifier is.
_KIND_SHAPES: Mapping[str, str] = {"email": "email", "phone": "phone", "pgp_fingerprint": "pgp_fingerprint"}
# What values of a kind may look like, whose name says the kind.
_SHAPES_OF_KIND: Mapping[str, tuple[str, ...]] = {
    "email": ("email",),
    "phone": ("phone", "integer"),
    "pgp_fingerprint": ("pgp_fingerprint", "hex40"),
    "jabber": ("email",),
    "icq": ("integer",),
}
_ANY_HANDLE = ("nickname", "handle", "email", "phone", "integer", "hex64")
_DIGESTS = frozenset({"media_sha256", "media_sha1", "media_md5"})
_MEDIA = ("media_path", "media_sha256", "media_sha1", "media_md5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Main:
    """The tables and columns that were chosen for the main ones of ours.

    Attributes:
        profile: All tables.
        chosen: For each main table of ours, the likeliest.
        files: What was taken in, if it is known.
    """

    profile: PlatformProfile
    chosen: Mapping[str, TableSuggestion]
    files: KnownFiles | None

    def column(self, target: str, target_column: str) -> ColumnProfile | None:
        """The column that was chosen for one of ours; None if it stands elsewhere or nowhere."""
        best = self.chosen.get(target)
        if best is None or not best.columns.get(target_column) or best.columns[target_column][0].via is not None:
            return None
        wanted = best.columns[target_column][0]
        columns = (c for t in self.profile.tables if t.table == wanted.table for c in t.columns)
        return next((c for c in columns if c.column == wanted.column), None)

    def used(self, table: str) -> frozenset[str]:
        """The columns of a table that are bound already, and attributes as `name=value`."""
        firsts = [columns[0] for best in self.chosen.values() for columns in best.columns.values()]
        plain = {one.column for one in firsts if one.table == table and one.via is None}
        named = {f"{one.via.where[0]}={one.via.where[1]}" for one in firsts if one.via and one.via.where}
        return frozenset(plain | named)

    def owner(self, table: TableProfile) -> ColumnProfile | None:
        """The column of a table that says whose a row is."""
        key = self.column("accounts", "key")
        if key is None:
            return None
        if key.table == table.table:
            return key
        for target in self.chosen:
            if self.chosen[target].table == table.table:
                return self.column(target, "account")
        _, words = schema_words()
        ranked = []
        for place, column in enumerate(table.columns):
            if is_object(column) or not column.sketch.filled:
                continue
            if column.sketch.share_within(key.sketch) * ALL_PPM < _WITHIN_PPM:
                continue
            called = called_after(column, key, name_words(key.table)) + name_points(column.words, words["account"])
            many = min(column.sketch.distinct, 20)
            # The numbers of rows lie within the keys of accounts; whose a row is, comes again, or is called so.
            if called or (many == 20 and not column.is_unique):
                ranked.append((called + many, -place, column))
        return max(ranked, key=lambda one: one[:2])[2] if ranked else None


def further_suggestions(main: Main) -> dict[str, tuple[TableSuggestion, ...]]:
    """Identifiers and references to files, each place by itself, likeliest first.

    Args:
        main: What was chosen for the main tables.
    """
    identifiers: list[TableSuggestion] = []
    references: list[TableSuggestion] = []
    for table in main.profile.tables:
        owner = main.owner(table)
        if owner is not None:
            identifiers += _identifiers(table, owner, main)
        reference = _references(table, owner, main)
        if reference is not None:
            references.append(reference)
    return {
        "identifiers": tuple(sorted(identifiers, key=rival_order)),
        "media_references": tuple(sorted(references, key=rival_order)),
    }


def _identifiers(table: TableProfile, owner: ColumnProfile, main: Main) -> Iterator[TableSuggestion]:
    contacts = _contacts(table, owner, main)
    if contacts is not None:
        yield contacts
        return
    used = main.used(table.table) | {owner.column}
    for column in (*table.columns, *table.attributes):
        named = column.column if column.where is None else "=".join(column.where)
        if named in used or is_object(column) or not column.sketch.filled or column.column == owner.column:
            continue
        if column.where is None and table.attributes and any(a.column == column.column for a in table.attributes):
            continue  # its attributes are looked at one by one
        ground = _kind(column, known_table=table.table == _table_of(main, "accounts"))
        if ground is None:
            continue
        kind, points, told = ground
        value = _suggestion("identifiers", "value", column, "text", points + _OWNED_POINTS, told)
        yield TableSuggestion(
            target="identifiers",
            table=table.table,
            points=value.points,
            columns={"account": (_owned(owner, "identifiers"),), "value": (value,)},
            literals={"identifier_kind": kind},
            where=column.where,
        )


def kinds_and_values(table: TableProfile) -> Iterator[tuple[int, str, str, str]]:
    """Where the attributes of a table are nearly all identifiers: points, columns of kinds and values, evidence."""
    for names, values in sorted({(a.where[0], a.column) for a in table.attributes if a.where is not None}):
        attributes = [a for a in table.attributes if a.where is not None and (a.where[0], a.column) == (names, values)]
        rows = sum(a.sketch.filled for a in attributes)
        of_kinds = sum(a.sketch.filled for a in attributes if _kind(a, known_table=True) is not None)
        if rows and of_kinds * ALL_PPM >= _SERVES_ONLY_KINDS_PPM * rows:
            told = f"{of_kinds} of {rows} rows are of kinds that are known"
            yield of_kinds * 100 // rows, names, values, told


def _contacts(table: TableProfile, owner: ColumnProfile, main: Main) -> TableSuggestion | None:
    """The table as one of contacts: each row a kind and a value."""
    if not _is_free(table, main):
        return None
    found = [one for one in kinds_and_values(table) if one[2] != owner.column]
    columns = {column.column: column for column in table.columns}
    if not found:
        found = list(_coded_contacts(table, owner))
    if not found:
        return None
    points, names, values, told = max(found)
    told_at = _time("identifiers", table, {names, values, owner.column})
    ours = {
        "account": (_owned(owner, "identifiers"),),
        "identifier_kind": (_suggestion("identifiers", "identifier_kind", columns[names], "text", points, told),),
        "value": (_suggestion("identifiers", "value", columns[values], "text", points, told),),
        **({"at_utc": told_at} if told_at else {}),
    }
    return TableSuggestion(
        target="identifiers", table=table.table, points=points + _OWNED_POINTS, columns=dict(sorted(ours.items()))
    )


def _coded_contacts(table: TableProfile, owner: ColumnProfile) -> Iterator[tuple[int, str, str, str]]:
    """Columns of kinds that are numbers, and of values of which many have the shape of a kind."""
    for value in table.columns:
        shares = value.shares_ppm if value.sketch.filled else {}
        shaped = [shares.get(shape, 0) for shape in _KIND_SHAPES]
        if sum(shaped) < _SOME_PPM or sum(share >= _FEW_PPM for share in shaped) < 2:
            continue
        for column in table.columns:
            few = 1 < column.sketch.distinct <= 24 and column.sketch.distinct * 4 <= column.sketch.filled
            if few and column.column not in {value.column, owner.column} and not is_object(column):
                told = f"{sum(shaped) // 10_000} % of values have the shape of an identifier"
                yield _KIND_POINTS + 10, column.column, value.column, told


def _kind(column: ColumnProfile, *, known_table: bool) -> tuple[str, int, str] | None:
    """What an identifier a column holds is, its points and its evidence; None if it holds none.

    Args:
        column: Of a table, or an attribute.
        known_table: Whether the table is one of accounts or of contacts, where a name may be the only ground.
    """
    shares = column.shares_ppm
    _, words = schema_words()
    named = {
        kind: points
        for kind, of_kind in identifier_kinds().items()
        if (points := name_points(column.words, of_kind)) and _may_be(column, kind)
    }
    shaped = {kind: shares.get(shape, 0) for shape, kind in _KIND_SHAPES.items()}
    best = max(sorted(named), key=lambda kind: named[kind], default=None)
    if best is not None and best not in _KIND_SHAPES.values():
        return best, _KIND_POINTS + named[best], f"called after {best}"
    shape = max(sorted(shaped), key=lambda kind: shaped[kind])
    if shaped[shape] >= _SOME_PPM:
        points = _SHAPE_POINTS * shaped[shape] // ALL_PPM + named.get(shape, 0)
        # Whose mail a row of letters names is anybody's: there a column has to be the account's own.
        points -= 0 if known_table else _other_side(column, words)
        return shape, points, f"{shape} {shaped[shape] // 10_000} %"
    return None


def _other_side(column: ColumnProfile, words: Mapping[str, frozenset[str]]) -> int:
    return _SHAPE_POINTS if name_points(column.words, words["recipient"]) else 0


def _may_be(column: ColumnProfile, kind: str) -> bool:
    """Whether the values of a column may be identifiers of a kind: neither codes nor settings nor texts."""
    sketch, shares = column.sketch, column.shares_ppm
    if sketch.distinct < _LEAST_LETTERS or sketch.distinct * 2 <= sketch.filled:
        return False
    fitting = _SHAPES_OF_KIND.get(kind, _ANY_HANDLE)
    return max(shares.get(shape, 0) for shape in fitting) >= _SOME_PPM


def identifier_kinds() -> Mapping[str, frozenset[str]]:
    """Kinds of identifiers, with the words that columns of them are called by."""
    _, words = schema_words()
    return {name.removeprefix("kind_"): of for name, of in words.items() if name.startswith("kind_")} | {
        kind: words[kind] for kind in _KIND_SHAPES.values()
    }


def _references(table: TableProfile, owner: ColumnProfile | None, main: Main) -> TableSuggestion | None:
    """The table as one whose rows name uploaded files again; None if no column of it does."""
    if table.table == _table_of(main, "uploads"):
        return None
    first: dict[str, tuple[Suggestion, ...]] = {}
    taken: set[str] = set()
    found = _naming_files(table, main)
    for one in sorted(found, key=lambda s: (-s.points, s.target_column, s.column)):
        if one.target_column not in first and one.column not in taken:
            taken.add(one.column)
            others = [s for s in found if s.target_column == one.target_column and s is not one]
            first[one.target_column] = (one, *sorted(others, key=lambda s: (-s.points, s.column)))
    if not first:
        return None
    points = max(of[0].points for of in first.values())
    # What is too weak to be drafted by itself does not come along with what is strong.
    first = {ours: of for ours, of in first.items() if of[0].points >= min(points, DRAFT_POINTS)}
    if owner is not None:
        first["account"] = (_owned(owner, "media_references"),)
        # When a row of another kind was written is not when it came to name a file.
        told_at = _time("media_references", table, taken) if _is_free(table, main) else ()
        first |= {"at_utc": told_at} if told_at else {}
    return TableSuggestion(
        target="media_references", table=table.table, points=points, columns=dict(sorted(first.items()))
    )


def _naming_files(table: TableProfile, main: Main) -> list[Suggestion]:
    """Each column of a table that may name files, as a path or as a digest of each kind."""
    used = main.used(table.table)
    _, words = schema_words()
    media_table = name_points(name_words(table.table), words["media"])
    found = []
    for column in table.columns:
        if column.column in used or is_object(column) or not column.sketch.filled:
            continue
        media_name = name_points(column.words, words["media"])
        told = (_reference(column, ours, media_name, media_table, main) for ours in _MEDIA)
        found += [one for one in told if one is not None]
    if any(one.points >= _REFERS_POINTS + _SHAPE_POINTS // 2 for one in found):
        # Beside what surely names a file, what looks like a digest is one of that file.
        return [_beside(one) for one in found]
    return found


def _is_free(table: TableProfile, main: Main) -> bool:
    """Whether a table is none of the main ones."""
    return table.table not in {best.table for best in main.chosen.values()}


def _beside(one: Suggestion) -> Suggestion:
    weak = one.target_column in _DIGESTS and one.points < DRAFT_POINTS
    return replace(one, points=one.points + _BESIDE_POINTS) if weak else one


def _reference(column: ColumnProfile, ours: str, media_name: int, media_table: int, main: Main) -> Suggestion | None:
    """The column as one that names files of the platform by path or by digest."""
    _, words = schema_words()
    name = name_points(column.words, words[ours])
    ground = by_value(column, ours, name, main.files)
    if ground is None:
        return None
    points, unit, told = ground
    known = "taken in" in told
    uploads = main.column("uploads", ours)
    within = column.sketch.share_within(uploads.sketch) if uploads is not None else 0.0
    if within * ALL_PPM >= _REFERS_PPM:
        evidence = f"{within:.0%} of {column.sketch.distinct} values are of {uploads.table}"  # type: ignore[union-attr]  # there is a share of something
        return _suggestion("media_references", ours, column, unit, points + name + _REFERS_POINTS, told, evidence)
    if ours == "media_path":
        media = column.shares_ppm.get("media_path", 0)
        if media < _SOME_PPM and not known:
            return None
        points = _KIND_POINTS * media // ALL_PPM + max(media_name, media_table, name)
    elif not known:
        # Digests are of anything; only a name tells that they are of files.
        points = _MEDIA_NAME_POINTS * bool(media_name or media_table) + name
    return _suggestion("media_references", ours, column, unit, points, told)


def _time(target: str, table: TableProfile, used: set[str]) -> tuple[Suggestion, ...]:
    """The columns of a table that may say when, likeliest first."""
    _, words = schema_words()
    found = []
    for place, column in enumerate(table.columns):
        ground = by_value(column, TIMES[2], 0, None) if column.sketch.filled and not is_object(column) else None
        if ground is not None and column.column not in used:
            points = ground[0] + name_points(column.words, words["at_utc"])
            found.append((-points, place, _suggestion(target, "at_utc", column, ground[1], points, ground[2])))
    return tuple(one for _, _, one in sorted(found, key=lambda one: one[:2]))


def _owned(owner: ColumnProfile, target: str) -> Suggestion:
    return _suggestion(target, "account", owner, "key", _OWNED_POINTS, "its values are keys of accounts")


def _table_of(main: Main, target: str) -> str | None:
    return main.chosen[target].table if target in main.chosen else None


def _suggestion(
    target: str, target_column: str, column: ColumnProfile, unit: str, points: int, *evidence: str
) -> Suggestion:
    return Suggestion(
        target=target, target_column=target_column, table=column.table, column=column.column, unit=unit, points=points,
        evidence=evidence,
    )  # fmt: skip
