"""Seconds to join scripts that were spent from together, beside graphsense-clustering and scipy on the same inputs.

python bench/address_clusters_rate.py [INPUTS] [ROUNDS]

The inputs are made in memory from a seed: owners whose numbers of scripts follow a power law, and transactions that
spend from one owner each. Ours puts transactions in the order in which they may prove a merge, keeps the transaction of
every merge, and takes the lowest script of a transaction by its bytes; the other two keep no proof. All have one core:
graphsense-clustering would take all there are.
"""

from __future__ import annotations

import os
import resource
import sys
import time

import numpy as np
import pyarrow as pa

from headwater.money.byte_table import ByteTable
from headwater.money.clusters import joined_scripts, proving_order

_TRANSACTIONS_A_BLOCK = 2_500
_SCRIPT_BYTES = 22


def made_up(inputs: int, seed: int = 7):
    """First input of each transaction, script of each input, the scripts, blocks and txids."""
    chance = np.random.default_rng(seed)
    scripts = inputs * 6 // 10
    sizes = np.minimum(np.ceil(chance.pareto(1.1, size=scripts)), scripts // 10).astype(np.int64) + 1
    owners = np.searchsorted(np.cumsum(sizes), scripts) + 1
    ends = np.minimum(np.cumsum(sizes[:owners]), scripts)
    begins = np.concatenate(([0], ends[:-1]))
    counts = chance.geometric(0.4, size=inputs // 2)
    counts = counts[: np.searchsorted(np.cumsum(counts), inputs)]
    owner = np.searchsorted(ends, chance.integers(0, scripts, size=len(counts)), side="right")
    of = np.repeat(owner, counts)
    spent = begins[of] + (chance.random(len(of)) * (ends[of] - begins[of])).astype(np.int64)
    spent = chance.permutation(scripts)[spent]
    starts = np.concatenate(([0], np.cumsum(counts)))
    table, txids = ByteTable(), ByteTable()
    for held, width, count in ((table, _SCRIPT_BYTES, scripts), (txids, 32, len(counts))):
        content = chance.integers(0, 256, size=width * count, dtype=np.uint8)
        places = np.arange(count) * width
        held.numbers_of(content, np.column_stack((places, places + width)))
        assert len(held) == count
    return starts, spent, table, np.arange(len(counts)) // _TRANSACTIONS_A_BLOCK, txids


def ours(starts, spent, scripts, blocks, txids):
    """Leaders, with a proof for every merge."""
    order = proving_order(np.nonzero(np.diff(starts) > 1)[0], blocks, txids)
    return joined_scripts(order, starts, spent, scripts, with_proofs=True)


def by_graphsense(listed, highest):
    """Leaders by graphsense-clustering's way for Arrow, without proofs."""
    from gs_clustering import Clustering

    sets = Clustering(max_address_id=highest)
    sets.process_transactions_arrow(listed)
    return sets.get_mapping()


def by_scipy(starts, spent, scripts):
    """Labels by scipy, from the same edges: the first input of each transaction with each of the others."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first = np.repeat(spent[starts[:-1]], np.diff(starts))
    graph = coo_array((np.ones(len(spent), dtype=np.uint8), (first, spent)), shape=(scripts, scripts)).tocsr()
    began = time.perf_counter()
    _, labels = connected_components(graph, directed=False)
    return labels, time.perf_counter() - began


def timed(work):
    """What the work gives, and its seconds by the clock and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    made = work()
    return made, time.perf_counter() - clock, time.process_time() - processor


def same_sets(leaders, labels) -> bool:
    """Whether two labellings part the scripts alike."""
    pairs = np.unique(leaders.astype(np.int64) * (int(labels.max()) + 1) + labels)
    return len(pairs) == len(np.unique(leaders)) == len(np.unique(labels))


def main() -> None:
    os.environ["RAYON_NUM_THREADS"] = "1"  # read when graphsense-clustering is loaded
    inputs = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    starts, spent, scripts, blocks, txids = made_up(inputs)
    listed = pa.ListArray.from_arrays(
        pa.array(starts.astype(np.int32)), pa.array((spent + 1).astype(np.uint32))
    )  # 0 stands for none there
    ours(starts[:3], spent[: starts[2]], scripts, blocks[:2], txids_of_two())  # what is compiled is compiled now
    works = {
        "ours, with proofs": lambda: ours(starts, spent, scripts, blocks, txids),
        "graphsense-clustering, Arrow, no proofs": lambda: by_graphsense(listed, len(scripts)),
        "scipy, from edges": lambda: by_scipy(starts, spent, len(scripts)),
    }
    taken = {name: [] for name in works}
    alone = []
    for _ in range(rounds):
        for name, work in works.items():
            try:
                made, clock, processor = timed(work)
            except ImportError:
                continue
            taken[name].append((clock, processor))
            if name.startswith("ours"):
                leaders, proofs = made
            elif name.startswith("graph"):
                assert same_sets(leaders, made.column(1).to_numpy()[1:].astype(np.int64))
            else:
                assert same_sets(leaders, made[0].astype(np.int64))
                alone.append(made[1])
    print(
        f"{len(spent):,} inputs of {len(starts) - 1:,} transactions, {len(scripts):,} scripts, "
        f"{len(np.unique(leaders)):,} clusters, the largest of {np.bincount(leaders).max():,}; {len(proofs):,} merges, "
        f"each with its transaction; least of {rounds} rounds by turns"
    )
    least = {name: tuple(map(min, zip(*each, strict=True))) for name, each in taken.items() if each}
    for name, (clock, processor) in least.items():
        print(f"{name:<42} {clock:>6.2f} s by the clock, {processor:>6.2f} s of the processor")
    mine, graphsense, scipy = (least.get(name) for name in works)
    if graphsense:
        print(f"ours takes {mine[0] / graphsense[0]:.2f} times the clock of graphsense-clustering (goal 1.5)")
    else:
        print("graphsense-clustering: no ratio, it is not installed (scripts/setup --bench)")
    if scipy:
        print(
            f"scipy takes {scipy[0] / mine[0]:.1f} times as long as ours (goal 2), "
            f"{min(alone) / mine[0]:.1f} times without making its matrix"
        )
    else:
        print("scipy: no ratio, it is not installed (scripts/setup --bench)")
    print(f"peak memory of this program {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")


def txids_of_two() -> ByteTable:
    """Two txids, to have the loops compiled with."""
    txids = ByteTable()
    txids.append(bytes(32))
    txids.append(b"\x01" * 32)
    return txids


if __name__ == "__main__":
    main()
