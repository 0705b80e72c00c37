"""What a single column may be, by the shapes of its values and by what it is called: points, unit and evidence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import yaml

from headwater.evidence.profile import ColumnProfile

__all__ = [
    "CODED",
    "TIMES",
    "Ground",
    "KnownFiles",
    "by_value",
    "called_after",
    "is_object",
    "name_points",
    "schema_words",
]

ALL_PPM = 1_000_000
_MOSTLY_PPM = 900_000
_SOME_PPM = 500_000

# How many points each ground is worth. A name in whole is worth as much as half a right shape; a wrong shape rules out.
_NAME_POINTS = 30
_PART_OF_NAME_POINTS = 14
_CALLED_AFTER_POINTS = 22
_KNOWN_POINTS = 60
_LEAST_KNOWN_PPM = 20_000
_TIME_SHAPES: Mapping[str, str] = {
    "epoch_s": "epoch_s",
    "epoch_ms": "epoch_ms",
    "epoch_us": "epoch_us",
    "datetime": "datetime_utc",
    "datetime_zoned": "datetime_zoned",
}

# For each column of ours, the shapes its values may have, the unit each means, and its points where all values have it.
_SHAPES: Mapping[str, Sequence[tuple[str, str, int]]] = {
    "nickname": (("nickname", "text", 20), ("word", "text", 10)),
    "email": (("email", "text", 70),),
    "phone": (("phone", "text", 70),),
    "pgp_fingerprint": (("pgp_fingerprint", "text", 60), ("hex40", "text", 50)),
    "network_address": (("ipv4", "text", 60), ("ipv6", "text", 60), ("raw4", "packed", 50), ("raw16", "packed", 45)),
    "media_path": (("path", "text", 45),),
    "media_sha256": (("hex64", "hex", 45), ("raw32", "raw_bytes", 45)),
    "media_sha1": (("hex40", "hex", 45), ("raw20", "raw_bytes", 45)),
    "media_md5": (("hex32", "hex", 45), ("raw16", "raw_bytes", 30)),
    "address": (("coin_address", "text", 80),),
    "amount_sat": (("integer", "sat", 15), ("decimal_of_coin", "btc", 30)),
    "amount_cents": (("integer", "cents", 15), ("decimal_of_money", "currency_units", 30)),
    "currency": (("currency", "text", 45),),
    "txid": (("hex64", "hex", 45), ("raw32", "raw_bytes", 45)),
}
_DIGESTS = frozenset({"media_sha256", "media_sha1", "media_md5"})
TIMES = ("registered_at_utc", "last_seen_at_utc", "at_utc", "issued_at_utc")
"""Columns of ours that are times."""

_TIME_POINTS = 45
CODED = frozenset({"role", "status"})
"""Columns of ours of which a mapping may state one value for all rows."""

_CODE_MAX_DISTINCT = 24  # a role or a status is one of a few words or numbers
_CODE_POINTS = 20
_WORD_POINTS = 6  # a state that is a word is a state; one that is a number may be a count
_YES_OR_NO = frozenset({b"true", b"false", b"yes", b"no", b"t", b"f", b"y", b"n"})
_DEVICE_POINTS = 25
_DEVICE_MAX_DISTINCT = 200
_LEAST_AMOUNT_SAT = 1_000  # what is less is not worth its fee, and is a number of something else
# Words that say of a column that it names rows, whatever of.
_OF_ANY_KEY = frozenset({"id", "ids", "key", "no", "nr", "num", "number", "ref", "fk", "pk", "uuid", "guid", "code"})
_VOWELS = re.compile(r"[aeiouyäöü]")

Ground = tuple[int, str, str]
"""Points, unit, and evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFiles:
    """What is known of the files that were taken in.

    Attributes:
        digests: MD5, SHA-1 and SHA-256 of their contents, in hexadecimal.
        names: The last parts of their paths.
    """

    digests: frozenset[str]
    names: frozenset[bytes]


@cache
def schema_words() -> tuple[Mapping[str, frozenset[str]], Mapping[str, frozenset[str]]]:
    """Words for our tables, and for our columns, that makers of applications use."""
    read = yaml.safe_load(Path(__file__).with_name("schema_words.yaml").read_text("utf-8"))
    tables, columns = ({name: frozenset(words) for name, words in read[part].items()} for part in ("tables", "columns"))
    return tables, columns


def name_points(words: Sequence[str], wanted: frozenset[str]) -> int:
    """Points of a name: in full where a word of it is one of those wanted, in part where one is contained or shortened.

    Args:
        words: Of the name.
        wanted: Words for what it may be.
    """
    pairs = {a + b for a, b in pairwise(words)}  # `md5` was cut before its digit
    if any(word in wanted for word in words) or pairs & wanted:
        # A name that says little else says it more clearly: `mail` more than `mail_template_id`.
        parts = {word for a, b in pairwise(words) if a + b in wanted for word in (a, b)}
        others = sum(word not in wanted | parts and not word.isdigit() for word in words)
        return max(_PART_OF_NAME_POINTS, _NAME_POINTS - 5 * others)
    joined = "".join(words)
    if any(len(word) >= 4 and word in joined for word in wanted):
        return _PART_OF_NAME_POINTS
    if any(_shortens(word, whole) for word in words for whole in wanted):
        return _PART_OF_NAME_POINTS
    return 0


def _shortens(short: str, whole: str) -> bool:
    """Whether a word is another one without its vowels, or most of it: `prc` of price, `hsh` of hash."""
    if not 2 < len(short) < len(whole) or short[0] != whole[0] or _VOWELS.search(short[1:]):
        return False
    rest = iter(_VOWELS.sub("", whole[1:]))
    return all(letter in rest for letter in short[1:]) and 2 * len(short) > len(_VOWELS.sub("", whole))


