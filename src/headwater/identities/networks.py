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
        # By version, then in the order in which they count: how many bits are left of the prefix, and its ranges.
        self._by_prefix: dict[int, dict[tuple[bool, int], dict[int, NetworkRange]]] = {4: {}, 6: {}}
        for found in sorted(ranges, key=lambda r: (not r.hides, -r.network.prefixlen, r.network_id)):
            bits = found.network.max_prefixlen - found.network.prefixlen
            of_length = self._by_prefix[found.network.version].setdefault((found.hides, bits), {})
            of_length.setdefault(int(found.network.network_address) >> bits, found)
        self._known: dict[str, NetworkRange | None] = {}
        self._single_clients = {
            (row["exhibit_id"], _plain_or_as_is(row["largest_client"]))
            for row in tables.arrow("web_logs").to_pylist()
            if row["single_client"]
        }

    def is_single_client(self, exhibit_id: str, address: str) -> bool:
        """Whether nearly all lines of an access log of the exhibit come from the address: it stands for everybody."""
        return (exhibit_id, plain_address(address)) in self._single_clients

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
            number, by_prefix = int(parsed), self._by_prefix[parsed.version]
            found = (of_length.get(number >> bits) for (_, bits), of_length in by_prefix.items())
            self._known[address] = next((r for r in found if r is not None), None)
        return self._known[address]

    @property
    def single_clients(self) -> frozenset[tuple[str, str]]:
        """Exhibits, and the address that stands for everybody in an access log there, in the spelling of lists."""
        return frozenset(self._single_clients)


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
