"""Suggestions for a mapping: which table and column of an application may be which of ours, with what speaks for it.

Each suggestion has points from what the column is called, from the shapes of its values, and from how its values lie
within another column's. The points only order suggestions; a person confirms each binding. Evidence is told as counts
and shares, never as a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from headwater.evidence.mapping import Via
from headwater.evidence.profile import ColumnProfile, PlatformProfile, TableProfile, name_words
from headwater.evidence.suggest_further import DRAFT_POINTS, Main, further_suggestions, kinds_and_values
from headwater.evidence.suggest_grounds import (
    CODED,
    TIMES,
    KnownFiles,
    by_value,
    called_after,
    is_object,
    name_points,
    schema_words,
)
from headwater.evidence.suggestion import Suggestion, TableSuggestion
from headwater.evidence.targets import TARGETS

__all__ = ["likeliest", "suggestions"]

_ALL_PPM = 1_000_000
_MOSTLY_PPM = 900_000
_SOME_PPM = 500_000
_NAME_POINTS = 30
_TABLE_NAME_POINTS = 60
_WITHIN_POINTS = 40
_NUMBERED_POINTS = 25
_FEW_ROWS = 20
_THROUGH_POINTS = 30  # an account that is reached through another table
_ELSEWHERE_POINTS = 15  # what a table has itself goes before what another one has
_AGAIN_POINTS = 15  # who uploads brings a new file; who refers to one names it again
_SAME_AMOUNTS_POINTS = 25  # most amounts paid are amounts that were asked for
_OTHER_SIDE_POINTS = 25  # the receiver of a message did not write it
_FIRST_OR_LAST_POINTS = 4  # of several times, the earliest is the registration and the latest the last visit
_KEY_POINTS = 25
_FREE_TEXT_POINTS = 30
_LEAST_TEXT_BYTES = 24
# Of these columns, a table must have one to be what it is suggested for.
_TELLING: Mapping[str, frozenset[str]] = {
    "accounts": frozenset({"nickname", "email", "phone"}),
    "logins": frozenset({"network_address", "device"}),
    "uploads": frozenset({"media_path", "media_sha256", "media_sha1", "media_md5"}),
    "invoices": frozenset({"address", "amount_sat", "amount_cents"}),
    "payments": frozenset({"txid", "amount_sat", "amount_cents"}),
    "wallet_addresses": frozenset({"address"}),
    "messages": frozenset({"account"}),
}
_ORDER = ("accounts", "invoices", "payments", "uploads", "logins", "messages", "wallet_addresses")
_FURTHER = ("identifiers", "media_references")
_OF_ANY_TABLE = frozenset({"key", "account", "at_utc"})  # nearly every table has these, so that they say little of it
_LOOKED_AT = 6  # tables for each target that are weighed against those of the others
_ACCOUNTS_AND_INVOICES = ("accounts", "invoices")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Context:
    """What is known when a table is looked at.

    Attributes:
        profile: All tables.
        files: What was taken in.
        chosen: The tables chosen so far for ours.
    """

    profile: PlatformProfile
    files: KnownFiles | None
    chosen: Mapping[str, TableSuggestion] = field(default_factory=dict)

    def column(self, target: str, target_column: str) -> ColumnProfile | None:
        """The column that was chosen for one of ours."""
        table = self.chosen.get(target)
        if table is None or not table.columns.get(target_column):
            return None
        wanted = table.columns[target_column][0]
        columns = (c for t in self.profile.tables if t.table == wanted.table for c in t.columns)
        return next((c for c in columns if c.column == wanted.column), None)


def _of_key(context: _Context, column: ColumnProfile, target: str, *, is_first: bool) -> tuple[int, str] | None:
    """Points and evidence of a column, the first of its table or not, that may hold keys of the table of a target."""
    key = context.column(target, "key")
    if key is None or (key.table, key.column) == (column.table, column.column):
        return None
    share = column.sketch.share_within(key.sketch)
    if share * _ALL_PPM < _MOSTLY_PPM:
        return None
    spread = min(column.sketch.distinct, 20) // 2  # a few numbers lie within any long row of them
    points = _WITHIN_POINTS + spread + called_after(column, key, name_words(key.table))
    # Numbers of rows lie within numbers of rows; whose a row is, comes again. An invoice may be paid once.
    numbered = column.is_unique and column.sketch.rows > _FEW_ROWS and (is_first or target == "accounts")
    points -= _NUMBERED_POINTS if numbered else 0
    return points, f"{share:.0%} of {column.sketch.distinct} values are keys of {key.table}"


def _account_points(words: Sequence[str], target: str) -> int:
    """Points of a name for who did something."""
    _, wanted = schema_words()
    points = name_points(words, wanted["account"])
    if target == "messages":
        points = max(points, name_points(words, wanted["sender"]))
        points -= _OTHER_SIDE_POINTS if name_points(words, wanted["recipient"]) else 0
    return points


def _own_key(table: TableProfile, column: ColumnProfile) -> tuple[int, str] | None:
    """Points and evidence of a column that may name the rows of its table."""
    if not column.is_unique or "->" in column.column:
        return None
    first = 10 if column is table.columns[0] else 0
    named = 10 if {"id", "key", "no", "nr", "num", "uuid", "uid"} & set(column.words) else 0
    shares = column.shares_ppm
    compact = max(shares.get("integer", 0), shares.get("uuid", 0)) >= _MOSTLY_PPM
    return _KEY_POINTS + first + named + (
        20 if compact else 0
    ), f"{column.sketch.distinct} distinct in {table.rows} rows"


def _candidates(table: TableProfile, target: str, context: _Context) -> Iterator[Suggestion]:
    """Every column of a table that may be a column of the target, for each of these."""
    _, wanted = schema_words()

    def suggestion(column: ColumnProfile, target_column: str, points: int, unit: str, *evidence: str) -> Suggestion:
        return Suggestion(
            target=target, target_column=target_column, table=table.table, column=column.column, unit=unit,
            points=points, evidence=evidence,
        )  # fmt: skip

    of_key = {
        c.column: {of: _of_key(context, c, of, is_first=c is table.columns[0]) for of in _ACCOUNTS_AND_INVOICES}
        for c in table.columns
    }
    names = {column.column for column in table.columns}
    for column in table.columns:
        # The key of a document stands beside it too.
        if not column.sketch.filled or is_object(column) or (column.column.endswith("->_id") and "_id" in names):
            continue
        own = _own_key(table, column) if TARGETS[target].keyed else None
        if own is not None:
            yield suggestion(column, "key", own[0], "key", own[1])
        for target_column in TARGETS[target].columns:
            if target_column in {"account", "invoice"}:
                found = of_key[column.column][f"{target_column}s"]
                if found is not None:
                    words = column.words
                    name = name_points(words, wanted["invoice"])
                    name = _account_points(words, target) if target_column == "account" else name
                    yield suggestion(column, target_column, found[0] + name, "key", found[1])
                continue
            name = name_points(column.words, wanted[target_column])
            ground = by_value(column, target_column, name, context.files)
            if ground is None or (target_column.startswith("amount") and _is_foreign(of_key[column.column])):
                continue
            points = ground[0] + name + _among_others(target, target_column, column, context)
            yield suggestion(column, target_column, points, ground[1], ground[2])
    yield from _through(table, target, context)
    yield from _kept_as_rows(table, target, context)


def _is_foreign(of_key: Mapping[str, tuple[int, str] | None]) -> bool:
    """Whether a column surely holds keys: by its name too, since small numbers lie within any row of them."""
    return any(found is not None and found[0] > _WITHIN_POINTS + 20 for found in of_key.values())


def _among_others(target: str, target_column: str, column: ColumnProfile, context: _Context) -> int:
    """Points of how a column's values lie among those of others, or among themselves."""
    if (target, target_column) == ("payments", "amount_sat"):
        asked = context.column("invoices", "amount_sat")
        return _SAME_AMOUNTS_POINTS if asked is not None and column.sketch.share_within(asked.sketch) >= 0.5 else 0
    again = column.sketch.distinct < 0.9 * column.sketch.filled
    return -_AGAIN_POINTS if target == "uploads" and target_column.startswith("media_") and again else 0


