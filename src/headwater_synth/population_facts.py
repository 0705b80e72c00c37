"""What is planted about who used an account: sold ones, shared ones, impossible times, and people who only look so.

All of it is laid over the population by streams of its own: no other account's conduct, login or name depends on it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from headwater_synth.population_accounts import SEIZED_AT_S, registered_at_s
from headwater_synth.population_network import NetworkPlan
from headwater_synth.seeds import stream
from headwater_synth.words import words

__all__ = ["Contact", "FactPlan", "PlantedFact", "Visit", "planted_facts"]

_EACH = 400  # one of each kind for so many accounts, at least one
_MOST_OF_EACH = 200
_DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One login, where the plan says who came.

    Attributes:
        at_s: Seconds since 1970 UTC.
        household_key: Over whose line.
        device: Place of the device in the stock of words.
    """

    at_s: int
    household_key: int
    device: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A contact that the platform noted, as a row of its own.

    Attributes:
        at_s: Since when, seconds since 1970 UTC.
        account_key: Whose account.
        person_key: Whose contact.
        kind: mail or tel.
    """

    at_s: int
    account_key: int
    person_key: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedFact:
    """A fact that is true of an account.

    Attributes:
        account_key: The account.
        fact_kind: As the table of contrary facts calls it.
        other_person_key: The second person who used the account.
        at_s: Since when, where it has a beginning.
    """

    account_key: int
    fact_kind: str
    other_person_key: int
    at_s: int


@dataclass(slots=True, kw_only=True)
class FactPlan:
    """What is planted.

    Attributes:
        visits: Logins of the accounts concerned, in order of time, instead of drawn ones.
        seconds: The second person of an account, who has it since a time: (person, seconds since 1970 UTC).
        contacts: What the platform noted, in order of time.
        facts: What is true.
        lookalikes: Accounts planted to look like one of these, which are none, and how.
    """

    visits: dict[int, tuple[Visit, ...]] = field(default_factory=dict)
    seconds: dict[int, tuple[int, int]] = field(default_factory=dict)
    contacts: tuple[Contact, ...] = ()
    facts: tuple[PlantedFact, ...] = ()
    lookalikes: dict[int, str] = field(default_factory=dict)


class _Planting:
    """Draws the plan, account by account."""

    def __init__(self, seed: int, accounts: int, networks: NetworkPlan, households: Sequence[int]) -> None:
        self._seed = seed
        self._accounts = accounts
        self._networks = networks
        self._household_of = households
        self.visits: dict[int, tuple[Visit, ...]] = {}
        self.seconds: dict[int, tuple[int, int]] = {}
        self.contacts: list[Contact] = []
        self.facts: list[PlantedFact] = []

    def plant(self, what: str, account: int, person: int, other: int) -> None:
        """Let an account be what the name says.

        Args:
            what: The name.
            account: The account.
            person: Who registered it.
            other: Somebody of another household, of another country and another kind of line.
        """
        rng = stream(self._seed, "facts", what, account)
        home, away = self._household_of[person - 1], self._household_of[other - 1]
        first_s = registered_at_s(self._seed, account, of=self._accounts) + 60
        devices = rng.sample(range(len(words().devices)), 2)
        span_s = SEIZED_AT_S - _DAY_S - first_s
        middle_s = first_s + span_s * rng.randrange(40, 60) // 100

        def at(from_s: int, until_s: int, many: int) -> list[int]:
            return sorted(rng.sample(range(from_s, until_s), many))

        def made(times: Sequence[int], household: int, device: int) -> list[Visit]:
            return [Visit(at_s=at_s, household_key=household, device=device) for at_s in times]

        early = [first_s, *at(first_s + 60, middle_s, rng.randrange(5, 9))]
        late = at(middle_s + _DAY_S, first_s + span_s, rng.randrange(5, 9))
        if what == "resold_account":
            visits = made(early, home, devices[0]) + made(late, away, devices[1])
            self.seconds[account] = (other, late[0])
            self._contact(account, other, "mail", late[0] + rng.randrange(600, _DAY_S))
            self._true(account, what, other, late[0])
        elif what == "several_users":
            turns = sorted([first_s, *at(first_s + 60, first_s + span_s, rng.randrange(9, 13))])
            visits = [
                Visit(at_s=at_s, household_key=(home, away)[n % 3 % 2], device=devices[n % 3 % 2])
                for n, at_s in enumerate(turns)
            ]
            if rng.random() < 0.5:  # each gave a number, so that the contacts too lead to two people
                self._contact(account, person, "tel", first_s + 30)
                self._contact(account, other, "tel", turns[1] + 90)
            self._true(account, what, other, turns[1])
        elif what == "impossible_times":
            shown = rng.choice(late)
            visits = made([*early, *late], home, devices[0])
            visits += made([shown + rng.randrange(240, 3_000)], away, devices[1])
            self._true(account, what, other, shown)
        elif what == "moved":  # another line from one day on, the device came along
            visits = made(early, home, devices[0]) + made(late, away, devices[0])
        elif what == "second_home":  # two lines in turn, one device
            turns = [first_s, *at(first_s + 60, first_s + span_s, 10)]
            visits = [Visit(at_s=s, household_key=(home, away)[n % 2], device=devices[0]) for n, s in enumerate(turns)]
        else:  # renewed: another device and e-mail address, the line stays
            visits = made(early, home, devices[0]) + made(late, home, devices[1])
            self._contact(account, person, "mail", late[0])
        self.visits[account] = tuple(sorted(visits, key=lambda visit: (visit.at_s, visit.device)))

    def _contact(self, account: int, person: int, kind: str, at_s: int) -> None:
        self.contacts.append(Contact(at_s=at_s, account_key=account, person_key=person, kind=kind))

    def _true(self, account: int, what: str, other: int, at_s: int) -> None:
        self.facts.append(PlantedFact(account_key=account, fact_kind=what, other_person_key=other, at_s=at_s))


_LOOKALIKES = ("moved", "second_home", "renewed")
_KINDS = ("resold_account", "several_users", "impossible_times", *_LOOKALIKES)
_TRIED_FOR_ONE, _TRIED = 40, 10_000


def planted_facts(
    seed: int,
    *,
    account_person: Sequence[int],
    households: Sequence[int],
    networks: NetworkPlan,
    is_free: Callable[[int], bool],
    is_spare: Callable[[int], bool],
) -> FactPlan:
    """What is planted about who used accounts.

    Args:
        seed: Seed of the whole seizure.
        account_person: Who registered each account.
        households: Household of each person.
        networks: Who has which line.
        is_free: Whether nothing else is planned for an account.
        is_spare: Whether nobody of a person's household has an account.
    """
    rng = stream(seed, "facts")
    planting = _Planting(seed, len(account_person), networks, households)
    each = max(1, min(len(account_person) // _EACH, _MOST_OF_EACH))
    accounts = _drawn(rng, each * len(_KINDS), len(account_person), is_free)
    spare = _drawn(rng, each * len(_KINDS), len(households), is_spare)
    lookalikes = {}
    for place, account in enumerate(accounts):
        what = _KINDS[place % len(_KINDS)]
        person = account_person[account - 1]
        planting.plant(what, account, person, _somebody_abroad(networks, households, person, spare, place))
        if what in _LOOKALIKES:
            lookalikes[account] = what
    return FactPlan(
        visits=planting.visits,
        seconds=planting.seconds,
        contacts=tuple(sorted(planting.contacts, key=lambda c: (c.at_s, c.account_key, c.person_key))),
        facts=tuple(sorted(planting.facts, key=lambda fact: (fact.account_key, fact.fact_kind))),
        lookalikes=lookalikes,
    )


def _drawn(rng: random.Random, many: int, of: int, allowed: Callable[[int], bool]) -> list[int]:
    """At most so many different numbers from 1 that are allowed; only a part of a large population is looked at."""
    tried = rng.sample(range(1, of + 1), min(of, max(many * _TRIED_FOR_ONE, _TRIED)))
    return [number for number in tried if allowed(number)][:many]


def _somebody_abroad(
    networks: NetworkPlan, households: Sequence[int], person: int, spare: Sequence[int], place: int
) -> int:
    """The next of the spare people who lives in another country; each serves as often as they must."""
    here = networks.country(households[person - 1])
    for step in range(len(spare)):
        other = spare[(place + step) % len(spare)]
        if networks.country(households[other - 1]) != here:
            return other
    return spare[place % len(spare)]
