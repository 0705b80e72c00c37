"""Which part of one name met which of the other, and by which rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from rapidfuzz.distance import Indel

from headwater.identities.names.parts import Part, joined
from headwater.identities.names.sounds import COSTS, distance, sound

__all__ = ["Meeting", "met"]

_NO_VOWELS: Final = frozenset(("arabic", "hebrew", "thai"))
_GENDERED: Final = (
    ("ov", "ova"), ("ev", "eva"), ("in", "ina"), ("ski", "ska"), ("ski", "skaia"), ("ki", "ka"), ("oi", "aia"),
    ("i", "a"), ("i", "aia"), ("os", "u"), ("as", "a"), ("is", "i"), ("ek", "kova"), ("a", "ova"), ("", "ova"),
    ("us", "iene"), ("is", "iene"), ("as", "iene"), ("us", "aite"), ("is", "ite"), ("as", "aite"), ("s", ""),
    ("sk", "ska"), ("sSi", "sSa"), ("i", "ie"), ("ovs", "ova"), ("ev", "iva"), ("eu", "eva"),
)  # fmt: skip
_MISREAD: Final = (("rn", "m"), ("cl", "d"), ("vv", "w"), ("ii", "u"), ("li", "h"), ("ri", "n"), ("nn", "m"))
_SHAPES: Final = str.maketrans("ljtfcoqgvu", "iiiteeegyn")


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
    "equal", "same_sound", "other_spelling", "same_name", "characters", "across", "gendered", "surname_reading",
    "mistyped", "misread", "short_form", "cognate", "initial", "initials",
)  # fmt: skip
_RANK: Final = {rule: n for n, rule in enumerate(_ORDER)}
_STRONG: Final = frozenset(_ORDER[:6]) | {"mistyped"}


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


def _least(left: Part, right: Part, how: str) -> float:
    """The least distance of any two spellings, as a share of the longer."""
    costs = COSTS[how]
    best = 1.0
    for a in left.sounds[:4]:
        for b in right.sounds[:4]:
            if how == "korean":
                a, b = _korean(a), _korean(b)
            longest = max(len(a), len(b))
            if how == "alike" and Indel.normalized_similarity(a, b) < 0.55:
                continue
            best = min(best, distance(a, b, costs, best * longest) / longest)
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
    far = _least(left, right, how)
    shared = left.known & right.known
    if shared and far <= (0.34 if how == "alike" else 0.75):
        return "other_spelling", 0.0
    if any(-n in right.short or (n > 0 and n in right.short) for n in left.short):
        return "short_form", 0.0
    if left.cognates & right.cognates:
        return "cognate", 0.0
    return _graded(left, right, how, far)


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


def _made_of(word: str, syllables: Sequence[Sequence[str]]) -> bool:
    if not syllables:
        return not word
    return any(word.startswith(s) and _made_of(word[len(s) :], syllables[1:]) for s in syllables[0])


def _graded(left: Part, right: Part, how: str, far: float) -> tuple[str, float] | None:
    a, b = left.sounds[0], right.sounds[0]
    longest = max(len(a), len(b))
    both_known = bool(left.known and right.known)
    if how == "alike":
        if left.kind == "name" and _is_gendered(a, b):
            return "gendered", 0.0
        if both_known and far * longest > 0.35:
            return None
        if _is_misread(left, right):
            return "misread", 0.0
        edits = far * longest
        if min(len(a), len(b)) < 3 or edits > (0.8 if longest < 5 else 1.05 if longest < 8 else 2.05):
            return None
        if a[0] != b[0]:
            edits += 0.4
        if a[:-1] == b[:-1] and {a[-1], b[-1]} in ({"a", "o"}, {"a", "i"}, {"a", "e"}):
            return None
        return "mistyped", edits * 6 / max(6, longest)
    limit = 0.16 if both_known else 0.24
    if how == "abjad":
        limit = 0.1 if both_known else 0.2
    if min(len(a), len(b)) < 3:
        limit /= 2
    return ("across", far * 10) if far <= limit else None


def _is_gendered(a: str, b: str) -> bool:
    for man, woman in _GENDERED:
        for one, other in ((a, b), (b, a)):
            if one.endswith(man) and other.endswith(woman):
                stem = one[: len(one) - len(man)]
                if len(stem) >= 4 - min(2, len(man)) and stem == other[: len(other) - len(woman)]:
                    return True
    return False


def _shape(word: str) -> str:
    for two, one in _MISREAD:
        word = word.replace(two, one)
    return word.translate(_SHAPES)


def _is_misread(left: Part, right: Part) -> bool:
    a, b = left.spelled[0], right.spelled[0]
    return abs(len(a) - len(b)) < 3 and min(len(a), len(b)) > 3 and _shape(a) == _shape(b)


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
    found.sort(key=lambda f: f[:4])
    for _, cost, _, _, a, b, rule in found:
        if a in free_left and b in free_right:
            free_left.remove(a)
            free_right.remove(b)
            if a.kind == b.kind == "particle":
                rule = "particle"
            meetings.append(Meeting((a,), (b,), rule, cost))
    if free_left or free_right:
        _together(free_left, free_right, left, meetings, turned=False)
        _together(free_right, free_left, right, meetings, turned=True)
    return meetings, free_left, free_right


def _together(free: list[Part], others: list[Part], order: Sequence[Part], meetings: list[Meeting], *, turned: bool) -> None:
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
                if rule is not None and rule[0] in _STRONG:
                    for part in run:
                        free.remove(part)
                    others.remove(target)
                    sides = ((target,), tuple(run)) if turned else (tuple(run), (target,))
                    meetings.append(Meeting(*sides, *rule))
                    break
