"""Reading a case: each reading is a custody entry before the first row leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headwater.catalogue import ledger_sums
from headwater.custody import subjects_among
from headwater.engine import Session
from headwater.errors import ConfigError, RefusedError
from headwater.money import VIEWS_BY_HEIGHT, as_of_height
from headwater.schema import TABLES
from headwater.workflow.case import Actor, Case
from headwater.workflow.intake import recorded
from headwater.workflow.victims import OF_VICTIMS

__all__ = [
    "LedgerReport",
    "consult",
    "ledger_report",
    "open_tables",
    "table_list",
    "table_rows",
]


@contextmanager
def consult(case: Case, actor: Actor, what: str, object_ids: Sequence[str] = ()) -> Iterator[Session]:
    """The case's tables, after the reading has been recorded; a refusal or failure is recorded as well."""
    about = subjects_among(object_ids)
    case.record("consulted", actor, object_ids=object_ids, params={"read": what}, about=about)
    # A person reads every list, also to confirm its polarity; `reference list` tells which of them count.
    with recorded(case, "consulted", actor, about=about, read=what), case.tables(with_unconfirmed=True) as tables:
        yield tables


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerReport:
    """The ledger with what belongs beside it.

    Attributes:
        sums: Lines by exhibit or by directory, then the total.
        defects: Defects by their code.
        medium_sums: For each exhibit that is an image, the bytes of its medium by what holds them.
        dump_tables: For each exhibit with dumps, its rows and what became of them.
        media_sums: Stills and videos by what the lists say, and which of them no person need look at.
        mapping_checks: For each bound table and column, how many rows meet what a right mapping would meet.
        coin_files: Files of Monero, Zcash and Lightning, and what can be done with each next.
    """

    sums: list[dict[str, Any]]
    defects: Mapping[str, int]
    medium_sums: list[dict[str, Any]]
    dump_tables: list[dict[str, Any]]
    media_sums: list[dict[str, Any]]
    mapping_checks: list[dict[str, Any]]
    coin_files: list[dict[str, Any]]


def ledger_report(tables: Session, *, by_directory: bool = False) -> LedgerReport:
    """The sums of the ledger, the defects by kind, and the rows of the dumps."""
    sums: list[dict[str, Any]]
    if by_directory:
        sums = tables.arrow("ledger").to_pylist()
        for row in sums:
            done = row["catalogued_bytes"] + row["refused_bytes"] + row["deferred_bytes"]
            row["unaccounted_bytes"] = row["entry_bytes"] - done
    else:
        lines = ledger_sums(tables)
        sums = [asdict(line) | {"unaccounted_bytes": line.unaccounted_bytes} for line in lines]
        if sums:
            names = [name for name in sums[0] if name != "source"]
            sums.append({"source": "total"} | {name: sum(row[name] for row in sums) for name in names})
    if not sums:
        raise ConfigError("the catalogue has not been made; begin with 'headwater run'")
    codes = Counter(tables.arrow("defects")["code"].to_pylist())
    dumps: dict[str, Counter[str]] = {}
    # A table may be bound more than once, as accounts and as names on a messenger; its rows are counted once.
    through: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in tables.arrow("dump_tables").to_pylist():
        through.setdefault((row["source_item_id"], row["source_table"]), []).append(row)
    for rows in through.values():
        most = max(rows, key=lambda row: (row["rows_mapped"], row["bound_to"]))
        dumps.setdefault(most["exhibit_id"], Counter()).update(
            {
                "tables": 1,
                "rows_read": most["rows_read"],
                "rows_mapped": most["rows_mapped"],
                "rows_rejected": most["rows_rejected"],
                "rows_ignored": most["rows_ignored"],
                "tables_ignored": int(not most["bound_to"]),
                "rows_bound_besides": sum(row["rows_mapped"] for row in rows) - most["rows_mapped"],
            },
        )
    return LedgerReport(
        sums=sums,
        defects=dict(sorted(codes.items())),
        medium_sums=_medium_sums(tables),
        dump_tables=[{"exhibit_id": exhibit, **count} for exhibit, count in sorted(dumps.items())],
        media_sums=_media_sums(tables),
        mapping_checks=tables.arrow("mapping_checks").to_pylist(),
        coin_files=tables.arrow("coin_files").to_pylist(),
    )


_DESK = ("none", "not_comparable", "near", "known")
"""What lists can say of media that a specialist looks at."""


