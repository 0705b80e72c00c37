"""How two parts of names compare: the first rule that fits says how they are one, or none does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from rapidfuzz.distance import OSA, Indel

from headwater.identities.names.parts import Part
from headwater.identities.names.romanised import NO_VOWELS
from headwater.identities.names.sounds import COSTS, WRITTEN_VOWELS, distance, sound
from headwater.identities.names.tables import ENGLISH, name_tables

__all__ = ["RANK", "STRONG", "SURE", "compared"]

_ORDER: Final = (
    "equal", "same_sound", "other_spelling", "same_name", "characters", "surname_reading", "across", "gendered",
    "mistyped", "misread", "short_form", "cognate", "initial", "initials",
)  # fmt: skip
RANK: Final = {rule: n for n, rule in enumerate(_ORDER)}
"""Which rule is preferred where a part could meet several."""
SURE: Final = frozenset(_ORDER[:6])
"""Rules that leave nothing to guess."""
STRONG: Final = SURE | {"across", "mistyped"}
"""Rules by which two neighbours may meet one part."""

# What a man's surname ends in, what a woman's does, and how much must stand before.
_GENDERED: Final = (
    ("ov", "ova", 2), ("ev", "eva", 2), ("in", "ina", 3), ("ski", "ska", 1), ("ski", "skaia", 1), ("ki", "ka", 4),
    ("oi", "aia", 3), ("i", "a", 5), ("i", "aia", 4), ("os", "u", 4), ("as", "a", 5), ("is", "i", 5),
    ("ek", "kova", 3), ("a", "ova", 4), ("", "ova", 4), ("us", "iene", 3), ("is", "iene", 3), ("as", "iene", 3),
    ("us", "aite", 3), ("is", "ite", 3), ("as", "aite", 3), ("s", "", 5), ("sk", "ska", 3), ("Si", "Sa", 4),
    ("ovs", "ova", 2), ("evs", "eva", 2),
)  # fmt: skip
# Last letters that make two names of one: a man's and a woman's.
_OF_TWO: Final = ({"a", "o"}, {"a", "i"}, {"a", "e"}, {"o", "e"})
_OF_A_WOMAN: Final = "\N{ARABIC LETTER TEH MARBUTA}"
# What is added to a man's given name, or stands for its last vowel, in a woman's.
_ADDED: Final = ("ina", "ine", "ia", "ie", "ita", "eta", "et", "ete", "ela", "ka", "inka", "uhi", "ana", "anka")
# The strokes of a letter: what a bad copy shows of m is what it shows of rn.
_STROKES: Final = str.maketrans({
    "l": "i", "j": "i", "t": "i", "f": "i", "n": "ri", "m": "rri", "d": "ci", "w": "yy", "v": "y", "h": "ii",
    "u": "ii", "o": "c", "e": "c", "q": "g",
})  # fmt: skip
_LONG: Final = re.compile("ou|oo|uu|oh(?![aeiou])")
# The most that a word may be apart from its spelling in another alphabet, as a share: where about one in fifty is let
# through of the words that look most alike among fifty, on names that two or three alphabets have.
_MOST_APART: Final = {
    "arabic": 0.17, "hebrew": 0.18, "georgian": 0.14, "armenian": 0.18, "thai": 0.2, "lao": 0.25, "khmer": 0.2,
    "burmese": 0.2, "hangul": 0.2, "kana": 0.2,
}  # fmt: skip
_MOST_APART_ELSE: Final = 0.2

_FAR_APART: Final = 0.45
"""As a share: two words of one alphabet that are further apart have nothing in common that a rule would see."""

_Found = tuple[str, float] | None


def compared(left: Part, right: Part) -> _Found:
    """The rule by which two parts meet, with how far apart they are; None where they are different parts.

    Only rules with a measure give a distance above 0.
    """
    if left.kind == "initial" or right.kind == "initial":
        return _initial(left, right)
    if left.syllables and right.syllables:
        return _both_by_syllables(left, right)
    if _is_read_only(left) or _is_read_only(right):
        written, other = (left, right) if _is_read_only(left) else (right, left)
        if other.script == "latin":
            return _reading(written, other)
    for rule, fits in _EXACT:
        if fits(left, right):
            return rule, 0.0
    if "patronymic" in {left.kind, right.kind} and left.kind != right.kind:
        return None
    return _alike(left, right) if left.script == right.script else _across(left, right)


def _reading(written: Part, word: Part) -> _Found:
    """One or two syllables of known reading, and a word that is one of their readings or is another name."""
    if word.spelled[0] in written.spelled:
        return "equal", 0.0
    return ("characters", 0.0) if _reads(written, word) else None


def _spelled(left: Part, right: Part) -> bool:
    return not set(left.spelled).isdisjoint(right.spelled)


def _sounds(left: Part, right: Part) -> bool:
    return not set(left.sounds).isdisjoint(right.sounds)


_EXACT: Final[tuple[tuple[str, Callable[[Part, Part], bool]], ...]] = (("equal", _spelled), ("same_sound", _sounds))


def _initial(left: Part, right: Part) -> _Found:
    letter, other = (left, right) if left.kind == "initial" else (right, left)
    if other.kind == "initial":
        return ("initials", 0.0) if letter.sounds[0] == other.sounds[0] else None
    first = letter.spelled[0]
    if len(first) > 1:
        return ("initial", 0.0) if any(word.startswith(first) for word in other.spelled) else None
    near = {first, sound(first)} | ({"y", "j", "i"} if first in "yji" else set())
    begins = any(word[0] in near for word in (*other.spelled, *other.sounds))
    return ("initial", 0.0) if begins else None


def _both_by_syllables(left: Part, right: Part) -> _Found:
    """Two words in characters, two of Hangul, or one of each."""
    if left.text == right.text:
        return "equal", 0.0
    if len(left.text) != len(right.text) or left.script == right.script == "hangul":
        return None
    pairs = zip(left.text, right.text, left.syllables, right.syllables, strict=True)
    if left.script != right.script:
        return ("characters", 0.0) if all(not set(one).isdisjoint(other) for _, _, one, other in pairs) else None
    stands_for = name_tables().stands_for
    return ("equal", 0.0) if all(a == b or frozenset((a, b)) in stands_for for a, b, _, _ in pairs) else None


def _known_otherwise(left: Part, right: Part) -> _Found:
    """By the tables of short forms and of names in other languages."""
    if any(-n in right.short or (0 < n < ENGLISH and n in right.short) for n in left.short):
        return "short_form", 0.0
    return ("cognate", 0.0) if left.cognates & right.cognates else None


def _alike(left: Part, right: Part) -> _Found:
    """Two words of one alphabet."""
    if left.script == "arabic" and left.text.endswith(_OF_A_WOMAN) != right.text.endswith(_OF_A_WOMAN):
        a, b = sorted((left.sounds[0], right.sounds[0]), key=len)
        if b == a + "a":
            return None
    if left.script == "latin" and left.surnames & right.surnames:
        return "surname_reading", 0.0
    if left.same & right.same:
        return "same_name", 0.0
    longest = max(len(left.sounds[0]), len(right.sounds[0]))
    apart = _least(left, right, "alike")
    if not left.known.isdisjoint(right.known) and _is_spelling(left, right, apart * longest):
        return "other_spelling", 0.0
    known = _known_otherwise(left, right)
    return known if known or apart >= _FAR_APART else _slip(left, right, apart * longest)


def _is_spelling(left: Part, right: Part, edits: float) -> bool:
    """Whether two words of one alphabet, forms of one name somewhere, are near enough to be spellings of it here."""
    first, other = left.sounds[0], right.sounds[0]
    most = 0.95 if max(len(first), len(other)) < 8 else 1.3
    if first.endswith("s") != other.endswith("s"):
        most += 0.6  # Latvian and Greek end men's names so
    if edits > most:
        return False
    return first[0] == other[0] or first[0] + other[0] in COSTS["alike"] or "h" in {first[0], other[0]}


def _slip(left: Part, right: Part, edits: float) -> _Found:
    """A surname's other gender, a bad copy, or a slip of the pen; two names that are both in use are two names."""
    a, b = _compared_alone(left, right)
    if _is_gendered(left, right):
        return "gendered", 0.0
    longest = max(len(a), len(b))
    if _both_known(left, right) and edits > (0.65 if longest > 6 else 0.35):
        return None
    if _is_misread(left.spelled[0], right.spelled[0]):
        return "misread", 0.0
    if longest > 4:
        edits = min(edits, 0.9 * OSA.distance(left.spelled[0], right.spelled[0], score_cutoff=2))
    most = 0.8 if longest < 5 else 1.05 if longest < 8 else 2.05
    given = _is_given(left) or _is_given(right) or _both_known(left, right)
    if (
        min(len(a), len(b)) < 3
        or edits > most
        or _is_another_word(a, b, one_known=bool(left.known) != bool(right.known))
        or (given and _is_longer_for_a_woman(a, b))
    ):
        return None
    return "mistyped", edits * 6 / max(6, longest)


