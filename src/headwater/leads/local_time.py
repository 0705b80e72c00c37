"""Which clock a lead's country has: a zone by the time zone database, with how it was come to and how sure it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final
from zoneinfo import ZoneInfo

from headwater.charts import clock_time
from headwater.errors import InputError
from headwater.evidence import zone_named

__all__ = ["LocalTime", "country_names", "local_time_of", "zones_of_country"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalTime:
    """The zone in which a lead's times are also told.

    Attributes:
        zone: The zone.
        country: Country whose zone it is; None where a person chose one.
        evidence: Kinds of evidence for that country, the heaviest first.
        zones: Zones of that country.
        differ_by_s: How far apart their clocks were, at most, at the instants compared; 0: it matters not which it is.
    """

    zone: ZoneInfo
    country: str | None
    evidence: tuple[str, ...]
    zones: int
    differ_by_s: int


def local_time_of(
    lead: Mapping[str, Any], at: Sequence[dt.datetime], chosen: str | None = None
) -> LocalTime | None:  # fmt: skip
    """The zone of the country that is proposed to lead; None where there is no such country, or it has no zone.

    Of several zones of a country it is the one that the database lists first, and how far the others differ is said.

    Args:
        lead: A row of `leads`.
        at: Instants at which zones are compared.
        chosen: Name of a zone that a person asks for instead.

    Raises:
        InputError: There is no such zone.
    """
    if chosen:
        try:
            zone = zone_named(chosen)
        except ValueError as error:
            raise InputError("zone", str(error), remedy="write it as in Europe/Berlin") from None
        return LocalTime(zone=zone, country=None, evidence=(), zones=1, differ_by_s=0)
    country = lead["lead_country"]
    names = zones_of_country(country) if country else ()
    if not names:
        return None
    zones = [zone_named(name) for name in names]
    offsets = [[_offset_s(instant, zone) for zone in zones] for instant in at]
    return LocalTime(
        zone=zones[0],
        country=country,
        evidence=tuple(dict.fromkeys(p["evidence"] for p in lead["jurisdiction"] if p["country"] == country)),
        zones=len(zones),
        differ_by_s=max((max(row) - min(row) for row in offsets), default=0),
    )


def _offset_s(instant: dt.datetime, zone: ZoneInfo) -> int:
    offset = clock_time(instant, zone).utcoffset()
    return 0 if offset is None else round(offset.total_seconds())


@cache
def _lines(name: str) -> tuple[tuple[str, ...], ...]:
    text = resources.files("tzdata").joinpath("zoneinfo", name).read_text(encoding="utf-8")
    return tuple(tuple(line.split("\t")) for line in text.splitlines() if line and not line.startswith("#"))


@cache
def zones_of_country(country: str) -> tuple[str, ...]:
    """Names of a country's zones in the order of the time zone database; empty for what is no country.

    References:
        `zone.tab` of the IANA time zone database, package tzdata.

    Example:
        >>> zones_of_country("JP")
        ('Asia/Tokyo',)
    """
    return tuple(line[_ZONE] for line in _lines("zone.tab") if line[0] == country)


_ZONE: Final = 2


@cache
def country_names() -> Mapping[str, str]:
    """Short English names by ISO 3166-1 alpha-2.

    References:
        `iso3166.tab` of the IANA time zone database, package tzdata.
    """
    return {line[0]: line[1] for line in _lines("iso3166.tab")}
