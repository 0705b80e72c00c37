"""What is known of names: which are in use, which are one name, which words are no part of a name."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from anyascii import anyascii

from headwater.identities.names.romanised import spellings
from headwater.identities.names.sounds import sound
from headwater.identities.names.syllables import HOKKIEN, hangul_spellings

__all__ = ["ENGLISH", "NameTables", "name_tables", "short_forms"]

_FOLDER = Path(__file__).parent
ENGLISH = 1_000_000
"""Numbers from here on are of the larger English table, where two short forms of one name may be two names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameTables:
    """The tables.

    Attributes:
        known: A word's sounds to the names in use that sound so in some alphabet.
        same: A spelling's sounds to the names that it is a spelling of.
        short: To the long names that it is, or is short for; with a minus sign where it is the long name itself.
        cognates: To the names that it is a form of in some language.
        surnames: To the surnames of China and Korea that it is a reading of.
        frequent: Sounds of very frequent names.
        titles: Words beside a name.
        titles_beside_two: Words beside a name that are names too.
        generations: A word to which of two who have the same name.
        particles: Words between the parts.
        particles_and_names: Those of them that are names where they stand first, last or alone.
        no_name: Placeholders.
        fathers: Words after which the father's name stands.
        given_in_consonant: Sounds of men's given names of which a woman's is the same with an a.
        patronymic: The form of a patronymic.
        patronymic_words: Words that say son or daughter after the father's name.
        korean: Surnames of Korea by their sound there, with the spellings in use.
        han: A character to its readings.
        characters_of: A reading to the characters that have it.
        blocks_of: A spelling to the syllables of Korean names that are written so.
        first_of_korea: The first number in `surnames` that is a surname of Korea.
        han_surnames: One or two characters to the readings as a surname.
        readings_abroad: A character to its line of han_readings.txt.
        variants: A character to one that stands for the same.
        stands_for: Two characters that stand for the same.
        japanese_surnames: How a surname is written to its readings.
        japanese_given: The same for given names.
    """

    known: Mapping[str, frozenset[int]]
    same: Mapping[str, frozenset[int]]
    short: Mapping[str, frozenset[int]]
    cognates: Mapping[str, frozenset[int]]
    surnames: Mapping[str, frozenset[int]]
    frequent: frozenset[str]
    titles: frozenset[str]
    titles_beside_two: frozenset[str]
    generations: Mapping[str, str]
    particles: frozenset[str]
    particles_and_names: frozenset[str]
    no_name: frozenset[str]
    fathers: frozenset[str]
    given_in_consonant: frozenset[str]
    patronymic: re.Pattern[str]
    patronymic_words: frozenset[str]
    korean: Mapping[str, tuple[str, ...]]
    han: Mapping[str, tuple[str, ...]]
    characters_of: Mapping[str, frozenset[str]]
    blocks_of: Mapping[str, frozenset[str]]
    first_of_korea: int
    han_surnames: Mapping[str, tuple[str, ...]]
    readings_abroad: Mapping[str, str]
    variants: Mapping[str, str]
    stands_for: frozenset[frozenset[str]]
    japanese_surnames: Mapping[str, tuple[str, ...]]
    japanese_given: Mapping[str, tuple[str, ...]]


def _sound(word: str) -> str:
    made = spellings(word)
    return sound(made[0]) if made else ""


