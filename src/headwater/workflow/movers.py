"""The leads of the run before this one, and what moved since; both as they lie on disk, checked against the record."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from headwater.engine import file_sha256, without_subjects
from headwater.errors import DigestMismatchError
from headwater.leads import MOVED_COLUMNS, moved_leads
from headwater.schema import table_named
from headwater.schema.state import OUTPUTS, RUNS
from headwater.workflow.case import Case

__all__ = ["MOST_MOVERS", "lead_movers"]

MOST_MOVERS: Final = 200
_STAGE: Final = "leads"


def lead_movers(case: Case, *, most: int = MOST_MOVERS) -> dict[str, Any]:
    """What the newest run of the ranking moved, against the last one before it that had other leads.

    Args:
        case: The case.
        most: Movers that are told of.

    Returns:
        `run` and `before`, each with run_id and at_utc, or None where there is no such run, or its table is no longer
        kept; `counts` of every lead of both; `movers`.

    Raises:
        IntegrityError: A table that is kept is not what was recorded.
    """
    query = (
        sa.select(RUNS.c.run_id, RUNS.c.at_utc, OUTPUTS.c.sha256)
        .join(OUTPUTS, OUTPUTS.c.run_id == RUNS.c.run_id)
        .where(RUNS.c.stage == _STAGE, OUTPUTS.c.table_name == "leads")
        .order_by(RUNS.c.seq.desc())
    )
    with case.database.connect() as connection:
        runs = [dict(row) for row in connection.execute(query).mappings()]
    newest = runs[0] if runs else None
    # A run that made the same leads moved nothing: the one before is that which had others.
    others = [run for run in runs if newest is not None and run["sha256"] != newest["sha256"]]
    before = next((run for run in others if case.table_file("leads", str(run["run_id"])).is_file()), None)
    told: dict[str, Any] = {
        "run": _told(newest),
        "before": _told(before),
        "not_kept": len(others) if before is None else 0,
        "counts": {},
        "movers": [],
    }
    if newest is not None and before is not None:
        moved = moved_leads(_leads(case, before), _leads(case, newest), most=most)
        told["counts"], told["movers"] = dict(moved.counts), [dict(one) for one in moved.movers]
    return told


def _told(run: dict[str, Any] | None) -> dict[str, str] | None:
    return None if run is None else {"run_id": str(run["run_id"]), "at_utc": str(run["at_utc"])}


def _leads(case: Case, run: dict[str, Any]) -> pa.Table:
    path = case.table_file("leads", str(run["run_id"]))
    if (found := file_sha256(path)) != run["sha256"]:
        raise DigestMismatchError(path, expected=str(run["sha256"]), found=found)
    rows = pq.read_table(path)
    erased = case.erased_ids()
    if erased:
        rows = without_subjects("leads", rows.cast(table_named("leads").arrow), frozenset(erased))
    return rows.select(list(MOVED_COLUMNS))
