"""What is searched: columns that people know things by, in the order in which what was found is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["SEARCHED", "SearchedColumn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedColumn:
    """One column that is searched.

    Attributes:
        table: Its table.
        column: Its name.
        is_code: Whether it holds codes, such as digests and addresses, which are found by their whole, their beginning
            or their end; otherwise words, which are found anywhere.
    """

    table: str
    column: str
    is_code: bool = False


def _words(table: str, *columns: str) -> tuple[SearchedColumn, ...]:
    return tuple(SearchedColumn(table=table, column=column) for column in columns)


def _codes(table: str, *columns: str) -> tuple[SearchedColumn, ...]:
    return tuple(SearchedColumn(table=table, column=column, is_code=True) for column in columns)


SEARCHED: Final = (
    *_words("accounts", "nickname", "email", "phone", "platform_key"),
    *_words("identifiers", "value"),
    *_words("records", "full_name", "nickname", "email", "phone"),
    *_words("record_identifiers", "value"),
    *_words("customers", "full_name", "email", "phone"),
    *_words("customer_identifiers", "value"),
    *_words("services", "name"),
    *_words("tags", "label"),
    *_codes("accounts", "pgp_fingerprint"),
    *_codes("account_addresses", "address"),
    *_codes("invoices", "address"),
    *_codes("invoice_addresses", "address"),
    *_codes("payments", "txid"),
    *_codes("wallet_addresses", "address"),
    *_codes("wallet_transactions", "txid"),
    *_codes("customer_transactions", "txid", "address"),
    *_codes("tags", "address"),
    *_codes("address_clusters", "address"),
    *_codes("transactions", "txid"),
    *_codes("token_transfers", "txid", "from_address", "to_address"),
    *_codes("items", "sha256", "sha1", "md5"),
    *_codes("hash_list_entries", "sha256", "sha1", "md5", "pdq"),
)
"""Every one of them; free text, such as memos and notes, is not among them, and no path of a file."""
