"""What one person is given to judge, pair by pair: what waits, and among it pairs that measure who judges."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from headwater.judgements.shown import AS_KNOWN, AS_LINK, AS_REPEATED
from headwater.schema import framed

__all__ = ["REPEAT_GAP", "Shares", "woven"]

REPEAT_GAP: Final = 10
"""A pair comes again at the earliest after so many other judgements: what is still in mind measures nothing."""

_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How much of what is shown measures who judges.

    Attributes:
        known_ppm: Share of places for pairs whose answer is known, in parts per million.
        repeated_ppm: Share of places for pairs that were judged before.
    """

    known_ppm: int
    repeated_ppm: int


def woven(
    waiting: Iterable[str],
    *,
    known: Callable[[], Collection[str]],
    repeated: Callable[[], Collection[str]],
    case_id: str,
    person: str,
    judged: int,
    shares: Shares,
) -> Iterator[tuple[str, str]]:
    """Ids of pairs with how each comes to be shown: every one that waits, in order, and the others among them.

    A digest of case, person and place says which place is for what, so that nobody can choose and anybody can check.
    Places are counted from the person's first judgement: who judges what stands first finds the rest where it was.
    A place for which there is no pair is given to the next one that waits.

    Args:
        waiting: Pairs in the order of review.
        known: Gives the pairs whose answer is known, and which this person has not been given; asked at most once.
        repeated: Gives the pairs that somebody has judged; likewise.
        case_id: The case.
        person: Who judges.
        judged: How many judgements that person has given.
        shares: How many places are for which.
    """
    pairs = {AS_KNOWN: known, AS_REPEATED: repeated}
    further: dict[str, list[str]] = {}
    place = judged
    for link_id in waiting:
        while (purpose := _purpose(case_id, person, place, shares)) != AS_LINK:
            place += 1
            if purpose not in further:  # one place in ten asks for any, so that most pages draw nothing
                further[purpose] = _drawn(pairs[purpose](), case_id, person)
            if not further[purpose]:
                break
            yield further[purpose].pop(0), purpose
        else:
            place += 1
        yield link_id, AS_LINK


def _purpose(case_id: str, person: str, place: int, shares: Shares) -> str:
    digest = hashlib.sha256(framed("headwater", "place", case_id, person, place)).digest()
    draw = int.from_bytes(digest[:8], "big") % _MILLION
    if draw < shares.known_ppm:
        return AS_KNOWN
    return AS_REPEATED if draw < shares.known_ppm + shares.repeated_ppm else AS_LINK


def _drawn(pairs: Collection[str], case_id: str, person: str) -> list[str]:
    """The pairs in an order that says nothing of what they are."""
    return sorted(pairs, key=lambda pair: hashlib.sha256(framed("headwater", "drawn", case_id, person, pair)).digest())
