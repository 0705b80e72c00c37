"""What the rows of an application can be bound to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from headwater.schema import content_id, table_named

__all__ = ["TARGETS", "Target"]

# A message is counted and not kept: who wrote it, and when.
_MESSAGE = pa.schema(
    [
        ("message_count_id", pa.string()),
        *(
            (field.name, field.type)
            for field in table_named("logins").arrow
            if field.name not in {"login_id", "network_address", "device"}
        ),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A table that rows can be bound to.

    Attributes:
        table: The table of the schema.
        id_column: Its id.
        id_prefix: Prefix of that id.
        keyed: Whether the platform's own key makes the id; else table and row do.
        columns: For each column that can be bound, what kind of value it holds.
        required: Columns without which a row is a defect.
        told_by: Columns of which a row must have one to say anything at all; one that has none is ignored, and counted.
    """

    table: str
    id_column: str
    id_prefix: str
    keyed: bool
    columns: Mapping[str, str]
    required: tuple[str, ...]
    told_by: tuple[str, ...] = ()

    @property
    def schema(self) -> pa.Schema:
        """The columns of a bound row."""
        return _MESSAGE if self.table == "message_counts" else table_named(self.table).arrow

    def finished(self, rows: pa.Table) -> pa.Table:
        """The table of the schema that the bound rows make."""
        if self.table == "message_counts":
            return _message_counts(rows)
        return table_named(self.table).checked(rows.cast(self.schema))


TARGETS: Mapping[str, Target] = {
    "accounts": Target(
        table="accounts",
        id_column="account_id",
        id_prefix="acc",
        keyed=True,
        columns={
            "nickname": "text",
            "email": "text",
            "phone": "text",
            "pgp_fingerprint": "text",
            "role": "text",
            "registered_at_utc": "time",
            "last_seen_at_utc": "time",
        },
        required=("role",),
    ),
    "logins": Target(
        table="logins",
        id_column="login_id",
        id_prefix="lgn",
        keyed=False,
        columns={"account": "account", "at_utc": "time", "network_address": "address", "device": "text"},
        required=("account", "at_utc"),
    ),
    "uploads": Target(
        table="uploads",
        id_column="upload_id",
        id_prefix="upl",
        keyed=False,
        columns={
            "account": "account",
            "at_utc": "time",
            "media_path": "text",
            "media_sha256": "digest",
            "media_sha1": "digest",
            "media_md5": "digest",
            "network_address": "address",
        },
        required=("account", "at_utc"),
    ),
    "invoices": Target(
        table="invoices",
        id_column="invoice_id",
        id_prefix="inv",
        keyed=True,
        columns={
            "account": "account",
            "address": "text",
            "amount_sat": "coin",
            "amount_cents": "money",
            "currency": "text",
            "issued_at_utc": "time",
            "status": "text",
        },
        required=("account", "issued_at_utc", "status"),
    ),
    "payments": Target(
        table="payments",
        id_column="payment_id",
        id_prefix="pay",
        keyed=True,
        columns={
            "account": "account",
            "invoice": "invoice",
            "txid": "digest",
            "amount_sat": "coin",
            "amount_cents": "money",
            "currency": "text",
            "at_utc": "time",
            "status": "text",
        },
        required=("account", "at_utc"),
    ),
    "invoice_addresses": Target(
        table="invoice_addresses",
        id_column="invoice_address_id",
        id_prefix="iva",
        keyed=False,
        columns={"invoice": "invoice", "address": "text"},
        required=("invoice", "address"),
        told_by=("address",),
    ),
    "identifiers": Target(
        table="identifiers",
        id_column="identifier_id",
        id_prefix="idf",
        keyed=False,
        columns={"account": "account", "identifier_kind": "text", "value": "text", "at_utc": "time"},
        required=("account", "identifier_kind", "value"),
        told_by=("value",),
    ),
    "wallet_addresses": Target(
        table="account_addresses",
        id_column="account_address_id",
        id_prefix="aad",
        keyed=False,
        columns={"account": "account", "address": "text", "at_utc": "time"},
        required=("address",),
        told_by=("address",),
    ),
    "media_references": Target(
        table="media_references",
        id_column="media_reference_id",
        id_prefix="mrf",
        keyed=False,
        columns={
            "account": "account",
            "at_utc": "time",
            "media_path": "text",
            "media_sha256": "digest",
            "media_sha1": "digest",
            "media_md5": "digest",
        },
        required=(),
        told_by=("media_path", "media_sha256", "media_sha1", "media_md5"),
    ),
    "messages": Target(
        table="message_counts",
        id_column="message_count_id",
        id_prefix="msc",
        keyed=False,
        columns={"account": "account", "at_utc": "time"},
        required=("account",),
    ),
}


def _message_counts(rows: pa.Table) -> pa.Table:
    """How many messages each account has in each table, and when the first and the last was written."""
    keys = ["exhibit_id", "source_item_id", "source_table", "mapping_id", "account_id"]
    counted = rows.group_by(keys).aggregate([([], "count_all"), ("at_utc", "min"), ("at_utc", "max")])
    columns = {name: counted[name] for name in keys}
    columns |= {"messages": counted["count_all"].cast(pa.int64())}
    columns |= {"first_at_utc": counted["at_utc_min"], "last_at_utc": counted["at_utc_max"]}
    ids = (
        content_id("msc", *place)
        for place in zip(
            *(counted[name].to_pylist() for name in ("source_item_id", "source_table", "account_id")), strict=True
        )
    )
    columns["message_count_id"] = pa.array(list(ids), pa.string())
    return table_named("message_counts").columnar(columns)
