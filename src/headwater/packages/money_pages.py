"""What a report shows of money: pictures and a table, made above this package and set here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["MoneyPages", "MoneyPicture"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyPicture:
    """One policy's flows.

    Attributes:
        policy: The rule of attribution.
        svg: The drawing.
    """

    policy: str
    svg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyPages:
    """Pictures and table of what concerns the package's country.

    Attributes:
        pictures: One for each policy.
        months: Rows of satoshis by service and month.
        month_columns: Their columns in order.
    """

    pictures: tuple[MoneyPicture, ...] = ()
    months: tuple[Mapping[str, Any], ...] = ()
    month_columns: tuple[str, ...] = ("country", "service", "direction", "month", "transactions")
