"""Time zones by name, from the copy that headwater is locked to: the machine's own may differ, and so would results."""

from __future__ import annotations

import datetime as dt
import re
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

__all__ = ["is_twice", "utc_of_local", "zone_named"]

_NAME = re.compile(r"[A-Za-z0-9_+-]{1,64}(?:/[A-Za-z0-9_+-]{1,64}){0,2}")
"""What a name looks like; a file system refuses a longer part in a way of its own."""


@cache
def zone_named(name: str) -> ZoneInfo:
    """The zone of that name in the IANA time zone database.

    Raises:
        ValueError: There is none.

    References:
        RFC 8536 (format); PEP 615, package tzdata (data).

    Example:
        >>> utc_of_local(dt.datetime(2024, 7, 1, 12), zone_named("Europe/Berlin")).isoformat()
        '2024-07-01T10:00:00+00:00'
    """
    place = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    if not _NAME.fullmatch(name) or not place.is_file():
        raise ValueError(f"no time zone '{name}' is known; name it as in Europe/Berlin")
    with place.open("rb") as file:
        if file.read(4) != b"TZif":
            raise ValueError(f"no time zone '{name}' is known; name it as in Europe/Berlin")
        file.seek(0)
        return ZoneInfo.from_file(file, key=name)


def utc_of_local(local: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """The instant at which clocks of a zone showed that time; the earlier one of two.

    Args:
        local: Without a zone.
        zone: Where the clocks were.

    Raises:
        ValueError: They never showed it, because they were put forward past it.
    """
    instant = local.replace(tzinfo=zone).astimezone(dt.UTC)
    if instant.astimezone(zone).replace(tzinfo=None, fold=0) != local:
        raise ValueError(f"a time that clocks of {zone.key} never showed, as they were put forward")
    return instant


def is_twice(instant: dt.datetime, zone: ZoneInfo) -> bool:
    """Whether clocks of a zone showed the time of that instant twice, as they were put back."""
    local = instant.astimezone(zone)
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
