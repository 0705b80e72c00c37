"""Merges of address clusters and cuts as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headwater.cli.output import printable

__all__ = ["cut_text", "merge_text"]

_SHOWN_PARTS = 10


def merge_text(step: Mapping[str, Any], number: int) -> str:
    """One transaction of those that join two addresses, or that would if nobody had cut it."""
    cut = f"  cut by {printable(step['cut_by'])}: joins nothing" if "cut_by" in step else ""
    spent = ", ".join(printable(address) for address in step["spends_from"])
    head = f"{number}. {step['txid']}  block {step['block_height']}  {printable(step['at_utc'])}{cut}"
    return f"{head}\n   spends together from {spent}"


def cut_text(preview: Mapping[str, Any]) -> str:
    """What is left of a cluster without one of its proofs."""
    parts = preview["parts"]
    state = "is cut" if preview["is_cut"] else "not cut; this changes nothing"
    lines = [f"{preview['txid']}: {preview['scripts']:,} scripts, {len(parts):,} parts without it ({state})"]
    for part in parts[:_SHOWN_PARTS]:
        addresses = ", ".join(printable(address) for address in part["addresses"])
        more = ", ..." if part["scripts"] > len(part["addresses"]) else ""
        lines.append(f"  {part['scripts']:>8,} scripts: {addresses}{more}")
    if len(parts) > _SHOWN_PARTS:
        lines.append(f"  {len(parts) - _SHOWN_PARTS:,} parts more")
    if preview["still_joined_by"]:
        lines.append(f"  its inputs stay together by {', '.join(preview['still_joined_by'])}")
    lines.append("  to cut: headwater judge CASE TXID negative --why ...; to undo: positive")
    return "\n".join(lines)
