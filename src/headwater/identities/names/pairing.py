"""Which part of one name met which of the other, and by which rule."""

from __future__ import annotations

import re
from operator import itemgetter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from rapidfuzz.distance import OSA, Indel, Levenshtein

from headwater.identities.names.parts import Part, joined
from headwater.identities.names.sounds import COSTS, WRITTEN_VOWELS, distance, sound
from headwater.identities.names.tables import ENGLISH, name_tables

__all__ = ["Meeting", "met"]

_NO_VOWELS: Final = frozenset(("arabic", "hebrew", "thai"))
# What a man's surname ends in, what a woman's does, and how much must stand before.
_GENDERED: Final = (
    ("ov", "ova", 2), ("ev", "eva", 2), ("in", "ina", 3), ("ski", "ska", 1), ("ski", "skaia", 1), ("ki", "ka", 4),
    ("oi", "aia", 3), ("i", "a", 5), ("i", "aia", 4), ("os", "u", 4), ("as", "a", 5), ("is", "i", 5),
    ("ek", "kova", 3), ("a", "ova", 4), ("", "ova", 4), ("us", "iene", 3), ("is", "iene", 3), ("as", "iene", 3),
    ("us", "aite", 3), ("is", "ite", 3), ("as", "aite", 3), ("s", "", 5), ("sk", "ska", 3), ("Si", "Sa", 4),
    ("ovs", "ova", 2), ("evs", "eva", 2),
)  # fmt: skip
_VOWEL_RUNS: Final = re.compile("[aeiouyw]+")
_LONG: Final = re.compile("ou|oo|uu|oh(?![aeiou])")
# Last letters that make two names of one: a man's and a woman's.
_OF_TWO: Final = ({"a", "o"}, {"a", "i"}, {"a", "e"}, {"o", "e"})
# The strokes of a letter: what a bad copy shows of m is what it shows of rn.
_STROKES: Final = str.maketrans({
    "l": "i", "j": "i", "t": "i", "f": "i", "n": "ri", "m": "rri", "d": "ci", "w": "yy", "v": "y", "h": "ii",
    "u": "ii", "o": "c", "e": "c", "q": "g",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Meeting:
    """Parts of both names that met.

    Attributes:
        left: Parts of the one name, mostly one.
        right: Parts of the other.
        rule: By which rule; a key of `met` in weights.toml.
        cost: For rules with a measure, how far apart, from 0; otherwise 0.
    """

    left: tuple[Part, ...]
    right: tuple[Part, ...]
    rule: str
    cost: float


_ORDER: Final = (
    "equal", "same_sound", "other_spelling", "same_name", "characters", "surname_reading", "across", "gendered",
    "mistyped", "misread", "short_form", "cognate", "initial", "initials",
)  # fmt: skip
_RANK: Final = {rule: n for n, rule in enumerate(_ORDER)}
_SURE: Final = frozenset(_ORDER[:6])
_STRONG: Final = _SURE | {"across", "mistyped"}


# The most that a word may be apart from its spelling in another alphabet: where one in fifty of the words that look most
# alike among fifty is let through. bench/name_pairs.py says how well that does.
_MOST_APART: Final = {"arabic": 0.17, "hebrew": 0.18, "georgian": 0.14, "armenian": 0.18, "thai": 0.25, "hangul": 0.2, "kana": 0.2}


def _costs_of(left: Part, right: Part) -> str:
    scripts = {left.script, right.script}
    if len(scripts) == 1:
        return "alike"
    if scripts & _NO_VOWELS:
        return "abjad"
    if "hangul" in scripts:
        return "korean"
    if "kana" in scripts:
        return "japanese"
    return "across"


@lru_cache(maxsize=20_000)
def _korean(sounds: str) -> str:
    return sounds.replace("ieo", "io").replace("eo", "o").replace("eu", "u").replace("ae", "e").replace("uo", "o")


def _short_vowels(part: Part, sounds: str) -> str:
    """Satou and Satoh as Sato, beside Japanese."""
    return sounds if part.script != "latin" else sound(_LONG.sub(lambda m: m[0][0], part.spelled[0]))


def _least(left: Part, right: Part, how: str) -> float:
    """The least distance of any two spellings, as a share of the longer, or of eight sounds where that is more.

    What is further apart than any rule allows comes out as that much.
    """
    costs = COSTS[how]
    drops = None
    if how == "abjad":
        drops = WRITTEN_VOWELS
        if right.script in _NO_VOWELS:
            left, right = right, left
    best = 0.45 if how == "alike" else 0.27
    least_alike = 0.55 if how == "alike" else 0.3
    for a in left.sounds[:4]:
        for b in right.sounds[:4]:
            if how == "korean":
                a, b = _korean(a), _korean(b)
            elif how == "japanese":
                a, b = _short_vowels(left, a), _short_vowels(right, b)
            longest = max(len(a), len(b))
            if Indel.normalized_similarity(a, b) < least_alike:
                continue
            if how != "alike":
                longest = min(longest, 8)  # long surnames end alike in whole countries
            found = distance(a, b, costs, best * longest, drops) / longest
            if found < best:
                best = found
    return best


def _compared(left: Part, right: Part) -> tuple[str, float] | None:
    """The rule by which two parts meet, with its cost; None where they are different."""
    if left.kind == "initial" or right.kind == "initial":
        return _initial(left, right)
    if not set(left.spelled).isdisjoint(right.spelled) and not (left.syllables and right.syllables):
        return "equal", 0.0
    if left.syllables and right.syllables:
        return ("equal", 0.0) if _characters_equal(left, right) else None
    if not set(left.sounds).isdisjoint(right.sounds):
        return "same_sound", 0.0
    if "patronymic" in {left.kind, right.kind} and left.kind != right.kind:
        return None
    how = _costs_of(left, right)
    if how == "alike" and left.script == right.script == "latin" and left.surnames & right.surnames:
        return "surname_reading", 0.0
    if left.same & right.same:
        return "same_name", 0.0
    if (left.syllables and _reads(left, right)) or (right.syllables and _reads(right, left)):
        return "characters", 0.0
    if how != "alike" and not (_has_syllables(left, right) and _has_syllables(right, left)):
        return None
    is_shared = not left.known.isdisjoint(right.known)
    if is_shared and how != "alike":
        return "other_spelling", 0.0
    far = _least(left, right, how)
    if is_shared and _is_spelling(left, right, far):
        return "other_spelling", 0.0
    if any(-n in right.short or (0 < n < ENGLISH and n in right.short) for n in left.short):
        return "short_form", 0.0
    if left.cognates & right.cognates:
        return "cognate", 0.0
    return _graded(left, right, how, far)


def _has_syllables(written: Part, other: Part) -> bool:
    """Whether a word in letters can have the syllables of one that is written by syllables; Min is not Minjun."""
    count = len(written.text)
    if count != 2 or written.script not in {"hangul", "han"} or other.script in {"hangul", "han"}:
        return True
    vowels = _VOWEL_RUNS.findall(other.spelled[0])
    return sum(1 + (len(run) > 2) for run in vowels) >= count


def _is_spelling(left: Part, right: Part, far: float) -> bool:
    """Whether two words of one alphabet, forms of one name somewhere, are near enough to be spellings of it here."""
    first, other = left.sounds[0], right.sounds[0]
    longest = max(len(first), len(other))
    most = 0.95 if longest < 8 else 1.3
    if first.endswith("s") != other.endswith("s"):
        most += 0.6  # Latvian and Greek end men's names so
    if far * longest > most:
        return False
    return first[0] == other[0] or first[0] + other[0] in COSTS["alike"] or "h" in {first[0], other[0]}


def _initial(left: Part, right: Part) -> tuple[str, float] | None:
    letter, other = (left, right) if left.kind == "initial" else (right, left)
    if other.kind == "initial":
        return ("initials", 0.0) if letter.sounds[0] == other.sounds[0] else None
    first = letter.spelled[0]
    near = {first, sound(first)} | ({"y", "j", "i"} if first in "yji" else set())
    begins = any(word[0] in near for word in (*other.spelled, *other.sounds))
    return ("initial", 0.0) if begins else None


def _characters_equal(left: Part, right: Part) -> bool:
    if len(left.text) != len(right.text):
        return False
    return all(
        a == b or (one[0] == other[0] and len(set(one) & set(other)) > 1)
        for a, b, one, other in zip(left.text, right.text, left.syllables, right.syllables, strict=True)
    )


def _reads(characters: Part, other: Part) -> bool:
    """Whether the other part is made of a reading of each character."""
    return any(_made_of(word, characters.syllables) for word in other.spelled[:2])


def _nearly_reads(word: str, syllables: Sequence[Sequence[str]]) -> bool:
    """Whether a word is one sound away from a reading of two characters."""
    if not 4 < len(word) < 12:
        return False
    first, second = ([sound(s) for s in readings] for readings in syllables)
    for cut in range(2, len(word) - 1):
        head = min(Levenshtein.distance(word[:cut], s, score_cutoff=1) for s in first)
        if head < 2 and head + min(Levenshtein.distance(word[cut:], s, score_cutoff=1) for s in second) < 2:
            return True
    return False


def _made_of(word: str, syllables: Sequence[Sequence[str]]) -> bool:
    if not syllables:
        return not word
    return any(word.startswith(s) and _made_of(word[len(s) :], syllables[1:]) for s in syllables[0])


def _graded(left: Part, right: Part, how: str, far: float) -> tuple[str, float] | None:
    a, b = left.sounds[0], right.sounds[0]
    longest = max(len(a), len(b))
    both_known = bool(left.known and right.known) and "joined" not in {left.kind, right.kind}
    if how == "alike":
        if not (_is_given(left) or _is_given(right)) and _is_gendered(a, b):
            return "gendered", 0.0
        edits = far * longest
        if both_known and edits > (0.65 if longest > 6 else 0.35) and not _is_transposed(left.spelled[0], right.spelled[0]):
            return None
        if _is_misread(left, right):
            return "misread", 0.0
        if min(len(a), len(b)) < 3:
            return None
        if longest > 4:
            edits = min(edits, 0.9 * OSA.distance(left.spelled[0], right.spelled[0], score_cutoff=2))
        if edits > (0.8 if longest < 5 else 1.05 if longest < 8 else 2.05):
            return None
        if a[0] != b[0]:
            edits += 0.4
        if a == b + "a" or b == a + "a" or (a[:-1] == b[:-1] and {a[-1], b[-1]} in _OF_TWO):
            return None
        return "mistyped", edits * 6 / max(6, longest)
    if how == "abjad" and _is_of_a_woman(left, right):
        return None
    if how == "across":
        if _is_given(left) or _is_given(right):
            if a == b + "a" or b == a + "a":
                return None
        elif _is_gendered(a, b):
            return "gendered", 0.0
    for characters, other in ((left, right), (right, left)):
        if len(characters.syllables) == 2 and _nearly_reads(other.sounds[0], characters.syllables):
            return "across", 0.12
    limit = _MOST_APART.get(left.script if left.script != "latin" else right.script, 0.2)
    if left.syllables or right.syllables:
        limit = 0.06
    if both_known:
        limit /= 10 if how == "abjad" else 2.5
    if min(len(a), len(b)) < 3:
        limit /= 2
    return ("across", far) if far <= limit else None


def _is_of_a_woman(left: Part, right: Part) -> bool:
    """Whether the Latin word ends in an a that Arabic or Hebrew would write, and does not: Samira is not Samir."""
    written, latin = (left, right) if left.script in _NO_VOWELS else (right, left)
    return latin.sounds[0].endswith("a") and written.script != "thai" and written.sounds[0][-1] not in "ahij"


def _is_transposed(left: str, right: str) -> bool:
    """Whether two neighbouring letters changed places: hardly two names differ so."""
    return len(left) == len(right) > 4 and OSA.distance(left, right, score_cutoff=1) == 1 != Levenshtein.distance(left, right)


def _is_given(part: Part) -> bool:
    return bool(part.same or part.short or part.cognates) or part.sounds[0] in name_tables().given_in_consonant


def _is_gendered(a: str, b: str) -> bool:
    if a[:2] != b[:2] or a[:-4] != b[: max(0, len(a) - 4)]:
        return False
    for one, other in ((a, b), (b, a)):
        for man, woman, least in _GENDERED:
            stem = len(one) - len(man)
            if stem >= least and len(other) - len(woman) == stem and one.endswith(man) and other.endswith(woman):
                if one[:stem] == other[:stem]:
                    return True
    return False


def _is_misread(left: Part, right: Part) -> bool:
    a, b = left.spelled[0], right.spelled[0]
    return abs(len(a) - len(b)) < 3 and min(len(a), len(b)) > 3 and a.translate(_STROKES) == b.translate(_STROKES)


def met(left: Sequence[Part], right: Sequence[Part]) -> tuple[list[Meeting], list[Part], list[Part]]:
    """The parts that met, the best first, and what is left on each side.

    Each part meets at most once. Parts that stand side by side may meet together, as in Jong-un and Jongun.
    """
    meetings: list[Meeting] = []
    free_left, free_right = list(left), list(right)
    found: list[tuple[int, float, int, int, Part, Part, str]] = []
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            if (a.kind == "particle" or b.kind == "particle") and set(a.sounds).isdisjoint(b.sounds):
                continue
            rule = _compared(a, b)
            if rule is not None:
                found.append((_RANK[rule[0]], rule[1], abs(i - j), i, a, b, rule[0]))
    found.sort(key=itemgetter(0, 1, 2, 3))
    sure = sum(1 for f in found if f[0] <= _RANK["surname_reading"])
    for n, (_, cost, _, _, a, b, rule) in enumerate(found):
        if n == sure:
            _neighbours(free_left, free_right, left, right, meetings, _SURE)
        if a in free_left and b in free_right:
            free_left.remove(a)
            free_right.remove(b)
            meetings.append(Meeting((a,), (b,), "particle" if a.kind == b.kind == "particle" else rule, cost))
    if sure == len(found):
        _neighbours(free_left, free_right, left, right, meetings, _SURE)
    _neighbours(free_left, free_right, left, right, meetings, _STRONG)
    return meetings, free_left, free_right


def _neighbours(
    free_left: list[Part],
    free_right: list[Part],
    left: Sequence[Part],
    right: Sequence[Part],
    meetings: list[Meeting],
    rules: Set[str],
) -> None:
    if len(free_left) > 1 and free_right:
        _together(free_left, free_right, left, meetings, rules, turned=False)
    if len(free_right) > 1 and free_left:
        _together(free_right, free_left, right, meetings, rules, turned=True)
    if free_left and free_right and len(free_left) + len(free_right) > 1 and any(m.rule == "surname_reading" or m.left[0].surnames & m.right[0].surnames for m in meetings):
        _in_dialects(free_left, free_right, meetings)


def _in_dialects(free_left: list[Part], free_right: list[Part], meetings: list[Meeting]) -> None:
    """A Chinese given name in two ways of romanising: each syllable a reading of one character."""
    words = ["".join(part.spelled[0] for part in free if part.script == "latin" and part.kind == "name") for free in (free_left, free_right)]
    if all(3 < len(word) < 13 for word in words) and words[0] != words[1] and _one_reading(*words):
        meetings.append(Meeting(tuple(free_left), tuple(free_right), "characters", 0.0))
        free_left.clear()
        free_right.clear()


def _one_reading(left: str, right: str) -> bool:
    of = name_tables().characters_of
    for i in range(1, len(left)):
        first, second = of.get(left[:i]), of.get(left[i:])
        if first and second:
            for j in range(1, len(right)):
                if not first.isdisjoint(of.get(right[:j], "")) and not second.isdisjoint(of.get(right[j:], "")):
                    return True
    return False


def _together(free: list[Part], others: list[Part], order: Sequence[Part], meetings: list[Meeting], rules: Set[str], *, turned: bool) -> None:
    """Neighbours that meet one part of the other side as one word, or two."""
    for count in (2, 3):
        for start in range(len(order) - count + 1):
            run = order[start : start + count]
            if not all(part in free for part in run):
                continue
            one = joined(run[0], run[1]) if count == 2 else joined(joined(run[0], run[1]), run[2])
            for target in others:
                if abs(len(one.spelled[0]) - len(target.spelled[0])) > 3 + 3 * (target.script != one.script):
                    continue
                rule = _compared(one, target)
                if rule is not None and rule[0] in rules:
                    for part in run:
                        free.remove(part)
                    others.remove(target)
                    sides = ((target,), tuple(run)) if turned else (tuple(run), (target,))
                    meetings.append(Meeting(*sides, *rule))
                    break
