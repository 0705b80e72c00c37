"""A name as its parts: what is a name, what an initial, a particle or a title, and how each may be spelled."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

from anyascii import anyascii

from headwater.identities.names.romanised import LONGEST_WORD, NO_VOWELS, script_of, spellings
from headwater.identities.names.sounds import sound
from headwater.identities.names.syllables import abroad_spellings, hangul_spellings, wade_giles
from headwater.identities.names.tables import name_tables

__all__ = ["LONGEST_NAME", "Part", "Reading", "joined", "readings"]

LONGEST_NAME: Final = 240
"""Letters of a text that are read; what follows is no longer part of anybody's name."""
_MOST_PARTS: Final = 10
_MOST_SYLLABLES: Final = 4

_MARKS: Final = re.compile(
    "['`\"\u00b4\u2018\u2019\u201c\u201d\u02bb\u02bc\u02b9\u02bf\u02be\u2032\u2033\u05f3\u00ab\u00bb"
    "\u0591-\u05bd\u05bf\u05c1-\u05c7\u200b-\u200f\u202a-\u202e\u2060\ufeff]"
)
_BREAKS: Final = re.compile(r"[^\w\u0300-\u036f\u064b-\u065f\u0900-\u0dff\u0e31-\u0e4e\u1000-\u109f\u1780-\u17d3]+|_+")
_MARKS_ASCII: Final = re.compile("['`\"]")
_BREAKS_ASCII: Final = re.compile("[^A-Za-z0-9]+")
# A surname in characters and a given name in kana, written together.
_KANA_AFTER: Final = re.compile("([\u3400-\u9fff々])([\u3041-\u30fe])")
# A word that a full stop cuts short, before another: Chr. for Christian.
_SHORTENED: Final = re.compile(r"(?<![\w.])([^\W\d_]{2,4})\.(?=[\s-]*\w)")
_SYLLABLE: Final = re.compile("[A-Z][a-z]*")
_ABD: Final = re.compile("^(?:abd|abed)(?:[aeiou]{1,2}(?:l|([rnstdzl])(?=\\1)|(?=sh))?)?-?(?=[a-z]{3})")
_ARTICLE: Final = re.compile(
    "^(?:al|el)(?=[a-z]{3})|^(?:ash|esh)(?=sh)|^(?:ar|er)(?=r)|^(?:an|en)(?=n)|^(?:as|es)(?=s)|^(?:ad|ed)(?=d)"
)
_JAPANESE_LONG: Final = re.compile("ou|oo|uu")


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One part of a name.

    Attributes:
        text: As it stands in the name, in lower case.
        spelled: In Latin letters, most usual first.
        sounds: Of each spelling, one letter for each sound.
        script: Of its letters.
        kind: name, initial, particle, patronymic, or joined where it is two parts.
        syllables: For Chinese characters and short Korean names, the readings of each.
        known: The names in use that it is a form of.
        same: The names that it is a spelling of.
        short: The long names that it is short for, and with a minus sign the one that it is.
        cognates: The names that it is a form of in some language.
        surnames: The surnames of China and Korea that it is a reading of.
        frequent: Whether very many people have it.
    """

    text: str
    spelled: tuple[str, ...]
    sounds: tuple[str, ...]
    script: str
    kind: str
    syllables: tuple[tuple[str, ...], ...]
    known: frozenset[int]
    same: frozenset[int]
    short: frozenset[int]
    cognates: frozenset[int]
    surnames: frozenset[int]
    frequent: bool


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One way of reading a name.

    Attributes:
        parts: In the order of the text.
        generation: Which of two with the same name, if it says so.
    """

    parts: tuple[Part, ...]
    generation: str


_NONE: Final[frozenset[int]] = frozenset()


@lru_cache(maxsize=20_000)
def _part(
    text: str, spelled: tuple[str, ...], script: str, kind: str, syllables: tuple[tuple[str, ...], ...] = ()
) -> Part:
    tables = name_tables()
    if kind == "initial":
        return Part(text, spelled, spelled, script, kind, syllables, _NONE, _NONE, _NONE, _NONE, _NONE, False)  # noqa: FBT003 -- the field is a truth value
    sounds = tuple(dict.fromkeys(sound(s) for s in spelled))
    first = sounds[0]
    known = tables.known.get(first, _NONE)
    if script != "latin":
        known |= tables.known.get("*" + first, _NONE)
    same, short = tables.same.get(first, _NONE), tables.short.get(first, _NONE)
    cognates, surnames = tables.cognates.get(first, _NONE), tables.surnames.get(first, _NONE)
    for other in sounds[1:]:
        known |= tables.known.get(other, _NONE)
        same |= tables.same.get(other, _NONE)
        short |= tables.short.get(other, _NONE)
        cognates |= tables.cognates.get(other, _NONE)
    return Part(
        text, spelled, sounds, script, kind, syllables, known, same, short, cognates, surnames, first in tables.frequent
    )


