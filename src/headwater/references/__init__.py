"""Outside knowledge, imported once and sealed: hash lists, tag packs, registers, records, customer returns."""

from headwater.references.store import (
    HASH_LIST,
    KINDS,
    POLARITIES,
    Imported,
    import_reference,
    is_outdated,
    reference_files,
    reference_rows,
    seal_digest,
)

__all__ = [
    "HASH_LIST",
    "KINDS",
    "POLARITIES",
    "Imported",
    "import_reference",
    "is_outdated",
    "reference_files",
    "reference_rows",
    "seal_digest",
]
