"""One syllable in the spellings that people use: of a Hangul block, and of the systems for Chinese."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Final

import yaml
from anyascii import anyascii

__all__ = ["HOKKIEN", "abroad_spellings", "hangul_spellings", "wade_giles"]

_TABLES: Final = yaml.safe_load(Path(__file__).with_name("syllables.yaml").read_text(encoding="utf-8"))
HOKKIEN: Final = {form: tuple(str(v).split()) for k, v in _TABLES["hokkien"].items() for form in k}
"""Characters frequent in given names to how they are written in Singapore, Malaysia and the Philippines."""
_FIRST_BLOCK: Final = 0xAC00
_LAST_BLOCK: Final = 0xD7A3
_VOWELS_OF_A_BLOCK: Final = 21
_ENDS_OF_A_BLOCK: Final = 28


def _lists(key: str) -> tuple[tuple[str, ...], ...]:
    """Each entry's spellings; a hyphen is for none."""
    return tuple(tuple(s.strip("-") for s in line.split()) for line in _TABLES[key])


_STARTS: Final = _lists("hangul_starts")
_VOWELS: Final = _lists("hangul_vowels")
_ENDS: Final = _lists("hangul_ends")
_CANTONESE_STARTS: Final = {k: tuple(str(v).split()) for k, v in _TABLES["cantonese_starts"].items()}
_CANTONESE_ENDS: Final = {k: tuple(str(v).split()) for k, v in _TABLES["cantonese_ends"].items()}
_WADE_GILES_STARTS: Final[dict[str, str]] = _TABLES["wade_giles_starts"]
_WADE_GILES_ENDS: Final[dict[str, str]] = _TABLES["wade_giles_ends"]
_WADE_GILES_WHOLE: Final = {k: tuple(str(v).split()) for k, v in _TABLES["wade_giles_whole"].items()}


@lru_cache(maxsize=4096)
def hangul_spellings(block: str, *, marks_kept: bool = False) -> tuple[str, ...]:
    """How Koreans write a syllable in Latin letters, the ministry's way first; none for what is no syllable.

    Args:
        block: One letter.
        marks_kept: Leave out McCune-Reischauer's o, which without its mark is another vowel's too.
    """
    code = ord(block)
    if not _FIRST_BLOCK <= code <= _LAST_BLOCK:
        return ()
    start, rest = divmod(code - _FIRST_BLOCK, _VOWELS_OF_A_BLOCK * _ENDS_OF_A_BLOCK)
    vowel, end = divmod(rest, _ENDS_OF_A_BLOCK)
    vowels = [v for v in _VOWELS[vowel] if v not in {"o", "yo"} or not marks_kept or _VOWELS[vowel][0] == v]
    made = ["".join(parts) for parts in product(_STARTS[start], vowels, _ENDS[end])]
    more = [s.replace("si", "shi", 1) for s in made if s.startswith("si")]
    more += [f"wo{s[1:]}" for s in made if s.startswith("oo")]
    more += [s.replace("yeong", "young") for s in made if "yeong" in s]
    return tuple(dict.fromkeys(made + more))


@lru_cache(maxsize=4096)
def _cantonese(jyutping: str) -> tuple[str, ...]:
    """How a syllable is written in the names of Hong Kong.

    Args:
        jyutping: The syllable in the linguists' system, without its tone.
    """
    start = next((s for s in _CANTONESE_STARTS if jyutping.startswith(s) and jyutping != s), "")
    end = jyutping[len(start) :]
    made = ["".join(parts) for parts in product(_CANTONESE_STARTS.get(start, ("",)), _CANTONESE_ENDS.get(end, (end,)))]
    return tuple(dict.fromkeys(s.replace("yy", "y") for s in made))


@lru_cache(maxsize=4096)
def wade_giles(pinyin: str) -> tuple[str, ...]:
    """The syllable as Taiwan and books before 1980 write it, without marks; none where it is the same.

    Args:
        pinyin: The syllable without its tone.
    """
    if pinyin in _WADE_GILES_WHOLE:
        return _WADE_GILES_WHOLE[pinyin]
    start = next((s for s in _WADE_GILES_STARTS if pinyin.startswith(s)), "")
    end = pinyin[len(start) :]
    made = _WADE_GILES_STARTS.get(start, start) + _WADE_GILES_ENDS.get(end, end)
    return () if made == pinyin else (made,)


def _vietnamese(reading: str) -> str:
    """A reading of Vietnam without its marks."""
    plain = "".join(c for c in unicodedata.normalize("NFD", reading) if not unicodedata.combining(c))
    return anyascii(plain).lower()


@lru_cache(maxsize=20_000)
def abroad_spellings(line: str) -> tuple[str, ...]:
    """A character's readings in Canton, Korea and Vietnam in Latin letters.

    Args:
        line: Its fields in han_readings.txt: a letter for the place, a colon, and readings with commas between them.
    """
    found: list[str] = []
    for key, words in (field.split(":") for field in line.split()):
        for word in words.split(",") if key != "=" else ():
            if key == "v":
                found.append(_vietnamese(word))
            else:
                found.extend(_cantonese(word) if key == "c" else hangul_spellings(word))
    return tuple(found)
