"""What the report draws of each lead: the same charts as the workbench shows, of what the package holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from headwater.charts import LinkChart, drawing_svg, link_chart_svg
from headwater.engine import Session
from headwater.leads import CONNECTION_WORDS, connection_chart, lead_timelines, timeline_sentences
from headwater.packages.contents import Contents
from headwater.packages.typesetting import printable

__all__ = ["LeadChart", "lead_charts"]

_TENTHS_OF_MM: Final = 2  # of one unit of a link chart, so that its words are as small as those of a table
_WIDEST_TENTHS_OF_MM: Final = 1720  # between the margins of the report


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadChart:
    """A drawing with its words.

    Attributes:
        svg: The drawing.
        about: What it shows, for who does not see it.
        sentences: What stands under it.
        width_tenths_mm: How wide it is set.
        rows: Of a link chart, number, ends, words, table and row of each connection.
    """

    svg: str
    about: str
    sentences: tuple[str, ...]
    width_tenths_mm: int = _WIDEST_TENTHS_OF_MM
    rows: tuple[tuple[str, ...], ...] = ()


def lead_charts(tables: Session, contents: Contents) -> dict[str, tuple[LeadChart, LeadChart]]:
    """For each lead, by its id, its timeline and its link chart.

    The timeline is of counts and times alone. The link chart is made of the package's own rows, so that it shows
    nothing that the package keeps back: no link but those found positive, no service but those it has questions to.

    Args:
        tables: The tables of the case.
        contents: What the package holds.
    """
    links = {lead["lead_id"]: _link_chart(lead, contents.requests) for lead in contents.leads}
    charts = {}
    for told in lead_timelines(tables, contents.leads):
        drawing = told.drawn()
        timeline = LeadChart(
            svg=drawing_svg(drawing),
            about=f"{drawing.title}. {drawing.about}",
            sentences=tuple(timeline_sentences(told)),
        )
        charts[told.lead_id] = (timeline, links[told.lead_id])
    return charts


def _link_chart(lead: Mapping[str, Any], requests: Sequence[Mapping[str, Any]]) -> LeadChart:
    record = lead["named_record"]
    services: dict[tuple[str, str], dict[str, Any]] = {}
    for request in requests:
        if lead["lead_id"] in request["lead_ids"]:
            one = services.setdefault(
                (request["service_id"], request["direction"]),
                {
                    **{name: request[name] for name in ("service_id", "service_name", "direction")},
                    "amount_sat": 0,
                    "questions": 0,
                    "at_address": None,
                    "table": "request_sheets",
                    "row_id": request["request_id"],
                },
            )
            one["questions"] += 1
    found = connection_chart(
        {**lead["account"], "account_id": lead["account_id"]},
        services=[
            # Satoshis of a question may be of several leads: how many of them are this one's is in no row of a package.
            {**one, "told": f"{one['questions']} questions to it, {one['direction']}"}
            for _, one in sorted(services.items())
        ],
        links=[{**link, "verdict": "positive", "at_address": None} for link in lead["links"]],
        names={record["record_id"]: record["full_name"]} if record and record.get("full_name") else None,
        shown=printable,
    )
    about = _about(found.chart)
    return LeadChart(
        svg=link_chart_svg(found.chart, title="Link chart of the account", about=about, words=CONNECTION_WORDS),
        about=f"Link chart of the account. {about}",
        sentences=(about, "It holds what this package holds; whoever sent it has the whole."),
        width_tenths_mm=min(_WIDEST_TENTHS_OF_MM, found.chart.width * _TENTHS_OF_MM),
        rows=tuple((str(row.number), row.source, row.target, row.told, row.table, row.row_id) for row in found.rows),
    )


def _about(chart: LinkChart) -> str:
    return (
        f"{len(chart.nodes)} of {chart.total} things and {len(chart.edges)} of {chart.edges_total} connections are "
        f"shown; at most {chart.cap} things are."
    )