def called_after(column: ColumnProfile, key: ColumnProfile, table_words: Sequence[str]) -> int:
    """Points of a column whose name says whose key it holds, in any language: as that key's, or as its table's.

    Args:
        column: May hold keys.
        key: The key.
        table_words: Words of the key's table.
    """
    mine = {word for word in column.words[-3:] if len(word) >= 3} - _OF_ANY_KEY
    theirs = {word for word in (*key.words, *table_words) if len(word) >= 3} - _OF_ANY_KEY
    alike = any(a == b or (min(len(a), len(b)) >= 4 and a[:4] == b[:4]) for a in mine for b in theirs)
    return _CALLED_AFTER_POINTS if alike else 0


def is_object(column: ColumnProfile) -> bool:
    """Whether the column holds objects, which are looked into, and is nothing by itself."""
    return column.shares_ppm.get("json", 0) >= _SOME_PPM


def by_value(column: ColumnProfile, target_column: str, name: int, files: KnownFiles | None) -> Ground | None:
    """Points, unit and evidence of a column by its values; None if it cannot be that column.

    Args:
        column: A column.
        target_column: Column of ours.
        name: Points that its name has.
        files: What was taken in, if it is known.
    """
    sketch, shares = column.sketch, column.shares_ppm
    number = shares.get("integer", 0) >= _SOME_PPM
    if target_column in TIMES:
        return _time(column)
    if target_column in CODED:
        return _code(column)
    if target_column == "device":
        return _device(column)
    # Names are of many and are not counted; money is counted, and is no time.
    unfit = {
        "nickname": number or sketch.distinct * 2 <= sketch.filled,
        # What a browser says of itself has a dot and a slash too, and so has a number a dot.
        "media_path": max(shares.get("words", 0), shares.get("decimal", 0)) >= _SOME_PPM,
        "amount_sat": _time(column) is not None or (number and (column.median or 0) < _LEAST_AMOUNT_SAT),
        "amount_cents": _time(column) is not None or (number and not name),
    }
    if unfit.get(target_column):
        return None
    ground = _shape(column, target_column)
    return ground if ground is None or files is None else _among(column, target_column, ground, files)


def _among(column: ColumnProfile, target_column: str, ground: Ground, files: KnownFiles) -> Ground:
    """The ground, with what speaks for it of the files that were taken in."""
    points, unit, evidence = ground
    values = column.sketch.values
    if target_column in _DIGESTS:
        found = sum((v.hex() if unit == "raw_bytes" else _digits(v)) in files.digests for v in values)
        told = "digests of files that were taken in"
    elif target_column == "media_path":
        found = sum(v.rpartition(b"/")[2] in files.names for v in values)
        told = "names of files that were taken in"
    else:
        return ground
    share = found * ALL_PPM // len(values)
    if share < _LEAST_KNOWN_PPM:
        return ground
    return points + _KNOWN_POINTS, unit, f"{evidence}, {found} of {len(values)} are {told}"


def _digits(value: bytes) -> str:
    return value.decode("latin-1").lower().removeprefix("0x")


def _shape(column: ColumnProfile, target_column: str) -> Ground | None:
    """Points, unit and evidence of the likeliest shape of a column's values; None if none of them is there enough."""
    shares = column.shares_ppm
    found = []
    for shape, unit, points in _SHAPES[target_column]:
        share = shares.get(shape, 0)
        if share >= _SOME_PPM:
            found.append((points * share // ALL_PPM, unit, f"{shape} {share // 10_000} %"))
    return max(found, default=None)


def _time(column: ColumnProfile) -> Ground | None:
    shares = column.shares_ppm
    found = [
        (_TIME_POINTS * shares[shape] // ALL_PPM, unit, f"{shape} {shares[shape] // 10_000} %")
        for shape, unit in _TIME_SHAPES.items()
        if shares.get(shape, 0) >= _MOSTLY_PPM
    ]
    return max(found, default=None)


def _code(column: ColumnProfile) -> Ground | None:
    sketch, shares = column.sketch, column.shares_ppm
    few = sketch.distinct <= _CODE_MAX_DISTINCT and sketch.distinct * 2 <= max(sketch.rows, 2)
    words = shares.get("word", 0) >= _MOSTLY_PPM
    if not few or not (words or shares.get("integer", 0) >= _MOSTLY_PPM) or set(sketch.values) <= _YES_OR_NO:
        return None
    return _CODE_POINTS + (_WORD_POINTS if words else 0), "text", f"{sketch.distinct} codes"


def _device(column: ColumnProfile) -> Ground | None:
    """What a browser says of itself is words; where an application keeps a code for it, there are few."""
    sketch, shares = column.sketch, column.shares_ppm
    if (share := shares.get("user_agent", 0)) >= _SOME_PPM:
        return 2 * _DEVICE_POINTS, "text", f"user_agent {share // 10_000} %"
    if (share := shares.get("words", 0)) >= _SOME_PPM:
        # Many have the same device; no two write the same text.
        own = sketch.distinct * 2 > sketch.filled
        return _DEVICE_POINTS // (3 if own else 1), "text", f"words {share // 10_000} %"
    few = 1 < sketch.distinct <= _DEVICE_MAX_DISTINCT and sketch.distinct * 4 <= sketch.filled
    coded = shares.get("nickname", 0) >= _MOSTLY_PPM and shares.get("integer", 0) < _SOME_PPM
    return (_DEVICE_POINTS // 2, "text", f"{sketch.distinct} codes") if few and coded else None
