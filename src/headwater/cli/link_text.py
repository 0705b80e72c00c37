"""What `headwater link` says of what it did."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what links is loaded by the command that links
    from headwater.identities import LinkReport

__all__ = ["link_row", "link_text"]


def link_row(report: LinkReport, out: Path) -> dict[str, Any]:
    """The report for a program."""
    return {
        "out": str(out),
        "links": report.links,
        "expected_precision_ppm": report.expected_precision_ppm,
        "expected_wrong_links": report.expected_wrong_links,
        "left_rows": report.left_rows,
        "right_rows": report.right_rows,
        "compared_with_itself": report.itself,
        "fields": list(report.fields),
        "fields_of_one_file_only": list(report.one_sided_fields),
        "unread_values": report.unread,
        "pairs_compared": sum(report.compared),
        "rules": [
            {
                "columns": list(rule.columns),
                "pairs_compared": pairs,
                "blocks": rule.blocks,
                "blocks_refined": rule.refined,
                "blocks_left_out": rule.left_out_blocks,
                "pairs_left_out": rule.left_out_pairs,
            }
            for rule, pairs in zip(report.rules, report.compared, strict=True)
        ],
        "prior_weight_mbits": report.priors.same_mbits,
        "household_weight_mbits": report.priors.household_mbits,
        "model_id": report.model_id,
        "model_version": report.model_version,
        "seconds": round(report.seconds, 1),
        "peak_bytes": report.peak_bytes,
    }


def link_text(report: LinkReport, out: Path) -> str:
    """The report for a person."""
    rows = f"{report.left_rows:,} rows" if report.itself else f"{report.left_rows:,} and {report.right_rows:,} rows"
    lines = [
        f"{rows}{' compared with each other' if report.itself else ''}, by {', '.join(report.fields)}",
        f"{sum(report.compared):,} pairs compared:",
    ]
    for rule, pairs in zip(report.rules, report.compared, strict=True):
        if not rule.blocks and not rule.left_out_blocks:
            continue
        left_out = (
            f"; {rule.left_out_blocks:,} still too large, {rule.left_out_pairs:,} pairs left to the other rules"
            if rule.left_out_blocks
            else ""
        )
        refined = f", {rule.refined:,} larger ones parted" if rule.refined else ""
        lines.append(f"  {pairs:>13,}  {', then '.join(rule.columns)}: {rule.blocks:,} blocks{refined}{left_out}")
    if report.expected_precision_ppm is None:
        lines.append(f"no links; {out} holds none")
    else:
        lines.append(
            f"{report.links:,} links in {out}; at this size {report.expected_wrong_links:,} of them are expected to be "
            f"wrong (precision {report.expected_precision_ppm / 1_000_000:.4f})"
        )
    lines.append(
        f"model {report.model_version}, {report.model_id}; {report.seconds:.1f} s, {report.peak_bytes / 1e6:,.0f} MB. "
        "A link is a proposal; a person decides."
    )
    return "\n".join(lines)
