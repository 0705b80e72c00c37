"""Network lists and databases, looked up by address: whether an address says where somebody was, or hides it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session

__all__ = ["AddressesLookedUp", "NetworkRange", "Networks", "plain_address"]

# Only this kind speaks for the person behind it. A kind that nobody here knows ("VPN", "mobile", "datacentre") is taken
# to hide: to place a person in a country by mistake is worse than not to place them.
_OPEN_KIND = "access"
_SINGLE_CLIENT_KIND = "single client of an access log"
_DATABASE_KIND = "database"

# An address as bytes that sort as addresses do: 4 or 6, then the address; numpy fills up with zeros.
_Keys = npt.NDArray[np.bytes_]
_KEY_BYTES: Final = 17
_KEY: Final = f"S{_KEY_BYTES}"
_FOUR_NUMBERS: Final = r"^(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}$"
_NOWHERE: Final = -1
_DATABASE_COLUMNS: Final = (
    "reference_name",
    "reference_version",
    "network_range_id",
    "first_bytes",
    "last_bytes",
    "country",
    "hides_as",
    "holder",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRange:
    """What counts of an address.

    Attributes:
        network_id: The row that says so.
        table: The table of that row: `networks`, or `network_ranges` of a database.
        kind: As the list says; `database` where only a database knows the address, and flags nothing.
        country: Its country, if that row says.
        holder: Who can name the subscriber, if that row says.
        addresses: The range as text.
    """

    network_id: str
    table: str = "networks"
    kind: str
    country: str | None
    holder: str | None
    addresses: str

    @property
    def hides(self) -> bool:
        """Whether it hides who uses it."""
        return self.kind != _OPEN_KIND and (self.table, self.kind) != ("network_ranges", _DATABASE_KIND)

    @property
    def is_open(self) -> bool:
        """Whether a list says that it does not hide; that no database flags it says less."""
        return self.kind == _OPEN_KIND


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressesLookedUp:
    """What lists and databases say of addresses, place by place.

    Attributes:
        ranges: The ranges that count for any of them.
        of_address: For each address the index of its range; -1 where nobody says anything.
        database_countries: For each imported database that names countries, the country of each address, as an index
            into `countries`; -1 where it names none.
        countries: Names of the countries that databases name.
    """

    ranges: Sequence[NetworkRange]
    of_address: npt.NDArray[np.int64]
    database_countries: Sequence[npt.NDArray[np.int64]]
    countries: Sequence[str]


class Networks:
    """Network lists and imported databases, looked up by address.

    An address that any of them flags is flagged, whatever another says of it. Else the longest range of a list counts,
    and where no list has the address, a database.

    Args:
        tables: Has `networks`, `network_ranges` and `web_logs`.
    """

    def __init__(self, tables: Session) -> None:
        rows = tables.arrow("networks").to_pylist()
        self._flagged = _Nested([row for row in rows if row["kind"] != _OPEN_KIND])
        self._open = _Nested([row for row in rows if row["kind"] == _OPEN_KIND])
        self._databases = [
            _Database(part) for part in _by_database(tables.columns("network_ranges", _DATABASE_COLUMNS))
        ]
        self._known: dict[str, NetworkRange | None] = {}
        self._single_clients = {
            (row["exhibit_id"], _plain_or_as_is(row["largest_client"]))
            for row in tables.arrow("web_logs").to_pylist()
            if row["single_client"]
        }

    @property
    def single_clients(self) -> frozenset[tuple[str, str]]:
        """Exhibit and plain address of each single client of an access log."""
        return frozenset(self._single_clients)

    def is_single_client(self, exhibit_id: str, address: str) -> bool:
        """Whether nearly all lines of an access log of the exhibit come from the address: it stands for everybody."""
        return (exhibit_id, plain_address(address)) in self._single_clients

    def is_single_client_anywhere(self, address: str) -> bool:
        """Whether it is the single client of an access log of any exhibit."""
        return plain_address(address) in {client for _, client in self._single_clients}

    def range_of(self, address: str | None, exhibit_id: str | None = None) -> NetworkRange | None:
        """What counts of an address; None where nobody says anything of it.

        Args:
            address: The address.
            exhibit_id: Where it was noted; the single client of an access log there is a range of its own, which hides.
        """
        if address is None:
            return None
        if exhibit_id is not None and self.is_single_client(exhibit_id, address):
            text = plain_address(address)
            return NetworkRange(network_id="", kind=_SINGLE_CLIENT_KIND, country=None, holder=None, addresses=text)
        if address not in self._known:
            found = self.looked_up([address])
            place = int(found.of_address[0])
            self._known[address] = None if place == _NOWHERE else found.ranges[place]
        return self._known[address]

    def looked_up(self, addresses: Sequence[str]) -> AddressesLookedUp:
        """What counts of each of many addresses.

        Raises:
            ValueError: One is no address.
        """
        keys = _address_keys(addresses)
        in_databases = [(database, database.places(keys)) for database in self._databases]
        by_precedence: list[tuple[_Ranges, npt.NDArray[np.int64]]] = [
            (self._flagged, self._flagged.places(keys)),
            *((database, database.only("hides_as", places)) for database, places in in_databases),
            (self._open, self._open.places(keys)),
            # Of databases, one that can name the subscriber before one that only names the country.
            *((database, database.only("holder", places)) for database, places in in_databases),
            *((database, database.only("country", places)) for database, places in in_databases),
        ]
        ranges: list[NetworkRange] = []
        of_address = np.full(len(keys), _NOWHERE, np.int64)
        for source, places in by_precedence:
            free = (of_address == _NOWHERE) & (places != _NOWHERE)
            distinct, which = np.unique(places[free], return_inverse=True)
            of_address[free] = len(ranges) + which
            ranges += [source.range_at(place) for place in distinct.tolist()]
        countries = sorted({country for database in self._databases for country in database.countries})
        number_of = {country: number for number, country in enumerate(countries)}
        return AddressesLookedUp(
            ranges=ranges,
            of_address=of_address,
            database_countries=[
                database.country_numbers(places, number_of) for database, places in in_databases if database.countries
            ],
            countries=countries,
        )


class _Ranges(Protocol):
    """Ranges that are looked up by address."""

    def places(self, keys: _Keys) -> npt.NDArray[np.int64]:
        """For each address the number of its range; -1 where it is in none."""

    def range_at(self, place: int) -> NetworkRange:
        """The range of that number."""


class _Nested:
    """The ranges of lists, which may lie within each other: the longest counts, of two alike the first by id."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._rows = rows
        spans = []
        for place in sorted(range(len(rows)), key=lambda place: str(rows[place]["network_id"]), reverse=True):
            network = ipaddress.ip_network(rows[place]["cidr"])
            spans.append((_number(network[0]), network.prefixlen, _number(network[-1]), place))
        spans.sort(key=lambda span: span[:2])
        pieces = list(_disjoint((first, last, place) for first, _, last, place in spans))
        self._first = _keys([_key_of_number(first) for first, _, _ in pieces])
        self._last = _keys([_key_of_number(last) for _, last, _ in pieces])
        self._row = np.array([place for *_, place in pieces], np.int64)

    def places(self, keys: _Keys) -> npt.NDArray[np.int64]:
        found = _found(keys, self._first, self._last)
        inside = found != _NOWHERE
        found[inside] = self._row[found[inside]]
        return found

    def range_at(self, place: int) -> NetworkRange:
        row = self._rows[place]
        said = {name: row[name] for name in ("network_id", "kind", "country", "holder")}
        return NetworkRange(**said, addresses=row["cidr"])


