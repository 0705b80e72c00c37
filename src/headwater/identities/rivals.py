"""Other people beside a payer: who shares a household, a contact, a device or a line with them, and what fits whom.

Either may have used the account. Nothing here is added up, nobody is ranked or merged; a person weighs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session, StageContext
from headwater.identities.marks import Mark, Row, are_one_person, marks, names_of
from headwater.identities.networks import Networks
from headwater.identities.used_by import AccountsUsed, Told
from headwater.identities.visits import MOST_SHARERS, Visits
from headwater.schema import content_id, table_named

__all__ = ["rival_hypotheses"]

_MAY_BE_PAYER = "this record may be the payer's own: a link that takes it for them is weighed, and not proposed"
_SHARED_KINDS = ("household", "phone", "email", "device", "network_address")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Paid:
    """A proposed link of a payment to a customer.

    Attributes:
        link_id: The link.
        account_id: The account that was paid for.
        customer_id: The payer.
        people: The payer's rows: the customer, and every record that a proposed link takes for them.
    """

    link_id: str
    account_id: str
    customer_id: str
    people: tuple[Row, ...]


@dataclass(slots=True)
class _Bearers:
    """Who has a mark, and what says so; not all of them, where they are too many."""

    marks: list[Mark] = field(default_factory=list)
    owners: set[Row] = field(default_factory=set)


def rival_hypotheses(context: StageContext) -> dict[str, pa.Table]:
    """The table `rival_hypotheses`."""
    tables = context.tables
    schema = table_named("rival_hypotheses")
    paid = _proposed(tables)
    if not paid:
        return {schema.name: schema.empty()}
    own = _by_owner(marks(tables, of={row for one in paid for row in one.people}))
    bearers = _bearers(tables, (mark for found in own.values() for mark in found))
    shared = {people: _shared(people, own, bearers) for people in {one.people for one in paid}}
    others = {row for found in shared.values() for row in found}
    own = {**_by_owner(marks(tables, of=others)), **own}
    names = names_of(tables, others | own.keys())
    networks = Networks(tables)
    used = AccountsUsed(tables, Visits(tables, networks), networks, {one.account_id for one in paid})
    below = _below(tables, {one.customer_id for one in paid})
    rows = []
    for one in paid:
        of_payer = used.told([mark for row in one.people for mark in own.get(row, ())], one.people, one.account_id)
        for other, in_common in sorted(shared[one.people].items()):
            if any(_is_written_twice(names[row], names[other]) for row in one.people):
                continue
            of_other = used.told(own.get(other, ()), (other,), one.account_id)
            link = below.get((one.customer_id, other[1]))
            if link is not None and are_one_person(names[one.people[0]], names[other]):
                of_other = of_other.contradicted(_MAY_BE_PAYER, "links", link)
            rows.append(_row(one, other, in_common, of_payer, of_other))
    return {schema.name: schema.rows(rows)}


def _proposed(tables: Session) -> list[_Paid]:
    links = tables.columns("links", ("link_id", "claim", "left_id", "right_id", "proposed"))
    links = links.filter(pc.and_(links["proposed"], pc.is_in(links["claim"], value_set=pa.array(["paid", "held"]))))
    held: dict[str, list[Row]] = defaultdict(list)
    paid = []
    for row in links.to_pylist():
        if row["claim"] == "held":
            held[row["left_id"]].append(("records", row["right_id"]))
        else:
            paid.append(row)
    wanted = pa.array(sorted({row["left_id"] for row in paid}), pa.string())
    payments = tables.chosen(
        "payments", lambda part: pc.is_in(part["payment_id"], value_set=wanted), columns=("payment_id", "account_id")
    )
    account_of = {row["payment_id"]: row["account_id"] for row in payments.to_pylist()}
    return [
        _Paid(
            link_id=row["link_id"],
            account_id=account_of[row["left_id"]],
            customer_id=row["right_id"],
            people=(("customers", row["right_id"]), *sorted(held[row["right_id"]])),
        )
        for row in paid
    ]


def _below(tables: Session, customers: Collection[str]) -> dict[tuple[str, str], str]:
    """The links of these customers to records that are not proposed, by customer and record."""
    links = tables.columns("links", ("link_id", "claim", "left_id", "right_id", "proposed"))
    of_customers = pc.is_in(links["left_id"], value_set=pa.array(sorted(customers), pa.string()))
    links = links.filter(pc.and_(pc.equal(links["claim"], "held"), of_customers))
    return {(row["left_id"], row["right_id"]): row["link_id"] for row in links.to_pylist() if not row["proposed"]}


def _by_owner(found: Iterable[Mark]) -> dict[Row, list[Mark]]:
    own: dict[Row, list[Mark]] = defaultdict(list)
    for mark in found:
        own[mark.owner].append(mark)
    return own


def _bearers(tables: Session, wanted: Iterable[Mark]) -> dict[tuple[str, str], list[Mark]]:
    """Who has the same marks; none of a mark that so many have that it says nothing of any."""
    found = {(mark.kind, mark.key): _Bearers() for mark in wanted if mark.kind in _SHARED_KINDS}
    for mark in marks(tables):
        bearers = found.get((mark.kind, mark.key))
        if bearers is not None and len(bearers.owners) <= MOST_SHARERS:
            bearers.marks.append(mark)
            bearers.owners.add(mark.owner)
    return {key: b.marks if len(b.owners) <= MOST_SHARERS else [] for key, b in found.items()}


_InCommon = tuple[str, Row, Row]
"""Kind, the payer's row and the other's row that say so."""


def _shared(
    people: Sequence[Row], own: Mapping[Row, Sequence[Mark]], bearers: Mapping[tuple[str, str], Sequence[Mark]]
) -> dict[Row, list[_InCommon]]:
    """What each other row has in common with a payer's rows: each kind once for each pair of rows that say so."""
    found: dict[Row, set[_InCommon]] = defaultdict(set)
    for row in people:
        for mark in own.get(row, ()):
            for other in bearers.get((mark.kind, mark.key), ()):
                if other.owner not in people:
                    found[other.owner].add((mark.kind, mark.seen_in, other.seen_in))
    return {row: sorted(common) for row, common in found.items()}


def _is_written_twice(one: Mapping[str, str | None], other: Mapping[str, str | None]) -> bool:
    """Whether two rows bear one full name, and no date of birth says that they are two people."""
    same = all(one[name] and one[name] == other[name] for name in ("given_long", "surname"))
    born = (one["date_of_birth"], other["date_of_birth"])
    return same and are_one_person(one, other) and (None in born or born[0] == born[1])


def _row(paid: _Paid, other: Row, in_common: Sequence[_InCommon], of_payer: Told, of_other: Told) -> dict[str, Any]:
    return {
        "rival_id": content_id("rvl", paid.link_id, *other),
        "link_id": paid.link_id,
        "account_id": paid.account_id,
        "payer_id": paid.customer_id,
        "other_table": other[0],
        "other_id": other[1],
        "shared": [
            {
                "shared_kind": kind,
                "payer_row_table": payers[0],
                "payer_row_id": payers[1],
                "other_row_table": others[0],
                "other_row_id": others[1],
            }
            for kind, payers, others in in_common
        ],
        "payer_support": list(of_payer.support),
        "payer_contradiction": list(of_payer.contradiction),
        "other_support": list(of_other.support),
        "other_contradiction": list(of_other.contradiction),
    }
