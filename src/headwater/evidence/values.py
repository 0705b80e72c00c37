"""Values of the dump, as bytes, read in the unit that the mapping declares; nothing is guessed.

What a value means is said once, for one value (`bound_value`). Columns are read by whole arrays where that gives the
same, and value by value where anything is unusual; a property test holds the two equal.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, Inexact, InvalidOperation

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.evidence.mapping import TWICE, ColumnBinding
from headwater.evidence.zones import utc_of_local, zone_named

__all__ = ["ValueNotReadableError", "bound_column", "bound_value"]


class ValueNotReadableError(ValueError):
    """The bytes are not what the mapping says; the row becomes a defect."""


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")
_BYTEA_LENGTHS = frozenset(2 + 2 * size for size in (4, 16, 20, 32, 64))
_BYTEA = re.compile(rb"\\x(?:[0-9a-f]{2})+")
_PARTS_OF_SECOND = re.compile(rb"-?[0-9]{1,12}\.[0-9]{1,9}")
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


def _twice_decoded(raw: bytes) -> str:
    """UTF-8 that was taken for latin1 and written as UTF-8 once more; text that was not is left as it is.

    MariaDB's latin1 is Windows code page 1252, with the bytes that the page leaves open as control characters.
    """
    text = raw.decode("utf-8")
    try:
        once = b"".join(
            bytes([ord(character)]) if "\x80" <= character <= "\x9f" else character.encode("cp1252")
            for character in text
        )
        return once.decode("utf-8")
    except UnicodeError:
        return text


def _text(binding: ColumnBinding, raw: bytes) -> str | None:
    try:
        text = _twice_decoded(raw) if binding.charset == TWICE else raw.decode(binding.charset)
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
    # Programs that keep times as decimal numbers write parts of a second; below a microsecond they say nothing.
    seconds, point, parts = raw.partition(b".")
    if point and _PARTS_OF_SECOND.fullmatch(raw):
        us = int(seconds) * 1_000_000
        return _since_epoch(us + int(parts[:6].ljust(6, b"0")) * (-1 if raw.startswith(b"-") else 1))
    return _since_epoch(_whole(raw) * 1_000_000)


def _epoch_ms(_: ColumnBinding, raw: bytes) -> dt.datetime | None:
    return _since_epoch(_whole(raw) * 1_000)


def _epoch_us(_: ColumnBinding, raw: bytes) -> dt.datetime | None:
    return _since_epoch(_whole(raw))


def _since_epoch(us: int) -> dt.datetime | None:
    # Applications write 0 for "never".
    return _EPOCH + dt.timedelta(microseconds=us) if us else None


def _datetime_utc(_: ColumnBinding, raw: bytes) -> dt.datetime | None:
    text = raw.decode("ascii")
    if text.startswith("0000-00-00"):
        return None
    instant = dt.datetime.fromisoformat(text)
    if instant.tzinfo is not None:
        raise ValueError("a zone where the mapping says there is none")
    return instant.replace(tzinfo=dt.UTC)


def _datetime_local(binding: ColumnBinding, raw: bytes) -> dt.datetime | None:
    told = _datetime_utc(binding, raw) if raw else None
    if told is None:
        return None
    assert binding.zone is not None
    return utc_of_local(told.replace(tzinfo=None), zone_named(binding.zone))


def _datetime_zoned(_: ColumnBinding, raw: bytes) -> dt.datetime | None:
    text = raw.decode("ascii")
    if not text:
        return None
    instant = dt.datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("no zone where the mapping says there is one")
    return instant.astimezone(dt.UTC)


def _address_text(_: ColumnBinding, raw: bytes) -> str | None:
    text = raw.decode("ascii").strip()
    # PostgreSQL's type for networks writes a single address so where it stands among networks.
    host = text.removesuffix("/128" if ":" in text else "/32")
    return str(ipaddress.ip_address(host)) if host else None


def _address_packed(_: ColumnBinding, raw: bytes) -> str | None:
    if not raw:
        return None
    raw = _bytea(raw)
    if len(raw) not in {4, 16}:
        raise ValueError(f"{len(raw)} bytes where a packed address has 4 or 16")
    return str(ipaddress.ip_address(raw))


def _bytea(raw: bytes) -> bytes:
    """The bytes of an address or a digest that PostgreSQL writes as digits behind a mark; any others as they are.

    No address and no digest is itself as long as one of them is when it is written so.

    References:
        PostgreSQL documentation, "Binary Data Types", hex format.
    """
    if len(raw) not in _BYTEA_LENGTHS or not _BYTEA.fullmatch(raw):
        return raw
    return bytes.fromhex(raw[2:].decode("ascii"))


def _digest_hex(_: ColumnBinding, raw: bytes) -> str | None:
    text = raw.decode("ascii").strip()
    text = text[2:] if text.startswith(("\\x", "0x")) else text
    if text and not _HEX.fullmatch(text):
        raise ValueError("not hex")
    return text.lower() or None


def _digest_raw(_: ColumnBinding, raw: bytes) -> str | None:
    return _bytea(raw).hex() or None


def _scaled(raw: bytes, scale: int) -> int:
    amount = Decimal(raw.decode("ascii"))
    if not amount.copy_abs() < _LEAST_TOO_LARGE:  # before it is scaled, which a huge exponent does not bear
        raise ValueError("larger than any amount")
    try:
        value = Context(prec=len(raw) + len(str(scale)), traps=[Inexact]).multiply(amount, Decimal(scale))
    except Inexact:  # there is room for every digit, so it is next to nothing
        raise ValueError("finer than its smallest unit") from None
    if value.copy_abs() >= _LEAST_TOO_LARGE:
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
    ("time", "epoch_us"): _epoch_us,
    ("time", "datetime_utc"): _datetime_utc,
    ("time", "datetime_local"): _datetime_local,
    ("time", "datetime_zoned"): _datetime_zoned,
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


# Whole columns

_INSTANT = pa.timestamp("us", tz="UTC")
_ARROW: Mapping[str, pa.DataType] = {"time": _INSTANT, "coin": pa.int64(), "money": pa.int64()}
_WHOLE_NUMBER = "^-?[0-9]{1,18}$"
_HEX_PAIRS = "^(?:[0-9a-fA-F]{2})*$"
# Between the years 1 and 9999 a time has the same value either way; what lies outside is told one by one.
_LEAST_EPOCH_S, _LATEST_EPOCH_S = -62_135_596_800, 253_402_300_799


def bound_column(binding: ColumnBinding, cells: pa.Array) -> tuple[pa.Array, dict[int, str]]:
    """The values of a column, and for each cell that cannot be read in the declared unit its place and the reason.

    Args:
        binding: What the mapping says of the column.
        cells: Its cells as bytes; null for NULL. Only their number matters where the binding is a literal.
    """
    kind = _ARROW.get(binding.kind, pa.string())
    if binding.literal is not None:
        return pa.repeat(pa.scalar(binding.literal, kind), len(cells)), {}
    whole = None if binding.values is not None else _whole_column(binding, cells)
    return (whole, {}) if whole is not None else _one_by_one(binding, cells, kind)


def _one_by_one(binding: ColumnBinding, cells: pa.Array, kind: pa.DataType) -> tuple[pa.Array, dict[int, str]]:
    """Each distinct cell read once."""
    encoded = cells.dictionary_encode()
    values: list[object] = []
    reasons: dict[int, str] = {}
    for code, raw in enumerate(encoded.dictionary.to_pylist()):
        try:
            values.append(bound_value(binding, raw))
        except ValueNotReadableError as error:
            values.append(None)
            reasons[code] = str(error)
    codes = encoded.indices
    found = pa.array(values, type=kind).take(codes)
    if not reasons:
        return found, {}
    unread = np.flatnonzero(pc.is_in(codes, pa.array(sorted(reasons), codes.type)).to_numpy(zero_copy_only=False))
    return found, {place: reasons[codes[place].as_py()] for place in unread.tolist()}


def _whole_column(binding: ColumnBinding, cells: pa.Array) -> pa.Array | None:
    """The column read at once; None where it holds anything unusual."""
    reader = _COLUMN_READERS.get((binding.kind, binding.unit))
    if reader is None or (binding.kind == "text" and binding.charset != "utf-8"):
        return None
    try:
        texts = cells.cast(pa.string())
    except pa.ArrowInvalid:  # not UTF-8
        return None
    return reader(binding, texts)


def _text_column(binding: ColumnBinding, texts: pa.Array) -> pa.Array:
    filled = pc.if_else(pc.equal(texts, ""), None, texts)
    return pc.binary_join_element_wise(binding.prefix, filled, "") if binding.prefix else filled


def _numbers(texts: pa.Array) -> pa.Array | None:
    regular = pc.all(pc.match_substring_regex(texts, _WHOLE_NUMBER)).as_py()
    return None if regular is False else texts.cast(pa.int64())


def _within(numbers: pa.Array | None, least: int, most: int) -> pa.Array | None:
    if numbers is None or len(numbers) == numbers.null_count:
        return numbers
    found = pc.min_max(numbers).as_py()
    return numbers if least <= found["min"] and found["max"] <= most else None


def _epoch_column(units_per_s: int) -> Callable[[ColumnBinding, pa.Array], pa.Array | None]:
    def read(_: ColumnBinding, texts: pa.Array) -> pa.Array | None:
        numbers = _within(_numbers(texts), _LEAST_EPOCH_S * units_per_s, _LATEST_EPOCH_S * units_per_s)
        if numbers is None:
            return None
        set_ones = pc.if_else(pc.equal(numbers, 0), None, numbers)
        return pc.multiply(set_ones, 1_000_000 // units_per_s).cast(_INSTANT)

    return read


def _hex_column(_: ColumnBinding, texts: pa.Array) -> pa.Array | None:
    if pc.all(pc.match_substring_regex(texts, _HEX_PAIRS)).as_py() is False:
        return None
    return pc.if_else(pc.equal(texts, ""), None, pc.ascii_lower(texts))


_COLUMN_READERS: Mapping[tuple[str, str], Callable[[ColumnBinding, pa.Array], pa.Array | None]] = {
    ("text", "text"): _text_column,
    ("account", "key"): lambda _, texts: pc.if_else(pc.equal(texts, ""), None, texts),
    ("invoice", "key"): lambda _, texts: pc.if_else(pc.equal(texts, ""), None, texts),
    ("time", "epoch_s"): _epoch_column(1),
    ("time", "epoch_ms"): _epoch_column(1_000),
    ("time", "epoch_us"): _epoch_column(1_000_000),
    ("digest", "hex"): _hex_column,
    ("coin", "sat"): lambda _, texts: _within(_numbers(texts), 0, _MAX_SAT),
    ("money", "cents"): lambda _, texts: _numbers(texts),
}
