"""Satoshis as people read them: bitcoin, shares, and values in money; integers throughout, rounded down."""

from __future__ import annotations

from typing import Final

__all__ = ["SAT_PER_BTC", "btc_text", "money_text", "share_text", "value_minor"]

SAT_PER_BTC: Final = 100_000_000

# source: ISO 4217, table A.1 (2026): currencies whose minor unit is not a hundredth.
_WHOLE_ONLY: Final = frozenset(
    (
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    )
)
_THOUSANDTHS: Final = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))


def btc_text(amount_sat: int) -> str:
    """The amount in bitcoin, all eight digits.

    >>> btc_text(123_456_789)
    '1.23456789'
    """
    whole, rest = divmod(amount_sat, SAT_PER_BTC)
    return f"{whole}.{rest:08d}"


def share_text(part: int, whole: int) -> str:
    """The part of a whole in per cent, rounded down, so that only all is 100 %.

    >>> share_text(1, 3), share_text(0, 0)
    ('33.33 %', 'none')
    """
    if not whole:
        return "none"
    hundredths = 10_000 * part // whole
    return f"{hundredths // 100}.{hundredths % 100:02d} %"


def value_minor(amount_sat: int, price_minor: int) -> int:
    """The amount at a price, in minor units of the currency, rounded down.

    Args:
        amount_sat: Satoshis.
        price_minor: Minor units for one bitcoin.

    >>> value_minor(50_000_000, 6_543_21)
    327160
    """
    return amount_sat * price_minor // SAT_PER_BTC


def money_text(amount_minor: int, currency: str) -> str:
    """An amount of minor units as its currency writes it.

    >>> money_text(123456, "EUR"), money_text(123456, "JPY")
    ('1234.56 EUR', '123456 JPY')
    """
    digits = 0 if currency in _WHOLE_ONLY else 3 if currency in _THOUSANDTHS else 2
    whole, rest = divmod(amount_minor, 10**digits)
    return f"{whole}.{rest:0{digits}d} {currency}" if digits else f"{whole} {currency}"
