"""Stills and videos by content, not by file: what the lists say of each, in facets that are included or left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.errors import ConfigError
from headwater.media import VERDICT_GROUPS

__all__ = ["FACETS", "ContentPage", "Contents", "FacetValue", "contents_of"]

FACETS: Final = ("group", "verdict", "list", "kind", "exhibit", "copies", "grade")
"""What contents are told apart by; of a list, an exhibit and a grade, one content may have several values."""
NO_VALUE: Final = "none"
_COPIES: Final = ((1, "1"), (2, "2-4"), (5, "5-19"), (20, "20 or more"))
"""From how many places on, and what that is called."""

Wanted = Mapping[str, Sequence[str]]
"""From a facet to its values."""
_Numbers = npt.NDArray[np.int64]


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

    Args:
        rows: One for each content.
        values: For each facet the numbers of rows, the number of the value of each, and the values.
    """

    def __init__(self, rows: pa.Table, values: Mapping[str, tuple[_Numbers, _Numbers, Sequence[str]]]) -> None:
        self._rows = rows
        self._values = values

    @property
    def total(self) -> int:
        """Contents in all."""
        return int(self._rows.num_rows)

    def facets(self, wanted: Wanted, left_out: Wanted) -> dict[str, list[FacetValue]]:
        """For each facet its values with their counts, each under what the other facets ask for.

        Raises:
            ConfigError: There is no such facet.
        """
        _require_known(wanted, left_out)
        found = {}
        for name in FACETS:
            rows, codes, names = self._values[name]
            others = self._mask(
                {k: v for k, v in wanted.items() if k != name}, {k: v for k, v in left_out.items() if k != name}
            )
            counts = np.bincount(codes[others[rows]], minlength=len(names))
            asked, out = set(wanted.get(name, ())), set(left_out.get(name, ()))
            told = [
                FacetValue(value=value, contents=int(counts[number]), is_in=value in asked, is_out=value in out)
                for number, value in enumerate(names)
                if counts[number] or value in asked | out
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
        numbers = np.flatnonzero(self._mask(wanted, left_out))
        fit = self._rows.take(pa.array(numbers))
        places = int(pc.sum(fit["places"]).as_py() or 0)
        if not by_cluster:
            some = fit.slice(first, rows).to_pylist()
            shown = [{**row, "contents": 1, "all_places": row["places"]} for row in some]
            return ContentPage(rows=shown, first=first, fitting=len(numbers), contents=len(numbers), places=places)
        numbered = fit.select(["media_cluster_id", "places"]).append_column("at", pa.array(np.arange(len(numbers))))
        clusters = numbered.group_by("media_cluster_id").aggregate([("at", "min"), ("at", "count"), ("places", "sum")])
        clusters = clusters.sort_by("at_min")
        some_clusters = clusters.slice(first, rows)
        leading = fit.take(some_clusters["at_min"]).to_pylist()
        sums = some_clusters.to_pylist()
        return ContentPage(
            rows=[
                {**row, "contents": one["at_count"], "all_places": one["places_sum"]}
                for row, one in zip(leading, sums, strict=True)
            ],
            first=first,
            fitting=clusters.num_rows,
            contents=len(numbers),
            places=places,
        )

    def _mask(self, wanted: Wanted, left_out: Wanted) -> npt.NDArray[np.bool_]:
        mask = np.ones(self.total, bool)
        for name, asked in wanted.items():
            if asked:
                mask &= self._having(name, asked)
        for name, out in left_out.items():
            if out:
                mask &= ~self._having(name, out)
        return mask

    def _having(self, name: str, asked: Sequence[str]) -> npt.NDArray[np.bool_]:
        rows, codes, names = self._values[name]
        meant = np.isin(codes, [number for number, value in enumerate(names) if value in set(asked)])
        having = np.zeros(self.total, bool)
        having[rows[meant]] = True
        return having


def _require_known(*asked: Wanted) -> None:
    for name in {name for wanted in asked for name in wanted} - set(FACETS):
        raise ConfigError(f"'{name}' is no facet; known are {', '.join(FACETS)}")


def _facet_order(name: str, one: FacetValue) -> tuple[int, str]:
    if name == "group":
        return VERDICT_GROUPS.index(one.value), ""
    if name == "copies":
        return [label for _, label in _COPIES].index(one.value), ""
    return -one.contents, one.value


def contents_of(tables: Session) -> Contents:
    """Every content that has a verdict: first what is known, then what is near, nearest first, then the rest."""
    rows = _content_rows(tables)
    place = {key: number for number, key in enumerate(rows["content"].to_pylist())}
    items = _items(tables)
    of_item = {row["item_id"]: place[row["content"]] for part in _listed(tables, items) for row in part}
    pairs: dict[str, set[tuple[int, str]]] = {name: set() for name in FACETS}
    for number, row in enumerate(rows.select(["verdict_group", "verdict", "content_format", "places"]).to_pylist()):
        pairs["group"].add((number, row["verdict_group"]))
        pairs["verdict"].add((number, row["verdict"]))
        pairs["kind"].add((number, row["content_format"]))
        pairs["copies"].add((number, _copies(row["places"])))
    exhibits = items.select("content", "exhibit_id").distinct()
    for row in tables.result(exhibits, order_by=["content", "exhibit_id"]).to_pylist():
        pairs["exhibit"].add((place[row["content"]], row["exhibit_id"]))
    counted = ("item_id", "reference_name", "reference_version", "quarantined")
    for part in tables.parts("media_matches", counted):
        for row in part.filter(pc.invert(part["quarantined"])).to_pylist():
            if row["item_id"] in of_item:
                name = f"{row['reference_name']}@{row['reference_version']}"
                pairs["list"].add((of_item[row["item_id"]], name))
    for row in tables.arrow("media_grades").to_pylist():
        if row["item_id"] in of_item:
            told = "in conflict" if row["in_conflict"] else " ".join(filter(None, (row["scheme"], row["category"])))
            pairs["grade"].add((of_item[row["item_id"]], told or NO_VALUE))
    for name in ("list", "grade"):
        held = {number for number, _ in pairs[name]}
        pairs[name] |= {(number, NO_VALUE) for number in range(rows.num_rows) if number not in held}
    return Contents(rows, {name: _coded(pairs[name]) for name in FACETS})


def _copies(places: int) -> str:
    return next(label for least, label in reversed(_COPIES) if places >= least)


def _coded(pairs: set[tuple[int, str]]) -> tuple[_Numbers, _Numbers, Sequence[str]]:
    names = sorted({value for _, value in pairs})
    number_of = {value: number for number, value in enumerate(names)}
    ordered = sorted(pairs)
    rows = np.array([row for row, _ in ordered], np.int64)
    return rows, np.array([number_of[value] for _, value in ordered], np.int64), names


def _items(tables: Session) -> Any:  # noqa: ANN401 - Ibis publishes no types
    """Each item that has a verdict, with its content: its SHA-256, or its own id where it has none."""
    items, verdicts = tables.table("items"), tables.table("media_verdicts")
    joined = verdicts.join(items, "item_id")
    return joined.mutate(content=ibis.coalesce(joined.sha256, joined.item_id))


def _content_rows(tables: Session) -> pa.Table:
    items, clusters = _items(tables), tables.table("media_clusters")
    counted = items.group_by("content").aggregate(places=lambda t: t.count().cast("int64"))
    number = ibis.row_number().over(group_by=items.content, order_by=items.item_id)
    leading = items.mutate(number=number).filter(lambda t: t.number == 0)
    kept = leading.select(
        "content", "item_id", "verdict", "verdict_group", "distance_bits", "transform", "match_id", "series",
        "victim_identified", "content_kind", "content_format", "size_bytes", "sha256",
    )  # fmt: skip
    joined = kept.join(counted, "content").left_join(clusters.select("item_id", "media_cluster_id"), "item_id")
    whole = joined.mutate(
        media_cluster_id=ibis.coalesce(joined.media_cluster_id, joined.content),
        rank=ibis.cases(
            *[(joined.verdict_group == name, place) for place, name in enumerate(VERDICT_GROUPS)],
            else_=len(VERDICT_GROUPS),
        ),
        nearness=joined.distance_bits.fill_null(-1),
        fewness=-joined.places,
    )
    whole = whole.drop([name for name in whole.columns if name.endswith("_right")])
    return tables.result(whole, order_by=["rank", "nearness", "fewness", "content"]).drop_columns(
        ["rank", "nearness", "fewness"]
    )


def _listed(tables: Session, items: Any) -> Any:  # noqa: ANN401 - as above
    for part in tables.result_parts(items.select("item_id", "content")):
        yield part.to_pylist()
