"""The logins of a case as columns of numbers, so that millions of them are looked through without a row in Python."""

from __future__ import annotations

import datetime as dt
import functools
import ipaddress
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.identities.networks import NetworkRange, Networks, plain_address

__all__ = ["MOST_SHARERS", "Numbers", "Visits", "line_of"]

Numbers = npt.NDArray[np.int64]

MOST_SHARERS = 8
"""What more than so many have in common says nothing of any of them: a household is smaller, while an apartment house,
a school, a browser's name and a carrier's gateway are not.

References:
    RFC 6269: behind a network address that is shared, the address alone no longer tells one subscriber.
"""

_COLUMNS = ("login_id", "account_id", "at_utc", "network_address", "device", "exhibit_id")
_LINE_BITS_V6 = 64  # source: RFC 4291, section 2.5.1; within its /64 a device changes its address (RFC 8981)
_RANGE_BITS = {
    4: 16,
    6: 32,
}  # where no list says: a provider's usual first allocation of version 6 (RIPE-738, 5.1.2), and half of 32 bits
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Visits:
    """Logins in order of account and time; every array has one number for each.

    Attributes:
        account: Code of the account.
        at_us: Microseconds since 1970 UTC.
        address: Code of the network address; -1 where none was noted.
        device: Code of the device; -1 where none was noted.
        is_single: Whether the address is the single client of an access log of that exhibit.
        is_open: Whether the address was noted, no list flags it, and it is no single client.
        country: Code of the country in which a list has the address; -1 where none says.
        line: Code of the line: the address itself, or the /64 of an address of version 6; -1 as `address`.
        range: Code of the range that a list has for it, else of its surroundings; -1 as `address`.
    """

    def __init__(self, tables: Session, networks: Networks) -> None:
        rows = tables.columns("logins", _COLUMNS)
        self._login_ids = rows["login_id"]
        self._accounts, account = _encoded(rows["account_id"])
        self._devices, device = _encoded(rows["device"])
        texts, written = _encoded(rows["network_address"])
        exhibits, exhibit = _encoded(rows["exhibit_id"])
        at_us = rows["at_utc"].cast(pa.int64()).to_numpy().astype(np.int64)
        self._row = np.lexsort((np.arange(len(at_us)), at_us, account))
        self.account, self.at_us, self.device = (column[self._row] for column in (account, at_us, device))
        self._addresses, of_text = _numbered(plain_address(text) for text in texts.to_pylist())
        self.address = _looked_up(of_text, written[self._row])
        found = networks.looked_up(self._addresses)
        self._listed = [found.ranges[place] if place >= 0 else None for place in found.of_address.tolist()]
        self._countries, countries = _numbered(None if r is None else r.country for r in self._listed)
        hides = np.array([r is not None and r.hides for r in self._listed], dtype=bool)
        self.country = _looked_up(countries, self.address)
        self._lines, lines = _numbered(line_of(text) for text in self._addresses)
        self.line = _looked_up(lines, self.address)
        surroundings = (_surroundings(text, r) for text, r in zip(self._addresses, self._listed, strict=True))
        self.range = _looked_up(_numbered(surroundings)[1], self.address)
        self.is_single = self._single(networks, exhibits, exhibit[self._row])
        known = self.address >= 0
        self.is_hidden = known & ~self.is_single & _looked_up(hides, self.address, absent=False)
        self.is_open = known & ~self.is_single & ~self.is_hidden

    def _single(self, networks: Networks, exhibits: pa.Array, exhibit: Numbers) -> npt.NDArray[np.bool_]:
        single = np.zeros(len(self.address), dtype=bool)
        number = {text: code for code, text in enumerate(self._addresses)}
        for code, exhibit_id in enumerate(exhibits.to_pylist()):
            clients = [number[a] for e, a in networks.single_clients if e == exhibit_id and a in number]
            if clients:
                single |= (exhibit == code) & np.isin(self.address, clients)
        return single

    def __len__(self) -> int:
        return len(self.account)

    @property
    def accounts(self) -> int:
        """How many accounts logged in."""
        return len(self._accounts)

    def login_id(self, place: int) -> str:
        """The id of a login."""
        return str(self._login_ids[int(self._row[place])].as_py())

    def account_id(self, code: int) -> str:
        """The id of an account."""
        return str(self._accounts[int(code)].as_py())

    def code_of(self, account_id: str) -> int | None:
        """The code of an account; None if it never logged in."""
        return self._code_of.get(account_id)

    @functools.cached_property
    def _code_of(self) -> dict[str, int]:
        return {account: code for code, account in enumerate(self._accounts.to_pylist())}

    def of_account(self, code: int) -> range:
        """The places of an account's logins."""
        return range(int(np.searchsorted(self.account, code)), int(np.searchsorted(self.account, code, side="right")))

    def address_of(self, place: int) -> str:
        """The network address of a login, as lists write it."""
        return self._addresses[int(self.address[place])]

    def listed(self, code: int) -> NetworkRange | None:
        """The listed range of an address, by the address's code."""
        return self._listed[int(code)]

    def address_text(self, code: int) -> str:
        """An address by its code."""
        return self._addresses[int(code)]

    def country_of(self, place: int) -> str:
        """The country of a login; only where `country` is not -1."""
        return self._countries[int(self.country[place])]

    def device_of(self, place: int) -> str:
        """The device of a login; only where `device` is not -1."""
        return str(self._devices[int(self.device[place])].as_py())

    def line_text(self, place: int) -> str:
        """The line of a login, as `line_of` writes it."""
        return self._lines[int(self.line[place])]

    def at(self, place: int) -> dt.datetime:
        """When a login was."""
        return _EPOCH + dt.timedelta(microseconds=int(self.at_us[place]))

    @functools.cached_property
    def accounts_on_line(self) -> Numbers:
        """How many accounts logged in over each open line, by its code."""
        return self._accounts_by(self.line, np.flatnonzero(self.is_open))

    @functools.cached_property
    def accounts_with_device(self) -> Numbers:
        """How many accounts logged in with each device, by its code."""
        return self._accounts_by(self.device, np.flatnonzero(self.device >= 0))

    def _accounts_by(self, values: Numbers, places: Numbers) -> Numbers:
        pairs = np.unique(values[places] * max(1, self.accounts) + self.account[places])
        return np.bincount(pairs // max(1, self.accounts), minlength=int(values.max(initial=-1)) + 1)

    @functools.cached_property
    def is_own_line(self) -> npt.NDArray[np.bool_]:
        """Whether the login came over an open line that at most `MOST_SHARERS` accounts used."""
        few: npt.NDArray[np.bool_] = _looked_up(self.accounts_on_line <= MOST_SHARERS, self.line, absent=False)
        own: npt.NDArray[np.bool_] = self.is_open & few
        return own


def line_of(address: str) -> str:
    """The line that a network address belongs to: itself, or its /64 where it is of version 6.

    Args:
        address: As `plain_address` writes it.
    """
    if ":" not in address:
        return address
    rest = 128 - _LINE_BITS_V6
    return f"{ipaddress.IPv6Address(int(ipaddress.IPv6Address(address)) >> rest << rest)}/{_LINE_BITS_V6}"


def _surroundings(address: str, listed: NetworkRange | None) -> str:
    if listed is not None:
        return listed.network_id
    parsed = ipaddress.ip_address(address)
    return str(ipaddress.ip_network((parsed, _RANGE_BITS[parsed.version]), strict=False))


def _encoded(column: pa.ChunkedArray) -> tuple[pa.Array, Numbers]:
    """The different values of a column, and the place of each row's among them; -1 for an absent one."""
    whole = pa.chunked_array([column.combine_chunks()] if column.num_chunks != 1 else column.chunks).chunk(0)
    encoded = pc.dictionary_encode(whole)
    return encoded.dictionary, pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)


def _numbered(values: Iterable[str | None]) -> tuple[list[str], Numbers]:
    """The different values in order of their first place, and the number of each; -1 for an absent one."""
    numbers: dict[str, int] = {}
    codes = [-1 if value is None else numbers.setdefault(value, len(numbers)) for value in values]
    return list(numbers), np.array(codes, dtype=np.int64)


def _looked_up(values: npt.NDArray[Any], codes: Numbers, *, absent: int | bool = -1) -> npt.NDArray[Any]:
    """For each code, the value at that place; `absent` for the code -1."""
    return np.append(values, np.array([absent], dtype=values.dtype))[codes]
