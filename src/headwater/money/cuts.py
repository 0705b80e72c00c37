"""What falls apart if one transaction no longer joins its inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from headwater.money.clusters import Merge, merge_path

__all__ = ["FallenApart", "fallen_apart"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FallenApart:
    """An address cluster without one of its proofs.

    Attributes:
        parts: Its scripts by the cluster that they would be in, the largest first.
        still_joined_by: Transactions that would join the scripts which the cut one spent from all the same, in the
            order of the first way found; empty where they fall apart.
    """

    parts: tuple[tuple[str, ...], ...]
    still_joined_by: tuple[str, ...]


def fallen_apart(spends: Mapping[str, Sequence[str]], members: Iterable[str], cut_txid: str) -> FallenApart:
    """What is left of a cluster without a transaction.

    Args:
        spends: For each transaction that joins, in the order in which they prove merges, the scripts it spends from.
        members: The scripts of the cluster.
        cut_txid: The transaction to leave out.

    Example:
        >>> fallen_apart({"t1": ["a", "b"], "t2": ["b", "c"]}, "abc", "t2").parts
        (('a', 'b'), ('c',))
        >>> fallen_apart({"t1": ["a", "b"], "t2": ["b", "a"]}, "ab", "t1").still_joined_by
        ('t2',)
    """
    leaders = {script: script for script in members}
    merges: list[Merge] = []

    def leader(script: str) -> str:
        while leaders[script] != script:
            leaders[script] = leaders[leaders[script]]
            script = leaders[script]
        return script

    for txid, scripts in spends.items():
        kept = sorted(set(scripts) & leaders.keys())
        for other in kept[1:] if txid != cut_txid else ():
            first, second = sorted((leader(kept[0]), leader(other)))
            if first != second:
                leaders[second] = first
                merges.append(Merge(script_hex=kept[0], other_script_hex=other, txid=txid))
    parts: dict[str, list[str]] = {}
    for script in sorted(leaders):
        parts.setdefault(leader(script), []).append(script)
    spent = sorted(set(spends.get(cut_txid, ())) & leaders.keys())
    ways = [txid for other in spent[1:] for txid in merge_path(merges, spent[0], other)]
    return FallenApart(
        parts=tuple(sorted((tuple(part) for part in parts.values()), key=lambda part: (-len(part), part))),
        still_joined_by=tuple(dict.fromkeys(ways)),
    )
