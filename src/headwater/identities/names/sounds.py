"""How alike two words sound, whichever way of transliterating wrote them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

__all__ = ["COSTS", "WRITTEN_VOWELS", "distance", "sound"]

_FOLDS: Final = {
    "schtsch": "S", "shtsh": "S", "shch": "S", "stsch": "S", "szcz": "S", "tsch": "C", "dsch": "j", "sch": "S",
    "tch": "C", "dzh": "j", "sh": "S", "sz": "S", "sj": "S", "cz": "C", "ch": "C", "zh": "Z", "kh": "h", "gh": "g",
    "ph": "f", "th": "t", "dh": "d", "dj": "j", "ck": "k", "qu": "k", "tz": "s", "tc": "s", "ts": "s", "dz": "s",
    "ds": "s", "ou": "u", "oo": "u", "ee": "i", "aee": "ai", "ae": "e", "oe": "o", "ue": "u", "ce": "se", "ci": "si",
    "cy": "si", "x": "ks", "cv": "sv", "c": "k", "q": "k", "w": "v", "y": "i", "z": "s", "rzh": "r",
}  # fmt: skip
_FOLD: Final = re.compile("|".join(sorted(_FOLDS, key=lambda s: (-len(s), s))))
_GREEK_STARTS: Final = {"mp": "b", "nt": "d", "gk": "g"}
_AFTER_FOLD: Final = re.compile(r"(.)\1+|i?j?i?i$")
_IOTATED: Final = re.compile(r"^ie(?=.)|(?<=[aeou])ie")


@lru_cache(maxsize=20_000)
def sound(spelling: str) -> str:
    """The spelling with one letter for each sound that ways of transliterating write differently.

    Args:
        spelling: Letters a to z.
    """
    if spelling.startswith(("mp", "nt", "gk")):
        spelling = _GREEK_STARTS[spelling[:2]] + spelling[2:]
    folded = _FOLD.sub(lambda m: _FOLDS[m[0]], spelling)
    folded = _IOTATED.sub("e", folded)
    return _AFTER_FOLD.sub(lambda m: m[1] or "i", folded)


_VOWELS: Final = "aeiou"
_CLASSES: Final = (
    "bp",
    "dt",
    "gk",
    "hk",
    "gh",
    "sS",
    "sC",
    "SC",
    "SZ",
    "sZ",
    "CZ",
    "jg",
    "jZ",
    "jC",
    "fv",
    "bv",
    "mn",
    "kC",
    "hC",
)


def _costs(vowel: float, same_class: float, drop_vowel: float, more: str = "") -> dict[str, float]:
    """What it costs to take one sound for another, or to leave one out; what is not listed costs 1."""
    table = {a + b: vowel for a in _VOWELS for b in _VOWELS if a != b}
    for pair in (*_CLASSES, *more.split()):
        table[pair] = table[pair[::-1]] = same_class
    for v in _VOWELS:
        table[v] = drop_vowel
    table["ij"] = table["ji"] = min(same_class, 0.25)
    table["j"] = max(drop_vowel, 0.6)  # Germans write it where others write i, or nothing
    table["h"] = min(drop_vowel, 0.3)
    table["i"] = min(drop_vowel, 0.45)
    table["SC"] = table["CS"] = min(same_class, 0.4)  # the French write ch where others write sh
    table["uv"] = table["vu"] = table["ov"] = table["vo"] = same_class
    return table


def _unwritten() -> dict[str, float]:
    """Of a word whose short vowels are not written, taken for one in Latin letters, in this order.

    A vowel that is written was long, and is seldom another; one that is not may be any.
    """
    table = _costs(0.3, 0.25, 0.06, "ht")
    close = {"aa": 0.0, "ae": 0.05, "ii": 0.0, "ie": 0.05, "vu": 0.05, "vo": 0.05, "ij": 0.1, "he": 0.1, "ha": 0.1}
    far = dict.fromkeys(("ia", "io", "iu", "va", "ve", "vi", "ua", "ui", "ao", "au"), 0.5)
    return {**table, **close, **far, "ai": 0.3}


COSTS: Final[Mapping[str, dict[str, float]]] = MappingProxyType(
    {
        "alike": _costs(0.6, 0.7, 0.6),
        "across": _costs(0.3, 0.3, 0.35),
        "abjad": _unwritten(),
        "burmese": {**_costs(0.3, 0.3, 0.35), "r": 0.15},
        "korean": {**_costs(0.2, 0.1, 0.2, "kj lr rn ln"), "gh": 0.7, "hg": 0.7, "hk": 0.7, "kh": 0.7},
        "japanese": _costs(0.35, 0.25, 0.2, "lr hf bv st"),
    }
)
"""By how two words are compared: both in one alphabet, across alphabets, or with one whose vowels are not written."""


WRITTEN_VOWELS: Final = MappingProxyType({"a": 0.3, "e": 0.3, "i": 0.45, "o": 0.45, "u": 0.45, "v": 0.5, "h": 0.15})
"""What it costs to leave out a letter of a word that has none but its long vowels."""


def distance(
    left: str, right: str, costs: dict[str, float], most: float, drops_left: Mapping[str, float] | None = None
) -> float:
    """The least cost of turning one word's sounds into the other's; `most` or more where it is not below it.

    With `drops_left`, the costs of leaving out a letter of the left word are its own. Two neighbours that changed
    places cost 0.8.
    """
    if left == right:
        return 0.0
    size = len(right)
    get = costs.get
    drop_left = get if drops_left is None else drops_left.get
    drops = [get(c, 1.0) for c in right]
    before: list[float] = []
    row = [0.0]
    for drop in drops:
        row.append(row[-1] + drop)
    last = ""
    for a in left:
        drop_a = drop_left(a, 1.0)
        cell = row[0] + drop_a
        new = [cell]
        for n in range(size):
            b = right[n]
            best = row[n] if a == b else row[n] + get(a + b, 1.0)
            cell += drops[n]
            cell = min(cell, best)
            over = row[n + 1] + drop_a
            cell = min(cell, over)
            if n and last == b and a == right[n - 1] and a != b:
                swapped = before[n - 1] + 0.8
                cell = min(cell, swapped)
            new.append(cell)
        if min(new) >= most and (not before or min(row) >= most):
            return most
        before, row, last = row, new, a
    return row[-1]
