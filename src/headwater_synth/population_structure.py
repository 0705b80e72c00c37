"""Who lives with whom and who holds what, as arrays of numbers: the skeleton of a population of any size."""

from __future__ import annotations

import random
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headwater.errors import ConfigError
from headwater_synth.population_cast import CAST, CAST_ACCOUNTS, Conduct, PlannedHousehold, RecordPlan
from headwater_synth.population_network import HOTSPOTS
from headwater_synth.seeds import stream

__all__ = ["MIN_ACCOUNTS", "Structure", "built_structure"]

MIN_ACCOUNTS = 40
"""The cast and a few others."""
_MAX_ACCOUNTS = 2_000_000  # account keys are packed into 21 bits where logins are sorted
_ACCOUNTS_A_CAST = 600  # one cast for so many accounts
_MOST_CASTS = 50
_MOST_UPLOADERS = 4_000

_ON_RECORD, _CONVICTED, _EMAIL, _PHONE, _NICKNAME, _MOVED, _TWO_ROWS = (1 << bit for bit in range(7))


@dataclass(slots=True, kw_only=True)
class Structure:
    """The skeleton of a population; keys run from 1, arrays from 0.

    Attributes:
        household_first: First person of each household, and one more at the end.
        household_kin: Head of the kin of each household; itself where it has none elsewhere.
        person_household: Household of each person.
        person_record: What a register holds of each person, as bits.
        person_account: First account of each person, or 0.
        second_account: Second account of the few who have two.
        account_person: Who uses each account.
        conducts: Planned conduct of the accounts of the cast.
        hotspots: Public network of the accounts that use one.
        hotspot_accounts: The same the other way round, in order.
        same_house: Households at the street address of another one, as strangers.
        namesakes: People who bear another one's name.
        payers: Accounts for which somebody pays, in order.
        uploaders: Accounts that upload, in order.
        uploads: What these upload.
    """

    household_first: array[int] = field(default_factory=lambda: array("I", [1]))
    household_kin: array[int] = field(default_factory=lambda: array("I"))
    person_household: array[int] = field(default_factory=lambda: array("I"))
    person_record: bytearray = field(default_factory=bytearray)
    person_account: array[int] = field(default_factory=lambda: array("I"))
    second_account: dict[int, int] = field(default_factory=dict)
    account_person: array[int] = field(default_factory=lambda: array("I"))
    conducts: dict[int, Conduct] = field(default_factory=dict)
    hotspots: dict[int, int] = field(default_factory=dict)
    hotspot_accounts: dict[int, list[int]] = field(default_factory=dict)
    same_house: dict[int, int] = field(default_factory=dict)
    namesakes: dict[int, int] = field(default_factory=dict)
    payers: Sequence[int] = ()
    uploaders: Sequence[int] = ()
    uploads: Mapping[int, str] = field(default_factory=dict)

    def record_plan(self, person_key: int) -> RecordPlan | None:
        """What a register holds of a person; None for nothing."""
        bits = self.person_record[person_key - 1]
        if not bits & _ON_RECORD:
            return None
        return RecordPlan(
            convicted=bool(bits & _CONVICTED),
            email=bool(bits & _EMAIL),
            phone=bool(bits & _PHONE),
            nickname=bool(bits & _NICKNAME),
            moved=bool(bits & _MOVED),
            rows=2 if bits & _TWO_ROWS else 1,
        )


@dataclass(slots=True, kw_only=True)
class _Slots:
    """Accounts before they have keys: who uses each, and what is planned for it."""

    persons: array[int] = field(default_factory=lambda: array("I"))
    conducts: dict[int, Conduct] = field(default_factory=dict)
    hotspots: dict[int, int] = field(default_factory=dict)


