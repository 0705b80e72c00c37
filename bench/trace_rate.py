"""Traced outputs a second, by direction and rule, beside one plain pass over the same tables in the same run.

The chain is made from a seed, as tables: transactions of one to five inputs and one to eight outputs, most of them
small, some that pay out to hundreds, some that collect hundreds; inputs are drawn from what is unspent, recent coins
more often. A fifth of the outputs are a service's, and ten transactions are followed at most. The tables are written
as Parquet, `tx_inputs` and `tx_outputs` by number. A plain pass reads both and adds up what goes into and out of every
transaction, which is what I9 asks of each. A traced output is one that a trace reaches in one layer. Rates are of
processor time of this process, the pass taken before and after and the quicker kept.
One JSON object a line.

python bench/trace_rate.py [OUTPUTS] [RECEIPTS]
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from headwater.money.coinjoin import CoinjoinVerdict
from headwater.money.poison import poison_bounds
from headwater.money.snapshot import ABSENT, Snapshot
from headwater.money.stops import DIRECTIONS, StopRules
from headwater.money.tracing import Tracer

_SERVICE_SHARE = 0.2  # of outputs; without a service anywhere, each trace would spread over all of the chain
_AT_ONCE = 1_024  # as the stage does
_POLICIES = ("fifo", "pro_rata", "lifo", "tiho")
_RULES = StopRules(scripts_by_reason={"service": frozenset((1,))}, max_hops=10)
_Result = TypeVar("_Result")


def made_chain(outputs: int, seed: int = 7) -> Snapshot:
    """A chain of about so many outputs."""
    chance = random.Random(seed)
    snapshot = Snapshot()
    unspent: list[int] = []
    while len(snapshot.output_txs) < outputs:
        tx = len(snapshot.tx_positions)
        shape = chance.random()
        is_coinbase = len(unspent) < 1_000 or shape < 0.01
        wanted = chance.randint(200, 400) if shape > 0.9995 else chance.choice((1, 1, 1, 2, 2, 3, 5))
        incoming = 0
        for _ in range(0 if is_coinbase else min(wanted, len(unspent))):
            place = int(len(unspent) * (1 - chance.random() ** 2))  # recent ones more often
            unspent[min(place, len(unspent) - 1)], unspent[-1] = unspent[-1], unspent[min(place, len(unspent) - 1)]
            output = unspent.pop()
            snapshot.spent_by[output] = len(snapshot.input_outputs)
            snapshot.input_outputs.append(output)
            snapshot.input_amounts_sat.append(snapshot.output_amounts_sat[output])
            snapshot.input_scripts.append(snapshot.output_scripts[output])
            snapshot.input_txs.append(tx)
            incoming += snapshot.output_amounts_sat[output]
        left = 5_000_000_000 if is_coinbase else max(incoming - chance.randint(200, 20_000), 0)
        count = chance.randint(300, 500) if 0.999 < shape <= 0.9995 else chance.choice((1, 2, 2, 2, 2, 3, 8))
        for turn in range(count):
            amount_sat = left if turn == count - 1 else int(left * chance.random())
            left -= amount_sat
            unspent.append(len(snapshot.output_txs))
            snapshot.output_amounts_sat.append(amount_sat)
            snapshot.output_scripts.append(int(chance.random() < _SERVICE_SHARE))
            snapshot.output_txs.append(tx)
            snapshot.spent_by.append(ABSENT)
        snapshot.tx_positions.append(0 if is_coinbase else 1)
        snapshot.tx_blocks.append(0)
        snapshot.input_starts.append(len(snapshot.input_outputs))
        snapshot.output_starts.append(len(snapshot.output_txs))
    for script in (b"", b"\x51"):  # nobody's in particular, and a service's
        snapshot.scripts.append(script)
    return snapshot


def write_tables(snapshot: Snapshot, folder: Path) -> None:
    """The inputs and outputs, by number."""
    inputs = {"tx": snapshot.input_txs, "spends": snapshot.input_outputs, "amount_sat": snapshot.input_amounts_sat}
    outputs = {"tx": snapshot.output_txs, "spent_by": snapshot.spent_by, "amount_sat": snapshot.output_amounts_sat}
    for name, columns in (("tx_inputs", inputs), ("tx_outputs", outputs)):
        table = pa.table({column: pa.array(np.asarray(values)) for column, values in columns.items()})
        pq.write_table(table, folder / f"{name}.parquet")


def plain_pass(folder: Path) -> int:
    """Every input and output read once; how many transactions take in what they pay out, or more."""
    sums = []
    for name in ("tx_inputs", "tx_outputs"):
        table = pq.read_table(folder / f"{name}.parquet", use_threads=False)
        sums.append(np.bincount(table["tx"].to_numpy(), table["amount_sat"].to_numpy()))
    size = min(map(len, sums))
    return int((sums[0][:size] >= sums[1][:size]).sum())


def timed(work: Callable[[], _Result]) -> tuple[float, _Result]:
    """Processor seconds of this process, and the result."""
    begun = time.process_time()
    result = work()
    return time.process_time() - begun, result


def reached(tracer: Tracer, receipts: list[int], direction: str, policy: str) -> int:
    """Outputs that traces of all receipts reached, the receipts themselves among them."""
    total = 0
    for begin in range(0, len(receipts), _AT_ONCE):
        some = receipts[begin : begin + _AT_ONCE]
        if policy == "poison":
            total += len(poison_bounds(tracer, some, direction).outputs)
        else:
            # Steps that meet at an output in one layer reach it once; they are few, so a step counts as an output.
            total += len(some) + len(tracer.traces(some, direction, policy).flows.traces)
    return total


def lines(outputs: int, receipts: int) -> Iterator[dict[str, object]]:
    """One line for the plain pass, and one for each direction and rule."""
    snapshot = made_chain(outputs)
    size = len(snapshot.output_txs)
    chosen = sorted(random.Random(8).sample(range(size // 4, 3 * size // 4), receipts))
    verdicts = [CoinjoinVerdict(answer="no", rule="bench")] * len(snapshot.tx_positions)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_tables(snapshot, folder)
        first, balanced = timed(lambda: plain_pass(folder))
        prepared, tracer = timed(lambda: Tracer(snapshot, verdicts, _RULES))
        ordered, _ = timed(lambda: [tracer.traces(chosen[:1], direction, "tiho") for direction in DIRECTIONS])
        found = []
        for direction in DIRECTIONS:
            for policy in (*_POLICIES, "poison"):
                seconds, count = timed(lambda d=direction, p=policy: reached(tracer, chosen, d, p))  # type: ignore[misc]  # bound at once
                found.append((direction, policy, seconds, count))
        seconds, _ = timed(lambda: plain_pass(folder))
    plain = size / min(first, seconds)
    yield {
        "measure": "plain_pass",
        "outputs": size,
        "inputs": len(snapshot.input_txs),
        "transactions": len(snapshot.tx_positions),
        "balanced": balanced,
        "seconds": round(min(first, seconds), 4),
        "outputs_per_s": round(plain),
    }
    yield {"measure": "prepare_tracer", "seconds": round(prepared, 4), "order_for_tiho_seconds": round(ordered, 4)}
    for direction, policy, taken, count in found:
        yield {
            "measure": "trace",
            "direction": direction,
            "policy": policy,
            "receipts": receipts,
            "traced_outputs": count,
            "seconds": round(taken, 4),
            "traced_outputs_per_s": round(count / taken),
            "plain_pass_per_s_over_it": round(plain / (count / taken), 2),
        }
    yield {"measure": "peak_mib", "value": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10}


def main() -> None:
    """Print every line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("outputs", nargs="?", type=int, default=1_000_000)
    parser.add_argument("receipts", nargs="?", type=int, default=4_096)
    given = parser.parse_args()
    for line in lines(given.outputs, given.receipts):
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
