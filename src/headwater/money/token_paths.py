"""One way of a trace of tokens, read from its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["token_proof_path"]

Row = Mapping[str, Any]


def token_proof_path(flows: Sequence[Row], move_id: str) -> list[Row]:
    """The steps from the origin to a move, in order: of several ways, back from the end the one with the most units.

    Args:
        flows: Rows of `token_flows` of one trace.
        move_id: The move it leads to; the origin itself has no step.
    """
    toward: dict[str, list[Row]] = {}
    for row in flows:
        toward.setdefault(row["to_move_id"], []).append(row)
    way: list[Row] = []
    at = move_id
    while at in toward:
        step = max(toward[at], key=lambda row: (int(row["amount_units"]), row["from_transfer_id"]))
        way.append(step)
        at = step["from_transfer_id"]
    return way[::-1]
