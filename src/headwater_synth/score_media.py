"""Measures of the catalogue and of media."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from headwater.engine import Session
from headwater_synth.score_truth import Measure, Row, Truth, pair_counts, share

__all__ = ["NEAR_VERDICTS", "ledger_measures", "media_measures"]

_Directory = tuple[str, int, str]
NEAR_VERDICTS = frozenset({"strong", "probable", "possible"})


def ledger_measures(tables: Session) -> Iterator[Measure]:
    """`ledger.unaccounted_bytes`: bytes that directories state and that went nowhere.

    For each directory, the larger of two: the difference between both sides of its row of `ledger`, and the bytes of
    the files in `entries` that have no row of `items`. n is the bytes enumerated.
    """
    differing: dict[_Directory, int] = {}
    stated: dict[_Directory, int] = {}
    for row in tables.arrow("ledger").to_pylist():
        place = (row["exhibit_id"], row["volume_index"], row["directory"])
        accounted = row["catalogued_bytes"] + row["refused_bytes"] + row["deferred_bytes"]
        differing[place] = abs(row["entry_bytes"] - accounted)
        stated[place] = row["entry_bytes"]

    key = ["exhibit_id", "volume_index", "path_bytes"]
    items = {tuple(row.values()) for row in tables.arrow("items").select(key).to_pylist()}
    missing: Counter[_Directory] = Counter()
    enumerated: Counter[_Directory] = Counter()
    columns = [*key, "directory", "entry_type", "size_bytes"]
    for row in tables.arrow("entries").select(columns).to_pylist():
        if row["entry_type"] != "file":
            continue
        place = (row["exhibit_id"], row["volume_index"], row["directory"])
        enumerated[place] += row["size_bytes"]
        if tuple(row[name] for name in key) not in items:
            missing[place] += row["size_bytes"]

    unaccounted = sum(max(differing.get(place, 0), missing[place]) for place in differing.keys() | missing.keys())
    n = sum(max(stated.get(place, 0), enumerated[place]) for place in stated.keys() | enumerated.keys())
    yield Measure(measure="ledger.unaccounted_bytes", value=unaccounted if n else None, n=n)


def media_measures(tables: Session, truth: Truth) -> Iterator[Measure]:
    """Verdicts and clusters of the files of the media store.

    - `media.exact.recall`: of the files that are listed exactly, the share with the verdict `exact`.
    - `media.near.recall`: of the comparable files made from a listed original, the share with the verdict `strong`,
      `probable` or `possible`.
    - `media.near.precision`: of the items with such a verdict, the share that are such files. Files that are flat or
      cut short are left out of both, for no answer about them is wrong; other items of the seizure count as wrong.
    - `media.cluster.pair_f1`: harmonic mean of precision and recall of pairs of comparable files of the store: pairs
      of one scene against pairs of one media cluster; n is the pairs that are either.
    """
    items = _items_by_path(tables)
    verdicts = {row["item_id"]: row["verdict"] for row in tables.arrow("media_verdicts").to_pylist()}

    def verdict(row: Row) -> str | None:
        item_id = items.get(row["path"].lstrip("/"))
        return None if item_id is None else verdicts.get(item_id)

    exact = [row for row in truth.media if row["listed"] == "exact"]
    told_exact = sum(verdict(row) == "exact" for row in exact)
    yield Measure(measure="media.exact.recall", value=share(told_exact, len(exact)), n=len(exact))

    near = [row for row in truth.media if row["listed"] == "near" and row["comparable"] == "1"]
    told_near = sum(verdict(row) in NEAR_VERDICTS for row in near)
    yield Measure(measure="media.near.recall", value=share(told_near, len(near)), n=len(near))

    no_answer_is_wrong = {items.get(row["path"].lstrip("/")) for row in truth.media if row["comparable"] != "1"}
    said_near = sum(found in NEAR_VERDICTS and item_id not in no_answer_is_wrong for item_id, found in verdicts.items())
    yield Measure(measure="media.near.precision", value=share(told_near, said_near), n=said_near)

    scenes = {
        items.get(row["path"].lstrip("/"), f"absent {row['path']}"): row["scene_key"]
        for row in truth.media
        if row["comparable"] == "1"
    }
    clusters = {row["item_id"]: row["media_cluster_id"] for row in tables.arrow("media_clusters").to_pylist()}
    pairs = pair_counts(scenes, clusters)
    either = pairs.expected + pairs.found - pairs.both
    value = share(2 * pairs.both, pairs.expected + pairs.found)
    yield Measure(measure="media.cluster.pair_f1", value=value, n=either)
    yield from _by_edit(truth, verdict, lambda row: clusters.get(items.get(row["path"].lstrip("/"), "")))


def _by_edit(
    truth: Truth, verdict: Callable[[Row], str | None], media_cluster: Callable[[Row], str | None]
) -> Iterator[Measure]:
    """The same by how a comparable file was made of its scene: what an edit costs.

    - `media.near.recall.EDIT`, `media.near.precision.EDIT`: of files made so of a listed original, the share said near;
      of files made so and said near, the share of which the original is listed.
    - `media.cluster.pair_recall.EDIT`: of the pairs of a file made so and another of its scene, the share in one media
      cluster.
    """
    comparable = [row for row in truth.media if row["comparable"] == "1" and row.get("edit")]
    by_scene: dict[str, list[Row]] = defaultdict(list)
    for row in comparable:
        by_scene[row["scene_key"]].append(row)
    for edit in sorted({row["edit"] for row in comparable}):
        made_so = [row for row in comparable if row["edit"] == edit]
        listed = [row for row in made_so if row["listed"] == "near"]
        said = [row for row in made_so if verdict(row) in NEAR_VERDICTS]
        right = sum(row["listed"] == "near" for row in said)
        pairs = [(row, other) for row in made_so for other in by_scene[row["scene_key"]] if other is not row]
        together = sum(
            media_cluster(row) is not None and media_cluster(row) == media_cluster(other) for row, other in pairs
        )
        yield Measure(measure=f"media.near.recall.{edit}", value=share(right, len(listed)), n=len(listed))
        yield Measure(measure=f"media.near.precision.{edit}", value=share(right, len(said)), n=len(said))
        yield Measure(measure=f"media.cluster.pair_recall.{edit}", value=share(together, len(pairs)), n=len(pairs))


def _items_by_path(tables: Session) -> dict[str, str]:
    """Items by path without the leading slash; the first exhibit in order has a path that several have."""
    rows = tables.arrow("items").select(["exhibit_id", "volume_index", "path", "item_id"]).to_pylist()
    rows.sort(key=lambda row: tuple(row.values()), reverse=True)
    return {row["path"].lstrip("/"): row["item_id"] for row in rows}