def _media_sums(tables: Session) -> list[dict[str, Any]]:
    """Files, bytes and playing time of stills and videos by verdict, and of each how much no person need look at.

    Nobody need look at what a list says is benign, at what is known with a victim who is identified, nor a second time
    at a file of the same content.
    """
    durations = {row["item_id"]: row["duration_ms"] or 0 for row in tables.arrow("media_files").to_pylist()}
    ids = pc.unique(tables.arrow("media_verdicts")["item_id"])
    told = ["item_id", "sha256", "size_bytes"]
    items = tables.chosen("items", lambda part: pc.is_in(part["item_id"], value_set=ids), columns=told)
    listed = {row["item_id"]: row for row in items.to_pylist()}
    sums: dict[str, Counter[str]] = {}
    seen: set[str] = set()
    for verdict in tables.arrow("media_verdicts").to_pylist():
        item_id, group = verdict["item_id"], verdict["verdict_group"]
        if item_id not in durations:
            continue  # a listed digest of what is neither still nor video
        digest = listed[item_id]["sha256"]
        again = digest is not None and digest in seen
        seen.add(digest or item_id)
        settled = group == "known" and verdict["victim_identified"] == "yes"
        spared = again or settled or group not in _DESK
        what = {"files": 1, "bytes": listed[item_id]["size_bytes"], "playing_ms": durations[item_id]}
        count = sums.setdefault(group, Counter(dict.fromkeys((f"{a}{b}" for a in ("", "spared_") for b in what), 0)))
        count.update(what)
        count.update({f"spared_{name}": value if spared else 0 for name, value in what.items()})
    return [{"verdict_group": group, **dict(sums[group])} for group in sorted(sums)]


_MOST = [("exhibit_id", "ascending"), ("bytes", "descending")]


def _medium_sums(tables: Session) -> list[dict[str, Any]]:
    ranges = tables.table("medium_ranges")
    sums = ranges.group_by(["exhibit_id", "range_kind"]).aggregate(bytes=ranges.range_bytes.sum().cast("int64"))
    by_exhibit: dict[str, dict[str, int]] = {}
    for row in tables.result(sums, order_by=["exhibit_id", "range_kind"]).sort_by(_MOST).to_pylist():
        by_exhibit.setdefault(row["exhibit_id"], {})[row["range_kind"]] = row["bytes"]
    return [
        {"exhibit_id": exhibit, "medium_bytes": sum(kinds.values()), "bytes_by_kind": kinds}
        for exhibit, kinds in by_exhibit.items()
    ]


def table_list(tables: Session) -> list[dict[str, Any]]:
    """Every table there can be, with its rows in this case."""
    return [
        {"table": t.name, "stage": t.stage, "rows": tables.arrow(t.name).num_rows, "about": t.about} for t in TABLES
    ]


def table_rows(
    tables: Session, name: str, *, where: Sequence[str], columns: Sequence[str], height: int | None = None
) -> pa.Table:
    """The rows of a table that fit every condition.

    Args:
        tables: The case's tables.
        name: Which table.
        where: Conditions `COLUMN=VALUE`, compared as text; `COLUMN=` fits an absent value.
        columns: Columns to give; empty for all.
        height: The table as it was when this block was the last one; only address clusters and merges can be had so.

    Raises:
        RefusedError: The table is about victims.
        ConfigError: There is no such table or column, a condition has no `=`, or the table has no state by height.
        InputError: The chain has no such block.
    """
    known = {table.name: table for table in TABLES}
    if name not in known:
        raise ConfigError(f"no table '{name}'; 'headwater show CASE tables' lists them")
    if name in OF_VICTIMS:
        raise RefusedError(f"table '{name}' is about victims; read it with 'headwater leads CASE --victims'")
    if height is not None and name not in VIEWS_BY_HEIGHT:
        raise ConfigError(
            f"table '{name}' is not kept by block height; --as-of-height is for {', '.join(VIEWS_BY_HEIGHT)}"
        )
    rows = tables.arrow(name) if height is None else as_of_height(tables, name, height)
    for condition in where:
        column, sign, value = condition.partition("=")
        if not sign:
            raise ConfigError(f"--where '{condition}': write COLUMN=VALUE")
        rows = rows.filter(_fits(_column(rows, name, column), value))
    for column in columns:
        _column(rows, name, column)
    return rows.select(list(columns)) if columns else rows


def _column(rows: pa.Table, table: str, name: str) -> pa.ChunkedArray:
    if name not in rows.column_names:
        raise ConfigError(f"table '{table}' has no column '{name}'; it has {', '.join(rows.column_names)}")
    return rows[name]


def _fits(column: pa.ChunkedArray, value: str) -> pa.ChunkedArray:
    if not value:
        return pc.is_null(column)
    if pa.types.is_binary(column.type) or pa.types.is_list(column.type):
        raise ConfigError("--where compares text, numbers, times and yes/no, not bytes or lists; name another column")
    text = column if pa.types.is_string(column.type) else column.cast(pa.string())
    return pc.fill_null(pc.equal(text, value), False)  # noqa: FBT003 - Arrow's own signature


@contextmanager
def open_tables(path: Path) -> Iterator[Session]:
    """The tables of the case at a path, for programs that measure; a person's reading goes through `consult`."""
    with Case(path) as case, case.tables() as tables:
        yield tables
