"""Accounts that seem to have passed to somebody else: from one day on, range, device and contact are others."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.identities.facts.rows import FactRows
from headwater.identities.visits import Numbers, Visits

__all__ = ["resold_facts"]

LEAST_LOGINS_A_SIDE = 3
"""Fewer on one side of a day are too few to say that what they show was left for good."""

LEAST_LOGINS_WITHOUT_CONTACT = 5
"""The same where the platform kept no contacts with times, so that network and device alone speak."""

CONTACT_DAYS = 7
"""A new e-mail address, number or key counts for the change if it was noted between the last login before it and the
first after it, or so many days around: the seller hands over, the buyer settles in."""

_CONTACTS = ("email", "phone", "pgp_fingerprint", "nickname")
_DATED = {"login": "logins", "upload": "uploads", "payment": "payments", "invoice": "invoices"}
_AT = {"invoices": "issued_at_utc"}


def resold_facts(tables: Session, visits: Visits, facts: FactRows) -> None:
    """Add `resold_account`, where there is one such day and no more: who changes all the time is no buyer."""
    breaks = _breaks(visits)
    accounts = {visits.account_id(visits.account[place]): place for place in breaks.tolist()}
    contacts, any_kept = _contacts(tables, accounts)
    changed = {}
    for account, place in accounts.items():
        noted = _noted_around(contacts.get(account, ()), visits.at(place - 1), visits.at(place))
        whole = visits.of_account(int(visits.account[place]))
        if noted or (not any_kept and min(place - whole.start, whole.stop - place) >= LEAST_LOGINS_WITHOUT_CONTACT):
            changed[account] = (place, noted)
    acts = _acts(tables, changed)
    for account, (place, noted) in changed.items():
        since = visits.at(place)
        contact = f", and a new {' and '.join(noted)} was noted" if noted else ""
        before, after = (_counted(acts[account], since, later=later) for later in (False, True))
        statement = (
            f"from {since:%Y-%m-%d} on network range and device are others for good{contact}: the acts before "
            f"({before}) and since ({after}) may be of different people"
        )
        facts.add("resold_account", statement, table="logins", source=visits.login_id(place), account=account)


def _breaks(visits: Visits) -> Numbers:
    """The first login after the one day on which all of an account's ranges and devices gave way to others.

    A range, or a device, spans the logins between its first and its last use; a change for good is where nothing spans.
    """
    known = np.flatnonzero((visits.range >= 0) & (visits.device >= 0))
    if not len(known):
        return known
    account = visits.account[known]
    spanned = _spanned(account, visits.range[known]) | _spanned(account, visits.device[known])
    starts = np.searchsorted(account, account)  # the place of the account's first login, for each login
    ends = np.searchsorted(account, account, side="right")
    place = np.arange(len(known))
    free = ~spanned & (place > starts)
    several = np.bincount(account[free], minlength=int(account.max()) + 1) > 1
    enough = (place - starts >= LEAST_LOGINS_A_SIDE) & (ends - place >= LEAST_LOGINS_A_SIDE)
    return known[free & enough & ~several[account]]


def _spanned(account: Numbers, values: Numbers) -> npt.NDArray[np.bool_]:
    """Whether, at each login, some value of its account was used both before it and from it on."""
    keys = account * (int(values.max()) + 1) + values
    _, firsts, inverse = np.unique(keys, return_index=True, return_inverse=True)
    lasts = np.zeros(len(firsts), dtype=np.int64)
    np.maximum.at(lasts, inverse, np.arange(len(keys)))
    steps = np.zeros(len(keys) + 1, dtype=np.int64)
    np.add.at(steps, firsts + 1, 1)
    np.add.at(steps, lasts + 1, -1)
    return np.cumsum(steps)[: len(keys)] > 0


def _contacts(tables: Session, accounts: Mapping[str, int]) -> tuple[dict[str, list[tuple[dt.datetime, str]]], bool]:
    """When the platform noted which kind of contact of these accounts, and whether it kept such times at all."""
    timed = tables.chosen(
        "identifiers",
        lambda part: pc.and_(
            pc.is_in(part["identifier_kind"], value_set=pa.array(_CONTACTS)), pc.is_valid(part["at_utc"])
        ),
        columns=("account_id", "identifier_kind", "at_utc"),
    )
    mine = timed.filter(pc.is_in(timed["account_id"], value_set=pa.array(sorted(accounts), pa.string())))
    noted: dict[str, list[tuple[dt.datetime, str]]] = defaultdict(list)
    for row in mine.to_pylist():
        noted[row["account_id"]].append((row["at_utc"], row["identifier_kind"]))
    return noted, timed.num_rows > 0


def _noted_around(
    contacts: Sequence[tuple[dt.datetime, str]], last_before: dt.datetime, first_after: dt.datetime
) -> list[str]:
    around = dt.timedelta(days=CONTACT_DAYS)
    return sorted({kind for at, kind in contacts if last_before - around <= at <= first_after + around})


def _acts(tables: Session, accounts: Mapping[str, Any]) -> dict[str, list[tuple[str, dt.datetime]]]:
    """The dated acts of these accounts."""
    wanted = pa.array(sorted(accounts), pa.string())
    acts: dict[str, list[tuple[str, dt.datetime]]] = defaultdict(list)
    for act, name in _DATED.items():
        at = _AT.get(name, "at_utc")
        rows = tables.chosen(
            name, lambda part: pc.is_in(part["account_id"], value_set=wanted), columns=("account_id", at)
        )
        for row in rows.to_pylist():
            acts[row["account_id"]].append((act, row[at]))
    return acts


def _counted(acts: Sequence[tuple[str, dt.datetime]], since: dt.datetime, *, later: bool) -> str:
    counts = {act: sum(a == act and (at >= since) == later for a, at in acts) for act in _DATED}
    return ", ".join(f"{count} {act}(s)" for act, count in counts.items() if count) or "none"
