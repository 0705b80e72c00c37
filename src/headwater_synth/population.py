"""The invented population of a seizure: who lives with whom, who holds which account, who is on record.

Only arrays are kept, a few bytes a person; every name, address and act follows from the seed when asked for. So a
population of millions takes no more memory than a list of numbers.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from headwater_synth.people import Address, Person, drawn_address, drawn_origin, drawn_person
from headwater_synth.people_names import Name, drawn_surname, name_stocks
from headwater_synth.population_accounts import Account, drawn_account, drawn_conduct
from headwater_synth.population_cast import Conduct, RecordPlan
from headwater_synth.population_facts import FactPlan, planted_facts
from headwater_synth.population_network import NetworkPlan, network_plan
from headwater_synth.population_structure import Structure, built_structure
from headwater_synth.seeds import stream

__all__ = ["Household", "Population", "build_population"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """People under one roof.

    Attributes:
        household_key: Number of the household.
        origin: Where its names come from.
        surname: The surname most of its members bear.
        address: Where they live.
    """

    household_key: int
    origin: str
    surname: Name
    address: Address


class Population:
    """Everybody and what they hold.

    Attributes:
        seed: Seed of the whole seizure.
        networks: Who has which network address.
        accounts: Number of accounts; their keys run from 1 to it, in order of registration.
        persons: Number of people; their keys run from 1 to it.
        payers: Accounts for which somebody pays, in order.
        uploaders: Accounts that upload, in order.
        facts: What is planted about who used accounts.
    """

    def __init__(self, seed: int, structure: Structure) -> None:
        self.seed = seed
        self.networks: NetworkPlan = network_plan(seed)
        self.accounts = len(structure.account_person)
        self.persons = len(structure.person_household)
        self.payers: Sequence[int] = structure.payers
        self.uploaders: Sequence[int] = structure.uploaders
        self._structure = structure
        self._payers = frozenset(structure.payers)
        self._uploads: Mapping[int, str] = structure.uploads
        self._household = functools.lru_cache(maxsize=8)(self._drawn_household)
        self.facts: FactPlan = planted_facts(
            seed,
            account_person=structure.account_person,
            households=structure.person_household,
            networks=self.networks,
            is_free=lambda key: key not in structure.conducts and key not in structure.hotspots,
            is_spare=lambda person: not any(map(self.accounts_of, self.members(self.household_of(person)))),
        )
        self._visiting: dict[int, set[int]] = {}
        for key, visits in self.facts.visits.items():
            for visit in visits:
                self._visiting.setdefault(visit.household_key, set()).add(key)

    # Who is who -----------------------------------------------------------------------------------------------------

    def person_of(self, account_key: int) -> int:
        """The person who uses an account."""
        return self._structure.account_person[account_key - 1]

    def accounts_of(self, person_key: int) -> tuple[int, ...]:
        """The accounts that a person uses, in order."""
        first = self._structure.person_account[person_key - 1]
        second = self._structure.second_account.get(person_key)
        return tuple(sorted(key for key in (first, second) if key))

    def household_of(self, person_key: int) -> int:
        """The household of a person."""
        return self._structure.person_household[person_key - 1]

    def members(self, household_key: int) -> range:
        """The people of a household."""
        first = self._structure.household_first
        return range(first[household_key - 1], first[household_key])

    def relatives(self, person_key: int) -> tuple[int, ...]:
        """The relatives of a person: of the same household first, then those who live elsewhere."""
        own = self.household_of(person_key)
        kin = self._structure.household_kin
        near = [
            own,
            *(other for other in (own - 1, own + 1) if 1 <= other <= len(kin) and kin[other - 1] == kin[own - 1]),
        ]
        return tuple(other for household in near for other in self.members(household) if other != person_key)

    def record_plan(self, person_key: int) -> RecordPlan | None:
        """What a register holds of a person; None for nothing."""
        return self._structure.record_plan(person_key)

    # What they are like ---------------------------------------------------------------------------------------------

    def household(self, household_key: int) -> Household:
        """A household."""
        return self._household(household_key)

    def _drawn_household(self, household_key: int) -> Household:
        rng = stream(self.seed, "household", household_key)
        kin = self._structure.household_kin[household_key - 1]
        house = self._structure.same_house.get(household_key)
        country = self.networks.country(household_key)
        origin = drawn_origin(rng, country)
        surname = drawn_surname(rng, name_stocks()[origin])
        address = drawn_address(rng, country)
        if kin != household_key:
            head = self._drawn_household(kin)
            origin, surname = head.origin, head.surname
        if house is not None:
            address = self._drawn_household(house).address
        return Household(household_key=household_key, origin=origin, surname=surname, address=address)

    def person(self, person_key: int) -> Person:
        """A person."""
        household = self.household(self.household_of(person_key))
        rng = stream(self.seed, "person", person_key)
        heads = person_key == self.members(household.household_key)[0]
        own_name = not heads and rng.random() < 0.2  # not everybody of a household bears its surname
        person = drawn_person(
            rng,
            person_key=person_key,
            household_key=household.household_key,
            origin=household.origin,
            surname=None if own_name else household.surname,
            address=household.address,
        )
        original = self._structure.namesakes.get(person_key)
        return person if original is None else _renamed(person, self.person(original))

    def former_address(self, person_key: int) -> Address:
        """Where a person lived before, in the same country."""
        household = self.household_of(person_key)
        return drawn_address(stream(self.seed, "former", person_key), self.networks.country(household))

    # What they do ---------------------------------------------------------------------------------------------------

    def conduct(self, account_key: int) -> Conduct:
        """What the holder of an account does and tells."""
        planned = self._structure.conducts.get(account_key)
        if planned is not None:
            return planned
        drawn = drawn_conduct(
            stream(self.seed, "conduct", account_key),
            uploads=self._uploads.get(account_key, "none"),
            pays=account_key in self._payers,
            has_relatives=bool(self.relatives(self.person_of(account_key))),
            hotspot=account_key in self._structure.hotspots,
        )
        # Who comes over planned lines hides behind nothing.
        return replace(drawn, network="home") if account_key in self.facts.visits else drawn

    def hotspot(self, account_key: int) -> int:
        """The public network that an account uses; -1 for none."""
        return self._structure.hotspots.get(account_key, -1)

    def account(self, account_key: int) -> Account:
        """An account as the platform has it."""
        return drawn_account(
            self.seed,
            account_key,
            of=self.accounts,
            person=self.person(self.person_of(account_key)),
            conduct=self.conduct(account_key),
        )

    def address_used(self, account_key: int, network: str, ordinal: int, draw: int) -> bytes:
        """The packed network address of an act of an account; see `NetworkPlan.used`."""
        household = self.household_of(self.person_of(account_key))
        return self.networks.used(network, account_key, household, self.hotspot(account_key), ordinal, draw)

    def upload_address(self, account_key: int, at_s: int, draw: int) -> bytes:
        """The packed network address of an upload; that of the second person where the account is theirs by then."""
        second = self.facts.seconds.get(account_key)
        if second is not None and at_s >= second[1]:
            return self.networks.home(self.household_of(second[0]))
        return self.address_used(account_key, self.conduct(account_key).network, 2, draw)

    def sharers(self, account_key: int, conduct: Conduct) -> tuple[int, ...]:
        """Other accounts that come from the same home line or public network, in order; exits of a VPN do not count."""
        found: set[int] = set()
        if conduct.network != "vpn":
            for person in self.members(self.household_of(self.person_of(account_key))):
                found |= {key for key in self.accounts_of(person) if self.conduct(key).network != "vpn"}
            households = {visit.household_key for visit in self.facts.visits.get(account_key, ())}
            for household in households | {self.household_of(self.person_of(account_key))}:
                found |= self._visiting.get(household, set())
        number = self.hotspot(account_key)
        if number >= 0 and conduct.network == "hotspot":
            found |= set(self._structure.hotspot_accounts[number])
        return tuple(sorted(found - {account_key}))

    def planned_accounts(self) -> tuple[int, ...]:
        """The accounts of the cast, in order."""
        return tuple(sorted(self._structure.conducts))

    def account_keys(self) -> Iterator[int]:
        """All account keys, in order of registration."""
        return iter(range(1, self.accounts + 1))


def _renamed(person: Person, other: Person) -> Person:
    """The person with the name of another."""
    return Person(
        person_key=person.person_key,
        household_key=person.household_key,
        given=other.given,
        surname=other.surname,
        surname_first=other.surname_first,
        date_of_birth=person.date_of_birth,
        address=person.address,
        phone=person.phone,
        email=person.email,
    )


def build_population(seed: int, *, accounts: int, payers: int) -> Population:
    """The population of a seizure.

    Args:
        seed: Any number.
        accounts: Accounts on the platform, at least `MIN_ACCOUNTS`.
        payers: At most so many accounts for which somebody pays; the planted ones pay in any case.

    Example:
        >>> population = build_population(7, accounts=40, payers=20)
        >>> population.accounts, population.person(1) == population.person(1)
        (40, True)
    """
    return Population(seed, built_structure(seed, accounts=accounts, payers=payers))
