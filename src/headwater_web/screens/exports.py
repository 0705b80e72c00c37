"""Any view of a table as a file: every row of it, with a reason, and who took it in the log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headwater.schema import Table
from headwater_web.answers import Answer, Download, Page, WrongInputError
from headwater_web.ask import Ask
from headwater_web.exports import FORMATS, csv_parts, json_parts
from headwater_web.rules import CASE_READERS, Route
from headwater_web.screens.tables import pages_of, table_asked_for
from headwater_web.table_pages import Condition, conditions_of
from headwater_web.veils import shown_columns

__all__ = ["MEMORY", "ROUTES"]

MEMORY = "exports"


def export_form(ask: Ask) -> Page:
    """What would be exported, how much that is, and the question why."""
    table = table_asked_for(ask)
    where = conditions_of(table.name, ask.query)
    page = pages_of(ask).page(table.name, rows=0, where=where)
    done = ask.workbench.memory.setdefault(MEMORY, {}).get((ask.who.person_id, table.name))
    values = {"table": table, "where": where, "fitting": page.fitting, "done": done}
    return Page(template="export.html", part="export_part.html", values=values, as_json={"fitting": page.fitting})


def export(ask: Ask) -> Answer:
    """The file, sent row group by row group; it is never cut, and nothing of it stays on the server."""
    table = table_asked_for(ask)
    where = conditions_of(table.name, ask.query)
    kind = ask.form.get("format", "csv")
    if kind not in FORMATS:
        raise WrongInputError("problem.no_format")
    pages = pages_of(ask)
    fitting = pages.page(table.name, rows=0, where=where).fitting
    names = shown_columns(table.name, [column.name for column in table.columns])
    ask.reads(f"table:{table.name}", f"rows:{fitting}")
    batches = _counted(ask, table, fitting, where, names)
    write = csv_parts if kind == "csv" else json_parts
    return Download(parts=write(names, batches), media_type=FORMATS[kind], file_name=f"{table.name}.{kind}")


def _counted(ask: Ask, table: Table, fitting: int, where: list[Condition], names: list[str]) -> Iterator[Any]:
    """The batches; how far they are is for the page that asks for it."""
    progress: dict[Any, Any] = ask.workbench.memory.setdefault(MEMORY, {})
    key, sent = (ask.who.person_id, table.name), 0
    progress[key] = {"sent": 0, "of": fitting, "ended": False}
    for batch in pages_of(ask).batches(table.name, where=where, columns=names):
        yield batch
        sent += batch.num_rows
        progress[key] = {"sent": sent, "of": fitting, "ended": sent >= fitting}


ROUTES = (
    Route(
        name="export_form",
        path="/case/{case}/tables/{table}/export",
        about="What an export of a table would hold, and how far the last one of this person is.",
        view=export_form,
        roles=CASE_READERS,
        in_case=True,
        reads="size of an export",
        sample=(("table", "items"),),
    ),
    Route(
        name="export",
        path="/case/{case}/tables/{table}/export",
        about="A table as CSV or JSON Lines, every row that fits the address; asks for a reason.",
        view=export,
        roles=CASE_READERS,
        in_case=True,
        reads="export",
        methods=("POST",),
        bulk=True,
        exports=True,
        sample=(("table", "items"),),
    ),
)
