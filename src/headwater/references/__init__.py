"""Outside knowledge, imported once and sealed: hash lists, tag packs, registers, records, customer returns."""

from headwater.references.store import KINDS, Imported, import_reference, reference_files, seal_digest

__all__ = ["KINDS", "Imported", "import_reference", "reference_files", "seal_digest"]
