"""Negative judgements that stand: what a person denied never comes back, by no chain and no other row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.identities.claims.bars import ClaimPairs

__all__ = ["Denials", "standing_denials"]

_SIDES = {"held": ("customers", "records"), "used": ("accounts", "records"), "paid": ("payments", "customers")}
_CONTENT = (
    "full_name", "given_name", "surname", "date_of_birth", "street_address", "suburb", "postcode", "country", "phone",
    "email", "nickname",
)  # fmt: skip
Row = tuple[str, str]
"""Table and id. Of an account and of a payment it stands for who used or made it."""


class Denials:
    """Which rows a person said are not of one person, and what follows of it.

    Rows are one person where a standing positive judgement says so, where a register has the same number for both, or
    where two records say the very same. A negative judgement parts the people of its two rows, with all rows that are
    theirs: no link between any of them is proposed. A payment's row is whoever paid, and an account's whoever used it,
    so that a payer who is denied as a user may still be the payer.

    Args:
        judged: The table `settled_links`.
        twins: Rows that are one person by themselves.
    """

    def __init__(self, judged: pa.Table, twins: Iterable[tuple[Row, Row]]) -> None:
        self._parent: dict[Row, Row] = {}
        self._denied: dict[frozenset[Row], str] = {}
        for one, other in twins:
            self._join(one, other)
        rows = judged.to_pylist()
        for row in rows:
            if row["verdict"] == "positive":
                self._join(*_rows_of(row))
        for row in sorted((r for r in rows if r["verdict"] == "negative"), key=lambda r: str(r["link_id"])):
            one, other = map(self._person, _rows_of(row))
            self._denied.setdefault(frozenset((one, other)), row["link_id"])

    def denied_by(self, claim: str, left_id: str, right_id: str) -> str | None:
        """The judged link whose negative judgement bars this one; None where none does."""
        if not self._denied:
            return None
        left, right = _SIDES[claim]
        return self._denied.get(frozenset((self._person((left, left_id)), self._person((right, right_id)))))

    def of_pairs(self, pairs: ClaimPairs) -> list[str | None]:
        """For each pair the judged link that bars it."""
        if not self._denied:
            return [None] * len(pairs.left)
        lefts = pairs.sides.left_ids.take(pa.array(pairs.left)).to_pylist()
        rights = pairs.sides.right_ids.take(pa.array(pairs.right)).to_pylist()
        return [self.denied_by(pairs.sides.claim, one, other) for one, other in zip(lefts, rights, strict=True)]

    def _person(self, row: Row) -> Row:
        while (parent := self._parent.get(row, row)) != row:
            self._parent[row] = self._parent.get(parent, parent)
            row = parent
        return row

    def _join(self, one: Row, other: Row) -> None:
        first, second = sorted((self._person(one), self._person(other)))
        if first != second:
            self._parent[second] = first


def standing_denials(tables: Session) -> Denials:
    """The denials of a case."""
    judged = tables.arrow("settled_links")
    return Denials(judged, _twins(tables, judged) if judged.num_rows else ())


def _rows_of(judgement: dict[str, str]) -> tuple[Row, Row]:
    left, right = _SIDES[judgement["claim"]]
    return (left, judgement["left_id"]), (right, judgement["right_id"])


def _twins(tables: Session, judged: pa.Table) -> Iterable[tuple[Row, Row]]:
    """Records with the number of a judged one in its register, of any version, and records that say the same as it."""
    keys = tables.columns("records", ["record_id", "reference_name", "source_key", *_CONTENT])
    known = judged.filter(pc.is_in(judged["claim"], value_set=pa.array(["held", "used"])))["right_id"]
    for names in (["reference_name", "source_key"], list(_CONTENT)):
        said = _joined(keys.select(names))
        of_judged = said.filter(pc.is_in(keys["record_id"], value_set=known.combine_chunks()))
        same = pc.is_in(said, value_set=pc.unique(of_judged))
        groups: dict[str, list[str]] = defaultdict(list)
        for text, record in zip(said.filter(same).to_pylist(), keys["record_id"].filter(same).to_pylist(), strict=True):
            groups[text].append(record)
        for records in groups.values():
            for record in records[1:]:
                yield ("records", records[0]), ("records", record)


def _joined(columns: pa.Table) -> pa.Array:
    """The cells of each row as one text that no other cells give."""
    parts = [pc.coalesce(column, pa.scalar("\x00")) for column in columns.itercolumns()]
    joined = pc.binary_join_element_wise(*parts, "\x1f")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined
