"""Stills and videos by content, not by file: what the lists say of each, in facets that are included or left out."""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.errors import ConfigError
from headwater.media import VERDICT_GROUPS
from headwater.workflow.content_profiles import FacetPairs, Profiles

__all__ = ["COPIES", "FACETS", "NO_VALUE", "ContentPage", "Contents", "FacetValue"]

FACETS: Final = ("group", "verdict", "list", "kind", "exhibit", "copies", "grade")
"""What contents are told apart by; of a list, an exhibit and a grade, one content may have several values."""
NO_VALUE: Final = "none"
"""Of a list or a grade: on none, ungraded."""
COPIES: Final = ((1, "1"), (2, "2-4"), (5, "5-19"), (20, "20 or more"))
"""From how many places on, and what that is called."""

Wanted = Mapping[str, Sequence[str]]
"""From a facet to its values."""
_Numbers = npt.NDArray[np.int64]
_KEPT_QUERIES: Final = 64
"""Of each, a bit for each content is kept, so that its next page is quick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetValue:
    """A value of a facet.

    Attributes:
        value: It.
        contents: Contents that have it, of those that the other facets leave.
        is_in: Whether it is asked for.
        is_out: Whether it is left out.
    """

    value: str
    contents: int
    is_in: bool
    is_out: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentPage:
    """Some of the contents, or of the clusters, that fit.

    Attributes:
        rows: Each with what stands in `content_rows`; of a cluster, that of its first content, with the sums of all.
        first: Number of the first, from 0.
        fitting: Contents or clusters that fit.
        contents: Contents that fit.
        places: Places of these.
    """

    rows: list[dict[str, Any]]
    first: int
    fitting: int
    contents: int
    places: int


class Contents:
    """Every content that has a verdict, known, near or not, in the order in which it is shown.

    Of each it holds some twenty bytes; the rows themselves may be mapped from a file. Threads may share it.

    Args:
        rows: One for each content; `media_cluster_id` may be absent, for a content that is near no other.
        values: For each facet the numbers of rows, the number of the value of each, and the values.
    """

    def __init__(self, rows: pa.Table, values: Mapping[str, FacetPairs]) -> None:
        self._rows = rows
        self._places = rows["places"].to_numpy().astype(np.uint32)
        self._clusters = _Clusters.of(rows["media_cluster_id"])
        self._set_profiles(Profiles.of(values, self._places))

    def _set_profiles(self, profiles: Profiles) -> None:
        self._profiles = profiles
        self._leading: OrderedDict[bytes, npt.NDArray[np.uint8]] = OrderedDict()
        self._lock = threading.Lock()

    def with_values(self, values: Mapping[str, FacetPairs]) -> Contents:
        """The same contents with other facets."""
        other = copy.copy(self)
        other._set_profiles(Profiles.of(values, self._places))  # noqa: SLF001 - its own copy
        return other

    def with_grades(self, pairs: FacetPairs) -> Contents:
        """The same contents with other grades, which is quick: grades change while everything else stays.

        Args:
            pairs: Of the contents that are graded.
        """
        graded = copy.copy(self)
        graded._set_profiles(self._profiles.with_facet("grade", pairs, self._places, otherwise=NO_VALUE))  # noqa: SLF001 - its own copy
        return graded

    @property
    def total(self) -> int:
        """Contents in all."""
        return int(self._rows.num_rows)

    def numbers_of(self, contents: pa.Array) -> tuple[_Numbers, _Numbers]:
        """Which rows have one of these contents, and which of them each has."""
        found = pc.index_in(self._rows["content"], value_set=contents)
        rows = np.flatnonzero(pc.is_valid(found).to_numpy())
        return rows, pc.drop_null(found).to_numpy().astype(np.int64)

    def facets(self, wanted: Wanted, left_out: Wanted) -> dict[str, list[FacetValue]]:
        """For each facet its values with their counts, each under what the other facets ask for.

        Raises:
            ConfigError: There is no such facet.
        """
        _require_known(wanted, left_out)
        found = {}
        for name in FACETS:
            others = self._profiles.fitting(
                {k: v for k, v in wanted.items() if k != name}, {k: v for k, v in left_out.items() if k != name}
            )
            asked, out = set(wanted.get(name, ())), set(left_out.get(name, ()))
            told = [
                FacetValue(value=value, contents=count, is_in=value in asked, is_out=value in out)
                for value, count in self._profiles.counts(name, others).items()
                if count or value in asked | out
            ]
            found[name] = sorted(told, key=lambda one, name=name: _facet_order(name, one))  # type: ignore[misc]  # a default
        return found

    def page(
        self, wanted: Wanted, left_out: Wanted, *, by_cluster: bool = True, first: int = 0, rows: int = 50
    ) -> ContentPage:
        """The contents that fit.

        Args:
            wanted: For each facet, values of which a content has one at least.
            left_out: For each facet, values of which a content has none.
            by_cluster: One row for contents that are near each other.
            first: Number of the first row, from 0.
            rows: How many at most.

        Raises:
            ConfigError: There is no such facet.
        """
        _require_known(wanted, left_out)
        fits = self._profiles.fitting(wanted, left_out)
        leading = np.flatnonzero(self._leads(fits, by_cluster=by_cluster))
        shown = leading[first : first + rows]
        found = []
        for number in shown.tolist():
            # One slice each: `take` would copy every chunk that it takes something of.
            [row] = self._rows.slice(number, 1).to_pylist()
            row["media_cluster_id"] = row["media_cluster_id"] or row["content"]
            members = self._clusters.members(number) if by_cluster else np.array([number])
            members = members[self._profiles.mask(fits, members)]
            found.append({**row, "contents": len(members), "all_places": int(self._places[members].sum())})
        return ContentPage(
            rows=found,
            first=first,
            fitting=len(leading),
            contents=int(self._profiles.rows[fits].sum()),
            places=int(self._profiles.places[fits].sum()),
        )

    def _leads(self, fits: npt.NDArray[np.bool_], *, by_cluster: bool) -> npt.NDArray[np.bool_]:
        """For each row whether it is shown: it fits, and no row of its cluster that comes before it does."""
        key = np.packbits(fits).tobytes() + bytes([by_cluster])
        with self._lock:
            kept = self._leading.get(key)
        if kept is None:
            mask = self._profiles.mask(fits)
            kept = np.packbits(self._clusters.firsts(mask) if by_cluster else mask)
            with self._lock:
                self._leading[key] = kept
                while len(self._leading) > _KEPT_QUERIES:
                    self._leading.popitem(last=False)
        return np.unpackbits(kept, count=self.total).view(np.bool_)


class _Clusters:
    """Contents that are near each other, by the numbers of their rows.

    Args:
        joined: Numbers of the rows that share a cluster with another, in ascending order.
        of_joined: For each of these the number of its cluster.
    """

    def __init__(self, joined: npt.NDArray[np.uint32], of_joined: npt.NDArray[np.uint32]) -> None:
        self._joined, self._of_joined = joined, of_joined
        self._count = int(of_joined.max(initial=0)) + 1
        self._members = joined[np.argsort(of_joined, kind="stable")]
        self._ends = np.cumsum(np.bincount(of_joined, minlength=self._count))

    @classmethod
    def of(cls, ids: pa.ChunkedArray) -> _Clusters:
        """From the id of each row's cluster, or none."""
        there = np.flatnonzero(pc.is_valid(ids).to_numpy())
        filled = pc.drop_null(ids).combine_chunks() if len(there) else pa.array([], pa.string())
        codes = filled.dictionary_encode().indices.to_numpy()
        shared = np.bincount(codes)[codes] > 1 if len(codes) else np.zeros(0, np.bool_)
        joined, codes = there[shared].astype(np.uint32), codes[shared]
        number = np.zeros(int(codes.max(initial=0)) + 1, np.uint32)
        number[codes] = 1
        return cls(joined, (np.cumsum(number, dtype=np.uint32) - np.uint32(1))[codes])

    def members(self, row: int) -> npt.NDArray[Any]:
        """The rows of a row's cluster, in ascending order; itself alone where it is near no other."""
        # Of another type, the row would have the whole array copied into that type each time.
        at = int(np.searchsorted(self._joined, np.uint32(row)))
        if at >= len(self._joined) or self._joined[at] != row:
            return np.array([row])
        number = int(self._of_joined[at])
        return self._members[0 if number == 0 else self._ends[number - 1] : self._ends[number]]

    def firsts(self, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Of the rows in a mask the first of each cluster, and each that is near no other."""
        found = mask.copy()
        found[self._joined] = False
        fits = mask[self._joined]
        rows, clusters = self._joined[fits][::-1], self._of_joined[fits][::-1]
        # Of equal places the last that is written stays: the first row, as they are written backwards.
        first = np.zeros(self._count, np.uint32)
        first[clusters] = rows
        there = np.zeros(self._count, np.bool_)
        there[clusters] = True
        found[first[there]] = True
        return found


def _require_known(*asked: Wanted) -> None:
    for name in {name for wanted in asked for name in wanted} - set(FACETS):
        raise ConfigError(f"'{name}' is no facet; known are {', '.join(FACETS)}")


def _facet_order(name: str, one: FacetValue) -> tuple[int, str]:
    if name == "group":
        return VERDICT_GROUPS.index(one.value), ""
    if name == "copies":
        return [label for _, label in COPIES].index(one.value), ""
    return -one.contents, one.value
