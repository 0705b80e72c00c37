"""The truth about a seizure as the generator wrote it, and the shape of a measure."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from headwater.errors import UnreadableInputError

__all__ = ["Measure", "PairCounts", "Row", "Truth", "pair_counts", "read_truth", "share"]

Row = Mapping[str, str]

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "accounts": ("account_key", "person_key", "is_origin", "identity_reachable", "own_data_leads"),
    "people": ("person_key", "record_keys", "customer_keys", "only_paid_for_relative"),
    "payments": ("invoice_key", "payer_person_key", "exchange", "txid", "output_index"),
    "addresses": ("script_hex", "kind", "cluster_expected"),
    "transactions": ("txid", "kind"),
    "flows": (
        "direction",
        "policy",
        "origin_txid",
        "origin_output_index",
        "endpoint_txid",
        "endpoint_output_index",
        "endpoint_kind",
        "service_actor",
        "amount_sat",
    ),
    "media": ("path", "scene_key", "listed", "comparable"),
    "facts": ("account_key", "fact_kind", "other_person_key"),
    "rivals": ("account_key", "payer_person_key", "other_person_key"),
    "token_flows": (
        "chain",
        "direction",
        "origin_block",
        "origin_position",
        "endpoint_block",
        "endpoint_position",
        "stop_reason",
        "service_actor",
        "amount_units",
    ),
    "token_marks": ("chain", "block", "position", "mark"),
}
"""The columns that measures need of each file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One figure about a case.

    Attributes:
        measure: Its name, as in docs/reference/score.md.
        value: The figure; absent where there was nothing to measure.
        n: How much it was measured on.
    """

    measure: str
    value: float | None
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The files of the truth, row by row, as text.

    Attributes:
        accounts: Who held them.
        people: Who they are, and which records and customers they are.
        payments: Who paid which invoice.
        addresses: Who controls them.
        transactions: What they are for.
        flows: Where the satoshis of receipts came from and went to.
        media: What each file of the store is.
        facts: What is true of who used accounts.
        rivals: Who lives with a payer and is known to some source.
        token_flows: Where base units of receipts and payouts of tokens end.
        token_marks: Transfers that are not what they seem.
    """

    accounts: tuple[Row, ...]
    people: tuple[Row, ...]
    payments: tuple[Row, ...]
    addresses: tuple[Row, ...]
    transactions: tuple[Row, ...]
    flows: tuple[Row, ...]
    media: tuple[Row, ...]
    facts: tuple[Row, ...] = ()
    rivals: tuple[Row, ...] = ()
    token_flows: tuple[Row, ...] = ()
    token_marks: tuple[Row, ...] = ()


def read_truth(folder: Path) -> Truth:
    """The truth in a folder.

    Raises:
        UnreadableInputError: A file or a column is missing: a measure of nothing would look like a good one.
    """
    return Truth(**{name: _read(folder / f"{name}.csv", columns) for name, columns in _COLUMNS.items()})


def _read(path: Path, columns: tuple[str, ...]) -> tuple[Row, ...]:
    remedy = "give the folder that `headwater-synth seizure --truth` wrote"
    if not path.is_file():
        raise UnreadableInputError(path, "no such file of the truth", remedy=remedy)
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise UnreadableInputError(path, f"no column {', '.join(missing)}", remedy=remedy)
        return tuple(reader)


def share(part: int, whole: int) -> float | None:
    """Part of whole, to six places; None of nothing."""
    return round(part / whole, 6) if whole else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCounts:
    """How two ways of grouping the same things agree, in pairs of things.

    Attributes:
        expected: Pairs that belong together.
        found: Pairs that were put together.
        both: Pairs that are both.
    """

    expected: int
    found: int
    both: int


def pair_counts(expected: Mapping[str, Hashable], found: Mapping[str, Hashable]) -> PairCounts:
    """Pairs by the groups that things belong to, and by the groups they were put into.

    Args:
        expected: The true group of every thing that counts.
        found: The group it was put into; things that are not here stand alone, others than those above do not count.
    """
    in_both = Counter((group, found[thing]) for thing, group in expected.items() if thing in found)
    put = Counter(group for thing, group in found.items() if thing in expected)
    return PairCounts(
        expected=_pairs(Counter(expected.values()).values()),
        found=_pairs(put.values()),
        both=_pairs(in_both.values()),
    )


def _pairs(sizes: Iterable[int]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes)
