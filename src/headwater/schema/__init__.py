"""Every table that stages hand to each other: columns, types, units, ids; no behaviour of any stage."""

from headwater.schema.canonical import canonical_json, content_id, content_ids, framed, item_id
from headwater.schema.evidence import EVIDENCE_TABLES
from headwater.schema.grades import GRADE_TABLES
from headwater.schema.identities import IDENTITY_TABLES
from headwater.schema.leads import LEAD_TABLES
from headwater.schema.media import MEDIA_TABLES, MEDIA_TRANSFORMS
from headwater.schema.money import MONEY_TABLES
from headwater.schema.other_coins import OTHER_COIN_TABLES
from headwater.schema.references import REFERENCE_TABLES
from headwater.schema.table import Column, SchemaMismatchError, Table
from headwater.schema.tokens import TOKEN_REFERENCE_TABLES, TOKEN_TABLES

__all__ = [
    "MEDIA_TRANSFORMS",
    "TABLES",
    "Column",
    "SchemaMismatchError",
    "Table",
    "canonical_json",
    "content_id",
    "content_ids",
    "framed",
    "item_id",
    "table_named",
]

TABLES: tuple[Table, ...] = (
    *REFERENCE_TABLES,
    *TOKEN_REFERENCE_TABLES,
    *EVIDENCE_TABLES,
    *OTHER_COIN_TABLES,
    *MEDIA_TABLES,
    *GRADE_TABLES,
    *MONEY_TABLES,
    *TOKEN_TABLES,
    *IDENTITY_TABLES,
    *LEAD_TABLES,
)
"""All tables, in the order of the flow."""

_BY_NAME = {table.name: table for table in TABLES}


def table_named(name: str) -> Table:
    """The table of that name.

    Raises:
        KeyError: There is none.
    """
    return _BY_NAME[name]
