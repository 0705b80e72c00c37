"""Transactions for which a CoinJoin verdict is given in a second: plain ones by columns, beside all of them one by one.

python bench/coinjoin_verdict_rate.py [BLOCKS]

Blocks are those of bench/snapshot_rate.py: payments of one to four outputs, none of which hold the same. Anchor: the
rules asked for each transaction by itself, as `coinjoin` and `coinjoin_protocols` state them; they must agree.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from headwater.money.coinjoin import CoinjoinVerdict, coinjoin_verdict, shape_of
from headwater.money.coinjoin_lineage import round_of
from headwater.money.coinjoin_protocols import round_answer
from headwater.money.coinjoin_verdicts import own_answers
from headwater.money.scripts import is_each_unspendable
from headwater.money.snapshot import Snapshot
from snapshot_rate import read, written


def one_by_one(snapshot: Snapshot) -> list[CoinjoinVerdict]:
    """What the rules say of each transaction, asked for every one; all inputs are resolved."""
    unspendable = is_each_unspendable(snapshot.scripts)
    verdicts = []
    for tx in range(len(snapshot.txids)):
        spent = [(snapshot.input_scripts[at], snapshot.input_amounts_sat[at]) for at in snapshot.inputs_of(tx)]
        made = [
            (snapshot.output_scripts[at], snapshot.output_amounts_sat[at])
            for at in snapshot.outputs_of(tx)
            if not unspendable[snapshot.output_scripts[at]]
        ]
        verdict = coinjoin_verdict(shape_of(spent, made, is_coinbase=snapshot.is_coinbase(tx)))
        if len(spent) > 1 and len(snapshot.outputs_of(tx)) > 2:
            verdict = round_answer(round_of(snapshot, tx)) or verdict
        verdicts.append(verdict)
    return verdicts


def main() -> None:
    blocks = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory() as name:
        written(Path(name), blocks)
        snapshot = read(Path(name))
    own_answers(snapshot)
    started = time.process_time()
    found = own_answers(snapshot).verdicts
    taken = time.process_time() - started
    started = time.process_time()
    expected = one_by_one(snapshot)
    anchor = time.process_time() - started
    assert found == expected, "columns and rules differ"
    count = len(found)
    print(
        f"{count:,} transactions: by columns {count / taken:,.0f} a second, one by one {count / anchor:,.0f}: "
        f"{anchor / taken:.1f} times as fast"
    )


if __name__ == "__main__":
    main()