def _through(table: TableProfile, target: str, context: _Context) -> Iterator[Suggestion]:
    """Accounts that a table names through the invoices that it names."""
    invoices = context.chosen.get("invoices")
    if invoices is None or invoices.table == table.table or "account" not in TARGETS[target].columns:
        return
    if not {"key", "account"} <= invoices.columns.keys() or invoices.columns["account"][0].via is not None:
        return
    key, owner = invoices.columns["key"][0].column, invoices.columns["account"][0].column
    for column in table.columns:
        found = _of_key(context, column, "invoices", is_first=column is table.columns[0])
        if found is not None and not is_object(column):
            via = Via(table=invoices.table, key=key, take=owner)
            points = _THROUGH_POINTS + found[0] - _WITHIN_POINTS
            yield Suggestion(
                target=target, target_column="account", table=table.table, column=column.column, unit="key",
                points=points, evidence=(found[1], f"whose {owner} is the account"), via=via,
            )  # fmt: skip


def _kept_as_rows(table: TableProfile, target: str, context: _Context) -> Iterator[Suggestion]:
    """Attributes of the rows of a table that another table keeps, each as a row of its own."""
    _, wanted = schema_words()
    mine = context.chosen.get(target)
    if not TARGETS[target].keyed or mine is None or mine.table != table.table:
        return
    key = context.column(target, "key")
    for other in context.profile.tables:
        owners = [c for c in other.columns if key is not None and c.sketch.share_within(key.sketch) >= 0.9]
        if not other.attributes or not owners or other.table == table.table or any(kinds_and_values(other)):
            continue
        owner = max(owners, key=lambda c: (called_after(c, key, name_words(table.table)), c.sketch.distinct, c.column))  # type: ignore[arg-type]  # there are owners of a key only
        for one in other.attributes:
            assert one.where is not None
            if not one.sketch.filled or is_object(one) or one.column == owner.column:
                continue
            for target_column in TARGETS[target].columns:
                name = name_points(one.words, wanted.get(target_column, frozenset()))
                if target_column in {"account", "invoice"}:
                    continue
                ground = by_value(one, target_column, name, context.files)
                # What a value looks like says less of one of many attributes, so that its name must say it too.
                if ground is None or not (name or ground[0] >= 2 * _NAME_POINTS):
                    continue
                via = Via(table=other.table, key=owner.column, take=one.column, where=(*one.where, True))
                told = f"{one.sketch.filled} rows of {other.table} named {one.where[1]}"
                yield Suggestion(
                    target=target, target_column=target_column, table=table.table, column=mine.columns["key"][0].column,
                    unit=ground[1], points=ground[0] + name - _ELSEWHERE_POINTS, evidence=(told, ground[2]), via=via,
                )  # fmt: skip


