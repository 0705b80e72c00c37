"""Outside knowledge, imported once and sealed: hash lists, tag packs, registers, records, customer returns, prices."""

from headwater.references.account_addresses import (
    CHAINS,
    NATIVE,
    account_address,
    account_of_public_key,
    chain_named,
)
from headwater.references.column_map import ColumnMap, read_column_map
from headwater.references.identifier_rows import iban_country
from headwater.references.register_columns import REGISTER_COLUMNS, column_words, map_text, template_text
from headwater.references.registers import OUTCOMES
from headwater.references.rows import BadRowError
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
    "CHAINS",
    "HASH_LIST",
    "KINDS",
    "NATIVE",
    "OUTCOMES",
    "POLARITIES",
    "REGISTER_COLUMNS",
    "BadRowError",
    "ColumnMap",
    "Imported",
    "account_address",
    "account_of_public_key",
    "chain_named",
    "column_words",
    "iban_country",
    "import_reference",
    "is_outdated",
    "map_text",
    "read_column_map",
    "reference_files",
    "reference_rows",
    "seal_digest",
    "template_text",
]
