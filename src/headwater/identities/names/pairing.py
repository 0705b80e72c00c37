"""Which part of one name met which of the other, and by which rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import reduce
from operator import itemgetter
from typing import Final

from headwater.identities.names.parts import Part, joined
from headwater.identities.names.rules import RANK, STRONG, SURE, compared
from headwater.identities.names.tables import name_tables

__all__ = ["Meeting", "met"]

_MOST_TOGETHER: Final = 5  # the syllables of a Burmese name, which its own writing does not set apart


@dataclass(frozen=True, slots=True, kw_only=True)
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


def met(left: Sequence[Part], right: Sequence[Part]) -> tuple[list[Meeting], list[Part], list[Part]]:
    """The parts that met, the best first, and what is left on each side.

    Each part meets at most once. Parts that stand side by side may meet together, as in Jong-un and Jongun.
    """
    found: list[tuple[int, float, int, int, Part, Part, str]] = []
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            if (a.kind == "particle" or b.kind == "particle") and set(a.sounds).isdisjoint(b.sounds):
                continue
            fits = compared(a, b)
            if fits is not None:
                found.append((RANK[fits[0]], fits[1], abs(i - j), i, a, b, fits[0]))
    found.sort(key=itemgetter(0, 1, 2, 3))
    pairing = _Pairing(left=left, right=right)
    for f in found:
        if f[-1] in SURE:
            pairing.single(*f[4:], f[1])
    pairing.neighbours(SURE)
    for f in found:
        pairing.single(*f[4:], f[1])
    pairing.neighbours(STRONG)
    return pairing.meetings, pairing.free_left, pairing.free_right


class _Pairing:
    """What has met so far, and what is free."""

    def __init__(self, *, left: Sequence[Part], right: Sequence[Part]) -> None:
        self.left, self.right = left, right
        self.free_left, self.free_right = list(left), list(right)
        self.meetings: list[Meeting] = []

    def single(self, a: Part, b: Part, rule: str, cost: float) -> None:
        """Let two parts meet, if both are free."""
        if a in self.free_left and b in self.free_right:
            self.free_left.remove(a)
            self.free_right.remove(b)
            rule = "particle" if a.kind == b.kind == "particle" else rule
            self.meetings.append(Meeting(left=(a,), right=(b,), rule=rule, cost=cost))

    def neighbours(self, rules: AbstractSet[str]) -> None:
        """Let free neighbours meet one free part of the other side as one word."""
        if len(self.free_left) > 1 and self.free_right:
            self._together(rules, turned=False)
        if len(self.free_right) > 1 and self.free_left:
            self._together(rules, turned=True)
        if self.free_left and self.free_right:
            self._in_dialects()

    def _together(self, rules: AbstractSet[str], *, turned: bool) -> None:
        order, free, others = (
            (self.right, self.free_right, self.free_left) if turned else (self.left, self.free_left, self.free_right)
        )
        found: list[tuple[int, float, int, tuple[Part, ...], Part, str]] = []
        for count in range(min(len(order), _MOST_TOGETHER), 1, -1):
            for start in range(len(order) - count + 1):
                run = tuple(order[start : start + count])
                if not all(part in free for part in run):
                    continue
                size = sum(len(part.spelled[0]) for part in run)
                one: Part | None = None
                for target in others:
                    if abs(size - len(target.spelled[0])) > (3 if target.script == run[0].script else 6):
                        continue
                    one = one or reduce(joined, run)
                    fits = compared(one, target)
                    if fits is not None and fits[0] in rules:
                        found.append((RANK[fits[0]], fits[1], len(found), run, target, fits[0]))
        for _, cost, _, run, target, rule in sorted(found, key=itemgetter(0, 1, 2)):
            if target in others and all(part in free for part in run):
                for part in run:
                    free.remove(part)
                others.remove(target)
                sides = ((target,), run) if turned else (run, (target,))
                self.meetings.append(Meeting(left=sides[0], right=sides[1], rule=rule, cost=cost))

    def _in_dialects(self) -> None:
        """A given name of China or Korea in two ways of romanising: each syllable may stand for one character."""
        tables = name_tables()
        shared: set[int] = set()
        for m in self.meetings:
            shared |= m.left[0].surnames & m.right[0].surnames
        if not shared and not any(m.rule == "surname_reading" for m in self.meetings):
            return
        left, right = (
            "".join(part.spelled[0] for part in free if part.script == "latin" and part.kind == "name")
            for free in (self.free_left, self.free_right)
        )
        if not (3 < len(left) < 13 and 3 < len(right) < 13):
            return
        korean = any(number >= tables.first_of_korea for number in shared)
        if _one_reading(left, right, tables.characters_of) or (korean and _one_reading(left, right, tables.blocks_of)):
            meeting = Meeting(left=tuple(self.free_left), right=tuple(self.free_right), rule="characters", cost=0.0)
            self.meetings.append(meeting)
            self.free_left, self.free_right = [], []


def _one_reading(left: str, right: str, of: Mapping[str, frozenset[str]]) -> bool:
    """Whether both can be cut into two syllables that stand for the same two characters."""
    nothing: frozenset[str] = frozenset()
    for i in range(1, len(left)):
        first, second = of.get(left[:i]), of.get(left[i:])
        if first and second:
            for j in range(1, len(right)):
                heads, tails = of.get(right[:j], nothing), of.get(right[j:], nothing)
                if not first.isdisjoint(heads) and not second.isdisjoint(tails):
                    return True
    return False