def joined(left: Part, right: Part) -> Part:
    """Two neighbours written as one."""
    spelled = ((left.spelled[0] + right.spelled[0])[:LONGEST_WORD],)
    syllables = left.syllables + right.syllables if left.syllables and right.syllables else ()
    return _part(left.text + right.text, spelled, left.script, "joined", syllables)


def _words(text: str) -> list[str]:
    """The text's words; case is kept, because capitals tell initials."""
    if text.isascii():
        return [word for word in _BREAKS_ASCII.split(_MARKS_ASCII.sub("", text[:LONGEST_NAME])) if word]
    normal = unicodedata.normalize("NFKC", text[:LONGEST_NAME])[:LONGEST_NAME]
    normal = _MARKS.sub("", normal.replace("İ", "I").replace("\N{LATIN SMALL LETTER DOTLESS I}", "i"))
    return [word for word in _BREAKS.split(_KANA_AFTER.sub(r"\1 \2", normal)) if word]


def readings(text: str) -> tuple[Reading, ...]:
    """The ways of reading a text as a name; none where there is no name in it.

    Args:
        text: Any text; at most `LONGEST_NAME` letters of it are read.
    """
    return _readings(text[:LONGEST_NAME])


@lru_cache(maxsize=20_000)
def _readings(text: str) -> tuple[Reading, ...]:
    words = _words(text)
    if len(words) == 1:
        words = _run_together(words[0])
    words = [word for word in words if any(c.isalpha() for c in word)][: 2 * _MOST_PARTS]
    if not words or _says_no_name(words):
        return ()
    scripts = [script_of(word.lower()) for word in words]
    if "kana" in scripts:
        return _made(_reading(words, scripts, japanese=True))
    if "han" in scripts:
        return _made(_reading(words, scripts), _reading(words, scripts, japanese=True))
    short = frozenset(_SHORTENED.findall(text)) if "." in text else frozenset()
    first = _reading(words, scripts, short=short)
    if not any(_is_initials(word, may_be_name=False) for word in words) or all(word.isupper() for word in words):
        return _made(first)
    return _made(first, _reading(words, scripts, short=short, may_be_name=False))


def _run_together(word: str) -> list[str]:
    """AlisherUsmanov as two words."""
    cuts = [0, *(n for n in range(1, len(word)) if word[n].isupper() and word[n - 1].islower()), len(word)]
    return [word[start:end] for start, end in pairwise(cuts)]


def _made(*found: Reading | None) -> tuple[Reading, ...]:
    return tuple(reading for reading in found if reading is not None)


def _says_no_name(words: Sequence[str]) -> bool:
    no_name = name_tables().no_name
    plain = [made[0] if (made := spellings(word.lower())) else "" for word in words]
    return "".join(plain) in no_name or all(word in no_name for word in plain)


