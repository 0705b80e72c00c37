"""What a bitcoin cost on a day, by an imported table; a value is an aid for reading, never a figure of the chain."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from headwater.engine import Session
from headwater.errors import ConfigError
from headwater.money_view.amounts import value_minor

__all__ = ["Prices"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The prices of one import and one currency.

    Attributes:
        currency: ISO 4217.
        reference: NAME@VERSION of the import.
        sources: Where its author has the prices from, as the table says.
        by_day: Minor units for one bitcoin, by ISO date (UTC).
    """

    currency: str
    reference: str
    sources: tuple[str, ...]
    by_day: Mapping[str, int]

    @classmethod
    def of_case(cls, tables: Session, currency: str | None) -> Self | None:
        """The prices in that currency; None where none is asked for and the case has not just one table of them.

        Args:
            tables: The case's tables.
            currency: ISO 4217, `CUR` or `CUR=NAME@VERSION`; None takes the only one there is.

        Raises:
            ConfigError: Nothing was imported for it, or more than one import was and none is named.
        """
        found: dict[tuple[str, str], list[dict[str, object]]] = {}
        for row in tables.arrow("prices").to_pylist():
            key = (row["currency"], f"{row['reference_name']}@{row['reference_version']}")
            found.setdefault(key, []).append(row)
        if currency is None:
            if len(found) != 1:
                return None
            wanted = next(iter(found))
        else:
            wanted = cls._wanted(sorted(found), currency)
        rows = found[wanted]
        return cls(
            currency=wanted[0],
            reference=wanted[1],
            sources=tuple(sorted({str(row["source"]) for row in rows})),
            by_day={str(row["day"]): int(str(row["price_minor"])) for row in rows},
        )

    @staticmethod
    def _wanted(there: list[tuple[str, str]], currency: str) -> tuple[str, str]:
        code, _, named = currency.partition("=")
        fitting = [key for key in there if key[0] == code and (not named or key[1] == named)]
        if not fitting:
            known = ", ".join(f"{key[0]}={key[1]}" for key in there) or "none"
            raise ConfigError(f"--currency '{currency}': no prices of it were imported; imported are: {known}")
        if len(fitting) > 1:
            choices = ", ".join(f"{key[0]}={key[1]}" for key in fitting)
            raise ConfigError(f"--currency '{currency}': several imports have it; give one of {choices}")
        return fitting[0]

    def value(self, amount_sat: int, at_utc: dt.datetime) -> int | None:
        """The amount at the price of its day, in minor units, rounded down; None where that day has no price."""
        price_minor = self.by_day.get(f"{at_utc.astimezone(dt.UTC):%Y-%m-%d}")
        return None if price_minor is None else value_minor(amount_sat, price_minor)

    @property
    def words(self) -> str:
        """What a value is, for whoever reads it."""
        return f"at the day's imported price ({self.reference}; source: {', '.join(self.sources)})"
