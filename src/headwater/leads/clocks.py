"""How right the platform's clock was, as far as the evidence shows it: beside the times of blocks and of files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from headwater.engine import Session

__all__ = ["CLOCK_TABLES", "STEADY_S", "ClockComparison", "clock_comparisons"]

Seconds = np.ndarray[tuple[int], np.dtype[np.int64]]

_SECOND_US: Final = 1_000_000

CLOCK_TABLES: Final = ("payments", "transactions", "uploads", "upload_items", "items")
"""What is compared."""

_LEAST_PAIRS: Final = 3
STEADY_S: Final = 120
"""Differences that lie this close together are one difference; one this small is none. Both are choices, printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockComparison:
    """The platform's times of one exhibit less those of something else for the same thing.

    Attributes:
        exhibit_id: The exhibit whose times these are.
        compared: `payments`, with the block of the same transaction, or `uploads`, with the file they left.
        pairs: How many were compared.
        least_s: The smallest difference, in whole seconds; negative where the platform's time is the earlier.
        median_s: The middle one; of an even number, the smaller of the two.
        most_s: The largest.
    """

    exhibit_id: str
    compared: str
    pairs: int
    least_s: int
    median_s: int
    most_s: int

    @property
    def shows_skew(self) -> bool:
        """Whether the differences are one and the same, and not none: a clock, or a zone, that is off by so much.

        Differences that vary show none: a payment is booked before its block where it was seen unconfirmed, and after
        it where the platform waited.
        """
        is_steady = self.pairs >= _LEAST_PAIRS and self.most_s - self.least_s <= STEADY_S
        return is_steady and abs(self.median_s) > STEADY_S


def clock_comparisons(tables: Session, exhibit_ids: Sequence[str] | None = None) -> list[ClockComparison]:
    """What can be compared, exhibit by exhibit; empty where nothing can.

    Args:
        tables: The tables of the case.
        exhibit_ids: Only these; None for all.
    """
    found = []
    for compared, pairs in (("payments", _with_blocks(tables)), ("uploads", _with_files(tables))):
        wanted = pairs if exhibit_ids is None else pairs.filter(pairs.exhibit_id.isin(sorted(set(exhibit_ids))))
        apart: dict[str, list[Seconds]] = {}
        for part in tables.result_parts(wanted):
            own, other = (part[name].cast(pa.int64()).to_numpy() for name in ("own", "other"))
            exhibits = part["exhibit_id"].to_numpy()
            for exhibit in np.unique(exhibits).tolist():
                mine = exhibits == exhibit
                apart.setdefault(exhibit, []).append((own[mine] - other[mine]) // _SECOND_US)
        found += [_compared(exhibit, compared, np.sort(np.concatenate(apart[exhibit]))) for exhibit in sorted(apart)]
    return found


def _compared(exhibit_id: str, compared: str, seconds: Seconds) -> ClockComparison:
    return ClockComparison(
        exhibit_id=exhibit_id,
        compared=compared,
        pairs=len(seconds),
        least_s=int(seconds[0]),
        median_s=int(seconds[(len(seconds) - 1) // 2]),
        most_s=int(seconds[-1]),
    )


def _with_blocks(tables: Session) -> ir.Table:
    payments, transactions = tables.table("payments"), tables.table("transactions")
    # Two exhibits may hold the same chain: a transaction is compared once.
    blocks = transactions.group_by("txid").aggregate(other=transactions.at_utc.min())
    joined = payments.filter(payments.txid.notnull()).inner_join(blocks, "txid")
    return joined.select(exhibit_id=joined.exhibit_id, own=joined.at_utc, other=joined.other)


def _with_files(tables: Session) -> ir.Table:
    uploads, left, items = (tables.table(name) for name in ("uploads", "upload_items", "items"))
    files = items.select("item_id", other=items.modified_at_utc)
    joined = uploads.select("upload_id", "exhibit_id", own=uploads.at_utc).inner_join(
        left.filter(left.resolved_by == "path").select("upload_id", "item_id"), "upload_id"
    )
    with_files = joined.inner_join(files, "item_id")
    return with_files.filter(with_files.other.notnull()).select("exhibit_id", "own", "other")
