"""Names that a comparison letter by letter calls different, though they are one name in another writing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.identities.linkage.linkage_model import LEVELS, OTHER_WRITING, LinkageModel
from headwater.identities.linkage.weighed import I32, UNSAID, WeighedPairs, shared_again
from headwater.identities.names import name_probability

__all__ = ["OtherWritings"]

_GIVEN, _SURNAME = 0, 1
_WEAK = {
    _GIVEN: frozenset({LEVELS["given_name"].index("loosely alike"), LEVELS["given_name"].index("different")}),
    _SURNAME: frozenset({LEVELS["surname"].index("loosely alike"), LEVELS["surname"].index("different")}),
}
_OTHER = {_GIVEN: LEVELS["given_name"].index(OTHER_WRITING), _SURNAME: LEVELS["surname"].index(OTHER_WRITING)}
_EVEN_MBITS = 0
_LATIN = r"^[\x00-\x{024F}\x{1E00}-\x{1EFF}\x{2000}-\x{206F}]*$"


class OtherWritings:
    """The names of both sides as they are written.

    Args:
        left: Rows with the columns `given_name`, `surname` and `full_name`, as far as they have them.
        right: Likewise.
        model: Says how likely two names must be one person's.
        other_scripts_only: Whether only names that are not in Latin letters are looked at; comparing names is slow.
    """

    def __init__(self, left: pa.Table, right: pa.Table, model: LinkageModel, *, other_scripts_only: bool) -> None:
        self._sides = tuple(_written(side) for side in (left, right))
        self._latin = tuple(_is_latin(names) for names in self._sides)
        self._least = {True: model.other_writing_ppm, False: model.other_script_ppm}
        self._other_scripts_only = other_scripts_only
        self._known: dict[tuple[str, str], int] = {}

    @property
    def any_other_script(self) -> bool:
        """Whether any name is not in Latin letters."""
        return not all(latin.all() for latin in self._latin)

    @staticmethod
    def reach_mbits(m: I32, u: I32) -> int:
        """The most that a pair gains by it."""
        reach = 0
        for field, other in _OTHER.items():
            gains = m[field] - u[field]
            reach += max(0, int(gains[other]) - min(int(gains[weak]) for weak in _WEAK[field]))
        return reach

    def told(self, pairs: WeighedPairs, m: I32, u: I32, h: I32, least: int) -> WeighedPairs:
        """The pairs; where whole names are one person's, weak levels become `OTHER_WRITING`.

        Only pairs that come to even odds by it are looked at, because comparing names is slow.

        Args:
            pairs: The pairs.
            m: log2 of m of each comparison and level, in thousandths of a bit.
            u: Likewise of u.
            h: Likewise of h.
            least: The least weight.
        """
        weak = {field: np.isin(pairs.levels[:, field], sorted(levels)) for field, levels in _WEAK.items()}
        gain = np.zeros(len(pairs.total_mbits), np.int64)
        for field, other in _OTHER.items():
            better = int(m[field, other] - u[field, other]) - pairs.weights_mbits[:, field].astype(np.int64)
            gain += np.where(weak[field], better, 0)
        wanted = (weak[_GIVEN] | weak[_SURNAME]) & (pairs.total_mbits + gain >= max(least, _EVEN_MBITS))
        latin = self._latin[0][pairs.pairs[:, 0]] & self._latin[1][pairs.pairs[:, 1]]
        if self._other_scripts_only:
            wanted &= ~latin
        at = np.flatnonzero(wanted)
        return _with_levels(pairs, at[self._of_one_name(pairs.pairs[at], latin[at])], weak, m, u, h)

    def _of_one_name(self, pairs: I32, latin: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Whether the names of each pair, in any way they are written, are likely enough one person's."""
        lefts, rights = (_texts(names, pairs[:, side]) for side, names in enumerate(self._sides))
        found = [
            max((self._ppm(a, b) for a in left for b in right), default=0) >= self._least[bool(plain)]
            for left, right, plain in zip(lefts, rights, latin.tolist(), strict=True)
        ]
        return np.array(found, np.bool_)

    def _ppm(self, one: str, other: str) -> int:
        if (one, other) not in self._known:
            self._known[one, other] = round(name_probability(one, other) * 1_000_000)
        return self._known[one, other]


def _with_levels(
    pairs: WeighedPairs, at: npt.NDArray[np.int64], weak: dict[int, npt.NDArray[np.bool_]], m: I32, u: I32, h: I32
) -> WeighedPairs:
    """The pairs, those at these places with `OTHER_WRITING` for what was weak."""
    levels, weights, total = pairs.levels.copy(), pairs.weights_mbits.copy(), pairs.total_mbits.copy()
    household = np.zeros(len(at), np.int64)
    for field, other in _OTHER.items():
        here = weak[field][at]
        before = levels[at, field]
        gained = np.where(here, m[field, other] - u[field, other] - weights[at, field], 0)
        if h[field, other] > UNSAID:
            household += np.where(here, h[field, other] - u[field, other], 0)
        known = np.where(here & (h[field, before] > UNSAID), h[field, before] - u[field, before], 0)
        household -= known
        levels[at, field] = np.where(here, other, before)
        weights[at, field] += gained
        total[at] += gained
    shared = len(LEVELS) + 2
    again = shared_again(weights[at, shared], household)
    total[at] += again - weights[at, shared]
    weights[at, shared] = again
    return WeighedPairs(pairs=pairs.pairs, levels=levels, weights_mbits=weights, total_mbits=total)


def _written(side: pa.Table) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """For each row, its name in one piece and put together of its parts; absent where it has none."""
    absent = pa.nulls(side.num_rows, pa.string())
    given, surname, full = (
        side[name] if name in side.column_names else absent for name in ("given_name", "surname", "full_name")
    )
    return full, pc.binary_join_element_wise(given, surname, " ")


def _texts(names: tuple[pa.ChunkedArray, pa.ChunkedArray], rows: npt.NDArray[np.int32]) -> list[list[str]]:
    """The different ways in which each row has its name."""
    both = (column.take(pa.array(rows)).to_pylist() for column in names)
    return [sorted({name for name in row if name}) for row in zip(*both, strict=True)]


def _is_latin(names: tuple[pa.ChunkedArray, pa.ChunkedArray]) -> npt.NDArray[np.bool_]:
    plain = np.ones(len(names[0]), np.bool_)
    for column in names:
        plain &= np.asarray(pc.fill_null(pc.match_substring_regex(column, _LATIN), fill_value=True))
    return plain
