"""Network addresses that hide who used them, that stand for everybody, and that several accounts used."""

from __future__ import annotations

from collections import Counter

import numpy as np

from headwater.identities.facts.rows import FactRows
from headwater.identities.visits import Numbers, Visits

__all__ = ["address_facts"]


def address_facts(visits: Visits, facts: FactRows) -> None:
    """Add `single_client_log`, `proxy` and `shared_network_address`."""
    for place in _first_of_pairs(visits, np.flatnonzero(visits.is_single)):
        text = visits.address_of(place)
        statement = f"{text} makes nearly all requests in an access log of the server: it stands for every visitor"
        account = visits.account_id(visits.account[place])
        facts.add("single_client_log", statement, table="logins", source=visits.login_id(place), account=account)
    _add_hidden(visits, facts)
    _add_shared(visits, facts)


def _first_of_pairs(visits: Visits, places: Numbers) -> Numbers:
    """For each account and address among logins, the first login, in order of accounts."""
    keys = visits.account[places] * (int(visits.address.max(initial=0)) + 1) + visits.address[places]
    return places[np.unique(keys, return_index=True)[1]]


def _add_hidden(visits: Visits, facts: FactRows) -> None:
    """One fact for each account and flagged range, however many addresses of it the account had."""
    firsts = _first_of_pairs(visits, np.flatnonzero(visits.is_hidden))
    counted: Counter[tuple[int, int]] = Counter()
    example: dict[tuple[int, int], int] = {}
    for place, account, hidden_range in zip(
        firsts.tolist(), visits.account[firsts].tolist(), visits.range[firsts].tolist(), strict=True
    ):
        counted[account, hidden_range] += 1
        example.setdefault((account, hidden_range), place)
    for (account, hidden_range), addresses in counted.items():
        place = example[account, hidden_range]
        network = visits.listed(visits.address[place])
        assert network is not None  # it is hidden because a list says so
        which = visits.address_of(place) if addresses == 1 else f"{addresses} of its addresses"
        statement = f"{which} in {network.addresses}, a {network.kind} range: it does not say who logged in"
        account_id = visits.account_id(account)
        facts.add("proxy", statement, table=network.table, source=network.network_id, account=account_id)


def _add_shared(visits: Visits, facts: FactRows) -> None:
    firsts = _first_of_pairs(visits, np.flatnonzero(visits.is_open))
    addresses = visits.address[firsts]
    accounts = np.bincount(addresses, minlength=1)
    for place in firsts[accounts[addresses] > 1].tolist():
        others = int(accounts[visits.address[place]]) - 1
        text = visits.address_of(place)
        statement = f"{others} other account(s) logged in from {text}: a household or a shared line is possible"
        account = visits.account_id(visits.account[place])
        facts.add("shared_network_address", statement, table="logins", source=visits.login_id(place), account=account)
