"""The contents of a case, made of its tables: a row each, in the order in which they are shown, and their facets."""

from __future__ import annotations

from typing import Any, Final

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.media import VERDICT_GROUPS
from headwater.workflow.content_profiles import FacetPairs
from headwater.workflow.contents import COPIES, NO_VALUE, Contents

__all__ = ["content_grades", "contents_of", "ungraded_contents"]

_KEPT: Final = (
    "content", "item_id", "verdict", "verdict_group", "distance_bits", "transform", "match_id", "series",
    "victim_identified", "content_kind", "content_format", "size_bytes", "sha256",
)  # fmt: skip


def contents_of(tables: Session) -> Contents:
    """Every content that has a verdict: first what is known, then what is near, nearest first, then the rest."""
    contents = ungraded_contents(tables)
    return contents.with_grades(content_grades(tables, contents))


def ungraded_contents(tables: Session) -> Contents:
    """As `contents_of`, of what was derived alone: as if nobody had graded anything."""
    rows = _content_rows(tables)
    every = np.arange(rows.num_rows)
    values: dict[str, FacetPairs] = {
        "group": (every, *_coded(rows["verdict_group"])),
        "verdict": (every, *_coded(rows["verdict"])),
        "list": ((nothing := np.zeros(0, np.int64)), nothing, []),
        "kind": (every, *_coded(rows["content_format"])),
        "exhibit": (every, *_coded(rows["exhibit_id"])),
        "copies": (every, _copies(rows["places"]), [label for _, label in COPIES]),
        "grade": (every, np.zeros(rows.num_rows, np.int64), [NO_VALUE]),
    }
    contents = Contents(rows.drop_columns(["exhibit_id", "other_exhibit_id"]), values)
    values["exhibit"] = _exhibits(tables, contents, rows, values["exhibit"])
    values["list"] = _lists(tables, contents)
    return contents.with_values(values)


def content_grades(tables: Session, contents: Contents) -> FacetPairs:
    """The grades of those contents that are graded, as facets have them."""
    grades = tables.arrow("media_grades").select(["item_id", "scheme", "category", "in_conflict"])
    if not grades.num_rows:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), []
    graded = pc.unique(grades["item_id"])
    items = tables.chosen(
        "items", lambda part: pc.is_in(part["item_id"], value_set=graded), columns=("item_id", "sha256")
    )
    content_of = dict(
        zip(items["item_id"].to_pylist(), pc.coalesce(items["sha256"], items["item_id"]).to_pylist(), strict=True)
    )
    told = {
        (content_of[row["item_id"]], "in conflict" if row["in_conflict"] else _grade(row))
        for row in grades.to_pylist()
        if row["item_id"] in content_of
    }
    return _pairs(contents, [one for one, _ in told], [value for _, value in told])


def _grade(row: dict[str, Any]) -> str:
    return " ".join(filter(None, (row["scheme"], row["category"]))) or NO_VALUE


def _pairs(contents: Contents, held: Any, values: Any) -> FacetPairs:  # noqa: ANN401 - lists or Arrow's columns
    """Pairs of a content and a value, as facets have them; contents that are not there are left out."""
    held, values = pa.array(held, pa.string()), pa.array(values, pa.string())
    distinct = pc.unique(held)
    rows, which = contents.numbers_of(distinct)
    row_of = np.full(len(distinct), -1, np.int64)
    row_of[which] = rows
    found = row_of[pc.index_in(held, value_set=distinct).to_numpy()]
    codes, names = _coded(values)
    return found[found >= 0], codes[found >= 0], names


def _coded(column: pa.Array | pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], list[str]]:
    """The number of each value, and the values in order."""
    names = pc.unique(column)
    order = sorted(names.to_pylist())
    return pc.index_in(column, value_set=pa.array(order, pa.string())).to_numpy().astype(np.int64), order


def _copies(places: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    found: npt.NDArray[np.int64] = np.searchsorted([least for least, _ in COPIES], places.to_numpy(), side="right") - 1
    return found


def _items(tables: Session) -> Any:  # noqa: ANN401 - Ibis publishes no types
    """Each item that has a verdict, with its content: its SHA-256, or its own id where it has none."""
    items, verdicts = tables.table("items"), tables.table("media_verdicts")
    joined = verdicts.join(items, "item_id")
    return joined.mutate(content=ibis.coalesce(joined.sha256, joined.item_id))


def _content_rows(tables: Session) -> pa.Table:
    items, clusters = _items(tables), tables.table("media_clusters")
    counted = items.group_by("content").aggregate(
        item_id=items.item_id.min(),
        places=items.count().cast("int64"),
        exhibit_id=items.exhibit_id.min(),
        other_exhibit_id=items.exhibit_id.max(),
    )
    leading = counted.join(items.select(*_KEPT).drop("content"), "item_id")
    joined = leading.left_join(clusters.select("item_id", "media_cluster_id"), "item_id")
    whole = joined.mutate(
        rank=ibis.cases(
            *[(joined.verdict_group == name, place) for place, name in enumerate(VERDICT_GROUPS)],
            else_=len(VERDICT_GROUPS),
        ),
        nearness=joined.distance_bits.fill_null(-1),
        fewness=-joined.places,
    )
    whole = whole.drop([name for name in whole.columns if name.endswith("_right")])
    return tables.mapped(whole, order_by=["rank", "nearness", "fewness", "content"]).drop_columns(
        ["rank", "nearness", "fewness"]
    )


def _exhibits(tables: Session, contents: Contents, rows: pa.Table, first: FacetPairs) -> FacetPairs:
    """The exhibits of each content: most lie in one, so that only the others are asked for."""
    several = pc.not_equal(rows["exhibit_id"], rows["other_exhibit_id"])
    if not pc.any(several).as_py():
        return first
    items = _items(tables)
    spread = items.group_by("content").having(items.exhibit_id.min() != items.exhibit_id.max()).aggregate()
    pairs = items.semi_join(spread, "content").select("content", "exhibit_id").distinct()
    held = tables.result(pairs, order_by=["content", "exhibit_id"])
    more_rows, more_codes, more_names = _pairs(
        contents, held["content"].combine_chunks(), held["exhibit_id"].combine_chunks()
    )
    every, codes, names = first
    alone = ~several.to_numpy()
    together = sorted({*names, *more_names})
    placed = np.array([together.index(name) for name in names])[codes[alone]]
    more = np.array([together.index(name) for name in more_names])[more_codes]
    return np.concatenate([every[alone], more_rows]), np.concatenate([placed, more]), together


def _lists(tables: Session, contents: Contents) -> FacetPairs:
    """The lists with a match that counts, of each content; of the others that there is none."""
    matches, items = tables.table("media_matches"), _items(tables).select("item_id", "content")
    counted = matches.filter(~matches.quarantined)
    named = counted.select("item_id", listed=counted.reference_name + "@" + counted.reference_version)
    pairs = named.join(items, "item_id").select("content", "listed").distinct()
    held = tables.result(pairs, order_by=["content", "listed"])
    rows, codes, names = _pairs(contents, held["content"].combine_chunks(), held["listed"].combine_chunks())
    listed = np.zeros(contents.total, np.bool_)
    listed[rows] = True
    rest = np.flatnonzero(~listed)
    return (
        np.concatenate([rows, rest]),
        np.concatenate([codes, np.full(len(rest), len(names), np.int64)]),
        [*names, NO_VALUE],
    )
