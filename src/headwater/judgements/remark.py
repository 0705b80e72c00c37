"""A remark is what a person noted beside a row: a note, a label, or whose work it is. Nothing is derived from one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal, get_args

import pyarrow as pa
import sqlalchemy as sa

from headwater.judgements.judgement import same_person
from headwater.schema import content_id, table_named
from headwater.schema.state import REMARKS

__all__ = ["REMARK_KINDS", "Remark", "RemarkKind", "add_remark", "all_remarks", "remark_rows"]

RemarkKind = Literal["note", "label", "assignment"]
REMARK_KINDS: Final[tuple[str, ...]] = get_args(RemarkKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One remark, or the withdrawal of one.

    Attributes:
        object_id: The row it is beside: an id, or the value of the one column that tells rows of its table apart.
        object_table: That row's table.
        remark_kind: note, label or assignment.
        text: The note; the label; who is to work on it. Of a withdrawal: why.
        operator: Who.
        at_utc: When, ISO 8601 with microseconds and Z.
        withdraws_id: The remark that this one withdraws; empty for none.
    """

    object_id: str
    object_table: str
    remark_kind: str
    text: str
    operator: str
    at_utc: str
    withdraws_id: str = ""

    @property
    def remark_id(self) -> str:
        """Digest of the whole remark."""
        return content_id("rmk", *(value for _, value in sorted(asdict(self).items())))

    @property
    def person(self) -> str:
        """Who, however the name was typed."""
        return same_person(self.operator)


def add_remark(connection: sa.Connection, remark: Remark) -> None:
    """Add a remark; there is no way to change or remove one."""
    connection.execute(REMARKS.insert().values(remark_id=remark.remark_id, **asdict(remark)))


def all_remarks(connection: sa.Connection) -> list[Remark]:
    """Every remark and withdrawal, in the order they were given."""
    rows = connection.execute(sa.select(REMARKS).order_by(REMARKS.c.seq)).mappings()
    return [Remark(**{k: v for k, v in row.items() if k not in {"seq", "remark_id"}}) for row in rows]


def remark_rows(remarks: Sequence[Remark], opened: Callable[[Remark], str]) -> pa.Table:
    """The remarks as the table `remarks`: what was withdrawn is there as well, with who did and why.

    A later assignment of an object takes the place of an earlier one, which stays on record as replaced.

    Args:
        remarks: All of them, in order.
        opened: From a remark to its text as somebody wrote it.
    """
    ended: dict[str, tuple[str, Remark]] = {}
    assigned: dict[str, Remark] = {}
    for remark in remarks:
        if remark.withdraws_id:
            ended.setdefault(remark.withdraws_id, ("withdrawn", remark))
        elif remark.remark_kind == "assignment":
            before = assigned.get(remark.object_id)
            if before is not None:
                ended.setdefault(before.remark_id, ("replaced", remark))
            assigned[remark.object_id] = remark
    rows = []
    for place, remark in enumerate(remarks):
        if remark.withdraws_id:
            continue
        how, by = ended.get(remark.remark_id, ("stands", None))
        rows.append(
            {
                "remark_id": remark.remark_id,
                "place": place,
                "object_table": remark.object_table,
                "object_id": remark.object_id,
                "remark_kind": remark.remark_kind,
                "text": opened(remark),
                "operator": remark.operator,
                "at_utc": remark.at_utc,
                "state": how,
                "ended_by": None if by is None else by.operator,
                "ended_at_utc": None if by is None else by.at_utc,
                "ended_why": opened(by) if by is not None and how == "withdrawn" else None,
            }
        )
    return table_named("remarks").rows(rows)
