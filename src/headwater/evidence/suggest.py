"""Suggestions for a mapping: which table and column of an application may be which of ours, with what speaks for it.

Each suggestion has points from what the column is called, from the shapes of its values, and from how its values lie
within another column's. The points only order suggestions; a person confirms each binding. Evidence is told as counts
and shares, never as a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from headwater.evidence.mapping import Via
from headwater.evidence.profile import ColumnProfile, PlatformProfile, TableProfile, name_words
from headwater.evidence.targets import TARGETS

__all__ = ["Suggestion", "TableSuggestion", "likeliest", "suggestions"]

_ALL_PPM = 1_000_000
_MOSTLY_PPM = 900_000
_SOME_PPM = 500_000

# How many points each ground is worth. A name in whole is worth as much as half a right shape; a wrong shape rules out.
_NAME_POINTS = 30
_PART_OF_NAME_POINTS = 14
_TABLE_NAME_POINTS = 60
_WITHIN_POINTS = 40
_KEY_POINTS = 25
_TIME_SHAPES: Mapping[str, str] = {
    "epoch_s": "epoch_s",
    "epoch_ms": "epoch_ms",
    "datetime": "datetime_utc",
    "datetime_zoned": "datetime_zoned",
}

# For each column of ours, the shapes its values may have, the unit each means, and its points where all values have it.
_SHAPES: Mapping[str, Sequence[tuple[str, str, int]]] = {
    "nickname": (("nickname", "text", 20), ("word", "text", 10)),
    "email": (("email", "text", 70),),
    "phone": (("phone", "text", 70),),
    "pgp_fingerprint": (("pgp_fingerprint", "text", 60), ("hex40", "text", 50)),
    "network_address": (("ipv4", "text", 60), ("ipv6", "text", 60), ("raw4", "packed", 50), ("raw16", "packed", 45)),
    "media_path": (("path", "text", 45),),
    "media_sha256": (("hex64", "hex", 45), ("raw32", "raw_bytes", 45)),
    "media_sha1": (("hex40", "hex", 45), ("raw20", "raw_bytes", 45)),
    "media_md5": (("hex32", "hex", 45), ("raw16", "raw_bytes", 30)),
    "address": (("coin_address", "text", 80),),
    "amount_sat": (("integer", "sat", 15), ("decimal", "btc", 15)),
    "amount_cents": (("integer", "cents", 15), ("decimal", "currency_units", 20)),
    "currency": (("currency", "text", 45),),
    "txid": (("hex64", "hex", 45), ("raw32", "raw_bytes", 45)),
}
_TIMES = ("registered_at_utc", "last_seen_at_utc", "at_utc", "issued_at_utc")
_TIME_POINTS = 45
# Of these columns, a table must have one to be what it is suggested for.
_TELLING: Mapping[str, frozenset[str]] = {
    "accounts": frozenset({"nickname", "email", "phone"}),
    "logins": frozenset({"network_address", "device"}),
    "uploads": frozenset({"media_path", "media_sha256", "media_sha1", "media_md5"}),
    "invoices": frozenset({"address", "amount_sat", "amount_cents"}),
    "payments": frozenset({"txid", "amount_sat", "amount_cents"}),
}
_ORDER = ("accounts", "invoices", "payments", "uploads", "logins")
_LOOKED_AT = 6  # tables for each target that are weighed against those of the others
_CODE_MAX_DISTINCT = 24  # a role or a status is one of a few words or numbers
_CODE_POINTS = 20
_DEVICE_POINTS = 25
_DEVICE_MAX_DISTINCT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A column that may be one of ours.

    Attributes:
        target: Table of ours.
        target_column: Column of ours; `key` for the platform's own key.
        table: Table of the application.
        column: Column of the application.
        unit: How values are written there, as a mapping declares it.
        points: Larger is likelier; comparable within one target column only.
        evidence: What speaks for it, as counts and shares.
        via: Where the value stands if it is in another table, which the column leads to.
    """

    target: str
    target_column: str
    table: str
    column: str
    unit: str
    points: int
    evidence: tuple[str, ...]
    via: Via | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSuggestion:
    """A table that may be one of ours, and for each column of ours the candidates in it, likeliest first."""

    target: str
    table: str
    points: int
    columns: Mapping[str, tuple[Suggestion, ...]]


@cache
def _words() -> tuple[Mapping[str, frozenset[str]], Mapping[str, frozenset[str]]]:
    read = yaml.safe_load(Path(__file__).with_name("schema_words.yaml").read_text("utf-8"))
    tables, columns = ({name: frozenset(words) for name, words in read[part].items()} for part in ("tables", "columns"))
    return tables, columns


