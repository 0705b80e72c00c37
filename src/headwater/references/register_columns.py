"""The columns of each register: what a file must have, and what it may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from headwater.errors import ConfigError
from headwater.schema import table_named

__all__ = [
    "EXPORTS",
    "FURTHER_OF_PERSON",
    "REGISTER_COLUMNS",
    "RegisterColumns",
    "column_words",
    "map_text",
    "template_text",
]

FURTHER_OF_PERSON = (
    "given_name",
    "surname",
    "date_of_birth",
    "street_address",
    "suburb",
    "postcode",
    "country",
    "phone",
    "email",
)
"""What a row of a person may hold beside the full name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterColumns:
    """What the file of a register holds.

    Attributes:
        table: The table it becomes.
        required: Columns without which it is not that file.
        optional: Columns that are read where they are there.
    """

    table: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        """All of them, in the order of a template."""
        return (*self.required, *self.optional)


REGISTER_COLUMNS: Mapping[str, RegisterColumns] = {
    "services": RegisterColumns(
        table="services",
        required=("actor", "name", "kind", "country", "legal_contact", "custodial"),
        optional=("records_held", "retention_days", "valid_from", "source"),
    ),
    "records": RegisterColumns(
        table="records",
        required=("source_key", "full_name", "convicted"),
        optional=(*FURTHER_OF_PERSON, "nickname"),
    ),
    "customers": RegisterColumns(
        table="customers", required=("actor", "source_key", "full_name"), optional=FURTHER_OF_PERSON
    ),
    "record-identifiers": RegisterColumns(
        table="record_identifiers", required=("source_key", "identifier_kind", "value"), optional=("register", "at_utc")
    ),
    "customer-identifiers": RegisterColumns(
        table="customer_identifiers", required=("actor", "source_key", "identifier_kind", "value"), optional=("at_utc",)
    ),
    "customer-transactions": RegisterColumns(
        table="customer_transactions",
        required=("actor", "source_key", "direction", "txid", "address", "amount_sat", "at_utc"),
        optional=("output_index",),
    ),
    "networks": RegisterColumns(table="networks", required=("cidr", "kind"), optional=("country", "holder")),
    "outcomes": RegisterColumns(
        table="outcomes", required=("lead_id", "outcome", "reported_on", "reported_by"), optional=("note",)
    ),
    "data-subjects": RegisterColumns(
        table="data_subjects", required=("lead_id", "category", "stated_on", "stated_by", "reason")
    ),
    "retention": RegisterColumns(
        table="retention_clocks",
        required=("holder_kind", "country", "retention_days", "source"),
        optional=("holder",),
    ),
    "known-pairs": RegisterColumns(
        table="known_pairs",
        required=("claim", "answer", "source"),
        optional=(
            *(f"left_{name}" for name in ("key", "actor", "full_name", *FURTHER_OF_PERSON, "nickname")),
            "left_registered_at_utc",
            *(f"right_{name}" for name in ("full_name", *FURTHER_OF_PERSON, "nickname")),
        ),
    ),
    "prices": RegisterColumns(table="prices", required=("day", "currency", "price_minor", "source")),
    "token-transfers": RegisterColumns(
        table="token_transfers",
        required=(
            "chain",
            "token_contract",
            "decimals",
            "txid",
            "block_number",
            "at_utc",
            "from_address",
            "to_address",
        ),
        optional=(
            "token_symbol",
            "amount_units",
            "amount",
            "position",
            "kind",
            "fee_units",
            "fee",
            "status",
            "from_is_contract",
            "to_is_contract",
        ),
    ),
    "token-coverage": RegisterColumns(
        table="token_coverage",
        required=("chain", "last_block", "source"),
        optional=("token_contract", "address", "first_block"),
    ),
    "platform-accounts": RegisterColumns(
        table="platform_accounts",
        required=("chain", "address", "source"),
        optional=("account_key", "invoice_key"),
    ),
    "token-issuers": RegisterColumns(
        table="token_issuers",
        required=("chain", "token_contract", "token_symbol", "issuer", "can_freeze", "can_destroy", "source", "as_of"),
    ),
    "issuer-events": RegisterColumns(
        table="issuer_events",
        required=("chain", "token_contract", "address", "event", "block_number", "at_utc", "source"),
        optional=("amount_units", "txid", "position"),
    ),
}
"""By kind of reference; the other kinds have formats of their own."""

EXPORTS: Mapping[str, tuple[str, ...]] = {
    "token-transfers": ("etherscan-erc20", "etherscan-ether", "tronscan-trc20"),
}
"""By kind of reference, exports of others that a column map is ready for."""

# Columns of a file that its table does not have under that name: the row's id is made of them.
_IN_FILES_ONLY = {
    ("record-identifiers", "source_key"): "The register's own number for the row about that person",
    ("record-identifiers", "register"): "Name under which the register was imported, where two have that number",
    ("customer-identifiers", "actor"): "The service that returned it",
    ("customer-identifiers", "source_key"): "The service's customer number",
    ("customer-transactions", "actor"): "The service that returned it",
    ("customer-transactions", "source_key"): "The service's customer number",
    ("token-transfers", "amount"): "Whole tokens with a decimal point, in place of `amount_units`",
    ("token-transfers", "fee"): "The fee in whole tokens with a decimal point, in place of `fee_units`",
    ("token-transfers", "status"): "failed: nothing moved but the fee; empty or ok otherwise",
}


def column_words(kind: str, name: str) -> str:
    """What a column of a register holds, for a person who fills it in."""
    words = {column.name: column.about for column in table_named(REGISTER_COLUMNS[kind].table).columns}
    return _IN_FILES_ONLY.get((kind, name)) or words[name]


def template_text(kind: str) -> str:
    r"""A file of that kind with its header and no row: an example in it would one day be taken for true.

    >>> template_text("networks")
    'cidr,kind,country,holder\n'
    """
    return ",".join(REGISTER_COLUMNS[kind].known) + "\n"


def map_text(kind: str, export: str) -> str:
    """The column map that is ready for an export, to be compared with the header of the file and completed.

    Raises:
        ConfigError: There is none.

    >>> map_text("token-transfers", "tronscan-trc20").splitlines()[-1]
    '  amount: {column: Amount/TokenID, thousands: ","}'
    """
    if export not in EXPORTS.get(kind, ()):
        known = ", ".join(f"{name} for {of}" for of, names in EXPORTS.items() for name in names)
        raise ConfigError(f"there is no column map of '{export}' for {kind}; there are {known}")
    return files("headwater.references").joinpath("maps", f"{export}.yaml").read_text("utf-8")
