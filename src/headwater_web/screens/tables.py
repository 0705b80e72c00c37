"""Any table of the case, page by page; and one row of it, with the free text that was opened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

from headwater.schema import TABLES, Column, Table
from headwater.workflow import OF_VICTIMS
from headwater_web.answers import NotThereError, Page, Problem, Redirect
from headwater_web.ask import Ask
from headwater_web.rules import CASE_READERS, Role, Route
from headwater_web.shown import json_value, shown_text
from headwater_web.table_pages import PAGE_ROWS, Condition, TablePage, TablePages, conditions_of
from headwater_web.text import Seized
from headwater_web.veils import is_veiled, shown_columns

__all__ = ["ROUTES", "pages_of", "readable_tables", "shown_rows", "table_asked_for"]

_MOST_ROWS: Final = 200
_MOST_KEY: Final = 4_000
"""Characters of a key that an address can carry; a row whose key is longer is shown, and has no page of its own."""
_BY_NAME: Final = {table.name: table for table in TABLES}


def pages_of(ask: Ask) -> TablePages:
    """The pages of this case's tables."""
    kept: dict[str, TablePages] = ask.workbench.memory.setdefault("pages", {})
    return kept.setdefault(ask.case.key, TablePages(ask.case))


def readable_tables(ask: Ask) -> list[Table]:
    """The tables that this person may read, in the order of the flow."""
    victims = Role.VICTIM_ANALYST in ask.roles
    return [table for table in TABLES if victims or table.name not in OF_VICTIMS]


def table_asked_for(ask: Ask) -> Table:
    """The table that the path names.

    Raises:
        NotThereError: There is none.
        Problem: It is about victims, and the person has not that role.
    """
    table = _BY_NAME.get(ask.path["table"])
    if table is None:
        raise NotThereError("problem.no_table", table=Seized(ask.path["table"]))
    if table.name in OF_VICTIMS and Role.VICTIM_ANALYST not in ask.roles:
        raise Problem(403, "problem.victims")
    return table


def all_tables(ask: Ask) -> Page:
    """Every table there can be, with its rows in this case."""
    counts = ask.case.row_counts()
    rows = [{"table": t.name, "stage": t.stage, "rows": counts[t.name], "about": t.about} for t in readable_tables(ask)]
    return Page(template="tables.html", values={"tables": rows}, as_json={"tables": rows})


def one_table(ask: Ask) -> Page | Redirect:
    """A page of a table, with the rows that fit what the address asks for."""
    table = table_asked_for(ask)
    if ask.one("column"):
        return _with_filter(ask, table)
    where = conditions_of(table.name, ask.query)
    rows = min(ask.number("rows", PAGE_ROWS, most=_MOST_ROWS) or PAGE_ROWS, _MOST_ROWS)
    first = ask.number("first")
    page = pages_of(ask).page(table.name, first=first, rows=rows, where=where, columns=_names(table))
    ask.reads(f"table:{table.name}", f"rows:{first}-{first + len(page.rows)}", f"fitting:{page.fitting}")
    values: dict[str, Any] = {
        "table": table,
        "columns": _columns(ask, table, where),
        "rows": shown_rows(ask, table, page.rows),
        "page": page,
        "where": where,
        "links": _page_links(ask, table, page, rows, where),
    }

    def as_json() -> object:
        return {
            "table": table.name,
            "first": page.first,
            "fitting": page.fitting,
            "total": page.total,
            "rows": [
                json_value({name: _veiled(table.name, name, value) for name, value in row.items()}) for row in page.rows
            ],
        }

    return Page(template="table.html", part="table_part.html", values=values, as_json=as_json)


def _with_filter(ask: Ask, table: Table) -> Redirect:
    """The address that the form for one more condition asks for."""
    kind = "has" if ask.one("kind") == "has" else "is"
    kept = {name: list(values) for name, values in ask.query.items() if name.partition(".")[0] in {"is", "has"}}
    kept.setdefault(f"{kind}.{ask.one('column')}", []).append(ask.one("value"))
    return Redirect(to=ask.url("table", table=table.name, **kept))


def _veiled(table: str, name: str, value: object) -> object:
    return {"veiled_characters": len(value)} if isinstance(value, str) and is_veiled(table, name) else value


def _names(table: Table) -> list[str]:
    return shown_columns(table.name, [column.name for column in table.columns])


def _columns(ask: Ask, table: Table, where: Sequence[Condition]) -> list[dict[str, Any]]:
    del ask
    asked = {condition.column: condition.value for condition in where}
    return [
        {
            "name": column.name,
            "about": column.about,
            "number": pa.types.is_integer(column.type) or pa.types.is_floating(column.type),
            "filter": not (pa.types.is_nested(column.type) or pa.types.is_binary(column.type)),
            "asked": asked.get(column.name, ""),
            "key": column.name in table.key,
        }
        for column in table.columns
        if column.name in _names(table)
    ]


