"""What people stated the subjects of leads to be; a victim's lead stands apart."""

from __future__ import annotations

from typing import Final

from headwater.engine import Session

__all__ = ["UNCLASSIFIED", "VICTIM", "stated_categories"]

UNCLASSIFIED: Final = "unclassified"
"""Until somebody states otherwise: an account says nothing of who its holder is before the law."""
VICTIM: Final = "victim"


def stated_categories(tables: Session) -> dict[str, str]:
    """For each lead of which somebody stated it, the category of its subject; of several statements the last.

    References:
        EU Directive 2016/680, Art. 6: distinction between different categories of data subject.
    """
    order = ("stated_on", "reference_name", "reference_version", "data_subject_id")
    rows = sorted(tables.arrow("data_subjects").to_pylist(), key=lambda row: [row[name] for name in order])
    return {row["lead_id"]: row["category"] for row in rows}
