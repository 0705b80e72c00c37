"""Network lists, looked up by address: whether an address says where somebody was, or hides it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from headwater.engine import Session

__all__ = ["NetworkRange", "Networks", "plain_address"]

# Only this kind speaks for the person behind it. A kind that nobody here knows ("VPN", "mobile", "datacentre") is taken
# to hide: to place a person in a country by mistake is worse than not to place them.
_OPEN_KIND = "access"
_SINGLE_CLIENT_KIND = "single client of an access log"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRange:
    """A range of a network list.

    Attributes:
        network_id: Its row.
        network: The range.
        kind: As the list says.
        country: Its country, if the list says.
        holder: Who can name the subscriber, if the list says.
    """

    network_id: str
    network: ipaddress.IPv4Network | ipaddress.IPv6Network
    kind: str
    country: str | None
    holder: str | None

    @property
    def hides(self) -> bool:
        """Whether it hides who uses it."""
        return self.kind != _OPEN_KIND


class Networks:
    """Network lists, looked up by address.

    An address that any list flags is flagged, whatever another list says of it; else the longest range counts.
    """

    def __init__(self, tables: Session) -> None:
        ranges = [
            NetworkRange(
                network_id=row["network_id"],
                network=ipaddress.ip_network(row["cidr"]),
                kind=row["kind"],
                country=row["country"],
                holder=row["holder"],
            )
            for row in tables.arrow("networks").to_pylist()
        ]
        self._ranges = _by_prefix(ranges)
        self._known: dict[str, NetworkRange | None] = {}
        self._single_clients = {
            (row["exhibit_id"], _plain_or_as_is(row["largest_client"]))
            for row in tables.arrow("web_logs").to_pylist()
            if row["single_client"]
        }

    def is_single_client(self, exhibit_id: str, address: str) -> bool:
        """Whether nearly all lines of an access log of the exhibit come from the address: it stands for everybody."""
        return (exhibit_id, plain_address(address)) in self._single_clients

    def is_single_client_anywhere(self, address: str) -> bool:
        """Whether it is the single client of an access log of any exhibit."""
        return plain_address(address) in {client for _, client in self._single_clients}

    def range_of(self, address: str | None, exhibit_id: str | None = None) -> NetworkRange | None:
        """The range that holds an address; None where no list says.

        Args:
            address: The address.
            exhibit_id: Where it was noted; the single client of an access log there is a range of its own, which hides.
        """
        if address is None:
            return None
        if exhibit_id is not None and self.is_single_client(exhibit_id, address):
            network = ipaddress.ip_network(plain_address(address))
            return NetworkRange(network_id="", network=network, kind=_SINGLE_CLIENT_KIND, country=None, holder=None)
        if address not in self._known:
            parsed = _parsed(address)
            self._known[address] = next(
                (found for hides in (True, False) if (found := self._longest(parsed, hides=hides)) is not None), None
            )
        return self._known[address]

    def _longest(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address, *, hides: bool) -> NetworkRange | None:
        """The longest range of those that hide, or of those that do not, that holds the address."""
        bits, width = int(address), address.max_prefixlen
        for length, ranges in self._ranges.get((address.version, hides), ()):
            if (found := ranges.get(bits >> (width - length))) is not None:
                return found
        return None


_ByPrefix = dict[tuple[int, bool], list[tuple[int, dict[int, NetworkRange]]]]


def _by_prefix(ranges: list[NetworkRange]) -> _ByPrefix:
    """For each version, and for ranges that hide and others, by falling length the ranges by their leading bits."""
    found: dict[tuple[int, bool], dict[int, dict[int, NetworkRange]]] = {}
    for each in sorted(ranges, key=lambda r: r.network_id):
        network = each.network
        lengths = found.setdefault((network.version, each.hides), {}).setdefault(network.prefixlen, {})
        lengths.setdefault(int(network.network_address) >> (network.max_prefixlen - network.prefixlen), each)
    return {which: sorted(lengths.items(), reverse=True) for which, lengths in found.items()}


def plain_address(address: str) -> str:
    """The address in the one spelling that lists use: an IPv4 address written within IPv6 is that IPv4 address."""
    return str(_parsed(address))


def _plain_or_as_is(client: str) -> str:
    """A log names its clients as it likes: by an address, by a name, or as `unix:`."""
    try:
        return plain_address(client)
    except ValueError:
        return client


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    # A server that listens on IPv6 alone notes its IPv4 visitors as ::ffff:a.b.c.d (RFC 4291, section 2.5.5.2).
    parsed = ipaddress.ip_address(address)
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, ipaddress.IPv6Address) else parsed