def _compared_alone(left: Part, right: Part) -> tuple[str, str]:
    """The sounds, without the servant that two names of God's servants share."""
    a, b = left.sounds[0], right.sounds[0]
    if a[:2] == b[:2] == "ab" and left.spelled[0][:3] == right.spelled[0][:3] == "abd":
        return sound(left.spelled[0][3:]) or a, sound(right.spelled[0][3:]) or b
    return a, b


def _is_of_two(a: str, b: str) -> bool:
    return a == b + "a" or b == a + "a" or (a[:-1] == b[:-1] and {a[-1], b[-1]} in _OF_TWO)


def _is_longer_for_a_woman(a: str, b: str) -> bool:
    """Whether one given name is the other with more at its end: Nikola and Nikolina."""
    short, long = sorted((a, b), key=len)
    stem = short[:-1] if short[-1] in "aeiou" else short
    return len(short) > 3 and (long == short + "e" or any(long in {short + more, stem + more} for more in _ADDED))


def _is_another_word(a: str, b: str, *, one_known: bool) -> bool:
    """Whether two words differ as names do, not as slips of the pen do: at the start, at the end, or in a short word.

    Where the tables know one of the two and not the other, a short word may have a slip too.
    """
    if _is_of_two(a, b):
        return True
    near = COSTS["alike"]
    if sorted(a[:2]) != sorted(b[:2]) and a[0] != b[0] and not {a.removesuffix(b), b.removesuffix(a)} & {"h", "j"}:
        return a[0] + b[0] not in near
    if len(a) == len(b) < 6 and not one_known:
        swapped = {x + y for x, y in zip(a, b, strict=True) if x != y}
        return sorted(a) != sorted(b) and any(pair in _FAR_VOWELS or pair not in near for pair in swapped)
    short, long = sorted((a, b), key=len)
    if long.startswith(short):
        return len(long) - len(short) > 1
    return a[: len(long) - 3] == b[: len(long) - 3] and a[-1] != b[-1] and sorted(a) != sorted(b)