def _reading(  # noqa: C901, PLR0912 -- one branch for each kind of word, in the order in which they are told apart
    words: Sequence[str],
    scripts: Sequence[str],
    *,
    japanese: bool = False,
    short: frozenset[str] = frozenset(),
    may_be_name: bool = True,
) -> Reading | None:
    tables = name_tables()
    parts: list[Part] = []
    generation, count, servant = "", len(words), False
    in_capitals = all(word.isupper() for word in words)
    foreign = count > 1 and not any(len(w) == 1 or w in _LONG_SURNAMES for w in words)
    for n, (word, script) in enumerate(zip(words, scripts, strict=True)):
        low = word.lower()
        if script == "han":
            found = _japanese(low, alone=count == 1) if japanese else _chinese(low, alone=count == 1)
            if found is None:
                return None
            parts.extend(found)
            continue
        if script == "hangul":
            parts.extend(_korean(low, alone=count == 1, foreign=foreign))
            continue
        spelled = spellings(low)
        if not spelled:
            continue
        plain = spelled[0]
        if servant:  # Abd: servant of, and one of the names of God, with the article or without
            if plain in _ARTICLES and n < count - 1:
                continue
            bare = _ARTICLE.sub("", plain) if script == "arabic" else plain
            parts.append(_part(low, (f"abd{bare}",), script, "name"))
            servant = False
            continue
        servant = plain in _SERVANTS and n < count - 1
        if servant:
            continue
        if n and (low in tables.generations or (low == "sr" and n == count - 1)):
            generation = tables.generations.get(low, "senior")
        elif (plain in tables.titles and (script == "latin" or len(plain) > 3)) or (
            count > 2 and plain in tables.titles_beside_two
        ):
            continue
        elif len(plain) == 1 and script not in NO_VOWELS:
            kind = "particle" if word.islower() and plain in tables.particles else "initial"
            parts.append(_part(low, (plain,), script, kind))
        elif not in_capitals and n < count - may_be_name and _is_initials(word, may_be_name=may_be_name):
            parts.extend(_part(letter, (letter,), script, "initial") for letter in low)
        elif word in short and sound(plain) not in tables.short and sound(plain) not in tables.same:
            parts.append(_part(low, (plain,), script, "initial"))
        elif plain in tables.patronymic_words or (
            script not in _NO_PARTICLES and _is_particle(plain, first=not n, last=n == count - 1, count=count)
        ):
            parts.append(_part(low, spelled, script, "particle"))
        else:
            parts.append(_name_part(low, spelled, script))
    if sum(part.kind == "name" for part in parts) > 2:
        parts = [_as_patronymic(part) if n else part for n, part in enumerate(parts)]
    if count == len(parts) == 1 and parts[0].spelled[0] in tables.particles_and_names:
        parts = [_part(parts[0].text, parts[0].spelled, parts[0].script, "name")]
    if all(part.kind in {"initial", "particle"} for part in parts):
        return None
    return Reading(tuple(parts[:_MOST_PARTS]), generation)


def _as_patronymic(part: Part) -> Part:
    """The part as a patronymic, if it ends like one: Petrovich beside two other names; beside one it is a surname."""
    if part.kind != "name" or part.script not in {"latin", "cyrillic"} or len(part.spelled[0]) < 6:
        return part
    if not name_tables().patronymic.fullmatch(part.spelled[0]):
        return part
    return _part(part.text, part.spelled, part.script, "patronymic")


_ARTICLES: Final = frozenset(("al", "el", "ul", "ad", "as", "ash", "ar", "an", "at", "az"))
_SERVANTS: Final = frozenset(
    ("abd", "bd", "abdul", "abdel", "abdal", "abdur", "abdol", "abdoul", "abdus", "abdun", "abdud", "abdil")
)


def _is_initials(word: str, *, may_be_name: bool) -> bool:
    """JC for Jean-Claude: two or three capitals, which make no syllable if they may be a name."""
    if not (2 <= len(word) <= 3 and word.isascii() and word.isupper()):
        return False
    return not may_be_name or not set(word) & set("AEIOUY")


def _is_particle(plain: str, *, first: bool, last: bool, count: int) -> bool:
    """Whether it stands between names; at either end a word such as do, le or ha is a name."""
    tables = name_tables()
    if plain not in tables.particles:
        return False
    if plain in tables.particles_and_names:
        return not first and not last
    return not first or count != 2


def _name_part(low: str, spelled: tuple[str, ...], script: str) -> Part:
    first = spelled[0]
    if script == "arabic" and low.startswith("عبد") and len(first) > 4:
        return _part(low, ("abd" + _ARTICLE.sub("", first[2:]),), script, "name")
    if first.startswith("ab"):
        servant = _ABD.sub("abd", first)
        if servant != first:
            return _part(low, (servant,), script, "name")
    if first[0] in "ae" and (found := _ARTICLE.match(first)):
        bare = first[found.end() :]
        if script == "arabic" and len(bare) > 1:
            return _part(low, (bare,), script, "name")
        if len(bare) > 3 and bare[0] not in "aeiou":
            spelled = (*spelled, bare)
    if script == "latin" and "ph" in first:
        spelled = (*spelled, first.replace("ph", "p"))  # in Thailand and India it is a p with breath
    if (
        script == "latin"
        and len(spelled) == 1
        and not first.endswith("el")
        and ("ae" in first or "oe" in first or "ue" in first)
    ):
        spelled = (first, first.replace("ae", "a").replace("oe", "o").replace("ue", "u"))
    return _part(low, spelled, script, "name")


