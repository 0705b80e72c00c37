"""A word of any script in Latin letters, in each of the ways that people write it."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from anyascii import anyascii

__all__ = ["LONGEST_WORD", "script_of", "spellings"]

LONGEST_WORD: Final = 40
"""Letters of one word that are read; a few ligatures stand for whole sentences."""

# Letters whose sound is written with two letters where the mark is not kept: both spellings are tried.
_MARKED: Final = {
    "č": "ch", "ć": "ch", "š": "sh", "ś": "sh", "ș": "sh", "ş": "sh", "ž": "zh", "ż": "zh", "ź": "zh", "ç": "ch",
    "ü": "ue", "ö": "oe", "ä": "ae", "ø": "oe", "å": "aa", "æ": "ae", "ñ": "ny", "ń": "ny", "ň": "ny", "đ": "dj",
    "ğ": "", "ț": "ts", "ţ": "ts", "ř": "rzh", "ľ": "l", "ł": "w", "þ": "th", "ð": "d", "ё": "yo", "ý": "i",
}  # fmt: skip
_ARABIC: Final = {
    "ا": "a", "أ": "a", "إ": "i", "آ": "a", "ٱ": "a", "ء": "", "ؤ": "w", "ئ": "y", "ب": "b", "پ": "p", "ت": "t",
    "ث": "th", "ج": "j", "چ": "ch", "ح": "h", "خ": "kh", "د": "d", "ذ": "dh", "ر": "r", "ز": "z", "ژ": "zh",
    "س": "s", "ش": "sh", "ص": "s", "ض": "d", "ط": "t", "ظ": "z", "ع": "", "غ": "gh", "ف": "f", "ڤ": "v", "ق": "q",
    "ك": "k", "ک": "k", "گ": "g", "ل": "l", "م": "m", "ن": "n", "ه": "h", "ة": "a", "و": "w", "ي": "y", "ی": "y",
    "ى": "a", "ھ": "h", "ہ": "h", "ے": "y", "ں": "n", "ٹ": "t", "ڈ": "d", "ڑ": "r", "ۆ": "o", "ێ": "e", "ە": "e",
    "َ": "a", "ُ": "u", "ِ": "i", "ً": "", "ٌ": "", "ٍ": "", "ّ": "", "ْ": "", "ٰ": "a", "ـ": "", "ې": "e",
}  # fmt: skip
_HEBREW: Final = {
    "א": "a", "ב": "b", "ג": "g", "ד": "d", "ה": "h", "ו": "w", "ז": "z", "ח": "kh", "ט": "t", "י": "y", "כ": "k",
    "ך": "k", "ל": "l", "מ": "m", "ם": "m", "נ": "n", "ן": "n", "ס": "s", "ע": "", "פ": "p", "ף": "f", "צ": "ts",
    "ץ": "ts", "ק": "k", "ר": "r", "ש": "sh", "ת": "t",
}  # fmt: skip
_GREEK: Final = re.compile("ου|μπ|ντ|γκ|γγ|τζ|αυ|ευ|αι|ει|οι|υι|χ|φ|θ|ψ|ξ|υ|η|β|γ")
_GREEK_SOUNDS: Final = {
    "ου": "ou", "μπ": "b", "ντ": "nt", "γκ": "gk", "γγ": "ng", "τζ": "tz", "αυ": "av", "ευ": "ev", "αι": "e",
    "ει": "ei", "οι": "i", "υι": "i", "χ": "ch", "φ": "f", "θ": "th", "ψ": "ps", "ξ": "x", "υ": "y", "η": "i",
    "β": "v", "γ": "g",
}  # fmt: skip
_THAI_SILENT: Final = re.compile("[ก-ฮ][ิุ]?์")
_THAI_FIRST: Final = re.compile("([เแโใไ])([ก-ฮ])")
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
    ("HEBREW", "hebrew"), ("THAI", "thai"), ("LAO", "thai"), ("KHMER", "thai"), ("MYANMAR", "thai"),
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


@lru_cache(maxsize=20_000)
def spellings(word: str) -> tuple[str, ...]:
    """The word in letters a to z, most usual spelling first; empty where nothing of it can be read.

    Args:
        word: One word in lower case, of one script.
    """
    script = script_of(word)
    if script == "arabic":
        return _made("".join(_ARABIC.get(letter, "") for letter in word))
    if script == "hebrew":
        made = "".join(_HEBREW.get(letter, "") for letter in word)
        return _made(made[:-1] + "a" if word.endswith("ה") and len(made) > 1 else made)
    if script == "indic":
        return _made(_indic(word))
    if script == "thai":
        return _made(_ascii(_THAI_FIRST.sub(r"\2\1", _THAI_SILENT.sub("", word))))
    if script == "greek":
        plain = "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))
        first = plain[:2].replace("ντ", "d").replace("μπ", "b").replace("γκ", "g") + plain[2:]
        return _made(_ascii(_GREEK.sub(lambda m: _GREEK_SOUNDS[m[0]], first)))
    if script == "kana":
        return _made(_kana(word))
    if any(c.isdigit() for c in word):
        return tuple(dict.fromkeys(s for s in (_ascii(word.translate(d)) for d in _DIGITS) if s))
    plain = _ascii(word)
    if not plain:
        return ()
    marked = _ascii("".join(_MARKED.get(letter, letter) for letter in word))
    return (plain,) if marked in {plain, ""} else (plain, marked)


def _made(spelling: str) -> tuple[str, ...]:
    return (spelling[:LONGEST_WORD],) if spelling else ()
