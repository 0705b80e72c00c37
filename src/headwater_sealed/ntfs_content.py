"""The content of an NTFS attribute: its pieces put together, its clusters, and what is compressed in them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import BinaryIO

from headwater_sealed.lznt1 import unpacked
from headwater_sealed.ntfs_records import MAX_RUNS, Attribute, ClusterRun
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.views import Run, RunView, View

__all__ = ["CompressedView", "byte_runs", "joined"]

_MAX_UNIT_BYTES = 1024 * 1024


def joined(pieces: Sequence[Attribute], *, whole: bool = True) -> Attribute:
    """One attribute of all its pieces.

    Args:
        pieces: As found in the records of the file.
        whole: Whether a missing piece is refused; else the content ends before it.

    Raises:
        UnreadableError: There is none, or two describe the same clusters, or one is missing.
    """
    ordered = sorted(pieces, key=lambda one: one.first_cluster)
    if not ordered:
        raise UnreadableError("it has no content")
    first = ordered[0]
    if len(ordered) == 1 and first.value is not None:
        return first
    runs: list[ClusterRun] = []
    reached = 0
    for one in ordered:
        if one.value is not None or one.first_cluster < reached:
            raise UnreadableError(f"two attributes hold cluster {one.first_cluster} of the content")
        if one.first_cluster > reached:
            if whole:
                raise UnreadableError(f"nothing says where clusters {reached} to {one.first_cluster - 1} lie")
            break
        runs += one.runs
        reached += sum(run.clusters for run in one.runs)
        if len(runs) > MAX_RUNS:
            raise UnreadableError(f"more than {MAX_RUNS} runs")
    return replace(first, runs=tuple(runs))


def byte_runs(runs: Sequence[ClusterRun], cluster_bytes: int, cluster_count: int) -> list[Run]:
    """The runs that lie on the volume, in bytes.

    Raises:
        UnreadableError: One lies outside the file system.
    """
    found: list[Run] = []
    for run in runs:
        if run.from_cluster is None:
            continue
        if run.from_cluster + run.clusters > cluster_count:
            raise UnreadableError(f"cluster {run.from_cluster + run.clusters - 1} lies outside the file system")
        found.append(
            Run(
                at_bytes=run.at_cluster * cluster_bytes,
                from_bytes=run.from_cluster * cluster_bytes,
                size_bytes=run.clusters * cluster_bytes,
            )
        )
    return found


class CompressedView(View):
    """Content of which each unit of clusters is compressed, kept as it is, or a hole.

    Args:
        file: The volume.
        content: The attribute.
        cluster_bytes: Of the file system.
        cluster_count: Of the file system.

    Raises:
        UnreadableError: Its runs cannot be.
    """

    def __init__(self, file: BinaryIO, content: Attribute, cluster_bytes: int, cluster_count: int) -> None:
        super().__init__(content.size_bytes)
        self._unit_clusters = content.unit_clusters
        self._unit_bytes = content.unit_clusters * cluster_bytes
        if self._unit_bytes > _MAX_UNIT_BYTES:
            raise UnreadableError(f"content compressed in units of {self._unit_bytes} bytes")
        self._cluster_bytes = cluster_bytes
        self._runs = content.runs
        self._starts = [run.at_cluster for run in content.runs]
        covered = sum(run.clusters for run in content.runs) * cluster_bytes
        self._stored = RunView(file, byte_runs(content.runs, cluster_bytes, cluster_count), covered)
        self._unit = lru_cache(4)(self._read_unit)

    def _there(self, first_cluster: int) -> int:
        """How many clusters of a unit lie on the volume, which are its first ones."""
        count = 0
        reached = first_cluster
        index = max(0, bisect_right(self._starts, reached) - 1)
        for run in self._runs[index:]:
            inside = reached - run.at_cluster
            if run.from_cluster is None or inside >= run.clusters or count >= self._unit_clusters:
                break
            count += run.clusters - inside
            reached = run.at_cluster + run.clusters
        return min(count, self._unit_clusters)

    def _read_unit(self, number: int) -> bytes:
        first = number * self._unit_clusters
        there = self._there(first)
        if there == 0:
            return bytes(self._unit_bytes)
        self._stored.seek(first * self._cluster_bytes)
        packed = b""
        while len(packed) < there * self._cluster_bytes:
            part = self._stored.read(there * self._cluster_bytes - len(packed))
            if not part:
                raise UnreadableError("the volume ends inside compressed content")
            packed += part
        return packed if there == self._unit_clusters else unpacked(packed, self._unit_bytes)

    def part(self, offset_bytes: int, length_bytes: int) -> bytes:
        """Bytes of the unit that the offset lies in."""
        number, inside = divmod(offset_bytes, self._unit_bytes)
        return self._unit(number)[inside : inside + length_bytes]
