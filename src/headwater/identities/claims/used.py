"""Accounts and people on record: what the platform noted of an account, beside what stands on record of a person."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from headwater.engine import Session
from headwater.identities.claims.agreement import Agreement
from headwater.identities.claims.barred import barred_values
from headwater.identities.claims.bars import ClaimPairs, PairedRows, constant_bar, taken_bar
from headwater.identities.claims.identifiers import gathered, of_accounts, of_records
from headwater.identities.linkage.linkage_model import LinkageModel
from headwater.identities.linkage.rivals import exclusive_mbits
from headwater.identities.linkage.weighed import I64, Priors, mbits
from headwater.identities.normal import comparable

__all__ = ["BEFORE", "RIVALS", "SHARED_BY_HOUSEHOLD", "used_pairs"]

BEFORE = "before anything is compared"
SHARED_BY_HOUSEHOLD = "what a household shares counts once"
RIVALS = "another candidate is as good or better"


def used_pairs(tables: Session, model: LinkageModel, expected: Priors | None = None) -> ClaimPairs:
    """Every account and person on record that share a value which may tell people apart.

    Args:
        tables: The case's tables.
        model: The model.
        expected: What is expected of a pair, in place of what these rows say.
    """
    account_ids, accounts = of_accounts(tables)
    record_ids, records = of_records(tables)
    vocabulary, (left, right) = gathered((len(account_ids), accounts), (len(record_ids), records))
    agreement = Agreement(vocabulary, left, right, model, barred_values(tables))
    pairs, rules = agreement.candidates()
    bars = agreement.bars(pairs[:, 0], pairs[:, 1])
    use = model.uses["used"]
    lefts, rights = max(1, len(account_ids)), max(1, len(record_ids))
    # Of the smaller side's rows so many have a counterpart among all pairs.
    same = mbits(use.expected_share_ppm, 1_000_000 * max(lefts, rights))
    household = mbits(use.household_members_ppm, 1_000_000 * rights)
    if expected is not None:
        same, household = expected.same_mbits, expected.household_mbits
    shared = _taken_by_household(household + agreement.household_mbits(bars))
    found = ClaimPairs(
        sides=PairedRows(
            claim="used", left_table="accounts", left_ids=account_ids, right_table="records", right_ids=record_ids
        ),
        left=pairs[:, 0],
        right=pairs[:, 1],
        bars=(
            constant_bar("prior", BEFORE, same, len(pairs)),
            *bars,
            taken_bar("shared_by_household", SHARED_BY_HOUSEHOLD, shared),
        ),
        rules=rules,
        same_mbits=same,
        household_mbits=household,
    )
    # An account has one user; a person may have several accounts.
    taken = exclusive_mbits(found.left.astype(np.int64), _people(tables, found), found.total_mbits)
    return found.with_bars([taken_bar("rivals", RIVALS, taken)])


def _taken_by_household(odds_mbits: I64) -> I64:
    """What is taken from a pair by the odds that it is of two members of one household instead."""
    seen, inverse = np.unique(odds_mbits, return_inverse=True)
    each = np.array([-mbits(1 + 2.0 ** (int(odds) / 1000), 1.0) for odds in seen], np.int64)
    return each[inverse] if len(seen) else np.zeros(0, np.int64)


def _people(tables: Session, pairs: ClaimPairs) -> I64:
    """For each pair a number of its person: rows of one name or one date of birth, of one account, are one."""
    people = pairs.right.astype(np.int64)
    many = np.bincount(pairs.left, minlength=1)[pairs.left] > 1
    rows = np.unique(pairs.right[many])
    columns = ("full_name", "given_name", "surname", "date_of_birth")
    records = tables.columns("records", columns).take(pa.array(rows)).to_pylist()
    said = {int(row): comparable(record, "") for row, record in zip(rows, records, strict=True)}
    first: dict[tuple[int, str], int] = {}
    for at in np.flatnonzero(many).tolist():
        left, row = int(pairs.left[at]), said[int(pairs.right[at])]
        named = f"{row['given']} {row['surname']}" if row["given"] and row["surname"] else None
        keys = [(left, key) for key in (named, row["date_of_birth"]) if key]
        person = min((first[key] for key in keys if key in first), default=int(people[at]))
        people[at] = person
        first |= dict.fromkeys(keys, person)
    return people
