"""Units of the calendar, in UTC or as the clocks of a zone show them, for the scales of charts."""

from __future__ import annotations

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo

__all__ = ["UNITS", "clock_time", "instant_of", "microseconds_of", "span_edges", "tick_label"]

UNITS: Final = ("hour", "six_hours", "day", "week", "month", "quarter", "year", "decade", "century")
"""From the smallest; a week begins on Monday (ISO 8601)."""

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_HOURS: Final = {"hour": 1, "six_hours": 6}
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12, "decade": 120, "century": 1200}
_LAST_YEAR: Final = 9999


def instant_of(at_us: int) -> dt.datetime:
    """The instant so many microseconds after 1970 began, UTC."""
    return _EPOCH + dt.timedelta(microseconds=at_us)


def microseconds_of(at: dt.datetime) -> int:
    """Microseconds since 1970 began, UTC."""
    return (at - _EPOCH) // _MICROSECOND


def clock_time(instant: dt.datetime, zone: ZoneInfo | None) -> dt.datetime:
    """What the clocks of a zone show, None: of UTC; as it is within a day of the first or the last instant there is."""
    try:
        return instant.astimezone(zone or dt.UTC)
    except OverflowError:
        return instant


def span_edges(
    begin_us: int, end_us: int, unit: str, *, most: int | None, zone: ZoneInfo | None = None
) -> list[int] | None:
    """The beginnings of units between two instants, the instants themselves at both ends; None if there are too many.

    Args:
        begin_us: Microseconds since 1970, UTC.
        end_us: The same, later.
        unit: One of `UNITS`.
        most: Stretches that there may be; None for any number.
        zone: Whose clocks show when a unit begins; None for UTC.
    """
    shown = clock_time(instant_of(begin_us), zone).replace(tzinfo=None)
    edges, local = [begin_us], _floor(shown, unit)
    while (after := _after(local, unit)) is not None:
        local = after
        edge = microseconds_of(clock_time(local.replace(tzinfo=zone or dt.UTC), None))
        if edge >= end_us:
            break
        # Where clocks are put back an hour begins twice, and the second is no later than the first.
        if edge > edges[-1]:
            edges.append(edge)
        if most is not None and len(edges) > most:
            return None
    return [*edges, end_us]


def _floor(at: dt.datetime, unit: str) -> dt.datetime:
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit in _HOURS:
        return day.replace(hour=at.hour - at.hour % _HOURS[unit])
    if unit == "day":
        return day
    if unit == "week":
        # The first day there is, of the year 1, is a Monday.
        return day - dt.timedelta(days=day.weekday())
    months = (at.year * 12 + at.month - 1) // _MONTHS[unit] * _MONTHS[unit]
    return dt.datetime(max(1, months // 12), months % 12 + 1, 1)  # noqa: DTZ001 - as a clock shows it


def _after(at: dt.datetime, unit: str) -> dt.datetime | None:
    """The beginning of the next unit; None after the last there is."""
    try:
        if unit in _HOURS:
            return at + dt.timedelta(hours=_HOURS[unit])
        if unit in {"day", "week"}:
            return at + dt.timedelta(days=1 if unit == "day" else 7)
    except OverflowError:
        return None
    months = (at.year * 12 + at.month - 1) // _MONTHS[unit] * _MONTHS[unit] + _MONTHS[unit]
    year = months // 12
    return dt.datetime(year, months % 12 + 1, 1) if year <= _LAST_YEAR else None  # noqa: DTZ001 - as a clock shows it


def tick_label(at_us: int, unit: str, zone: ZoneInfo | None) -> str:
    """What stands at a tick: the time that clocks show, as fine as the unit."""
    shown = clock_time(instant_of(at_us), zone)
    if unit in _HOURS:
        return f"{shown:%m-%d %H:%M}"
    if unit in {"day", "week"}:
        return f"{shown:%Y-%m-%d}"
    return f"{shown.year:04}" if _MONTHS[unit] >= _MONTHS["year"] else f"{shown.year:04}-{shown.month:02}"
