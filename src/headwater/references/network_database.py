"""What databases of network addresses say, in terms of headwater: country, whether it hides, who announces it."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from headwater.engine import ParquetParts, write_parquet
from headwater.errors import InputError
from headwater.references.mmdb import Leaves, MaxMindFile
from headwater.references.rows import BadRow, BadRowError, defect_of, refused_for
from headwater.schema import content_ids, table_named

__all__ = ["HIDING_FLAGS", "WrittenDatabase", "write_network_database"]

HIDING_FLAGS: Final[Mapping[str, tuple[str, ...]]] = {
    "tor": ("is_tor_exit_node", "is_tor", "tor"),
    "vpn": ("is_anonymous_vpn", "is_vpn", "vpn"),
    "proxy": ("is_public_proxy", "is_residential_proxy", "is_anonymous_proxy", "is_proxy", "proxy"),
    "relay": ("is_relay", "relay"),
    "hosting": ("is_hosting_provider", "is_hosting", "hosting"),
    "anonymous": ("is_anonymous",),
    "anycast": ("is_anycast",),
}
"""Kinds of ranges that hide who uses them, the first that is said counting, each with the keys that publishers use."""

_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)
_NO_COUNTRY: Final = frozenset({"", "-", "ZZ"})
_RANGES, _DATABASES = "network_ranges", "network_databases"
_BATCH_ROWS: Final = 65_536
_LATEST_EPOCH_S: Final = 253_402_300_799  # the last second of the year 9999


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenDatabase:
    """What an import of a database wrote.

    Attributes:
        rows: Ranges.
        bad: Records that were not understood, if these are accepted.
        tables: Digest of each Parquet file, by table.
        note: What the database says of itself, in words.
    """

    rows: int
    bad: int
    tables: Mapping[str, str]
    note: str


@dataclass(frozen=True, slots=True, order=True)
class _Said:
    """What a record says that headwater reads."""

    country: str | None = None
    hides_as: str | None = None
    system_number: int | None = None
    holder: str | None = None

    @property
    def is_silent(self) -> bool:
        return self == _SILENT


_SILENT: Final = _Said()


def write_network_database(
    folder: Path, path: Path, *, name: str, version: str, accept_defects: bool
) -> WrittenDatabase:
    """Write what a database says as the tables `network_ranges`, `network_databases` and, where accepted, `defects`.

    Neighbours of which the same is said are one range. Memory holds the tree and the ranges as numbers.

    Args:
        folder: Where to.
        path: The database.
        name: Name to keep it under.
        version: Version to keep it under.
        accept_defects: Leave out records that are not understood; they become `defects`.

    Raises:
        InputError: It is damaged, has a record that is not understood, or says nothing that headwater reads.
    """
    file = MaxMindFile(path)
    leaves = file.leaves()
    said, bad = _said(file, leaves)
    if bad and not accept_defects:
        raise refused_for(path, bad[0], len(bad))
    ranges = _Ranges(leaves, said)
    if not len(ranges):
        remedy = "import one with a country, a flag for VPN, proxy or Tor, or an autonomous system"
        raise InputError(path, "says nothing of any address that headwater reads", remedy=remedy)
    built = _built(file)
    tables = {}
    with ParquetParts(folder / f"{_RANGES}.parquet", table_named(_RANGES).arrow) as parts:
        for part in ranges.parts(name, version):
            parts.write(part)
        tables[_RANGES] = parts.finish()
    row = {
        "reference_name": name,
        "reference_version": version,
        "database_type": str(file.metadata.get("database_type", ""))[:200],
        "built_at_utc": built,
        "ip_version": file.ip_version,
        "nodes": file.nodes,
        "ranges": len(ranges),
        "ranges_with_country": ranges.count("country"),
        "ranges_that_hide": ranges.count("hides_as"),
        "ranges_with_holder": ranges.count("holder"),
    }
    tables[_DATABASES] = write_parquet(table_named(_DATABASES).rows([row]), folder / f"{_DATABASES}.parquet")
    if bad:
        defects = table_named("defects").rows(defect_of(one, name, version, path, _RANGES) for one in bad)
        tables["defects"] = write_parquet(defects, folder / "defects.parquet")
    note = (
        f"{row['database_type']!r}, built {built:%Y-%m-%d}: {len(ranges):,} ranges, "
        f"{row['ranges_with_country']:,} with a country, {row['ranges_that_hide']:,} that hide, "
        f"{row['ranges_with_holder']:,} with a holder"
    )
    return WrittenDatabase(rows=len(ranges), bad=len(bad), tables=dict(sorted(tables.items())), note=note)


def _built(file: MaxMindFile) -> dt.datetime:
    epoch = file.metadata.get("build_epoch")
    if type(epoch) is not int or not 0 <= epoch <= _LATEST_EPOCH_S:
        raise file.damaged("its metadata does not say when it was built", 0)
    return dt.datetime.fromtimestamp(epoch, tz=dt.UTC)


def _said(file: MaxMindFile, leaves: Leaves) -> tuple[list[_Said], list[BadRow]]:
    """For each range what its record says, and the records that are not understood; each record is read once."""
    offsets, of_leaf = np.unique(leaves.offset, return_inverse=True)
    told: list[_Said] = []
    bad: list[BadRow] = []
    for number, offset in enumerate(offsets.tolist()):
        try:
            told.append(_read(file.record(offset)))
        except BadRowError as error:
            told.append(_SILENT)
            bad.append(BadRow(offset_bytes=offset, row=number, reason=str(error)))
    return [told[at] for at in of_leaf.tolist()], bad


def _read(record: object) -> _Said:
    """What a record says.

    Raises:
        BadRowError: It says something of a form that no publisher is known to use.
    """
    if not isinstance(record, Mapping):
        raise BadRowError("a record that is no map")
    traits = record.get("traits")
    both = {**traits, **record} if isinstance(traits, Mapping) else dict(record)
    number = both.get("autonomous_system_number")
    if number is not None and (type(number) is not int or not 0 < number < 1 << 32):
        raise BadRowError(f"autonomous_system_number {str(number)[:20]!r} is none")
    holder = both.get("autonomous_system_organization")
    if holder is not None and not isinstance(holder, str):
        raise BadRowError("autonomous_system_organization is no text")
    return _Said(country=_country(record), hides_as=_hides(both), system_number=number, holder=holder or None)


def _country(record: Mapping[str, Any]) -> str | None:
    """Where the network is; not where it is registered, nor whom it represents."""
    stated = record.get("country", record.get("country_code"))
    code = stated.get("iso_code") if isinstance(stated, Mapping) else stated
    if code is None or code in _NO_COUNTRY:
        return None
    if not isinstance(code, str) or not _COUNTRY.fullmatch(code):
        raise BadRowError(f"country {str(code)[:20]!r} is not two capital letters")
    return code


def _hides(record: Mapping[str, Any]) -> str | None:
    found = None
    for kind, keys in HIDING_FLAGS.items():
        for key in keys:
            flag = record.get(key, False)
            if not isinstance(flag, bool):
                raise BadRowError(f"{key} {str(flag)[:20]!r} is neither true nor false")
            if flag and found is None:
                found = kind
    return found


class _Ranges:
    """What is said of neighbouring ranges, put together where it is the same; ranges of which nothing is said are none.

    Numbers are those of the tree: an IPv4 address is `::a.b.c.d`.
    """

    def __init__(self, leaves: Leaves, said: list[_Said]) -> None:
        words = sorted(set(said), key=lambda one: tuple("" if part is None else str(part) for part in _parts(one)))
        place = {one: number for number, one in enumerate(words)}
        which = np.fromiter((place[one] for one in said), np.int64, len(said))
        first = [(int(high) << 64) | int(low) for high, low in zip(leaves.high, leaves.low, strict=True)]
        rows: list[list[int]] = []
        for start, bits, number in zip(first, leaves.prefix_bits.tolist(), which.tolist(), strict=True):
            if words[number].is_silent:
                continue
            for begin, last in _by_version(start, start + (1 << (128 - bits)) - 1):
                if rows and rows[-1][2] == number and rows[-1][1] + 1 == begin and begin != _IPV6:
                    rows[-1][1] = last
                else:
                    rows.append([begin, last, number])
        self._rows = rows
        self._words = words

    def __len__(self) -> int:
        return len(self._rows)

    def count(self, name: str) -> int:
        """Ranges of which that is said."""
        told = [getattr(one, name) is not None for one in self._words]
        return sum(told[number] for _, _, number in self._rows)

    def parts(self, name: str, version: str) -> Iterator[pa.Table]:
        """The table `network_ranges`, in order of address."""
        for begin in range(0, len(self._rows), _BATCH_ROWS):
            rows = self._rows[begin : begin + _BATCH_ROWS]
            numbers = range(begin, begin + len(rows))
            firsts, lasts = ([_packed(row[side]) for row in rows] for side in (0, 1))
            said = [self._words[row[2]] for row in rows]
            yield table_named(_RANGES).part(
                {
                    "network_range_id": content_ids("nrg", (name, version), numbers),
                    "reference_name": [name] * len(rows),
                    "reference_version": [version] * len(rows),
                    "reference_row": list(numbers),
                    "first_address": [str(ipaddress.ip_address(packed)) for packed in firsts],
                    "last_address": [str(ipaddress.ip_address(packed)) for packed in lasts],
                    "first_bytes": firsts,
                    "last_bytes": lasts,
                    "country": [one.country for one in said],
                    "hides_as": [one.hides_as for one in said],
                    "system_number": [one.system_number for one in said],
                    "holder": [one.holder for one in said],
                }
            )


_IPV6: Final = 1 << 32  # the first number that is no IPv4 address


def _parts(said: _Said) -> tuple[object, ...]:
    return said.country, said.hides_as, said.system_number, said.holder


def _by_version(first: int, last: int) -> Iterator[tuple[int, int]]:
    """The range of numbers, parted into what stands for IPv4 and what for IPv6."""
    if first < _IPV6:
        yield first, min(last, _IPV6 - 1)
    if last >= _IPV6:
        yield max(first, _IPV6), last


def _packed(number: int) -> bytes:
    return number.to_bytes(4 if number < _IPV6 else 16, "big")