_NO_PARTICLES: Final = frozenset(("thai", "lao", "khmer", "burmese"))
_LONG_SURNAMES: Final = frozenset(("남궁", "황보", "제갈", "선우", "독고", "사공", "서문"))


def _korean(word: str, *, alone: bool, foreign: bool) -> list[Part]:
    """A surname of one syllable, or one of the few of two, and a given name; what is apart stays apart."""
    tables = name_tables()
    syllables = [s.lower() for s in _SYLLABLE.findall(anyascii(word))]
    if len(syllables) != len(word):
        plain = "".join(syllables) or word
        return [_part(word, (plain,), "hangul", "name")]
    cut = 2 if len(word) > 2 and "".join(syllables[:2]) in tables.korean else 1
    if alone and 1 < len(word) <= 5:
        return [_hangul(word[:cut], syllables[:cut]), _hangul(word[cut:], syllables[cut:])]
    if foreign:
        return [_part(word, ("".join(syllables),), "hangul", "name")]
    return [_hangul(word, syllables)]


def _hangul(word: str, syllables: Sequence[str]) -> Part:
    """As the ministry and as people write it; more than two syllables may be a foreign name."""
    tables = name_tables()
    plain = "".join(syllables)
    spelled = tables.korean.get(plain) or (plain, plain.replace("eo", "o").replace("eu", "u").replace("ae", "e"))
    read = tuple(hangul_spellings(block) for block in word) if len(word) < 3 else ()
    if plain in tables.korean and len(word) == 1:
        read = (tuple(dict.fromkeys((*spelled, *read[0]))),)
    return _part(word, tuple(dict.fromkeys(spelled)), "hangul", "name", read)


def _syllables(word: str) -> tuple[tuple[str, ...], ...]:
    tables = name_tables()
    found: list[tuple[str, ...]] = []
    if len(word) > _MOST_SYLLABLES:  # a foreign name spelled by sound, or no name
        return ()
    for letter in word:
        mandarin = _mandarin(letter)
        variant = tables.variants.get(letter, letter)
        more = tables.han.get(letter) or tables.han.get(variant, ())
        abroad = f"{tables.readings_abroad.get(letter, '')} {tables.readings_abroad.get(variant, '')}"
        found.append(tuple(dict.fromkeys((mandarin, *wade_giles(mandarin), *more, *abroad_spellings(abroad)))))
    return tuple(found)


def _chinese(word: str, *, alone: bool) -> list[Part]:
    """A surname of one character, or one of the few of two, and a given name; five or more spell a foreign name."""
    tables = name_tables()
    if alone and 1 < len(word) <= 4:
        cut = 2 if len(word) > 2 and word[:2] in tables.han_surnames else 1
        return [_family(word[:cut]), _characters(word[cut:])]
    return [_family(word) if word in tables.han_surnames else _characters(word)]


def _mandarin(word: str) -> str:
    """As Peking reads the characters; one that has no reading stands for itself."""
    return "".join(anyascii(letter).lower() or letter for letter in word)[:LONGEST_WORD]


def _family(word: str) -> Part:
    spelled = tuple(dict.fromkeys((_mandarin(word), *name_tables().han_surnames.get(word, ()))))
    return _part(word, spelled, "han", "name", _syllables(word))


def _characters(word: str) -> Part:
    return _part(word, (_mandarin(word),), "han", "name", _syllables(word))


def _japanese(word: str, *, alone: bool) -> list[Part] | None:
    """Read as a Japanese surname or given name, or both in one; None where the tables do not have it."""
    tables = name_tables()
    if alone and len(word) > 2 - (word not in tables.japanese_surnames):
        for cut in (2, 1, 3):
            family, given = tables.japanese_surnames.get(word[:cut]), tables.japanese_given.get(word[cut:])
            if family and given:
                return [_read(word[:cut], family), _read(word[cut:], given)]
        return None
    found = (*tables.japanese_surnames.get(word, ()), *tables.japanese_given.get(word, ()))
    return [_read(word, found)] if found else None


def _read(word: str, found: Sequence[str]) -> Part:
    spelled = tuple(dict.fromkeys(_JAPANESE_LONG.sub(lambda m: m[0][0], reading) for reading in found))
    return _part(word, spelled, "kana", "name")
