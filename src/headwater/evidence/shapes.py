"""What the values of a column look like: which share of a sample has each of a fixed list of shapes.

A shape is a form that a value has or has not, whatever it is called: a checksum that is right, a length in hexadecimal
digits, a number that would be a time within a window. Nothing here reads what a text says.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from embit import base58, bech32

__all__ = ["PLAUSIBLE_WINDOW", "SHAPES", "TimeWindow", "is_coin_address", "shares_of"]

_SHARE_PPM = 1_000_000
_COIN_PREFIXES = ("bc", "tb", "bcrt")
# Version bytes of P2PKH and P2SH on the main and the test networks.
# source: Bitcoin Core, chainparams, base58Prefixes
_COIN_VERSIONS = frozenset({0x00, 0x05, 0x6F, 0xC4})
_HASH160_BYTES = 20

_INTEGER = re.compile(rb"-?[0-9]{1,20}")
_DECIMAL = re.compile(rb"-?[0-9]{1,20}\.[0-9]{1,18}")
_MONEY = re.compile(rb"-?[0-9]{1,20}\.[0-9]{1,2}")
_COIN = re.compile(rb"-?[0-9]{1,20}\.[0-9]{3,18}")
_EMAIL = re.compile(rb"[A-Za-z0-9._%+'-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}")
_PHONE = re.compile(rb"(?:\+|00)[1-9][0-9 ()./-]{6,20}[0-9]")
_HEX = re.compile(rb"(?:0x|\\x)?((?:[0-9a-fA-F]{2})+)")
_UUID = re.compile(rb"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_DATETIME = re.compile(rb"(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?")
_DATE = re.compile(rb"\d{4}-\d\d-\d\d")
_PATH = re.compile(rb"/?(?:[^\x00-\x1f/\\:*?\"<>|]{1,255}/){0,24}[^\x00-\x1f/\\:*?\"<>|]{1,200}\.[A-Za-z0-9]{1,8}")
# Endings of pictures and videos, as they are uploaded to any platform.
_MEDIA_ENDING = re.compile(
    rb"\.(?:jpe?g|jfif|png|gif|webp|bmp|tiff?|hei[cf]|avif|mp4|m4v|mov|avi|mkv|webm|wmv|flv|mpe?g|3gp|ogv|ts)\Z",
    re.IGNORECASE,
)
_HANDLE = re.compile(rb"@[A-Za-z0-9_.]{2,32}")
_URL = re.compile(rb"[a-z][a-z0-9+.-]{1,15}://\S+")
_PASSWORD = re.compile(rb"\$[0-9a-zA-Z-]{1,12}\$.{8,}|\{[A-Z0-9]{3,10}\}\S{16,}|pbkdf2[:_$]\S+|scrypt:\S+")
_PGP = re.compile(rb"(?:0x)?(?:[0-9A-F]{4} ?){5} ?(?:[0-9A-F]{4} ?){4}[0-9A-F]{4}")
_CURRENCY = re.compile(rb"[A-Z]{3}")
_WORD = re.compile(rb"[A-Za-z\x80-\xff]{2,24}(?:[ _-][A-Za-z\x80-\xff]{2,24}){0,2}")
_NICKNAME = re.compile(rb"[A-Za-z0-9_.~-]{2,32}")
_TEXT_OF_WORDS = re.compile(rb"\S+(?:\s+\S+){2,}", re.DOTALL)
# source: RFC 9110, section 10.1.5 (product tokens with versions)
_USER_AGENT = re.compile(rb"[A-Za-z][\w.-]{1,40}/\d[\w.]*(?: .{1,400})?", re.DOTALL)
_DIGEST_DIGITS = {"hex32": 32, "hex40": 40, "hex64": 64, "hex128": 128}
_RAW_BYTES = {"raw4": 4, "raw16": 16, "raw20": 20, "raw32": 32}


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeWindow:
    """When the server can have been in use.

    Attributes:
        first_s: Seconds since 1970, UTC.
        last_s: The same.
    """

    first_s: int
    last_s: int

    def holds(self, at_s: float) -> bool:
        """Whether a time is inside."""
        return self.first_s <= at_s <= self.last_s


PLAUSIBLE_WINDOW = TimeWindow(first_s=1_104_537_600, last_s=2_051_222_400)  # 2005-01-01 to 2035-01-01, UTC
"""Times before web applications of this kind, or long after, are numbers of another meaning."""


def is_coin_address(value: bytes) -> bool:
    """Whether a value is a Bitcoin address with a right checksum.

    References:
        BIP 173, BIP 350 (Bech32, Bech32m); Base58Check as in Bitcoin Core.
    """
    if not 14 <= len(value) <= 90 or not value.isascii():
        return False
    text = value.decode("ascii")
    prefix = text.lower().rpartition("1")[0]
    if prefix in _COIN_PREFIXES:
        version, program = bech32.decode(prefix, text)
        return version is not None and program is not None
    try:
        payload = base58.decode_check(text)
    except (ValueError, IndexError, KeyError):
        return False
    return len(payload) == 1 + _HASH160_BYTES and payload[0] in _COIN_VERSIONS


def _is_network_address(value: bytes, version: int) -> bool:
    try:
        return ipaddress.ip_address(value.decode("ascii")).version == version
    except ValueError:
        return False


def _is_datetime(value: bytes, window: TimeWindow, *, zoned: bool) -> bool:
    found = _DATETIME.fullmatch(value)
    if found is None or (found["zone"] is not None) != zoned:
        return False
    try:
        year, month, day, hour, minute, second = map(int, found.groups()[:6])
        at = dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC)
    except ValueError:
        return False
    return window.holds(at.timestamp())


def _is_json(value: bytes) -> bool:
    if value[:1] != b"{" or value[-1:] != b"}":
        return False
    try:
        return isinstance(json.loads(value), dict)
    except (ValueError, RecursionError):
        return False


def _whole(pattern: re.Pattern[bytes]) -> Callable[[bytes, TimeWindow], bool]:
    return lambda value, _window: pattern.fullmatch(value) is not None


def _epoch(per_second: int) -> Callable[[bytes, TimeWindow], bool]:
    return lambda value, window: _INTEGER.fullmatch(value) is not None and window.holds(int(value) / per_second)


def _digest(digits: int) -> Callable[[bytes, TimeWindow], bool]:
    def has(value: bytes, _window: TimeWindow) -> bool:
        found = _HEX.fullmatch(value)
        return found is not None and len(found[1]) == digits

    return has


def _raw(size: int) -> Callable[[bytes, TimeWindow], bool]:
    return lambda value, _window: len(value) == size and not value.isascii()


SHAPES: Mapping[str, Callable[[bytes, TimeWindow], bool]] = {
    "integer": _whole(_INTEGER),
    "decimal": _whole(_DECIMAL),
    "decimal_of_money": _whole(_MONEY),
    "decimal_of_coin": _whole(_COIN),
    "epoch_s": _epoch(1),
    "epoch_ms": _epoch(1_000),
    "epoch_us": _epoch(1_000_000),
    "datetime": lambda value, window: _is_datetime(value, window, zoned=False),
    "datetime_zoned": lambda value, window: _is_datetime(value, window, zoned=True),
    "date": _whole(_DATE),
    "email": _whole(_EMAIL),
    "phone": _whole(_PHONE),
    "ipv4": lambda value, _window: _is_network_address(value, 4),
    "ipv6": lambda value, _window: _is_network_address(value, 6),
    "coin_address": lambda value, _window: is_coin_address(value),
    **{name: _digest(digits) for name, digits in _DIGEST_DIGITS.items()},
    **{name: _raw(size) for name, size in _RAW_BYTES.items()},
    "uuid": _whole(_UUID),
    "pgp_fingerprint": _whole(_PGP),
    "path": _whole(_PATH),
    "media_path": lambda value, _window: _PATH.fullmatch(value) is not None and _MEDIA_ENDING.search(value) is not None,
    "url": _whole(_URL),
    "password_hash": _whole(_PASSWORD),
    "json": lambda value, _window: _is_json(value),
    "currency": _whole(_CURRENCY),
    "word": _whole(_WORD),
    "nickname": _whole(_NICKNAME),
    "handle": _whole(_HANDLE),
    "user_agent": _whole(_USER_AGENT),
    "words": _whole(_TEXT_OF_WORDS),
}
"""Each shape, and whether a value has it; a value may have several."""


def shares_of(values: Sequence[bytes], window: TimeWindow) -> dict[str, int]:
    """For each shape that occurs, the share of the values that have it, in parts per million.

    Args:
        values: Not empty, each not empty.
        window: In which times are plausible.
    """
    counts = {name: sum(has(value, window) for value in values) for name, has in SHAPES.items()}
    return {name: count * _SHARE_PPM // len(values) for name, count in counts.items() if count}