def _name_points(words: Sequence[str], wanted: frozenset[str]) -> int:
    """Points of a name: in full where a word of it is one of those wanted, in part where one is only contained."""
    if any(word in wanted for word in words):
        # A name that says little else says it more clearly: `mail` more than `mail_template_id`.
        others = sum(word not in wanted and not word.isdigit() for word in words)
        return max(_PART_OF_NAME_POINTS, _NAME_POINTS - 5 * others)
    joined = "".join(words)
    return _PART_OF_NAME_POINTS if any(len(word) >= 4 and word in joined for word in wanted) else 0


def _shape(column: ColumnProfile, target_column: str) -> tuple[int, str, str] | None:
    """Points, unit and evidence of the likeliest shape of a column's values; None if none of them is there enough."""
    shares = column.shares_ppm
    found = []
    for shape, unit, points in _SHAPES[target_column]:
        share = shares.get(shape, 0)
        if share >= _SOME_PPM:
            found.append((points * share // _ALL_PPM, unit, f"{shape} {share // 10_000} %"))
    return max(found, default=None)


def _time(column: ColumnProfile) -> tuple[int, str, str] | None:
    shares = column.shares_ppm
    found = [
        (_TIME_POINTS * shares[shape] // _ALL_PPM, unit, f"{shape} {shares[shape] // 10_000} %")
        for shape, unit in _TIME_SHAPES.items()
        if shares.get(shape, 0) >= _MOSTLY_PPM
    ]
    return max(found, default=None)


def _code(column: ColumnProfile) -> tuple[int, str, str] | None:
    sketch, shares = column.sketch, column.shares_ppm
    few = sketch.distinct <= _CODE_MAX_DISTINCT and sketch.distinct * 2 <= max(sketch.rows, 2)
    coded = max(shares.get("word", 0), shares.get("integer", 0)) >= _MOSTLY_PPM
    return (_CODE_POINTS, "text", f"{sketch.distinct} codes") if few and coded else None


def _device(column: ColumnProfile) -> tuple[int, str, str] | None:
    """What a browser says of itself is words; where an application keeps a code for it, there are few."""
    sketch, shares = column.sketch, column.shares_ppm
    if (share := shares.get("words", 0)) >= _SOME_PPM:
        return _DEVICE_POINTS, "text", f"words {share // 10_000} %"
    few = 1 < sketch.distinct <= _DEVICE_MAX_DISTINCT and sketch.distinct * 4 <= sketch.filled
    coded = shares.get("nickname", 0) >= _MOSTLY_PPM and shares.get("integer", 0) < _SOME_PPM
    return (_DEVICE_POINTS // 2, "text", f"{sketch.distinct} codes") if few and coded else None


def _column(column: ColumnProfile, target_column: str) -> tuple[int, str, str] | None:
    """Points, unit and evidence of a column by its values; None if it cannot be that column."""
    sketch, shares = column.sketch, column.shares_ppm
    number = shares.get("integer", 0) >= _SOME_PPM
    if target_column in _TIMES:
        return _time(column)
    if target_column in {"role", "status"}:
        return _code(column)
    if target_column == "device":
        return _device(column)
    # Names are of many and are not counted; money is counted, and is no time.
    unfit = {
        "nickname": number or sketch.distinct * 2 <= sketch.filled,
        "amount_sat": _time(column) is not None,
        "amount_cents": _time(column) is not None,
    }
    return None if unfit.get(target_column) else _shape(column, target_column)


def _candidates(table: TableProfile, target: str, keys: Mapping[str, Sequence[ColumnProfile]]) -> Iterator[Suggestion]:
    """Every column of a table that may be a column of the target, for each of these."""
    _, wanted = _words()

    def suggestion(column: ColumnProfile, target_column: str, points: int, unit: str, *evidence: str) -> Suggestion:
        return Suggestion(
            target=target, target_column=target_column, table=table.table, column=column.column, unit=unit,
            points=points, evidence=evidence,
        )  # fmt: skip

    for column in table.columns:
        if not column.sketch.filled:
            continue
        if TARGETS[target].keyed and column.is_unique and "->" not in column.column:
            first = 10 if column is table.columns[0] else 0
            named = 10 if {"id", "key", "no", "nr", "num", "uuid", "uid"} & set(column.words) else 0
            compact = max(column.shares_ppm.get("integer", 0), column.shares_ppm.get("uuid", 0)) >= _MOSTLY_PPM
            points = _KEY_POINTS + first + named + (20 if compact else 0)
            yield suggestion(column, "key", points, "key", f"{column.sketch.distinct} distinct in {table.rows} rows")
        for target_column in TARGETS[target].columns:
            name = _name_points(column.words, wanted[target_column])
            if target_column in {"account", "invoice"}:
                for key in keys.get(f"{target_column}s", ()):
                    share = column.sketch.share_within(key.sketch)
                    if share * _ALL_PPM >= _MOSTLY_PPM and (key.table, key.column) != (column.table, column.column):
                        spread = min(column.sketch.distinct, 20) // 2  # a few numbers lie within any long row of them
                        evidence = f"{share:.0%} of {column.sketch.distinct} values are keys of {key.table}"
                        yield suggestion(column, target_column, _WITHIN_POINTS + spread + name, "key", evidence)
                        break
                continue
            found = _column(column, target_column)
            if found is not None:
                yield suggestion(column, target_column, found[0] + name, found[1], found[2])


def _table(table: TableProfile, target: str, keys: Mapping[str, Sequence[ColumnProfile]]) -> TableSuggestion | None:
    """The table as the target, each of its columns used once; None if a column that must be there is not."""
    tables, _ = _words()
    found = sorted(_candidates(table, target, keys), key=lambda s: (-s.points, s.target_column, s.column))
    used: set[str] = set()
    first: dict[str, Suggestion] = {}
    for suggestion in found:
        if suggestion.target_column not in first and suggestion.column not in used:
            first[suggestion.target_column] = suggestion
            used.add(suggestion.column)
    needed = {"key"} if TARGETS[target].keyed else set()
    # What a mapping may state as a literal need not be a column.
    needed |= set(TARGETS[target].required) - {"role", "status"}
    if not needed <= first.keys() or not _TELLING[target] & first.keys():
        return None
    ranked: dict[str, tuple[Suggestion, ...]] = {}
    for target_column, best in sorted(first.items()):
        others = [s for s in found if s.target_column == target_column and s is not best]
        ranked[target_column] = (best, *others)
    named = _TABLE_NAME_POINTS * _name_points(name_words(table.table), tables[target]) // _NAME_POINTS
    return TableSuggestion(
        target=target,
        table=table.table,
        points=named + sum(suggestion.points for suggestion in first.values()),
        columns=ranked,
    )


def suggestions(profile: PlatformProfile) -> dict[str, tuple[TableSuggestion, ...]]:
    """For each table of ours, the tables that it may be, likeliest first.

    A table is likeliest for one of ours only: those are chosen together, so that their points sum to the most. Which
    columns name accounts and invoices is known once these are chosen, so the choice is made twice.
    """
    keys: dict[str, Sequence[ColumnProfile]] = {}
    found: dict[str, list[TableSuggestion]] = {}
    for _ in range(2):
        for target in _ORDER:
            tables = [suggested for table in profile.tables if (suggested := _table(table, target, keys)) is not None]
            found[target] = sorted(tables, key=lambda s: (-s.points, s.table))
            if TARGETS[target].keyed and found[target]:
                keys[target] = _key(profile, found[target][0])
        for target, chosen in _chosen_together(found).items():
            found[target].sort(key=lambda s, chosen=chosen: (s.table != chosen, -s.points, s.table))  # type: ignore[misc]  # a default
            if TARGETS[target].keyed:
                keys[target] = _key(profile, found[target][0])
    return {target: tuple(tables) for target, tables in found.items()}


def likeliest(found: Mapping[str, Sequence[TableSuggestion]]) -> dict[str, TableSuggestion]:
    """For each table of ours that has one, the first of those suggested; no table of the application twice."""
    chosen = _chosen_together(found)
    return {target: found[target][0] for target in _ORDER if target in chosen}


def _key(profile: PlatformProfile, accounts: TableSuggestion) -> Sequence[ColumnProfile]:
    key = accounts.columns["key"][0]
    return [c for t in profile.tables if t.table == key.table for c in t.columns if c.column == key.column]


def _chosen_together(found: Mapping[str, Sequence[TableSuggestion]]) -> dict[str, str]:
    """For each target the table, no table twice, with the largest sum of points; of equals the first by name."""
    best: tuple[int, dict[str, str]] = (-1, {})
    stack: list[tuple[int, int, dict[str, str]]] = [(0, 0, {})]
    while stack:
        depth, points, chosen = stack.pop()
        if depth == len(_ORDER):
            if points > best[0]:
                best = (points, chosen)
            continue
        target = _ORDER[depth]
        stack.append((depth + 1, points, chosen))
        stack += [
            (depth + 1, points + table.points, {**chosen, target: table.table})
            for table in reversed(found[target][:_LOOKED_AT])
            if table.table not in chosen.values()
        ]
    return best[1]
