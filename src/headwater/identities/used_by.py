"""What fits, and what does not, that an account was used by one person: the same questions whoever the person is."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.identities.facts import TRAVEL_MINUTES
from headwater.identities.marks import Mark, Row, marks_of_account
from headwater.identities.networks import Networks
from headwater.identities.visits import MOST_SHARERS, Visits

__all__ = ["AccountsUsed", "Told"]

_WORDS = {"email": "e-mail", "phone": "telephone number", "nickname": "nickname", "pgp_fingerprint": "PGP key"}
_GIVEN = ("email", "phone", "nickname", "pgp_fingerprint")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What fits that a person used an account, and what does not, each as statement, table and row.

    Attributes:
        support: What fits, in order of words and ids.
        contradiction: What does not.
    """

    support: tuple[dict[str, str], ...]
    contradiction: tuple[dict[str, str], ...]

    def contradicted(self, statement: str, table: str, row_id: str) -> Told:
        """The same with one thing more that does not fit."""
        more = {"statement": statement, "table": table, "row_id": row_id}
        listed = sorted((*self.contradiction, more), key=lambda told: tuple(told.values()))
        return Told(support=self.support, contradiction=tuple(listed))


class AccountsUsed:
    """The accounts that payers of proposed links paid for, with what they show of who used them."""

    def __init__(self, tables: Session, visits: Visits, networks: Networks, accounts: Collection[str]) -> None:
        self._visits = visits
        self._networks = networks
        self._given = _given(tables, accounts)
        self._places = {account: self._open_places(account) for account in accounts}
        self._used: dict[str, list[tuple[str, str]]] = defaultdict(list)
        links = tables.columns("links", ("link_id", "claim", "left_id", "right_id", "proposed"))
        for row in links.filter(pc.and_(links["proposed"], pc.equal(links["claim"], "used"))).to_pylist():
            self._used[row["right_id"]].append((row["left_id"], row["link_id"]))

    def _open_places(self, account: str) -> list[int]:
        """The account's logins over open lines that few use."""
        code = self._visits.code_of(account)
        places = () if code is None else self._visits.of_account(code)
        return [place for place in places if self._visits.is_own_line[place]]

    def told(self, person: Sequence[Mark], rows: Collection[Row], account: str) -> Told:
        """What fits that a person used an account, and what does not.

        Args:
            person: The marks of the person's rows.
            rows: These rows.
            account: The account, one of those given.
        """
        support = {*self._given_by(person, account), *self._came_from(person, account)}
        contradiction: set[tuple[str, str, str]] = set()
        for mark in person:
            if mark.kind == "network_address" and mark.at_utc is not None:
                for fits, statement in self._at_the_time(mark, account):
                    (support if fits else contradiction).add((statement, *mark.seen_in))
        for fits, statement, link in self._linked(rows, account):
            (support if fits else contradiction).add((statement, "links", link))
        return Told(support=_listed(support), contradiction=_listed(contradiction))

    def _given_by(self, person: Sequence[Mark], account: str) -> Iterator[tuple[str, str, str]]:
        given = self._given.get(account, {})
        for mark in person:
            if (mark.kind, mark.key) in given:
                yield f"the account's {_WORDS[mark.kind]} is this person's", *mark.seen_in

    def _came_from(self, person: Sequence[Mark], account: str) -> Iterator[tuple[str, str, str]]:
        lines = {self._visits.line_text(place) for place in self._places[account]}
        devices = {device for place in self._places[account] if (device := self._own_device(place))}
        for mark in person:
            if mark.kind == "network_address" and mark.key in lines:
                yield "this person came over a line that the account used", *mark.seen_in
            elif mark.kind == "device" and mark.key in devices:
                yield "this person had a device of the name that the account used", *mark.seen_in

    def _own_device(self, place: int) -> str | None:
        """The device of a login, unless so many accounts used one of the name that it is a kind of device."""
        code = int(self._visits.device[place])
        if code < 0 or self._visits.accounts_with_device[code] > MOST_SHARERS:
            return None
        return " ".join(self._visits.device_of(place).split()).lower()

    def _at_the_time(self, mark: Mark, account: str) -> Iterator[tuple[bool, str]]:
        """Logins of the account close to the time at which a person was seen at a network address."""
        assert mark.at_utc is not None
        network = self._networks.range_of(mark.value)
        if network is not None and network.hides:
            return
        near_us = TRAVEL_MINUTES * 60 * 1_000_000
        for place in self._places[account]:
            apart = abs(self._visits.at(place) - mark.at_utc)
            if apart >= dt.timedelta(microseconds=near_us):
                continue
            if self._visits.line_text(place) == mark.key:
                yield True, f"this person was on the account's line within {TRAVEL_MINUTES} minutes of a login of it"
            elif network is not None and network.country and self._visits.country[place] >= 0:
                country = self._visits.country_of(place)
                if country != network.country:
                    minutes = int(apart.total_seconds()) // 60
                    where = f"in {network.country} {minutes} minute(s) from a login of the account in {country}"
                    yield False, f"this person was {where}"

    def _linked(self, rows: Collection[Row], account: str) -> Iterator[tuple[bool, str, str]]:
        for table, row_id in rows:
            for of, link in self._used.get(row_id, ()) if table == "records" else ():
                if of == account:
                    yield True, "a proposed link takes this record for the account's user", link
                else:
                    where = ", which came over a line of this one" if self._share_line(of, account) else ""
                    yield False, f"a proposed link takes this record for the user of another account{where}", link

    def _share_line(self, one: str, other: str) -> bool:
        lines = [{int(self._visits.line[place]) for place in self._open_places(account)} for account in (one, other)]
        return bool(lines[0] & lines[1])


def _given(tables: Session, accounts: Collection[str]) -> dict[str, dict[tuple[str, str], Row]]:
    """For each of the accounts, kind and key of what it gave, with the row that says so."""
    wanted = pa.array(sorted(accounts), pa.string())
    given: dict[str, dict[tuple[str, str], Row]] = defaultdict(dict)

    def of_accounts(part: pa.Table) -> pa.Array:
        return pc.is_in(part["account_id"], value_set=wanted)

    for row in tables.chosen("accounts", of_accounts, columns=("account_id", *_GIVEN)).to_pylist():
        for kind in _GIVEN:
            if row[kind]:
                given[row["account_id"]][kind, row[kind]] = ("accounts", row["account_id"])
    columns = ("identifier_id", "account_id", "identifier_kind", "value")
    for row in tables.chosen("identifiers", of_accounts, columns=columns).to_pylist():
        if row["identifier_kind"] in _GIVEN:
            key = (row["identifier_kind"], row["value"])
            given[row["account_id"]].setdefault(key, ("identifiers", row["identifier_id"]))
    return {account: marks_of_account(values) for account, values in given.items()}


def _listed(told: set[tuple[str, str, str]]) -> tuple[dict[str, str], ...]:
    return tuple({"statement": s, "table": table, "row_id": row} for s, table, row in sorted(told))
