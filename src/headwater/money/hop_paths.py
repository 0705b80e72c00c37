"""The hops from where a trace begins to where it ends, in order: what a request rests on and a court can follow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["proof_path"]

Row = Mapping[str, Any]


def proof_path(flows: Iterable[Row], txid: str, output_index: int) -> list[Row]:
    """One way from a trace's origin to an output of it, hop by hop; of several, back from the end by the most satoshis.

    Args:
        flows: Rows of `trace_flows` of one trace.
        txid: Transaction of the output.
        output_index: Its index.

    Returns:
        The rows in order of hop; none where the trace ends where it began.
    """
    into: dict[tuple[str, int], list[Row]] = {}
    for row in flows:
        into.setdefault((row["to_txid"], row["to_output_index"]), []).append(row)
    path: list[Row] = []
    steps = into.get((txid, output_index), [])
    while steps:
        step = min(steps, key=lambda row: (-row["amount_sat"], row["hop"], row["from_txid"], row["from_output_index"]))
        path.append(step)
        steps = [
            row for row in into.get((step["from_txid"], step["from_output_index"]), []) if row["hop"] == step["hop"] - 1
        ]
    return path[::-1]
