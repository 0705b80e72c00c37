"""A word of any script in Latin letters, in each of the ways that people write it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

import yaml
from anyascii import anyascii

from headwater.identities.names.southern import burmese, khmer, thai

__all__ = ["LONGEST_WORD", "NO_VOWELS", "script_of", "spellings"]

NO_VOWELS: Final = frozenset(("arabic", "hebrew", "thai", "lao"))
"""Scripts that do not write their vowels, or of which they are left to chance here."""

LONGEST_WORD: Final = 40
"""Letters of one word that are read; a few ligatures stand for whole sentences."""

_LETTERS: Final[Mapping[str, Mapping[str, str]]] = yaml.safe_load(
    Path(__file__).with_name("letters.yaml").read_text(encoding="utf-8")
)
_GREEK: Final = re.compile("|".join(sorted(_LETTERS["greek"], key=lambda letters: (-len(letters), letters))))
_INDIC: Final = frozenset(
    ("DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA", "TAMIL", "TELUGU", "KANNADA", "MALAYALAM", "SINHALA")
)
_NOT_LETTERS: Final = re.compile("[^a-z]+")
# Digits that stand for letters inside a word: typed or read by a machine.
_DIGITS: Final = (str.maketrans("01345789", "oleastbg"), str.maketrans("01345689", "oieasbbg"))
_SMALL: Final = {"ゃ": "ya", "ゅ": "yu", "ょ": "yo", "ャ": "ya", "ュ": "yu", "ョ": "yo"}
_SMALL_VOWELS: Final = dict(zip("ぁぃぅぇぉァィゥェォ", "aiueoaiueo", strict=True))
_LONG: Final = re.compile("ou|oo|uu")

_SCRIPTS: Final = (
    ("HANGUL", "hangul"), ("CJK", "han"), ("HIRAGANA", "kana"), ("KATAKANA", "kana"), ("ARABIC", "arabic"),
    ("HEBREW", "hebrew"), ("THAI", "thai"), ("LAO", "lao"), ("KHMER", "khmer"), ("MYANMAR", "burmese"),
    ("LATIN", "latin"), ("FULLWIDTH", "latin"),
)  # fmt: skip


@lru_cache(maxsize=4096)
def _script_of_letter(letter: str) -> str:
    name = unicodedata.name(letter, "")
    for start, script in _SCRIPTS:
        if name.startswith(start):
            return script
    first = name.split(" ")[0]
    return "indic" if first in _INDIC else first.lower()


def script_of(word: str) -> str:
    """The script of a word's first letter; empty where it has none."""
    for letter in word:
        if letter.isalpha():
            return "latin" if letter < "ɐ" else _script_of_letter(letter)
    return ""


def _ascii(text: str) -> str:
    return _NOT_LETTERS.sub("", anyascii(text).lower())[:LONGEST_WORD]


def _indic(word: str) -> str:
    """By the names of the letters: a consonant has an `a` unless a vowel sign or a virama follows; not at the end."""
    out: list[str] = []
    bare = False
    for letter in word:
        words = unicodedata.name(letter, "").split(" ")
        last = words[-1].lower()
        if "VIRAMA" in words or "PULLI" in words or "AL-LAKUNA" in words:
            if out and bare:
                out[-1] = out[-1][:-1]
            bare = False
        elif "VOWEL" in words and "SIGN" in words:
            if out and bare:
                out[-1] = out[-1][:-1]
            out.append(last)
            bare = False
        elif "LETTER" in words:
            last = f"ch{last[1:]}" if last[:2] == "ca" else last
            out.append(last)
            bare = len(last) > 1 and last.endswith("a") and last != "aa"
        elif last == "nukta" and out and out[-1].startswith("dd"):
            out[-1] = "r" + out[-1].lstrip("d").lstrip("h")
        elif last in {"anusvara", "candrabindu", "bindi", "tippi"}:
            out.append("n")
            bare = False
    if out and bare and len(out) > 1:
        out[-1] = out[-1][:-1]
    return _NOT_LETTERS.sub("", "".join(out))


def _kana(word: str) -> str:
    """By syllables, long vowels short: `ou` and `oo` are written o in passports."""
    out: list[str] = []
    for letter in word:
        if letter in _SMALL and out and out[-1].endswith("i"):
            small = _SMALL[letter]
            out[-1] = out[-1][:-1] + (small[1:] if out[-1][:-1] in {"sh", "ch", "j"} else small)
        elif letter in _SMALL_VOWELS and out and len(out[-1]) > 1:
            out[-1] = out[-1][:-1] + _SMALL_VOWELS[letter]
        elif letter not in "ーっッ":
            out.append(_ascii(letter))
    return _LONG.sub(lambda m: m[0][0], "".join(out))


def _arabic(word: str) -> str:
    return "".join(_LETTERS["arabic"].get(letter, "") for letter in word)


def _hebrew(word: str) -> str:
    made = "".join(_LETTERS["hebrew"].get(letter, "") for letter in word)
    return made[:-1] + "a" if word.endswith("\N{HEBREW LETTER HE}") and len(made) > 1 else made


def _greek(word: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))
    start = _LETTERS["greek_start"].get(plain[:2])
    if start is not None:
        return start + _ascii(_GREEK.sub(lambda m: _LETTERS["greek"][m[0]], plain[2:]))
    return _ascii(_GREEK.sub(lambda m: _LETTERS["greek"][m[0]], plain))


_SEVERAL: Final[Mapping[str, Callable[[str], list[str]]]] = {"thai": thai, "khmer": khmer, "burmese": burmese}
_SPELLERS: Final[Mapping[str, Callable[[str], str]]] = {
    "arabic": _arabic,
    "hebrew": _hebrew,
    "indic": _indic,
    "greek": _greek,
    "kana": _kana,
}


@lru_cache(maxsize=20_000)
def spellings(word: str) -> tuple[str, ...]:
    """The word in letters a to z, most usual spelling first; empty where nothing of it can be read.

    Args:
        word: One word in lower case, of one script.
    """
    if word.isascii() and word.isalpha():
        return (word[:LONGEST_WORD],)
    script = script_of(word)
    speller = _SPELLERS.get(script)
    if script in _SEVERAL:
        found = [_NOT_LETTERS.sub("", spelled) for spelled in _SEVERAL[script](word)]
    elif speller is not None:
        found = [speller(word)]
    elif any(c.isdigit() for c in word):
        found = [_ascii(word.translate(digits)) for digits in _DIGITS]
    else:
        marked = {letter: written for letter, written in _LETTERS["marked"].items() if letter in word}
        found = [_ascii(word), _ascii("".join(marked.get(letter, letter) for letter in word))]
        if len(marked) > 1:
            found += [_ascii(word.replace(letter, written)) for letter, written in marked.items()]
    return tuple(dict.fromkeys(spelling[:LONGEST_WORD] for spelling in found if spelling))
