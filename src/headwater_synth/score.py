"""How good a case is, measured against the truth of its seizure (docs/reference/score.md)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from headwater.engine import Session
from headwater_synth.score_media import ledger_measures, media_measures
from headwater_synth.score_money import money_measures
from headwater_synth.score_people import lead_measures, link_measures
from headwater_synth.score_tokens import token_measures
from headwater_synth.score_truth import Measure, Truth, read_truth
from headwater_synth.score_use import fact_measures, rival_measures

__all__ = ["Measure", "measured", "measured_tables"]


def measured(case: Path, truth: Path) -> Iterator[Measure]:
    """All measures of a case, from its derived tables as they are.

    Args:
        case: The case folder; a stage that was not run leaves its measures at nothing found.
        truth: The folder of the truth.

    Raises:
        HeadwaterError: The one is no case, or the other lacks a file.
    """
    from headwater.workflow import Case, leads_before_judgement

    known = read_truth(truth)
    with Case(case) as opened, opened.tables() as tables:
        if tables.arrow("leads").num_rows:
            # People's judgements are not headwater's merit: what is measured is what it says before anybody judged.
            tables.put("leads", leads_before_judgement(tables))
        yield from measured_tables(tables, known)


def measured_tables(tables: Session, truth: Truth) -> Iterator[Measure]:
    """The same of tables that are open already."""
    yield from ledger_measures(tables)
    yield from media_measures(tables, truth)
    yield from money_measures(tables, truth)
    yield from token_measures(tables, truth)
    yield from link_measures(tables, truth)
    yield from lead_measures(tables, truth)
    yield from fact_measures(tables, truth)
    yield from rival_measures(tables, truth)
