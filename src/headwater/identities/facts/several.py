"""Accounts that several people seem to use: lines and devices in turn, and contacts of different people."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations, pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.identities.facts.rows import FactRows
from headwater.identities.marks import Mark, Row, are_one_person, marks_of_account, names_of
from headwater.identities.visits import Visits

__all__ = ["contacts_of_several", "given_contacts", "lines_of_several"]

LEAST_TURNS = 3
"""Changes between two lines and their devices: a move is one, a stay elsewhere with another device two; from three on,
both went on."""

LEAST_LOGINS = 2
"""Logins over each of the two lines: one alone may be anything."""

_LINES_LOOKED_AT = 8  # of one account, the most used: who changes lines daily has no household that shows

_CONTACTS = ("email", "phone")


def lines_of_several(visits: Visits, facts: FactRows) -> None:
    """Add `several_users` where two lines, each with devices of its own, used an account in turn."""
    placed = np.flatnonzero(visits.is_own_line & (visits.device >= 0))
    before, after = placed[:-1], placed[1:]
    turns = (
        (visits.account[before] == visits.account[after])
        & (visits.line[before] != visits.line[after])
        & (visits.device[before] != visits.device[after])
    )
    counted = np.bincount(visits.account[after[turns]], minlength=1)
    starts = np.searchsorted(visits.account[placed], np.arange(len(counted) + 1))
    for account in np.flatnonzero(counted >= LEAST_TURNS).tolist():
        _add_turns(visits, facts, placed[starts[account] : starts[account + 1]].tolist())


def _add_turns(visits: Visits, facts: FactRows, places: list[int]) -> None:
    lines: dict[int, list[int]] = defaultdict(list)
    for place in places:
        lines[int(visits.line[place])].append(place)
    used = [line for line in sorted(lines, key=lambda n: (-len(lines[n]), n)) if len(lines[line]) >= LEAST_LOGINS]
    for one, other in combinations(used[:_LINES_LOOKED_AT], 2):
        devices = [{int(visits.device[place]) for place in lines[line]} for line in (one, other)]
        if devices[0] & devices[1]:
            continue  # a device that was in both places went there with somebody
        both = sorted(lines[one] + lines[other])
        turns = sum(visits.line[a] != visits.line[b] for a, b in pairwise(both))
        if turns < LEAST_TURNS:
            continue
        first, second = (lines[line][0] for line in (one, other))
        if second < first:
            first, second = second, first
        statement = (
            f"used in turn over {_line(visits, first, lines)} and over {_line(visits, second, lines)}, never with the "
            f"same device, with {turns} changes: two people, or one in two places with a device in each"
        )
        facts.add(
            "several_users",
            statement,
            table="logins",
            source=visits.login_id(second),
            account=visits.account_id(visits.account[second]),
        )
        return  # one pair shows it


def _line(visits: Visits, place: int, lines: Mapping[int, list[int]]) -> str:
    logins = lines[int(visits.line[place])]
    return f"{visits.address_of(place)} ({len(logins)} logins, {visits.device_of(place)})"


def given_contacts(tables: Session) -> dict[str, dict[tuple[str, str], Row]]:
    """For each account that had several e-mail addresses or telephone numbers: kind and key, with the row of each."""
    given: dict[str, dict[tuple[str, str], Row]] = defaultdict(dict)
    further = tables.chosen(
        "identifiers",
        lambda part: pc.is_in(part["identifier_kind"], value_set=pa.array(_CONTACTS)),
        columns=("identifier_id", "account_id", "identifier_kind", "value"),
    )
    listed = further["account_id"].unique()

    def keep(part: pa.Table) -> pa.Array:
        both = pc.and_(pc.is_valid(part["email"]), pc.is_valid(part["phone"]))
        return pc.or_(both, pc.is_in(part["account_id"], value_set=listed))

    for row in tables.chosen("accounts", keep, columns=("account_id", *_CONTACTS)).to_pylist():
        for kind in _CONTACTS:
            if row[kind]:
                given[row["account_id"]][kind, row[kind]] = ("accounts", row["account_id"])
    for row in further.to_pylist():
        given[row["account_id"]].setdefault(
            (row["identifier_kind"], row["value"]), ("identifiers", row["identifier_id"])
        )
    return {account: marks_of_account(given[account]) for account in sorted(given)}


def contacts_of_several(
    tables: Session,
    given: Mapping[str, Mapping[tuple[str, str], Row]],
    bearers: Mapping[tuple[str, str], list[Mark]],
    facts: FactRows,
) -> None:
    """Add `several_users` where two contacts of an account lead to two different people on record.

    Args:
        tables: Has the people.
        given: What each account gave, as `given_contacts` says.
        bearers: Who on record has each of these.
        facts: Where to.
    """
    leading = [(account, dict(_leading(contacts, bearers))) for account, contacts in given.items()]
    names = names_of(tables, {row for _, found in leading for people in found.values() for row in people})
    for account, found in leading:
        for one, other in combinations(sorted(found), 2):
            pairs = [(a, b) for a in found[one] for b in found[other]]
            if any(a == b or are_one_person(names[a], names[b]) for a, b in pairs):
                continue
            statement = f"its {one[0]} and its {other[0]} lead to two different people on record ({pairs[0][0][1]}, "
            statement += f"{pairs[0][1][1]}): two people may have used it, or a contact was borrowed"
            table, source = given[account][other]
            facts.add("several_users", statement, table=table, source=source, account=account)
            break


def _leading(
    contacts: Mapping[tuple[str, str], Row], bearers: Mapping[tuple[str, str], list[Mark]]
) -> Iterator[tuple[tuple[str, str], list[Row]]]:
    """The contacts that lead to people on record, and to whom."""
    for contact in contacts:
        people = Counter(mark.owner for mark in bearers.get(contact, ()) if mark.owner[0] == "records")
        if people:
            yield contact, sorted(people)
