"""Checks over the tables of tokens: base units add up, in every trace and in every account."""

from __future__ import annotations

from headwater.engine import Session

__all__ = ["token_balances_conserve", "token_traces_conserve"]

Finding = str | None
"""The first thing that is wrong, in words; None where nothing is."""


def token_traces_conserve(tables: Session) -> Finding:
    """What a trace of tokens began with is at its endpoints or went into fees, in base units.

    In Python: no engine sums numbers of 256 bits exactly.
    """
    ended: dict[str, int] = {}
    for part in tables.parts("token_endpoints", ["trace_id", "amount_units"]):
        for trace_id, units in zip(part["trace_id"].to_pylist(), part["amount_units"].to_pylist(), strict=True):
            ended[trace_id] = ended.get(trace_id, 0) + int(units)
    for part in tables.parts("token_traces", ["trace_id", "origin_units", "fee_units"]):
        for row in part.to_pylist():
            found = ended.get(row["trace_id"], 0) + int(row["fee_units"])
            if found != int(row["origin_units"]):
                return f"trace {row['trace_id']}: {row['origin_units']} base units in, {found} out"
    return None


def token_balances_conserve(tables: Session) -> Finding:
    """Of every account and token, opening + received - sent = closing, and nothing is below nothing."""
    for part in tables.parts("token_balances"):
        for row in part.to_pylist():
            opening, received, sent, closing = (
                int(row[f"{name}_units"]) for name in ("opening", "received", "sent", "closing")
            )
            if opening + received - sent != closing or min(opening, received, sent, closing) < 0:
                return (
                    f"{row['chain']} {row['token_contract']} {row['address']}: {opening} + {received} - {sent} is not "
                    f"{closing}"
                )
    return None