_FAR_VOWELS: Final = frozenset(
    x + y for x in "aeiou" for y in "aeiou" if x != y and {x, y} not in ({"e", "i"}, {"o", "u"})
)


def _both_known(left: Part, right: Part) -> bool:
    return bool(left.known and right.known) and "joined" not in {left.kind, right.kind}


def _is_given(part: Part) -> bool:
    return bool(part.same or part.short or part.cognates) or part.sounds[0] in name_tables().given_in_consonant


def _is_gendered(left: Part, right: Part) -> bool:
    """Whether they are one surname for a man and for a woman; given names that differ so are two."""
    a, b = left.sounds[0], right.sounds[0]
    if a[:2] != b[:2] or a[:-4] != b[: max(0, len(a) - 4)] or _is_given(left) or _is_given(right):
        return False
    return any(
        len(one) - len(man) >= least
        and one.endswith(man)
        and other.endswith(woman)
        and one[: len(one) - len(man)] == other[: len(other) - len(woman)]
        for one, other in ((a, b), (b, a))
        for man, woman, least in _GENDERED
    )


def _is_misread(a: str, b: str) -> bool:
    return abs(len(a) - len(b)) < 3 and min(len(a), len(b)) > 3 and a.translate(_STROKES) == b.translate(_STROKES)


def _across(left: Part, right: Part) -> _Found:
    """A word and another alphabet's, by what the tables say and then by sound."""
    if left.same & right.same:
        return "same_name", 0.0
    if _reads(left, right) or _reads(right, left):
        return "characters", 0.0
    if not left.known.isdisjoint(right.known):
        return "other_spelling", 0.0
    return _known_otherwise(left, right) or _across_by_sound(left, right)