class _Database:
    """The ranges of one database, none within another, in order of address."""

    def __init__(self, rows: pa.Table) -> None:
        first, last = (
            _keys([bytes([4 if len(packed) == 4 else 6]) + packed for packed in rows[name].to_pylist()])
            for name in ("first_bytes", "last_bytes")
        )
        order = np.argsort(first, kind="stable")
        self._rows, self._first, self._last = rows.take(order), first[order], last[order]
        self.countries = rows["country"].unique().drop_null().to_pylist()

    def places(self, keys: _Keys) -> npt.NDArray[np.int64]:
        return _found(keys, self._first, self._last)

    def only(self, column: str, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Those places of whose range the column says something."""
        said = self._rows[column].is_valid().to_numpy(zero_copy_only=False)
        return np.where((places != _NOWHERE) & said[places], places, _NOWHERE)

    def range_at(self, place: int) -> NetworkRange:
        [row] = self._rows.slice(place, 1).to_pylist()
        return NetworkRange(
            network_id=row["network_range_id"],
            table="network_ranges",
            kind=row["hides_as"] or _DATABASE_KIND,
            country=row["country"],
            holder=row["holder"],
            addresses=" to ".join(str(ipaddress.ip_address(row[name])) for name in ("first_bytes", "last_bytes")),
        )

    def country_numbers(self, places: npt.NDArray[np.int64], number_of: Mapping[str, int]) -> npt.NDArray[np.int64]:
        """The country of each place as a number; -1 where there is none."""
        coded = self._rows["country"].combine_chunks().dictionary_encode()
        numbers = np.array([number_of[country] for country in coded.dictionary.to_pylist()] + [_NOWHERE], np.int64)
        codes = coded.indices.fill_null(_NOWHERE).to_numpy(zero_copy_only=False)
        return np.where(places == _NOWHERE, _NOWHERE, numbers[codes[places]])


def _by_database(rows: pa.Table) -> Iterator[pa.Table]:
    """The ranges of each database, in order of address."""
    names = pc.binary_join_element_wise(rows["reference_name"], rows["reference_version"], "@")
    for name in sorted(names.unique().to_pylist()):
        yield rows.filter(pc.equal(names, name)).combine_chunks()


def _disjoint(spans: Iterable[tuple[int, int, int]]) -> Iterator[tuple[int, int, int]]:
    """Parts of spans (first, last, which), each of the innermost there; of two alike, of the later.

    Args:
        spans: In order of their first, the longer before what lies within it.
    """
    open_spans: list[tuple[int, int]] = []
    at = 0
    for first, last, which in spans:
        while open_spans and open_spans[-1][0] < first:
            ended, of = open_spans.pop()
            if at <= ended:
                yield at, ended, of
                at = ended + 1
        if open_spans and at < first:
            yield at, first - 1, open_spans[-1][1]
        open_spans.append((last, which))
        at = first
    while open_spans:
        ended, of = open_spans.pop()
        if at <= ended:
            yield at, ended, of
            at = ended + 1


def _found(keys: _Keys, first: _Keys, last: _Keys) -> npt.NDArray[np.int64]:
    """For each address the range that holds it; -1 where none does."""
    if not len(first):
        return np.full(len(keys), _NOWHERE, np.int64)
    before = np.searchsorted(first, keys, side="right") - 1
    return np.where((before >= 0) & (keys <= last[before]), before, _NOWHERE)


def _keys(keys: Sequence[bytes]) -> _Keys:
    return np.array(keys, dtype=_KEY)


_IPV6_AFTER: Final = 1 << 128  # numbers of IPv6 addresses begin behind those of IPv4


def _number(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> int:
    return int(address) + (_IPV6_AFTER if address.version == 6 else 0)


def _key_of_number(number: int) -> bytes:
    if number < _IPV6_AFTER:
        return b"\4" + number.to_bytes(4, "big")
    return b"\6" + (number - _IPV6_AFTER).to_bytes(16, "big")


def _address_keys(addresses: Sequence[str]) -> _Keys:
    """The key of each address; those that are written as four numbers, which are most, by columns."""
    column = pa.array(addresses, pa.string())
    keys = np.zeros((len(column), _KEY_BYTES), np.uint8)
    dotted = np.flatnonzero(pc.match_substring_regex(column, _FOUR_NUMBERS).to_numpy(zero_copy_only=False))
    numbers = pc.list_flatten(pc.split_pattern(column.take(pa.array(dotted)), ".")).cast(pa.int64())
    octets = numbers.to_numpy(zero_copy_only=False).reshape(-1, 4)
    whole = (octets <= 255).all(axis=1)
    keys[dotted[whole], 0] = 4
    keys[dotted[whole], 1:5] = octets[whole]
    found: _Keys = keys.reshape(-1).view(_KEY)
    for place in np.flatnonzero(keys[:, 0] == 0).tolist():
        found[place] = _key_of_number(_number(_parsed(addresses[place])))
    return found


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
