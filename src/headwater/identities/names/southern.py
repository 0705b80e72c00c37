"""Words of Thai, Khmer and Burmese in Latin letters: their vowels stand around the consonant that they follow."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import yaml

__all__ = ["burmese", "khmer", "thai"]

_LETTERS: Final = yaml.safe_load(Path(__file__).with_name("southern.yaml").read_text(encoding="utf-8"))

# --- Thai ---
_THAI_TITLES: Final = re.compile("^(?:นางสาว|นาย|นาง)(?=...)")
_THAI_SILENCED: Final = re.compile("[ก-ฮ][ิุ]?์")
_THAI_TONES: Final = re.compile("[็-๎]")
_THAI_FIRST: Final = re.compile("([เแโใไ])([ก-ฮ])")
_THAI_LEADING: Final = re.compile("ห(?=[งญนมยรลว])")
_THAI_DOUBLE_R: Final = re.compile("รร(?![ะ-ู])(?=([ก-ฮ])?)")
_THAI_CARRIER: Final = re.compile("อ(?=[ะ-ู])")
_THAI_NY: Final = re.compile("(?<=[ะ-ู])ญ(?=[ก-ฮ])")
_THAI_LAST: Final = re.compile("(?<=.)[ก-ฮ]$")


def thai(word: str) -> list[str]:
    """Without silenced letters; a last l or r is spoken n, and often kept in writing."""
    plain = _THAI_TONES.sub("", _THAI_SILENCED.sub("", _THAI_TITLES.sub("", word)))
    plain = _THAI_FIRST.sub(r"\2\1", _THAI_LEADING.sub("", plain))
    plain = _THAI_DOUBLE_R.sub(lambda m: "ั" if m[1] else "ัน", plain)
    plain = _THAI_NY.sub("น", _THAI_CARRIER.sub("", plain))
    letters, ends = _LETTERS["thai"], _LETTERS["thai_ends"]
    kept = "".join(letters.get(c, "") for c in plain)
    spoken = "".join(letters.get(c, "") for c in _THAI_LAST.sub(lambda m: ends.get(m[0], m[0]), plain))
    return [spoken, kept]


# --- Khmer ---
_SUBSCRIPT: Final = "\u17d2"
_KHMER: Final = re.compile("([ក-អ])((?:\u17d2[ក-អ])*)([\u17c9\u17ca]?)([\u17b6-\u17c8\u17cb-\u17d1]*)")


def khmer(word: str) -> list[str]:
    """By the two rows of consonants, each of which sounds a vowel sign in its own way."""
    table, rows = _LETTERS["khmer"], _LETTERS["khmer_second_row"]
    out: list[str] = []
    open_before = False
    for letter, below, shift, signs in _KHMER.findall(word):
        letters = letter + below.replace(_SUBSCRIPT, "")
        second = (letters[-1] in rows or shift == "\u17ca") and shift != "\u17c9"
        vowels = signs.translate(_KHMER_MARKS)
        if "\u17cd" in signs:
            continue
        if vowels:
            sounds = table["signs"].get(vowels) or table["signs"].get(vowels[0], ["a", "a"])
            vowel = sounds[1 if second else 0]
        elif open_before or (not out and len(word) == 1):
            vowel = ""
        else:
            vowel = "o" if second else "a"
        start = "".join(table["letters"].get(c, "") for c in letters)
        if letters == "ប" and shift:
            start = "p"
        out.append(start + vowel)
        open_before = bool(vowel) and vowel[-1] in "aeiouy"
    joined = "".join(out)
    spelled = joined.replace("bph", "ph").replace("pph", "ph").replace("tth", "th")
    last = _KHMER.findall(word)
    bare_end = bool(last) and not last[-1][3].translate(_KHMER_MARKS) and len(out) > 1
    spelled = spelled[:-1] if bare_end and spelled[-1] in "ao" else spelled
    return [_KHMER_BREATH.sub(r"\1", spelled)]


_KHMER_BREATH: Final = re.compile("([kptc])h$")
_KHMER_MARKS: Final = {0x17CB: None, 0x17CC: None, 0x17CD: None, 0x17CE: None, 0x17CF: None, 0x17D0: None, 0x17D1: None}

# --- Burmese ---
_BURMESE: Final = re.compile(
    "([က-ဪဿ])((?:\u1039[က-အ])?)([\u103b-\u103e]*)([\u102b-\u1036]*)((?:[က-အ]\u1037?\u103a)?)[\u1037\u1038\u103a]*"
)
_VOWELS: Final = frozenset("aiou")
_BURMESE_TITLES: Final = ("ဦး", "ဒေါ်")


def burmese(word: str) -> list[str]:
    """Syllable by syllable; the words for Mr and Mrs, which are written together with the name, are left out."""
    for title in _BURMESE_TITLES:
        if word.startswith(title) and len(word) > len(title) + 2:
            word = word[len(title) :]
    table = _LETTERS["burmese"]
    out: list[str] = []
    for letter, stacked, medials, vowels, end in _BURMESE.findall(word):
        start = table["letters"].get(letter, "")
        if "\u103e" in medials:
            start = "h" + start if start[:1] in set("mnlwr") else start
        if start[:1] in _VOWELS:
            out.append(start)
            continue
        start += "y" if set(medials) & {"\u103b", "\u103c"} else ""
        rhyme = table["rhymes"].get(("ွ" if "\u103d" in medials else "") + vowels.replace("ါ", "ာ") + end[:1])
        if rhyme is None:
            glide = "w" if "\u103d" in medials else ""
            rhyme = glide + table["rhymes"].get(vowels.replace("ါ", "ာ") + end[:1], "a" if start else "")
        out.append(start + rhyme + table["letters"].get(stacked[1:], ""))
    return ["".join(out)]