def _first_and_last(table: TableProfile, found: Sequence[Suggestion]) -> Iterator[Suggestion]:
    """The suggestions, those for times of an account with points for being the earliest or the latest."""
    medians = {c.column: c.median for c in table.columns if c.median is not None}
    times = sorted({s.column for s in found if s.target_column in TIMES and s.via is None and s.column in medians})
    times.sort(key=lambda column: medians[column] or 0)
    for one in found:
        wanted = {"registered_at_utc": times[:1], "last_seen_at_utc": times[1:][-1:]}.get(one.target_column, [])
        yield replace(one, points=one.points + _FIRST_OR_LAST_POINTS) if one.column in wanted else one


def _free_text(table: TableProfile) -> bool:
    """Whether a column holds texts as people write them."""
    return any(
        column.shares_ppm.get("words", 0) >= _SOME_PPM
        and column.sketch.longest_bytes >= _LEAST_TEXT_BYTES
        and column.sketch.distinct * 2 > column.sketch.filled
        and not is_object(column)
        for column in table.columns
        if column.sketch.filled
    )


def _table(table: TableProfile, target: str, context: _Context) -> TableSuggestion | None:
    """The table as the target, each of its columns used once; None if a column that must be there is not."""
    tables, _ = schema_words()
    place = {column.column: number for number, column in enumerate(table.columns)}
    found = sorted(
        _first_and_last(table, list(_candidates(table, target, context))),
        key=lambda s: (-s.points, s.target_column, place[s.column], s.via is not None, str(s.via)),
    )
    used: set[str] = set()
    first: dict[str, Suggestion] = {}
    for suggestion in found:
        if suggestion.target_column not in first and (suggestion.via is not None or suggestion.column not in used):
            first[suggestion.target_column] = suggestion
            if suggestion.via is None:
                used.add(suggestion.column)
    needed = {"key"} if TARGETS[target].keyed else set()
    # What a mapping may state as a literal need not be a column.
    needed |= set(TARGETS[target].required) - CODED
    needed |= {"at_utc"} if target == "messages" else {"account"} if target == "wallet_addresses" else set()
    if not needed <= first.keys() or not _TELLING[target] & first.keys():
        return None
    if target == "messages" and not _free_text(table):
        return None
    ranked: dict[str, tuple[Suggestion, ...]] = {}
    for target_column, best in sorted(first.items()):
        others = [s for s in found if s.target_column == target_column and s is not best]
        ranked[target_column] = (best, *others)
    named = _TABLE_NAME_POINTS * name_points(name_words(table.table), tables[target]) // _NAME_POINTS
    named += _FREE_TEXT_POINTS if target == "messages" else 0
    return TableSuggestion(
        target=target,
        table=table.table,
        points=named + sum(s.points // (4 if s.target_column in _OF_ANY_TABLE else 1) for s in first.values()),
        columns=ranked,
    )


def suggestions(profile: PlatformProfile, files: KnownFiles | None = None) -> dict[str, tuple[TableSuggestion, ...]]:
    """For each table of ours, the tables that it may be, likeliest first.

    A table is likeliest for one of ours only: those are chosen together, so that their points sum to the most. Which
    columns name accounts and invoices is known once these are chosen, so the choice is made three times.

    Args:
        profile: Of the application's tables.
        files: What is known of the files that were taken in.
    """
    chosen: dict[str, TableSuggestion] = {}
    found: dict[str, list[TableSuggestion]] = {}
    for _ in range(3):
        for target in _ORDER:
            context = _Context(profile=profile, files=files, chosen=chosen)
            tables = [one for table in profile.tables if (one := _table(table, target, context)) is not None]
            found[target] = sorted(tables, key=lambda s: (-s.points, s.table))
            if TARGETS[target].keyed and found[target] and target not in chosen:
                chosen = {**chosen, target: found[target][0]}
        together = _chosen_together(found)
        for target, name in together.items():
            found[target].sort(key=lambda s, name=name: (s.table != name, -s.points, s.table))  # type: ignore[misc]  # a default
        chosen = {target: found[target][0] for target in together}
    whole = {target: tuple(tables) for target, tables in found.items()}
    return whole | further_suggestions(Main(profile=profile, chosen=chosen, files=files))


def likeliest(found: Mapping[str, Sequence[TableSuggestion]]) -> tuple[TableSuggestion, ...]:
    """What a draft begins with: of each main table of ours the first one suggested, no table of the application twice.

    Then each place that surely holds further identifiers, or references to files; these may be in the same tables.
    """
    chosen = _chosen_together(found)
    main = [found[target][0] for target in _ORDER if target in chosen]
    further = [one for target in _FURTHER for one in found.get(target, ()) if one.points >= DRAFT_POINTS]
    return (*main, *further)


def _chosen_together(found: Mapping[str, Sequence[TableSuggestion]]) -> dict[str, str]:
    """For each target the table, no table twice, with the largest sum of points; of equals the first by name."""
    looked_at = [[(one.points, one.table) for one in found[target][:_LOOKED_AT]] for target in _ORDER]
    # The most that the targets from one on can still bring, which tells early that a choice cannot win.
    most = [0]
    for candidates in reversed(looked_at):
        most.append(most[-1] + max((points for points, _ in candidates), default=0))
    most.reverse()
    best: tuple[int, tuple[str | None, ...]] = (-1, ())

    def choose(depth: int, points: int, taken: tuple[str | None, ...]) -> None:
        nonlocal best
        if points + most[depth] <= best[0]:
            return
        if depth == len(_ORDER):
            best = points, taken
            return
        for more, table in looked_at[depth]:
            if table not in taken:
                choose(depth + 1, points + more, (*taken, table))
        choose(depth + 1, points, (*taken, None))

    choose(0, 0, ())
    return {target: table for target, table in zip(_ORDER, best[1], strict=True) if table is not None}
