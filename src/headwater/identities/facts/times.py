"""Logins of one account that one person could hardly have made: two countries at once, two devices at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from headwater.identities.facts.rows import FactRows
from headwater.identities.visits import Visits

__all__ = ["SESSION_MINUTES", "TRAVEL_MINUTES", "time_facts"]

TRAVEL_MINUTES = 60
"""Within so many minutes nobody goes from one country to another, unless across a border nearby: getting to a plane,
flying and leaving it take longer. Lists tell countries and not places, so that no distance is reckoned; the limit is
set low by hand, and the statement names its exceptions.
"""

SESSION_MINUTES = 30
"""A session that is left alone is taken to last so long: no platform here notes a logout.

References:
    OWASP Session Management Cheat Sheet, "Session Expiration": 15 to 30 minutes idle for what is of low risk.
"""

_MINUTE_US = 60 * 1_000_000


def time_facts(visits: Visits, facts: FactRows) -> None:
    """Add `impossible_times`."""
    _add_two_countries(visits, facts)
    _add_two_devices(visits, facts)


def _add_two_countries(visits: Visits, facts: FactRows) -> None:
    placed = np.flatnonzero(visits.is_open & (visits.country >= 0))
    before, after = placed[:-1], placed[1:]
    soon = (
        (visits.account[before] == visits.account[after])
        & (visits.country[before] != visits.country[after])
        & (visits.at_us[after] - visits.at_us[before] < TRAVEL_MINUTES * _MINUTE_US)
    )
    for first, second, times in _by_account(visits, before[soon], after[soon]):
        minutes = (int(visits.at_us[second]) - int(visits.at_us[first])) // _MINUTE_US
        statement = (
            f"within {TRAVEL_MINUTES} minutes from two countries, {times} time(s): {_told(visits, first)} "
            f"({visits.country_of(first)}), {minutes} minute(s) later {visits.address_of(second)} "
            f"({visits.country_of(second)}): hardly one person, unless near a border or the list of networks is wrong"
        )
        _add(visits, facts, statement, second)


def _add_two_devices(visits: Visits, facts: FactRows) -> None:
    """One device, then another elsewhere, then the first again, all within one session's time."""
    placed = np.flatnonzero(visits.is_open & (visits.device >= 0))
    first, second, third = placed[:-2], placed[1:-1], placed[2:]
    same = {name: (c[first] == c[third], c[first] == c[second]) for name, c in _compared(visits).items()}
    between = (
        same["account"][0]
        & same["account"][1]
        & same["line"][0]
        & ~same["line"][1]
        & same["device"][0]
        & ~same["device"][1]
        & (visits.at_us[third] - visits.at_us[first] <= SESSION_MINUTES * _MINUTE_US)
    )
    for start, other, times in _by_account(visits, first[between], second[between]):
        statement = (
            f"two devices on two lines in use at once, {times} time(s), if a session lasts {SESSION_MINUTES} minutes: "
            f"{_told(visits, start)} with {visits.device_of(start)}, in between {visits.address_of(other)} with "
            f"{visits.device_of(other)}: two people, or one with two devices on two lines"
        )
        _add(visits, facts, statement, other)


def _compared(visits: Visits) -> dict[str, npt.NDArray[np.int64]]:
    return {"account": visits.account, "line": visits.line, "device": visits.device}


def _by_account(visits: Visits, one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """For each account, its first pair of logins and how many there are."""
    _, firsts, counts = np.unique(visits.account[one], return_index=True, return_counts=True)
    return list(zip(one[firsts].tolist(), other[firsts].tolist(), counts.tolist(), strict=True))


def _told(visits: Visits, place: int) -> str:
    return f"{visits.at(place):%Y-%m-%d %H:%M} UTC {visits.address_of(place)}"


def _add(visits: Visits, facts: FactRows, statement: str, place: int) -> None:
    account = visits.account_id(visits.account[place])
    facts.add("impossible_times", statement, table="logins", source=visits.login_id(place), account=account)