def shown_rows(ask: Ask, table: Table, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows as the table component draws them: cells with their text, and where each leads."""
    columns = {column.name: column for column in table.columns}
    shown = []
    for row in rows:
        key = {f"is.{name}": shown_text(row[name]) for name in table.key}
        cells = [_cell(ask, columns[name], value, table, key) for name, value in row.items()]
        short = sum(map(len, key.values())) <= _MOST_KEY
        shown.append({"cells": cells, "href": ask.url("row", table=table.name, **key) if short else ""})
    return shown


def _cell(ask: Ask, column: Column, value: object, table: Table, key: dict[str, str]) -> dict[str, Any]:
    cell: dict[str, Any] = {"name": column.name, "absent": value is None, "number": isinstance(value, int | float)}
    cell["veiled"] = len(value) if isinstance(value, str) and is_veiled(table.name, column.name) else 0
    cell["text"] = "" if cell["veiled"] else _text(value)
    cell["href"] = cell["open"] = ""
    if column.cites and isinstance(value, str):
        cited, _, name = column.cites.partition(".")
        if cited in _BY_NAME and ask.may("table") and len(value) <= _MOST_KEY:
            cell["href"] = ask.url("table", table=cited, **{f"is.{name}": value})
    elif cell["veiled"] and sum(map(len, key.values())) <= _MOST_KEY:
        cell["open"] = ask.url("opened", table=table.name, column=column.name, **key)
    return cell


def _text(value: object) -> object:
    return value if isinstance(value, int) and not isinstance(value, bool) else Seized(shown_text(value))


def _page_links(
    ask: Ask, table: Table, page: TablePage, rows: int, where: Sequence[Condition]
) -> dict[str, str | None]:
    asked = {f"{'has' if c.holds else 'is'}.{c.column}": c.value for c in where}

    def at(first: int) -> str:
        return ask.url("table", table=table.name, first=first, rows=rows, **asked)

    last = max(0, (page.fitting - 1) // rows * rows)
    return {
        "first": at(0) if page.first > 0 else None,
        "before": at(max(0, page.first - rows)) if page.first > 0 else None,
        "next": at(page.first + rows) if page.first + rows < page.fitting else None,
        "last": at(last) if page.first < last else None,
        "all": ask.url("table", table=table.name),
        "export": ask.url("export_form", table=table.name, **asked),
    }


def _the_row(ask: Ask, table: Table) -> dict[str, Any]:
    where = conditions_of(table.name, ask.query)
    if {condition.column for condition in where} != set(table.key):
        raise NotThereError("problem.no_row")
    [condition, *more] = where
    plain = not more and condition.value and not condition.holds
    if plain and table.arrow.field(condition.column).type == pa.string() and not ask.case.is_being_made("remarks_on"):
        # By an index, which was made for whatever asks for rows by their ids.
        with ask.case.tables() as tables:
            rows = tables.keyed(table.name, condition.column, [condition.value], columns=_names(table))
        found: list[dict[str, Any]] = rows.slice(0, 2).to_pylist()
    else:
        found = pages_of(ask).page(table.name, rows=2, where=where, columns=_names(table)).rows
    if len(found) != 1:
        raise NotThereError("problem.no_row")
    ask.reads(f"table:{table.name}", *(shown_text(found[0][name]) for name in table.key if name.endswith("_id")))
    return found[0]


def one_row(ask: Ask) -> Page:
    """One row, column by column, with what each column is."""
    table = table_asked_for(ask)
    row = _the_row(ask, table)
    cells = [{**cell, **_unfolded(row[cell["name"]])} for cell in shown_rows(ask, table, [row])[0]["cells"]]
    [key, *more] = table.key
    values = {
        "table": table,
        "cells": cells,
        "about": {column.name: column.about for column in table.columns},
        "object_id": row[key] if not more and isinstance(row[key], str) and table.name != "remarks" else "",
    }
    return Page(
        template="row.html",
        values=values,
        as_json=lambda: {"row": json_value({name: _veiled(table.name, name, value) for name, value in row.items()})},
    )


def _unfolded(value: object) -> dict[str, Any]:
    """A list as its parts, and a list of structures as a small table."""
    if not isinstance(value, list) or not value:
        return {}
    if all(isinstance(part, dict) for part in value):
        names = list(dict.fromkeys(name for part in value for name in part))
        return {"names": names, "parts": [[_text(part.get(name)) for name in names] for part in value]}
    return {"parts": [_text(part) for part in value]}


def opened_text(ask: Ask) -> Page:
    """One free text, opened by this person now."""
    table = table_asked_for(ask)
    column = ask.path["column"]
    if not is_veiled(table.name, column):
        raise NotThereError
    row = _the_row(ask, table)
    ask.reads(f"opened:{column}")
    text = row[column] or ""
    return Page(
        template="opened.html", part="opened_part.html",
        values={"table": table, "text": Seized(text), "column": column}, as_json={"text": text},
    )  # fmt: skip


ROUTES = (
    Route(
        name="tables",
        path="/case/{case}/tables/",
        about="Every table there can be, with its rows in this case.",
        view=all_tables,
        roles=CASE_READERS,
        in_case=True,
        reads="list of tables",
        nav="nav.tables",
    ),
    Route(
        name="table",
        path="/case/{case}/tables/{table}/",
        about="A page of any table: `first` and `rows` say which; `is.COLUMN` and `has.COLUMN` what rows are to fit.",
        view=one_table,
        roles=CASE_READERS,
        in_case=True,
        reads="table",
        sample=(("table", "items"),),
    ),
    Route(
        name="row",
        path="/case/{case}/tables/{table}/row",
        about="One row of a table, by its key.",
        view=one_row,
        roles=CASE_READERS,
        in_case=True,
        reads="row",
        sample=(("table", "items"),),
    ),
    Route(
        name="opened",
        path="/case/{case}/tables/{table}/opened/{column}",
        about="A free text of one row, which pages keep veiled; the log says who opened it.",
        view=opened_text,
        roles=CASE_READERS,
        in_case=True,
        reads="free text",
        sample=(("table", "outcomes"), ("column", "note")),
    ),
)
