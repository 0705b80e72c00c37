"""What accounts did and when: logins, uploads, payments and registrations, as columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.identities import AddressesLookedUp, Networks, plain_address
from headwater.leads.by_place import NOWHERE, Numbers, in_order_of, numbers_of, places_of
from headwater.schema import table_named

__all__ = ["DatedActs", "NotedActs"]

_BATCH_ROWS: Final = 1 << 18
_ACTS: Final = (
    ("registration", "accounts", "account_id", "registered_at_utc", False),
    ("login", "logins", "login_id", "at_utc", True),
    ("upload", "uploads", "upload_id", "at_utc", True),
    ("payment", "payments", "payment_id", "at_utc", False),
)
"""Act, its table, the column of its id, that of its time, and whether an address is noted with it."""

_SINGLE_CLIENT: Final = -2  # in place of an address: that of a client that stands for everybody


@dataclass(frozen=True, slots=True, kw_only=True)
class NotedActs:
    """Acts of one kind, in order of their ids.

    Attributes:
        act: Its name.
        table: Where it is noted.
        ids: Rows that record them.
        accounts: For each the number of its account; -1 for one that does not count.
        at_us: When, in microseconds since 1970.
        is_dated: Whether it has a time.
        addresses: For each the number of its address; -1 where none is noted, -2 for the single client of a log.
        written: The address as it is noted; None for acts without.
    """

    act: str
    table: str
    ids: pa.ChunkedArray
    accounts: Numbers
    at_us: Numbers
    is_dated: np.ndarray[tuple[int], np.dtype[np.bool_]]
    addresses: Numbers
    written: pa.ChunkedArray | None


class DatedActs:
    """All acts, with what lists and databases say of their addresses.

    Args:
        tables: Has `accounts`, `logins`, `uploads`, `payments`, and what `Networks` reads.
        accounts: The ids of the accounts that count, in order.
    """

    def __init__(self, tables: Session, accounts: pa.Array) -> None:
        networks = Networks(tables)
        noted = {name: tables.columns(name, ["network_address"])["network_address"] for name in ("logins", "uploads")}
        distinct = pa.chunked_array([column.unique() for column in noted.values()], pa.string()).unique().drop_null()
        self.addresses: AddressesLookedUp = networks.looked_up(distinct.to_pylist())
        self._flag = _flags(self.addresses)
        single_clients = networks.single_clients
        self.kinds = [_noted(tables, of, accounts, distinct, single_clients if of[-1] else frozenset()) for of in _ACTS]
        self.latest_us = np.full(len(accounts), np.iinfo(np.int64).min, np.int64)
        self.has_dated_act = np.zeros(len(accounts), bool)
        self.has_open_address = np.zeros(len(accounts), bool)
        for kind in self.kinds:
            counts = (kind.accounts != NOWHERE) & kind.is_dated
            of = kind.accounts[counts]
            self.has_dated_act[of] = True
            np.maximum.at(self.latest_us, of, kind.at_us[counts])
            own = counts & (kind.addresses >= 0)
            own[own] = self._flag[kind.addresses[own]] != 1
            self.has_open_address[kind.accounts[own]] = True
        self.latest_us[~self.has_dated_act] = 0
        self.platform_latest_us = max(
            (int(kind.at_us[kind.is_dated].max()) for kind in self.kinds if kind.is_dated.any()), default=None
        )

    def lead_acts(self, lead_ids: pa.Array, place_of_account: Numbers) -> Iterator[pa.Table]:
        """Parts of the table `lead_acts`, in any order.

        Args:
            lead_ids: The leads, by place.
            place_of_account: For each account the place of its lead; -1 where it has none.
        """
        schema = table_named("lead_acts")
        flags = pa.array([False, True, None])
        for kind in self.kinds:
            for begin in range(0, len(kind.ids), _BATCH_ROWS):
                part = slice(begin, begin + _BATCH_ROWS)
                accounts = kind.accounts[part]
                places = np.where(accounts == NOWHERE, NOWHERE, place_of_account[accounts])
                kept = np.flatnonzero((places != NOWHERE) & kind.is_dated[part])
                if not len(kept):
                    continue
                addresses = kind.addresses[part][kept]
                flag = np.where(addresses == _SINGLE_CLIENT, 1, self._flag[np.maximum(addresses, NOWHERE)])
                rows = pa.array(begin + kept)
                yield schema.part(
                    {
                        "lead_id": lead_ids.take(pa.array(places[kept])),
                        "act": pa.repeat(kind.act, len(kept)),
                        "act_id": kind.ids.take(rows),
                        "at_utc": pa.array(kind.at_us[part][kept]).cast(pa.timestamp("us", tz="UTC")),
                        "network_address": pa.nulls(len(kept), pa.string())
                        if kind.written is None
                        else kind.written.take(rows),
                        "proxy": flags.take(pa.array(flag)),
                    }
                )

    def access_lines(self, place_of_account: Numbers) -> tuple[Numbers, pa.Table]:
        """For each lead and each holder of an access line that it used, the latest use, the latest first.

        Returns:
            The place of the lead, and rows (holder, country, since).
        """
        holders, of_address = self._holders()
        width = max(1, len(holders))
        latest: dict[str, Numbers] = {"key": np.zeros(0, np.int64), "at": np.zeros(0, np.int64)}
        for kind in self.kinds:
            counts = np.flatnonzero((kind.accounts != NOWHERE) & kind.is_dated & (kind.addresses >= 0))
            places, holder = place_of_account[kind.accounts[counts]], of_address[kind.addresses[counts]]
            held = (places != NOWHERE) & (holder != NOWHERE)
            key = np.concatenate([latest["key"], places[held] * width + holder[held]])
            at = np.concatenate([latest["at"], kind.at_us[counts][held]])
            order = np.lexsort((-at, key))
            key, at = key[order], at[order]
            first = np.concatenate([np.ones(min(1, len(key)), bool), key[1:] != key[:-1]])
            latest = {"key": key[first], "at": at[first]}
        places, holder = np.divmod(latest["key"], width)
        order = np.lexsort((holder, -latest["at"], places))
        names = [holders[number] for number in holder[order].tolist()]
        rows = pa.table(
            {
                "holder": pa.array([name for name, _ in names], pa.string()),
                "country": pa.array([country for _, country in names], pa.string()),
                "since": pa.array(latest["at"][order]).cast(pa.timestamp("us", tz="UTC")),
            }
        )
        return places[order], rows

    def _holders(self) -> tuple[list[tuple[str, str]], Numbers]:
        """Who can name subscribers, with the country, in order; and for each address which of them, -1 for nobody."""
        looked_up = self.addresses
        by_databases = np.full(len(looked_up.of_address), NOWHERE, np.int64)
        for numbers in looked_up.database_countries:
            by_databases = np.where(by_databases == NOWHERE, numbers, by_databases)
        width = len(looked_up.countries) + 1
        distinct, which = np.unique(looked_up.of_address * width + by_databases + 1, return_inverse=True)
        told = [self._holder(*divmod(number, width)) for number in distinct.tolist()]
        holders = sorted({holder for holder in told if holder is not None})
        number_of = {holder: number for number, holder in enumerate(holders)}
        return holders, np.array([NOWHERE if of is None else number_of[of] for of in told], np.int64)[which]

    def _holder(self, place: int, country: int) -> tuple[str, str] | None:
        """Who can name the subscribers of a range, with the country; databases give it as a number from 1, 0: none."""
        found = None if place == NOWHERE else self.addresses.ranges[place]
        if found is None or found.hides or found.holder is None:
            return None
        return found.holder, found.country or ("unknown", *self.addresses.countries)[country]


def _noted(
    tables: Session,
    of: tuple[str, str, str, str, bool],
    accounts: pa.Array,
    distinct: pa.Array,
    single_clients: frozenset[tuple[str, str]],
) -> NotedActs:
    act, table, key, at, has_address = of
    names = dict.fromkeys((key, "account_id", at, *(("network_address", "exhibit_id") if has_address else ())))
    rows = in_order_of(tables.columns(table, list(names)), key)
    written = rows["network_address"] if has_address else None
    addresses = np.full(len(rows), NOWHERE, np.int64) if written is None else places_of(written, distinct)
    for exhibit, client in sorted(single_clients):
        spellings = [n for n, address in enumerate(distinct.to_pylist()) if plain_address(address) == client]
        on_exhibit = pc.equal(rows["exhibit_id"], exhibit).to_numpy(zero_copy_only=False)
        addresses[np.isin(addresses, spellings) & on_exhibit] = _SINGLE_CLIENT
    return NotedActs(
        act=act,
        table=table,
        ids=rows[key],
        accounts=places_of(rows["account_id"], accounts),
        at_us=numbers_of(rows[at]),
        is_dated=rows[at].is_valid().to_numpy(zero_copy_only=False) if len(rows) else np.zeros(0, bool),
        addresses=addresses,
        written=written,
    )


def _flags(addresses: AddressesLookedUp) -> Numbers:
    """For each address, and at last for none: 1 if it is flagged, 0 if a list says that it is not, 2: nobody says."""
    of_range = [1 if found.hides else 0 if found.is_open else 2 for found in addresses.ranges]
    return np.append(np.array([*of_range, 2], np.int64)[addresses.of_address], 2)
