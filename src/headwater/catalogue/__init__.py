"""Every item: path, size, digests, kind by content; and the ledger that adds up."""

from headwater.catalogue.content import MEDIA_KINDS, content_kind
from headwater.catalogue.inventory import catalogue_entries
from headwater.catalogue.ledger import LedgerSum, ledger_sums, unaccounted

__all__ = [
    "MEDIA_KINDS",
    "LedgerSum",
    "catalogue_entries",
    "content_kind",
    "ledger_sums",
    "unaccounted",
]
