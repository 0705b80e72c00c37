"""Two files linked from end to end: read, brought into form, blocked, compared, written."""

from __future__ import annotations

import math
import resource
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headwater.engine import Progress, silent
from headwater.errors import ConfigError
from headwater.identities.linkage.blocks import RuleReport, blocks_of
from headwater.identities.linkage.column_map import FIELDS, read_column_map
from headwater.identities.linkage.compare import Comparer
from headwater.identities.linkage.features import features_of
from headwater.identities.linkage.linkage_model import read_linkage_model
from headwater.identities.linkage.links import (
    SUFFIXES,
    links_table,
    one_to_one,
    probabilities,
    without_forbidden,
    write_links,
)
from headwater.identities.linkage.name_levels import OtherWritings
from headwater.identities.linkage.rivals import beside_rivals
from headwater.identities.linkage.rows import same_file, side_rows
from headwater.identities.linkage.weighed import Priors

__all__ = ["LATEST_YEAR", "LinkOptions", "LinkReport", "link_files", "rows_of_a_block"]

PAIRS_PER_RULE = 2_000_000
LEAST_BLOCK_ROWS = 12
"""Rows of a block: small files compare everything near; in large ones a row meets a dozen others by each rule."""
_PARTS = {"full_name": ("given_name", "surname"), "address": ("street_number",)}
"""Fields that hold others."""
LATEST_YEAR = 2029
"""Dates with a year of two digits: a constant and not the clock, so that a result stays as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOptions:
    """How two files are linked.

    Attributes:
        model: A model file; None for the one that comes with headwater.
        min_probability_ppm: Links below are left out.
        one_to_one: No row is in two links.
        cannot_link: A CSV of pairs that a person said are none; None without one.
        threads: Threads at once; the links do not depend on it.
    """

    model: Path | None = None
    min_probability_ppm: int = 500_000
    one_to_one: bool = False
    cannot_link: Path | None = None
    threads: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkReport:
    """What a linkage came to.

    Attributes:
        left_rows: Rows of the first file.
        right_rows: Rows of the second; of the same one where a file was compared with itself.
        itself: Whether it was.
        fields: Fields that were compared.
        one_sided_fields: Fields that only one file has; they were not compared.
        unread: For each field, values that could not be read and count as absent.
        rules: What each blocking rule came to.
        compared: For each rule, pairs that it was the first to bring together.
        links: Links written.
        expected_precision_ppm: Mean probability of the links: what share of them is expected to be right.
        expected_wrong_links: How many are expected to be wrong.
        priors: What was expected of a pair.
        model_id: Digest of the model.
        model_version: As its file states it.
        seconds: Wall time.
        peak_bytes: Most memory that the process had.
    """

    left_rows: int
    right_rows: int
    itself: bool
    fields: tuple[str, ...]
    one_sided_fields: tuple[str, ...]
    unread: dict[str, int]
    rules: tuple[RuleReport, ...]
    compared: tuple[int, ...]
    links: int
    expected_precision_ppm: int | None
    expected_wrong_links: int
    priors: Priors
    model_id: str
    model_version: str
    seconds: float
    peak_bytes: int


def link_files(
    left_path: Path,
    right_path: Path,
    columns: Path,
    out: Path,
    options: LinkOptions,
    progress: Progress = silent,
) -> LinkReport:
    """Link two files, or a file with itself where both paths lead to one, and write the links.

    Args:
        left_path: CSV or Parquet, by suffix.
        right_path: Likewise.
        columns: The column map.
        out: CSV or Parquet, by suffix; written beside its place and renamed.
        options: How.
        progress: Told what is counted, how much is done, and of how much.

    Raises:
        InputError: A file lacks a column, has no rows, or its ids are none.
        ConfigError: The column map, the model or the suffix of `out` is wrong.
    """
    began = time.monotonic()
    if out.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"{out}: the suffix says no format; known are {', '.join(SUFFIXES)}")
    model = read_linkage_model(options.model)
    column_map = read_column_map(columns)
    itself = same_file(left_path, right_path)
    left = side_rows(left_path, column_map.left)
    right = None if itself else side_rows(right_path, column_map.right)
    features = features_of(left, right, latest_year=LATEST_YEAR)
    left_ids, right_ids = left["id"], (left if right is None else right)["id"]
    sides = column_map.left.columns, (column_map.left if itself else column_map.right).columns
    holds = [{*side, *(f for field in side for f in _PARTS.get(field, ()))} for side in sides]
    both = tuple(f for f in FIELDS if f in holds[0] & holds[1] and f != "full_name")
    bound = {*sides[0], *sides[1]}
    one_sided = tuple(f for f in FIELDS if f in bound and not {f, *_PARTS.get(f, ())} & {*both})
    names: OtherWritings | None = OtherWritings(left, left if right is None else right, model, other_scripts_only=True)
    if names is not None and not names.any_other_script:
        names = None
    del left, right
    rows = max(len(left_ids), len(right_ids))
    most = rows_of_a_block(rows)
    blocks = blocks_of(features, model.rules, most_rows=most, threads=options.threads)
    comparer = Comparer(features, blocks, model, model.uses["files"], options.threads, names)
    priors = comparer.fit()
    weighed = comparer.pairs(
        priors,
        least_mbits=_least_mbits(options.min_probability_ppm),
        progress=lambda done: progress("rows", done, len(left_ids)),
    )
    if not itself:
        weighed = beside_rivals(weighed)
    left_ids, right_ids = left_ids.combine_chunks(), right_ids.combine_chunks()
    weighed = weighed.chosen(
        np.rint(probabilities(weighed.total_mbits) * 1_000_000).astype(np.int64) >= options.min_probability_ppm
    )
    if options.cannot_link is not None:
        weighed = without_forbidden(weighed, left_ids, right_ids, options.cannot_link, itself=itself)
    if options.one_to_one:
        weighed = one_to_one(weighed, itself=itself)
    write_links(links_table(weighed, left_ids, right_ids, both, model.model_id), out)
    ppm = np.rint(probabilities(weighed.total_mbits) * 1_000_000).astype(np.int64)
    return LinkReport(
        left_rows=len(left_ids),
        right_rows=len(right_ids),
        itself=itself,
        fields=both,
        one_sided_fields=one_sided,
        unread=features.unread,
        rules=blocks.reports,
        compared=tuple(int(n) for n in comparer.compared),
        links=len(ppm),
        expected_precision_ppm=int(ppm.sum()) // len(ppm) if len(ppm) else None,
        expected_wrong_links=int((1_000_000 - ppm).sum() + 500_000) // 1_000_000,
        priors=priors,
        model_id=model.model_id,
        model_version=model.version,
        seconds=time.monotonic() - began,
        peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    )


def rows_of_a_block(rows: int) -> int:
    """How many rows of one side a block may have, by the rows of the larger side."""
    return max(LEAST_BLOCK_ROWS, PAIRS_PER_RULE // rows)


def _least_mbits(min_probability_ppm: int) -> int:
    """A weight below which no pair can have this probability."""
    share = min(max(min_probability_ppm, 1), 999_999) / 1_000_000
    return math.floor(1000 * math.log2(share / (1 - share))) - 2
