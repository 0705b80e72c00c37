"""A value of the dump, as bytes, read in the unit that the mapping declares; nothing is guessed."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

from headwater.evidence.mapping import ColumnBinding

__all__ = ["ValueNotReadableError", "bound_value"]


class ValueNotReadableError(ValueError):
    """The bytes are not what the mapping says; the row becomes a defect."""


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")
_SATOSHIS_PER_COIN = 100_000_000
_LEAST_TOO_LARGE = 1 << 63
_MAX_SAT = 21_000_000 * _SATOSHIS_PER_COIN


def bound_value(binding: ColumnBinding, raw: bytes | None) -> object:
    """The value that a binding gives for a cell: text, an instant in UTC, an integer, or None for NULL.

    Raises:
        ValueNotReadableError: The cell cannot be read in the declared unit.
    """
    if binding.literal is not None:
        return binding.literal
    if raw is None:
        return None
    if binding.values is not None:
        code = raw.decode("utf-8", "backslashreplace")
        # A code that the mapping does not list is a fact about the data, not a reason to lose the row.
        return binding.values.get(code, "unknown")
    try:
        return _READERS[binding.kind, binding.unit](binding, raw)
    except (ValueError, OverflowError, InvalidOperation) as error:
        reason = f"{binding.column}: not {binding.unit}" if not str(error) else f"{binding.column}: {error}"
        raise ValueNotReadableError(reason) from error


def _text(binding: ColumnBinding, raw: bytes) -> str | None:
    try:
        text = raw.decode(binding.charset)
    except UnicodeDecodeError as error:
        raise ValueError(f"not {binding.charset} at byte {error.start} of the value") from error
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"half a character of {binding.charset}")
    return binding.prefix + text if text else None


def _whole(raw: bytes) -> int:
    text = raw.decode("ascii")
    if not text.removeprefix("-").isdigit():
        raise ValueError("not a whole number")
    return _small(int(text))


def _small(number: int) -> int:
    if not -_LEAST_TOO_LARGE <= number < _LEAST_TOO_LARGE:
        raise ValueError("larger than any amount or time")
    return number


def _epoch_s(_: ColumnBinding, raw: bytes) -> dt.datetime | None:
    seconds = _whole(raw)
    # Applications write 0 for "never".
    return _EPOCH + dt.timedelta(seconds=seconds) if seconds else None


def _epoch_ms(_: ColumnBinding, raw: bytes) -> dt.datetime | None:
    milliseconds = _whole(raw)
    return _EPOCH + dt.timedelta(milliseconds=milliseconds) if milliseconds else None


def _datetime_utc(_: ColumnBinding, raw: bytes) -> dt.datetime | None:
    text = raw.decode("ascii")
    if text.startswith("0000-00-00"):
        return None
    instant = dt.datetime.fromisoformat(text)
    if instant.tzinfo is not None:
        raise ValueError("a zone where the mapping says there is none")
    return instant.replace(tzinfo=dt.UTC)


def _address_text(_: ColumnBinding, raw: bytes) -> str | None:
    text = raw.decode("ascii").strip()
    return str(ipaddress.ip_address(text)) if text else None


def _address_packed(_: ColumnBinding, raw: bytes) -> str | None:
    if not raw:
        return None
    if len(raw) not in {4, 16}:
        raise ValueError(f"{len(raw)} bytes where a packed address has 4 or 16")
    return str(ipaddress.ip_address(raw))


def _digest_hex(_: ColumnBinding, raw: bytes) -> str | None:
    text = raw.decode("ascii").strip()
    if text and not _HEX.fullmatch(text):
        raise ValueError("not hex")
    return text.lower() or None


def _digest_raw(_: ColumnBinding, raw: bytes) -> str | None:
    return raw.hex() or None


def _scaled(raw: bytes, scale: int) -> int:
    value = Decimal(raw.decode("ascii")) * scale
    if abs(value) >= _LEAST_TOO_LARGE:
        raise ValueError("larger than any amount")
    if value != value.to_integral_value():
        raise ValueError("finer than its smallest unit")
    return int(value)


def _sat(_: ColumnBinding, raw: bytes) -> int:
    amount = _whole(raw)
    if not 0 <= amount <= _MAX_SAT:
        raise ValueError("outside 0 to 21 million coins")
    return amount


def _btc(_: ColumnBinding, raw: bytes) -> int:
    amount = _scaled(raw, _SATOSHIS_PER_COIN)
    if not 0 <= amount <= _MAX_SAT:
        raise ValueError("outside 0 to 21 million coins")
    return amount


def _key(_: ColumnBinding, raw: bytes) -> str | None:
    return raw.decode("utf-8", "backslashreplace") or None


_READERS: Mapping[tuple[str, str], Callable[[ColumnBinding, bytes], object]] = {
    ("text", "text"): _text,
    ("time", "epoch_s"): _epoch_s,
    ("time", "epoch_ms"): _epoch_ms,
    ("time", "datetime_utc"): _datetime_utc,
    ("address", "text"): _address_text,
    ("address", "packed"): _address_packed,
    ("digest", "hex"): _digest_hex,
    ("digest", "raw_bytes"): _digest_raw,
    ("coin", "sat"): _sat,
    ("coin", "btc"): _btc,
    ("money", "cents"): lambda _, raw: _whole(raw),
    ("money", "currency_units"): lambda _, raw: _scaled(raw, 100),
    ("account", "key"): _key,
    ("invoice", "key"): _key,
}
