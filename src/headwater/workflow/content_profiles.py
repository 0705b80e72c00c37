"""Contents by what they have in common: a few hundred profiles stand for millions of contents in every count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["FacetPairs", "Profiles"]

FacetPairs = tuple[npt.NDArray[Any], npt.NDArray[Any], Sequence[str]]
"""Of a facet the numbers of rows, the number of the value of each, and the values; no pair stands in it twice."""
_Numbers = npt.NDArray[np.int64]
_MOST_FLAGS: Final = 1 << 24
"""Up to here, numbers are told apart by a flag for each; beyond, by sorting them."""


class Profiles:
    """Rows that have the same values in every facet share a profile.

    Args:
        of_row: For each row the number of its profile.
        facets: For each facet: for each profile the number of its set of values; for each set which values are in it,
            as a matrix; the values.
        places: For each row how many places it stands for.

    Attributes:
        rows: For each profile how many rows have it.
        places: For each profile the places of these.
    """

    def __init__(
        self,
        of_row: npt.NDArray[np.uint32],
        facets: Mapping[str, tuple[_Numbers, npt.NDArray[np.bool_], Sequence[str]]],
        places: npt.NDArray[Any],
    ) -> None:
        self._of_row = of_row
        self._facets = facets
        profiles = len(next(iter(facets.values()))[0])
        self.rows = np.bincount(of_row, minlength=profiles)
        self.places = np.bincount(of_row, weights=places, minlength=profiles).astype(np.int64)

    @classmethod
    def of(cls, facets: Mapping[str, FacetPairs], places: npt.NDArray[Any]) -> Profiles:
        """The profiles of rows whose values are given.

        Args:
            facets: By name.
            places: For each row how many places it stands for.
        """
        of_row, count = np.zeros(len(places), np.int64), 1
        found: dict[str, tuple[_Numbers, npt.NDArray[np.bool_], Sequence[str]]] = {}
        for name, (rows, codes, names) in facets.items():
            sets, matrix = _sets(rows, codes, len(places), len(names))
            distinct, of_row = _numbered(of_row * len(matrix) + sets, count * len(matrix))
            found = {told: (held[distinct // len(matrix)], *rest) for told, (held, *rest) in found.items()}  # type: ignore[misc]  # two more
            found[name] = (distinct % len(matrix), matrix, names)
            count = len(distinct)
        return cls(of_row.astype(np.uint32), found, places)

    def with_facet(self, name: str, pairs: FacetPairs, places: npt.NDArray[Any], *, otherwise: str) -> Profiles:
        """The same with another facet, of which few rows have a value.

        Args:
            name: Of the facet; takes the place of one that is there.
            pairs: Of the rows that have a value.
            places: For each row how many places it stands for.
            otherwise: The value of all others.
        """
        rows, codes, names = pairs
        kept = {told: held for told, held in self._facets.items() if told != name}
        held = np.unique(rows)
        sets, matrix = _sets(np.searchsorted(held, rows), codes, len(held), len(names))
        own = self._of_row[held].astype(np.int64)
        distinct, fresh = _numbered(own * max(1, len(matrix)) + sets, len(self.rows) * max(1, len(matrix)))
        of_row = self._of_row.copy()
        of_row[held] = (len(self.rows) + fresh).astype(np.uint32)
        before = distinct // max(1, len(matrix))
        facets = {told: (np.concatenate([of, of[before]]), *rest) for told, (of, *rest) in kept.items()}
        # The first set is that of the rows without a value, which have the value that is called so.
        wide = np.zeros((len(matrix) + 1, len(names) + 1), np.bool_)
        wide[1:, :-1], wide[0, -1] = matrix, True
        of_profile = np.concatenate([np.zeros(len(self.rows), np.int64), 1 + distinct % max(1, len(matrix))])
        facets[name] = (of_profile, wide, [*names, otherwise])
        return Profiles(of_row, facets, places)  # type: ignore[arg-type]  # tuples of three, taken apart and put together

    def fitting(
        self, wanted: Mapping[str, Sequence[str]], left_out: Mapping[str, Sequence[str]]
    ) -> npt.NDArray[np.bool_]:
        """For each profile whether it has one of the wanted values of each facet, and none that is left out."""
        fits: npt.NDArray[np.bool_] = np.ones(len(self.rows), np.bool_)
        for name, asked in wanted.items():
            if asked:
                fits &= self._having(name, asked)
        for name, out in left_out.items():
            if out:
                fits &= ~self._having(name, out)
        return fits

    def mask(self, fits: npt.NDArray[np.bool_], rows: npt.NDArray[Any] | None = None) -> npt.NDArray[np.bool_]:
        """For each row, or each of these, whether its profile fits."""
        return fits[self._of_row if rows is None else self._of_row[rows]]

    def counts(self, name: str, fits: npt.NDArray[np.bool_]) -> dict[str, int]:
        """For each value of a facet how many rows have it, of those whose profiles fit."""
        sets, matrix, names = self._facets[name]
        by_set = np.bincount(sets[fits], weights=self.rows[fits], minlength=len(matrix)).astype(np.int64)
        return dict(zip(names, (by_set @ matrix).tolist(), strict=True))

    def _having(self, name: str, asked: Sequence[str]) -> npt.NDArray[np.bool_]:
        sets, matrix, names = self._facets[name]
        meant = [number for number, value in enumerate(names) if value in set(asked)]
        of_set: npt.NDArray[np.bool_] = np.asarray(matrix[:, meant].any(axis=1))
        return of_set[sets]


def _sets(
    rows: npt.NDArray[Any], codes: npt.NDArray[Any], count: int, values: int
) -> tuple[_Numbers, npt.NDArray[np.bool_]]:
    """For each row the number of its set of values, and for each set which values are in it."""
    if len(rows) > 1 and (np.diff(rows) < 0).any():
        order = np.lexsort((codes, rows))
        rows, codes = rows[order], codes[order]
    held = np.bincount(rows, minlength=count)
    first = np.cumsum(held) - held
    of_row, matrix = np.zeros(count, np.int64), np.zeros((1, values), np.bool_)
    for place in range(int(held.max(initial=0))):
        here = np.flatnonzero(held > place)
        code = codes[first[here] + place].astype(np.int64)
        distinct, fresh = _numbered(of_row[here] * values + code, len(matrix) * values)
        more = matrix[distinct // values].copy()
        more[np.arange(len(distinct)), distinct % values] = True
        of_row[here] = len(matrix) + fresh
        matrix = np.concatenate([matrix, more])
    # Two orders of the same values are one set: codes of a row are in ascending order only if they were given so.
    distinct_sets, number_of = np.unique(matrix, axis=0, return_inverse=True) if len(matrix) else (matrix, of_row)
    used, of_row = _numbered(np.asarray(number_of).reshape(-1)[of_row], max(1, len(distinct_sets)))
    return of_row, distinct_sets[used]


def _numbered(values: _Numbers, bound: int) -> tuple[_Numbers, _Numbers]:
    """The distinct values in order, and for each value its place among them.

    Args:
        values: From 0.
        bound: All are below it.
    """
    if bound > _MOST_FLAGS:
        distinct, places = np.unique(values, return_inverse=True)
        return distinct, places.reshape(-1)
    there = np.zeros(bound, np.bool_)
    there[values] = True
    return np.flatnonzero(there), (np.cumsum(there) - 1)[values]
