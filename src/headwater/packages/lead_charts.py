"""What the report draws of each lead: the same shapes as the workbench shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.charts import drawing_svg
from headwater.engine import Session
from headwater.leads import lead_timelines, timeline_sentences

__all__ = ["LeadChart", "lead_charts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadChart:
    """A drawing with its words.

    Attributes:
        svg: The drawing.
        about: What it shows, for who does not see it.
        sentences: What stands under it.
    """

    svg: str
    about: str
    sentences: tuple[str, ...]


def lead_charts(tables: Session, leads: Sequence[Mapping[str, Any]]) -> dict[str, LeadChart]:
    """The timeline of each lead, by its id; counts and times alone, nothing that evidence wrote.

    Args:
        tables: The tables of the case.
        leads: Rows of `leads`.
    """
    charts = {}
    for told in lead_timelines(tables, leads):
        drawing = told.drawn()
        charts[told.lead_id] = LeadChart(
            svg=drawing_svg(drawing),
            about=f"{drawing.title}. {drawing.about}",
            sentences=tuple(timeline_sentences(told)),
        )
    return charts
