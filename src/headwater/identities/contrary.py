"""What speaks against a link, or against one person having used an account: rows of their own, shown first."""

from __future__ import annotations

from collections import defaultdict

import pyarrow as pa

from headwater.engine import StageContext
from headwater.identities.facts import (
    FactRows,
    address_facts,
    contacts_of_several,
    given_contacts,
    lines_of_several,
    link_facts,
    resold_facts,
    time_facts,
)
from headwater.identities.marks import Mark, marks
from headwater.identities.networks import Networks
from headwater.identities.visits import Visits

__all__ = ["contrary_facts"]

_IN_COMMON = frozenset({"household", "phone", "email"})


def contrary_facts(context: StageContext) -> pa.Table:
    """The table `contrary_facts`."""
    tables, facts = context.tables, FactRows()
    visits = Visits(tables, Networks(tables))
    address_facts(visits, facts)
    time_facts(visits, facts)
    lines_of_several(visits, facts)
    resold_facts(tables, visits, facts)
    links = tables.arrow("links").to_pylist()
    given = given_contacts(tables)
    own: dict[str, list[Mark]] = defaultdict(list)
    for mark in marks(tables, of={(link["right_table"], link["right_id"]) for link in links}):
        # What an earlier case knows a person by is not what a person on record shares with another.
        if mark.kind in _IN_COMMON and mark.owner == mark.seen_in and mark.owner[0] == "records":
            own[mark.owner[1]].append(mark)
    wanted = {(mark.kind, mark.key) for found in own.values() for mark in found}
    wanted |= {contact for contacts in given.values() for contact in contacts}
    bearers: dict[tuple[str, str], list[Mark]] = defaultdict(list)
    for mark in marks(tables):
        if (mark.kind, mark.key) in wanted:
            bearers[mark.kind, mark.key].append(mark)
    link_facts(tables, links, own, bearers, facts)
    contacts_of_several(tables, given, bearers, facts)
    return facts.table()
