"""What pages keep veiled until somebody opens it, and what no page or export ever has."""

from __future__ import annotations

from typing import Final

__all__ = ["VEILED", "WITHHELD", "is_veiled", "shown_columns"]

VEILED: Final = frozenset(
    {
        ("wallet_addresses", "label"),
        ("wallet_transactions", "label"),
        ("wallet_requests", "label"),
        ("zcash_receipts", "memo"),
        ("lightning_invoices", "label"),
        ("lightning_invoices", "description"),
        ("lightning_payments", "label"),
        ("lightning_payments", "description"),
        ("media_claims", "note"),
        ("outcomes", "note"),
    },
)
"""Table and column of what people wrote freely: it may be anything, so nobody meets it unasked."""

WITHHELD: Final = frozenset({("entries", "head")})
"""The first bytes of files, which may be of media: by them kinds are told, and that is all they are for."""


def is_veiled(table: str, column: str) -> bool:
    """Whether a page shows that there is a text, and not the text."""
    return (table, column) in VEILED


def shown_columns(table: str, columns: list[str]) -> list[str]:
    """The columns without those that never leave."""
    return [column for column in columns if (table, column) not in WITHHELD]