def _lines(name: str) -> Iterator[str]:
    with (_FOLDER / name).open(encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#"):
                yield line.rstrip("\n")


def _numbered(sets: Iterable[Iterable[str]]) -> dict[str, frozenset[int]]:
    """Each word to the numbers of the sets that it is in."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for number, words in enumerate(sets, start=1):
        for word in words:
            found[word].add(number)
    return {word: frozenset(numbers) for word, numbers in found.items()}


def short_forms() -> Iterator[tuple[str, list[str]]]:
    """Each long given name with its short forms, in the order of the hand-made table."""
    for of_language in yaml.safe_load((_FOLDER / "short_forms.yaml").read_text(encoding="utf-8"))[
        "short_forms"
    ].values():
        for long, shorts in of_language.items():
            yield long, shorts.split()


def _by_writing(kind: str) -> dict[str, tuple[str, ...]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for line in _lines("japanese_names.txt"):
        of, reading, *written = line.split(" ")
        if of == kind:
            for form in written:
                found[form].append(reading)
    return {form: tuple(readings[:24]) for form, readings in found.items()}


def _by_reading(han: Mapping[str, Sequence[str]]) -> dict[str, frozenset[str]]:
    """Each reading to its characters; the syllables of Peking's speech keep theirs apart."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for character, syllables in han.items():
        for syllable in (anyascii(character).lower(), *syllables):
            found[syllable].add(character)
    return {syllable: frozenset(characters) for syllable, characters in found.items()}


def _blocks_of(abroad: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Each spelling to the syllables that it may stand for, of those that Chinese characters have in Korea.

    The spelling of old books without its marks is left out: it writes two vowels alike.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    for block in {block for line in abroad.values() for block in line.partition("k:")[2].partition(" ")[0]} - {","}:
        for spelling in hangul_spellings(block, marks_kept=True):
            found[spelling].add(block)
    return {spelling: frozenset(blocks) for spelling, blocks in found.items()}


def _stands_for(abroad: Mapping[str, str]) -> Iterator[frozenset[str]]:
    """Two characters that are one; those that names exchange in Peking's speech only if Canton reads them alike too."""
    for character, line in abroad.items():
        for other in line.partition("=:")[2].replace(",", ""):
            yield frozenset((character, other))
    canton = {
        character: set(line.partition("c:")[2].partition(" ")[0].split(",")) for character, line in abroad.items()
    }
    for pair in _lines("han_variants.txt"):
        one, other = pair[0], pair[1]
        if canton.get(one, {""}) & canton.get(other, {""}) or not (one in canton and other in canton):
            yield frozenset((one, other))


@cache
def name_tables() -> NameTables:
    """The tables; read from headwater's own files at the first call, a quarter of a second."""
    words = yaml.safe_load((_FOLDER / "words.yaml").read_text(encoding="utf-8"))
    names = yaml.safe_load((_FOLDER / "short_forms.yaml").read_text(encoding="utf-8"))
    short_of: defaultdict[str, set[int]] = defaultdict(set)
    english = (line.partition(": ") for line in _lines("english_short_forms.txt"))
    for start, table in ((0, short_forms()), (ENGLISH, ((long, shorts.split()) for long, _, shorts in english))):
        numbers: dict[str, int] = {}
        for long, shorts in table:
            number = numbers.setdefault(_sound(long), start + len(numbers) + 1)
            short_of[_sound(long)].add(-number)
            for form in shorts:
                short_of[_sound(form)].add(number)
    han_surnames: dict[str, tuple[str, ...]] = {}
    surname_sets: list[list[str]] = []
    for written, spelled in words["han_surnames"].items():
        readings = tuple(str(spelled).split())
        surname_sets.append([sound(reading) for reading in readings])
        forms = written.split("/") if "/" in written else list(written)
        han_surnames.update((form, readings) for form in forms if form)
    korean = {str(k): tuple(str(v).split()) for k, v in words["korean_surnames"].items()}
    first_of_korea = len(surname_sets) + 1
    surname_sets.extend([sound(r) for r in readings] for readings in korean.values())
    known: defaultdict[str, list[int]] = defaultdict(list)
    for number, line in enumerate(_lines("known_names.txt"), start=1):
        for form in line.split(" "):
            known[form].append(number)
    han: dict[str, tuple[str, ...]] = {}
    for line in _lines("han_syllables.txt"):
        character, *syllables = line.split(" ")
        han[character] = tuple(syllables)
    for character, spelled in HOKKIEN.items():
        han[character] = tuple(dict.fromkeys((*han.get(character, ()), *spelled)))
    abroad = {line[0]: line[2:] for line in _lines("han_readings.txt")}
    endings = "|".join(sorted(words["patronymic_endings"].split(), key=lambda e: (-len(e), e)))
    return NameTables(
        known={word: frozenset(found) for word, found in known.items()},
        same=_numbered([_sound(w) for w in line.split()] for line in names["same_name"]),
        short={word: frozenset(found) for word, found in short_of.items()},
        cognates=_numbered([_sound(w) for w in line.split()] for line in names["cognates"]),
        surnames=_numbered(surname_sets),
        frequent=frozenset(_sound(w) for w in words["frequent"].split()),
        titles=frozenset(str(words["titles"]).split()),
        titles_beside_two=frozenset(str(words["titles_beside_two"]).split()),
        generations={str(w): g for g, line in words["generations"].items() for w in str(line).split()},
        particles=frozenset(str(words["particles"]).split()),
        particles_and_names=frozenset(str(words["particles_and_names"]).split()),
        no_name=frozenset(str(words["no_name"]).split()),
        fathers=frozenset(words["fathers"].split()),
        given_in_consonant=frozenset(_sound(w) for w in words["given_in_consonant"].split()),
        patronymic=re.compile(f"...*(?:{endings})"),
        patronymic_words=frozenset(str(words["patronymic_words"]).split()),
        korean=korean,
        han=han,
        characters_of=_by_reading(han),
        blocks_of=_blocks_of(abroad),
        first_of_korea=first_of_korea,
        han_surnames=han_surnames,
        readings_abroad=abroad,
        variants={pair[1]: pair[0] for pair in _lines("han_variants.txt")},
        stands_for=frozenset(_stands_for(abroad)),
        japanese_surnames=_by_writing("s"),
        japanese_given=_by_writing("g"),
    )
