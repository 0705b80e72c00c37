"""Network addresses that lead nowhere: every range here is reserved for documentation, tests or carriers' inside."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from headwater_synth.people import country_weights
from headwater_synth.seeds import seed_digest, stream

__all__ = ["HOTSPOTS", "Network", "NetworkPlan", "network_plan"]

_CARRIER = int(ipaddress.IPv4Address("100.64.0.0"))  # RFC 6598: 2**22 addresses, as 64 blocks of 2**16
_BLOCKS = 64
_HOMES = 1 << 22
_DOCUMENTATION_V6 = 0x20010DB8 << 96  # RFC 3849
_VPN = int(ipaddress.IPv4Address("198.18.0.0"))  # RFC 2544, as are the next
_VPN_PROVIDERS = 12
_HOTSPOT_RANGES = ("203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24")  # RFC 5737
_HOTSPOT_FIRST = tuple(int(ipaddress.ip_network(cidr).network_address) for cidr in _HOTSPOT_RANGES)
HOTSPOTS = 3 * 254
"""How many public networks there are; each has one address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A range of network addresses.

    Attributes:
        cidr: The range.
        kind: access, vpn, proxy, tor or hosting.
        country: ISO 3166-1 alpha-2; empty where nobody knows.
        holder: Who can name the subscriber.
    """

    cidr: str
    kind: str
    country: str
    holder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPlan:
    """Who has which address.

    Attributes:
        seed: Seed of the whole seizure.
        block_country: Country of each block of home addresses.
    """

    seed: int
    block_country: tuple[str, ...]

    def _home(self, household_key: int) -> int:
        """Index of the household's line; different for the first 2**22 households."""
        offset = int.from_bytes(seed_digest(self.seed, "homes")[:4], "big")
        return (household_key * 2_654_435_761 + offset) % _HOMES

    def country(self, household_key: int) -> str:
        """Where a household lives, which is where its line ends."""
        return self.block_country[self._home(household_key) >> 16]

    def home(self, household_key: int) -> bytes:
        """The packed address that a household's line has; two of three have one of version 4."""
        index = self._home(household_key)
        if household_key % 3:
            return (_CARRIER + index).to_bytes(4, "big")
        subnet = ((0x1000 + (index >> 16)) << 80) | ((index & 0xFFFF) << 64)
        return (_DOCUMENTATION_V6 | subnet | (0x20 + household_key % 50)).to_bytes(16, "big")

    @staticmethod
    def hotspot(number: int) -> bytes:
        """The packed address of a public network."""
        which, host = divmod(number % HOTSPOTS, 254)
        return (_HOTSPOT_FIRST[which] + host + 1).to_bytes(4, "big")

    @staticmethod
    def exit(account_key: int, draw: int) -> bytes:
        """A packed address from which somebody appears who hides the own one.

        Args:
            account_key: Everybody stays with one provider.
            draw: Any number; picks the exit.
        """
        provider = account_key % _VPN_PROVIDERS
        return (_VPN + (provider << 8) + 1 + draw % 254).to_bytes(4, "big")

    def used(self, network: str, account_key: int, household_key: int, hotspot: int, ordinal: int, draw: int) -> bytes:
        """The packed address from which an account comes.

        Args:
            network: How its holder goes about it, a `Conduct.network`.
            account_key: The account.
            household_key: Where its holder lives.
            hotspot: Public network of the holder, where there is one.
            ordinal: Which act of the account it is, from 0; the first two show both sides of a mixed conduct.
            draw: Any number; decides the later ones.
        """
        if network == "home":
            return self.home(household_key)
        if network == "vpn":
            return self.exit(account_key, draw)
        if network == "mixed":
            at_home = ordinal == 0 or (ordinal > 1 and draw % 4 == 0)
            return self.home(household_key) if at_home else self.exit(account_key, draw)
        in_public = ordinal == 0 or (ordinal > 1 and draw % 5 > 1)
        return self.hotspot(hotspot) if in_public else self.home(household_key)

    def networks(self) -> Sequence[Network]:
        """All ranges, as a list of networks has them."""
        return [*self._access(), *self._hotspots(), *self._hidden()]

    def _access(self) -> list[Network]:
        listed = []
        for block, country in enumerate(self.block_country):
            holder = f"{('Fernline', 'Openmoor', 'Tidecable')[block % 3]} {country}"
            carrier = ipaddress.IPv4Address(_CARRIER + (block << 16))
            subnet = ipaddress.IPv6Address(_DOCUMENTATION_V6 | ((0x1000 + block) << 80))
            listed.append(Network(cidr=f"{carrier}/16", kind="access", country=country, holder=holder))
            listed.append(Network(cidr=f"{subnet}/48", kind="access", country=country, holder=holder))
        return listed

    def _hotspots(self) -> list[Network]:
        return [
            Network(cidr=cidr, kind="access", country=country, holder=f"Corner Wireless {country}")
            for cidr, country in zip(_HOTSPOT_RANGES, sorted(country_weights()), strict=False)
        ]

    @staticmethod
    def _hidden() -> list[Network]:
        countries = ("NL", "CH", "", "SE", "RO", "PA")
        listed = []
        for provider in range(_VPN_PROVIDERS):
            kind = {9: "tor", 10: "proxy", 11: "hosting"}.get(provider, "vpn")
            cidr = f"{ipaddress.IPv4Address(_VPN + (provider << 8))}/24"
            country = countries[provider % len(countries)] if kind != "tor" else ""
            listed.append(Network(cidr=cidr, kind=kind, country=country, holder=f"Veil {kind} {provider + 1}"))
        return listed


@functools.cache
def network_plan(seed: int) -> NetworkPlan:
    """Who has which address in the seizure of that seed."""
    rng = stream(seed, "networks")
    weights = country_weights()
    shares = [country for country, weight in weights.items() for _ in range(max(1, weight * _BLOCKS // 100))]
    shares += rng.choices(list(weights), weights=list(weights.values()), k=_BLOCKS)
    blocks = shares[:_BLOCKS]
    rng.shuffle(blocks)
    return NetworkPlan(seed=seed, block_country=tuple(blocks))