def built_structure(seed: int, *, accounts: int, payers: int) -> Structure:
    """The skeleton of a population.

    Args:
        seed: Seed of the whole seizure.
        accounts: Number of accounts.
        payers: At most so many accounts are paid for, unless the cast alone has more.
    """
    if not MIN_ACCOUNTS <= accounts <= _MAX_ACCOUNTS:
        raise ConfigError(f"--accounts {accounts}: a seizure has {MIN_ACCOUNTS} to {_MAX_ACCOUNTS:,} accounts")
    rng = stream(seed, "structure")
    structure, slots = Structure(), _Slots()
    casts = max(1, min(accounts // _ACCOUNTS_A_CAST, _MOST_CASTS))
    for cast in range(casts):
        for planned in CAST:
            _add_planned(structure, slots, planned, cast)
    assert len(slots.persons) == casts * CAST_ACCOUNTS
    while len(slots.persons) < accounts:
        _add_drawn(structure, slots, rng, spare=accounts - len(slots.persons))
    _give_keys(structure, slots, rng)
    _share_hotspots(structure, rng, casts)
    _choose_uploaders(structure, rng)
    _choose_payers(structure, rng, payers)
    return structure


def _bits(plan: RecordPlan | None) -> int:
    if plan is None:
        return 0
    chosen = (
        (plan.convicted, _CONVICTED),
        (plan.email, _EMAIL),
        (plan.phone, _PHONE),
        (plan.nickname, _NICKNAME),
        (plan.moved, _MOVED),
        (plan.rows > 1, _TWO_ROWS),
    )
    return _ON_RECORD | sum(bit for wanted, bit in chosen if wanted)


def _add_household(structure: Structure, records: Sequence[int], *, kin: bool) -> int:
    """Add a household whose members have these records; its key."""
    household = len(structure.household_kin) + 1
    structure.household_kin.append(structure.household_kin[-1] if kin else household)
    for record in records:
        structure.person_household.append(household)
        structure.person_record.append(record)
    structure.household_first.append(len(structure.person_household) + 1)
    return household


def _add_planned(structure: Structure, slots: _Slots, planned: PlannedHousehold, cast: int) -> None:
    before = structure.household_first[-2] if structure.household_kin else 0
    household = _add_household(structure, [_bits(member.record) for member in planned.members], kin=planned.kin)
    if planned.same_house:
        structure.same_house[household] = household - 1
    for offset, member in enumerate(planned.members):
        person = structure.household_first[household - 1] + offset
        if member.namesake:
            structure.namesakes[person] = before
        for conduct in member.accounts:
            slots.conducts[len(slots.persons)] = conduct
            if planned.hotspot is not None:
                slots.hotspots[len(slots.persons)] = planned.hotspot + cast
            slots.persons.append(person)


def _drawn_record(rng: random.Random) -> int:
    """What a register holds of somebody who is in it, as bits."""
    bits = _ON_RECORD
    for bit, share in (
        (_CONVICTED, 0.35),
        (_EMAIL, 0.4),
        (_PHONE, 0.4),
        (_NICKNAME, 0.15),
        (_MOVED, 0.3),
        (_TWO_ROWS, 0.1),
    ):
        if rng.random() < share:
            bits |= bit
    return bits


def _add_drawn(structure: Structure, slots: _Slots, rng: random.Random, *, spare: int) -> None:
    """Add a household that holds at most `spare` accounts, and now and then one that holds none but is on record."""
    size = rng.choice((1, 1, 1, 1, 2, 2, 2, 3, 3, 4))
    holders = [member for member in range(size) if member == 0 or rng.random() < 0.12][:spare]
    records = [
        _drawn_record(rng) if rng.random() < (0.22 if member in holders else 0.05) else 0 for member in range(size)
    ]
    household = _add_household(structure, records, kin=rng.random() < 0.08)
    for member in holders:
        person = structure.household_first[household - 1] + member
        slots.persons.append(person)
        if rng.random() < 0.02 and len(holders) < spare:
            slots.persons.append(person)
            spare -= 1
    if rng.random() < 0.45:
        _add_bystanders(structure, rng)


def _add_bystanders(structure: Structure, rng: random.Random) -> None:
    """Add a household without an account that is on record; a few share an address or a name with somebody."""
    records = [_drawn_record(rng), 0][: rng.choice((1, 2))]
    household = _add_household(structure, records, kin=False)
    person = structure.household_first[household - 1]
    if rng.random() < 0.06:
        structure.namesakes[person] = structure.household_first[rng.randrange(household - 1)]
        _forget_chains(structure, person)
    elif rng.random() < 0.05:
        structure.same_house[household] = household - 1


def _forget_chains(structure: Structure, person: int) -> None:
    """Let a namesake bear the name of the first bearer, so that names are never borrowed twice."""
    original = structure.namesakes[person]
    structure.namesakes[person] = structure.namesakes.get(original, original)


def _give_keys(structure: Structure, slots: _Slots, rng: random.Random) -> None:
    """Give every account its key, in an order that tells nothing of who lives with whom."""
    order = array("I", range(len(slots.persons)))
    rng.shuffle(order)
    structure.account_person = array("I", (slots.persons[slot] for slot in order))
    structure.person_account = array("I", bytes(4 * len(structure.person_household)))
    for key, person in enumerate(structure.account_person, start=1):
        if structure.person_account[person - 1]:
            structure.second_account[person] = key
        else:
            structure.person_account[person - 1] = key
    for key, slot in enumerate(order, start=1):
        if slot in slots.conducts:
            structure.conducts[key] = slots.conducts[slot]
        if slot in slots.hotspots:
            structure.hotspots[key] = slots.hotspots[slot]


def _others(structure: Structure) -> list[int]:
    """The accounts that are not of the cast, in order."""
    return [key for key in range(1, len(structure.account_person) + 1) if key not in structure.conducts]


def _share_hotspots(structure: Structure, rng: random.Random, casts: int) -> None:
    others = _others(structure)
    chosen = rng.sample(others, min(len(others) * 6 // 100, 3 * (HOTSPOTS - casts)))
    for place, key in enumerate(chosen):
        structure.hotspots[key] = casts + place // 3  # three accounts to a public network
    for key in sorted(structure.hotspots):
        structure.hotspot_accounts.setdefault(structure.hotspots[key], []).append(key)


def _choose_uploaders(structure: Structure, rng: random.Random) -> None:
    uploads = {key: conduct.uploads for key, conduct in structure.conducts.items() if conduct.uploads != "none"}
    others = _others(structure)
    for place, key in enumerate(rng.sample(others, min(len(others) * 6 // 100, _MOST_UPLOADERS))):
        uploads[key] = "origin" if place % 5 == 0 else "copies"
    structure.uploaders = sorted(uploads)
    structure.uploads = {key: uploads[key] for key in structure.uploaders}


def _choose_payers(structure: Structure, rng: random.Random, payers: int) -> None:
    planned = [key for key in sorted(structure.conducts) if structure.conducts[key].payer != "nobody"]
    others = _others(structure)
    wanted = max(0, min(len(others) * 2 // 5, payers - len(planned)))
    structure.payers = sorted([*planned, *rng.sample(others, wanted)])