def _across_by_sound(left: Part, right: Part) -> _Found:
    how = _how_across(left, right)
    if how == "across" and _is_gendered(left, right):
        return "gendered", 0.0
    a, b = left.sounds[0], right.sounds[0]
    if not _may_start_alike(a[0], b[0], how):
        return None
    of_two = (_is_of_two(a, b) or _is_longer_for_a_woman(a, b)) and (_is_given(left) or _is_given(right))
    if (how == "across" and of_two) or (how == "abjad" and _is_of_a_woman(left, right)):
        return None
    apart = _least(left, right, how)
    return ("across", apart) if apart <= _most_apart(left, right, how) else None


def _may_start_alike(a: str, b: str, how: str) -> bool:
    """Whether two words of two alphabets may start so and be one: consonants that are far apart may not."""
    return a == b or a + b in COSTS[how] or not {a, b}.isdisjoint("aeiouhv")


def _how_across(left: Part, right: Part) -> str:
    """By which costs two alphabets are compared."""
    scripts = {left.script, right.script}
    if scripts & NO_VOWELS:
        return "abjad"
    if "hangul" in scripts:
        return "korean"
    if "burmese" in scripts:
        return "burmese"
    return "japanese" if "kana" in scripts else "across"


def _most_apart(left: Part, right: Part, how: str) -> float:
    limit = _MOST_APART.get(left.script if left.script != "latin" else right.script, _MOST_APART_ELSE)
    if left.syllables or right.syllables:
        limit = 0.06
    if _both_known(left, right):  # the tables have both names, and not as one
        limit /= 10 if how == "abjad" else 2.5
    return limit / 2 if min(len(left.sounds[0]), len(right.sounds[0])) < 3 else limit


def _reads(characters: Part, other: Part) -> bool:
    """Whether the other part is made of a reading of each character."""
    return bool(characters.syllables) and any(_made_of(word, characters.syllables) for word in other.spelled[:1])


def _made_of(word: str, syllables: Sequence[Sequence[str]]) -> bool:
    if not syllables:
        return not word
    return any(word.startswith(s) and _made_of(word[len(s) :], syllables[1:]) for s in syllables[0])


def _is_read_only(part: Part) -> bool:
    """Whether it is one or two syllables of known reading: what is no reading of them is another name."""
    return 0 < len(part.syllables) < 3 and all(part.syllables)


def _is_of_a_woman(left: Part, right: Part) -> bool:
    """Whether the Latin word ends in an a that Arabic or Hebrew would write, and does not: Samira is not Samir."""
    written, latin = (left, right) if left.script in NO_VOWELS else (right, left)
    return (
        latin.sounds[0].endswith("a") and written.script in {"arabic", "hebrew"} and written.sounds[0][-1] not in "ahij"
    )


@lru_cache(maxsize=20_000)
def _korean(sounds: str) -> str:
    return sounds.replace("ieo", "io").replace("eo", "o").replace("eu", "u").replace("ae", "e").replace("uo", "o")


def _compared_sounds(part: Part, how: str) -> list[str]:
    """The sounds of the likeliest spellings, with what the other alphabet's writing hides taken out."""
    if how == "japanese" and part.script == "latin":  # Satou and Satoh for Sato
        return [sound(_LONG.sub(lambda m: m[0][0], part.spelled[0]))]
    return [_korean(sounds) if how == "korean" else sounds for sounds in part.sounds[:4]]


def _least(left: Part, right: Part, how: str) -> float:
    """The least distance of any two spellings, as a share of the longer, or of eight sounds where that is more.

    What is further apart than any rule allows comes out as that much.
    """
    costs = COSTS[how]
    drops: Mapping[str, float] | None = None
    if how == "abjad":
        drops = WRITTEN_VOWELS
        if right.script in NO_VOWELS:
            left, right = right, left
    best, least_alike = (_FAR_APART, 0.55) if how == "alike" else (0.27, 0.3)
    others = _compared_sounds(right, how)
    for a in _compared_sounds(left, how):
        for b in others:
            if Indel.normalized_similarity(a, b) < least_alike:
                continue
            longest = max(len(a), len(b))
            if how != "alike":
                longest = min(longest, 8)  # long surnames end alike in whole countries
            best = min(best, distance(a, b, costs, best * longest, drops) / longest)
    return best
