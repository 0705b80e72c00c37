"""Who holds what would name a person: the lawful step that brings it, and how long it is still there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from headwater.engine import Session

__all__ = ["Held", "RetentionClocks", "first_to_delete", "held_by_services", "lawful_steps"]

_LONGEST_DAYS: Final = (dt.date.max - dt.date(9000, 1, 1)).days


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What one holder has about an account.

    Attributes:
        holder: Its name.
        country: Where it is established; `unknown` if nobody says.
        kind: service or access.
        since: What it keeps is of this time: the first payment at a service, the latest act over an access line.
        retention_days: How long this very holder keeps it, if its own entry says.
    """

    holder: str
    country: str
    kind: str
    since: dt.datetime
    retention_days: int | None = None


class RetentionClocks:
    """How long holders keep records, from the imported tables; the shortest statement counts, where several are made.

    Args:
        tables: Has `retention_clocks`.
    """

    def __init__(self, tables: Session) -> None:
        self._days: dict[tuple[str, str, str | None], int] = {}
        for row in tables.arrow("retention_clocks").to_pylist():
            key = (row["holder_kind"], row["country"], row["holder"])
            self._days[key] = min(row["retention_days"], self._days.get(key, row["retention_days"]))

    def days(self, held: Held) -> int | None:
        """By its own entry, else by the table's row of it, else by that of all of its kind in its country."""
        if held.retention_days is not None:
            return held.retention_days
        own = self._days.get((held.kind, held.country, held.holder))
        return self._days.get((held.kind, held.country, None)) if own is None else own


def lawful_steps(holders: Iterable[Held], lead_country: str | None) -> Iterator[dict[str, str]]:
    """For each holder, the step that would bring what it has; what is abroad is first to be kept, then asked for.

    Args:
        holders: In order.
        lead_country: Country that is proposed to lead; None where nothing says.

    References:
        Convention on Cybercrime (ETS 185), articles 16 and 18 (preservation, production order), 29 and 31 (the same
        by mutual assistance).
    """
    for held in holders:
        is_abroad = lead_country is not None and held.country not in {lead_country, "unknown"}
        steps = ("preservation",) if held.kind == "access" or is_abroad else ()
        if is_abroad:
            steps = (*steps, "mutual_assistance")
        elif held.kind == "service":
            steps = (*steps, "production_order")
        for step in steps:
            yield {"holder": held.holder, "country": held.country, "step": step}


def first_to_delete(holders: Iterable[Held], clocks: RetentionClocks) -> tuple[Held, dt.datetime] | None:
    """Who may delete first what it has, and when; None where no holder's time is known.

    Args:
        holders: In order; of two who may delete at once, the first counts.
        clocks: How long they keep it.
    """
    ends = []
    for held in holders:
        days = clocks.days(held)
        if days is not None:
            ends.append((held, held.since + dt.timedelta(days=min(days, _LONGEST_DAYS))))
    return min(ends, default=None, key=lambda end: end[1])


def held_by_services(services: Mapping[str, Mapping[str, Any]], asked: Iterable[Mapping[str, Any]]) -> Iterator[Held]:
    """The services that an account's payments came from.

    Args:
        services: Rows of `services` by id.
        asked: Rows (service_id, since) in order of the service: the time of the first payment from it.
    """
    for row in asked:
        service = services[row["service_id"]]
        yield Held(
            holder=service["name"],
            country=service["country"],
            kind="service",
            since=row["since"],
            retention_days=service["retention_days"],
        )
