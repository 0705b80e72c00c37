"""How an application writes a value: what is bound, in its unit, and what means nothing here but looks alike."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import ipaddress
import random
from collections.abc import Callable, Mapping
from decimal import Decimal

from headwater_synth.population_accounts import OPENED_AT_S, SEIZED_AT_S
from headwater_synth.schemas.facts import PlatformFacts, key_written
from headwater_synth.words import words

__all__ = ["FILLERS", "KINDS", "SQL_TYPES", "datetime_text", "filler", "written"]

KINDS: Mapping[str, str] = {
    "registered_at_utc": "time",
    "last_seen_at_utc": "time",
    "at_utc": "time",
    "issued_at_utc": "time",
    "network_address": "address",
    "media_sha256": "digest",
    "media_sha1": "digest",
    "media_md5": "digest",
    "txid": "digest",
    "amount_sat": "coin",
    "amount_cents": "money",
    "account": "key",
    "invoice": "key",
    "key": "key",
}
"""What kind of value a column of ours holds; text where it is not named."""

SQL_TYPES: Mapping[str, str] = {
    "text": "varchar(190) DEFAULT NULL",
    "key integer": "int(10) unsigned NOT NULL",
    "key uuid": "char(36) NOT NULL",
    "epoch_s": "int(10) unsigned NOT NULL",
    "epoch_ms": "bigint(20) NOT NULL",
    "datetime_utc": "datetime DEFAULT NULL",
    "datetime_zoned": "varchar(32) DEFAULT NULL",
    "packed": "varbinary(16) DEFAULT NULL",
    "hex": "char(64) DEFAULT NULL",
    "raw_bytes": "varbinary(32) DEFAULT NULL",
    "sat": "bigint(20) NOT NULL",
    "btc": "decimal(16,8) NOT NULL",
    "cents": "int(11) NOT NULL",
    "currency_units": "decimal(10,2) NOT NULL",
    "json": "longtext DEFAULT NULL",
}
"""The type of a column for each unit, as SHOW CREATE TABLE prints it."""


def datetime_text(at_ms: int) -> str:
    """A time as a database without zones writes it, to the second."""
    return f"{dt.datetime.fromtimestamp(at_ms // 1_000, tz=dt.UTC):%Y-%m-%d %H:%M:%S}"


def written(fact_value: object, unit: str) -> object:
    """A value of a fact in the unit of an application; keys are written by `key_written`.

    Args:
        fact_value: As facts have it.
        unit: One that a mapping can declare.
    """
    if fact_value is None:
        return None
    if isinstance(fact_value, bytes):
        if unit == "text":
            return str(ipaddress.ip_address(fact_value))
        return fact_value.hex() if unit == "hex" else fact_value
    if isinstance(fact_value, int):
        return {
            "epoch_s": fact_value // 1_000,
            "datetime_utc": datetime_text(fact_value),
            "datetime_zoned": f"{datetime_text(fact_value).replace(' ', 'T')}.{fact_value % 1_000:03d}Z",
            "btc": Decimal(fact_value).scaleb(-8).quantize(Decimal("0.00000001")),
            "currency_units": Decimal(fact_value).scaleb(-2).quantize(Decimal("0.01")),
        }.get(unit, fact_value)
    return fact_value


def _time_ms(rng: random.Random) -> int:
    return rng.randrange(OPENED_AT_S * 1_000, SEIZED_AT_S * 1_000)


def _word(rng: random.Random) -> str:
    return rng.choice((*words().adjectives, *words().nouns))


def _sentence(rng: random.Random) -> str:
    return f"{rng.choice(words().title_subjects)} {_word(rng)} {_word(rng)}, {_word(rng)}".capitalize()


def _bcrypt(rng: random.Random) -> str:
    """A text like a password digest of that scheme, of no password."""
    return f"$2y$10${base64.b64encode(rng.randbytes(40)).decode().replace('+', '.').rstrip('=')[:53]}"


def _network_address(rng: random.Random) -> str:
    return f"198.51.100.{rng.randrange(1, 255)}"  # kept free for documentation


FILLERS: Mapping[str, tuple[str, Callable[[random.Random], object]]] = {
    "epoch_s": ("int(10) unsigned NOT NULL", lambda rng: _time_ms(rng) // 1_000),
    "expiry_s": ("int(10) unsigned NOT NULL", lambda rng: SEIZED_AT_S + rng.randrange(-86_400, 30 * 86_400)),
    "epoch_ms": ("bigint(20) NOT NULL", _time_ms),
    "datetime": ("datetime NOT NULL", lambda rng: datetime_text(_time_ms(rng))),
    "bcrypt": ("varchar(60) NOT NULL", _bcrypt),
    "md5": ("char(32) NOT NULL", lambda rng: rng.randbytes(16).hex()),
    "sha1": ("char(40) NOT NULL", lambda rng: hashlib.sha1(rng.randbytes(8), usedforsecurity=False).hexdigest()),
    "hex64": ("char(64) NOT NULL", lambda rng: rng.randbytes(32).hex()),
    "raw32": ("binary(32) NOT NULL", lambda rng: rng.randbytes(32)),
    "raw16": ("binary(16) NOT NULL", lambda rng: rng.randbytes(16)),
    "email": (
        "varchar(190) NOT NULL",
        lambda rng: f"{_word(rng)}.{_word(rng)}@{rng.choice(words().throwaway_domains)}",
    ),
    "phone": ("varchar(32) NOT NULL", lambda rng: f"+44 20 7946 {rng.randrange(1_000):04d}"),  # kept free for drama
    "ip": ("varchar(45) NOT NULL", _network_address),
    "packed": ("varbinary(16) NOT NULL", lambda rng: ipaddress.ip_address(_network_address(rng)).packed),
    "browser": ("varchar(255) NOT NULL", lambda rng: rng.choice(words().browsers)),
    "word": ("varchar(64) NOT NULL", _word),
    "label": ("varchar(64) NOT NULL", lambda rng: f"{_word(rng)}_{_word(rng)}{rng.randrange(100)}"),
    "sentence": ("text NOT NULL", _sentence),
    "motto": ("text DEFAULT NULL", lambda rng: rng.choice((None, *words().mottos))),
    "language": ("char(2) NOT NULL", lambda rng: rng.choice(words().languages)),
    "currency": ("char(3) NOT NULL", lambda rng: rng.choice(("EUR", "USD", "GBP"))),
    "flag": ("tinyint(1) NOT NULL", lambda rng: rng.randrange(2)),
    "code": ("tinyint(3) NOT NULL", lambda rng: rng.choice((0, 0, 1, 2, 3))),
    "count": ("int(11) NOT NULL", lambda rng: int(rng.expovariate(0.02))),
    "size": ("bigint(20) NOT NULL", lambda rng: rng.randrange(20_000, 90_000_000)),
    "cents": ("int(11) NOT NULL", lambda rng: rng.randrange(5, 200) * 100 - 1),
    "price": ("decimal(10,2) NOT NULL", lambda rng: Decimal(rng.randrange(5, 200) * 100 - 1).scaleb(-2)),
    "path": ("varchar(190) NOT NULL", lambda rng: f"templates/{_word(rng)}/{_word(rng)}.html"),
    "mime": ("varchar(64) NOT NULL", lambda rng: rng.choice(("image/jpeg", "image/png", "video/mp4"))),
    "address_like": ("varchar(64) NOT NULL", lambda rng: f"bcrt1q{rng.randbytes(19).hex()}"),  # its checksum is wrong
    "json": ("longtext NOT NULL", lambda rng: f'{{"theme":"{_word(rng)}","rows":{rng.randrange(10, 100)}}}'),
    "uuid": ("char(36) NOT NULL", lambda rng: str(key_written(rng.getrandbits(31), "uuid", "filler", 1))),
    "null": ("varchar(64) DEFAULT NULL", lambda _rng: None),
}
"""For each kind of value that is bound to nothing: the type of its column, and one drawn."""


def filler(kind: str, rng: random.Random, facts: PlatformFacts, *, number: int, keys: str) -> object:
    """A value that means nothing here.

    Args:
        kind: One of `FILLERS`, or `serial` for the number of the row, or `account` for the key of any account.
        rng: Stream of that column alone.
        facts: The platform.
        number: Number of the row, from 1.
        keys: How the application writes keys.
    """
    if kind == "serial":
        return number
    if kind == "account":
        return key_written(facts.seed, keys, "accounts", rng.randrange(1, len(facts.facts["accounts"]) + 1))
    return FILLERS[kind][1](rng)
