"""The identifiers that a case holds, typed and normalised, and the rows that hold them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.identities import IDENTIFIER_FORMS, typed_identifier

__all__ = ["DEFAULT_KINDS", "KINDS", "Held", "Holder", "held_identifiers", "holders_of"]

KINDS = tuple(IDENTIFIER_FORMS)
"""What identifiers may be compared."""

DEFAULT_KINDS = tuple(kind for kind in KINDS if kind != "network-address")
"""What is compared unless it is asked otherwise: a network address is shared by strangers, so it is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """A column that holds identifiers.

    Attributes:
        table: The table.
        row_id: Its key.
        column: The column.
        kind: What it holds; None where `identifier_kind` says so row by row.
        account: Column with the account concerned, if there is one.
        country: Column with the country of the row, if there is one.
        where: Column and the values of it that count, where not every row does.
        of_records: Whether it is of people on record, which are compared on request only.
    """

    table: str
    row_id: str
    column: str
    kind: str | None
    account: str | None = None
    country: str | None = None
    where: tuple[str, tuple[str, ...]] | None = None
    of_records: bool = False


_NAMED_KINDS = {
    "email": "email",
    "phone": "phone",
    "nickname": "nickname",
    "pgp_fingerprint": "pgp",
    "wallet_address": "wallet",
    "iban": "iban",
    "network_address": "network-address",
}
"""From `identifier_kind` of a table to the kind compared; others (a device, a card) differ from holder to holder."""

_SOURCES = (
    *(
        _Source(table="accounts", row_id="account_id", column=column, kind=_NAMED_KINDS[column], account="account_id")
        for column in ("email", "phone", "nickname", "pgp_fingerprint")
    ),
    _Source(table="identifiers", row_id="identifier_id", column="value", kind=None, account="account_id"),
    _Source(
        table="account_addresses", row_id="account_address_id", column="address", kind="wallet", account="account_id"
    ),
    _Source(table="payments", row_id="payment_id", column="txid", kind="txid", account="account_id"),
    _Source(
        table="items",
        row_id="item_id",
        column="sha256",
        kind="media-sha256",
        where=("content_kind", ("still", "video")),
    ),
    _Source(table="uploads", row_id="upload_id", column="media_sha256", kind="media-sha256", account="account_id"),
    _Source(table="logins", row_id="login_id", column="network_address", kind="network-address", account="account_id"),
    _Source(
        table="uploads", row_id="upload_id", column="network_address", kind="network-address", account="account_id"
    ),
    *(
        _Source(table="customers", row_id="customer_id", column=column, kind=column, country="country")
        for column in ("email", "phone")
    ),
    _Source(table="customer_identifiers", row_id="customer_identifier_id", column="value", kind=None),
    _Source(table="customer_transactions", row_id="customer_transaction_id", column="txid", kind="txid"),
    _Source(table="customer_transactions", row_id="customer_transaction_id", column="address", kind="wallet"),
    *(
        _Source(table="records", row_id="record_id", column=column, kind=column, country="country", of_records=True)
        for column in ("email", "phone", "nickname")
    ),
    _Source(table="record_identifiers", row_id="record_identifier_id", column="value", kind=None, of_records=True),
)
_COLUMNS = ("row_id", "text", "kind", "country", "account_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a case holds.

    Attributes:
        identifiers: Distinct, sorted.
        left_out: For each kind, distinct texts that have no form in which they could be compared.
    """

    identifiers: list[str]
    left_out: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A row that holds an identifier.

    Attributes:
        identifier: Typed and normalised.
        table: The table.
        row_id: Its row.
        account_id: The account concerned, if one is.
    """

    identifier: str
    table: str
    row_id: str
    account_id: str | None


def held_identifiers(tables: Session, kinds: Collection[str], *, with_records: bool) -> Held:
    """The identifiers of these kinds that the case holds.

    Args:
        tables: The case's tables.
        kinds: Of `KINDS`.
        with_records: Also those of people on record.
    """
    found: set[str] = set()
    left_out: Counter[str] = Counter()
    for source in _sources(kinds, with_records=with_records):
        rows = _rows(tables, source)
        for text, country, kind in _distinct(rows):
            named = _kind_of(source, kind)
            if named is None or named not in kinds:
                continue
            identifier = typed_identifier(named, text, country)
            if identifier is None:
                left_out[named] += 1
            else:
                found.add(identifier)
    return Held(identifiers=sorted(found), left_out=dict(sorted(left_out.items())))


def holders_of(tables: Session, wanted: Collection[str]) -> list[Holder]:
    """The rows that hold these identifiers, people on record among them, by identifier, table and row."""
    kinds = {identifier.partition(":")[0] for identifier in wanted}
    holders = set()
    for source in _sources(kinds, with_records=True):
        rows = _rows(tables, source)
        texts = {
            (text, country, kind): identifier
            for text, country, kind in _distinct(rows)
            if _kind_of(source, kind) in kinds
            and (identifier := typed_identifier(str(_kind_of(source, kind)), text, country)) in wanted
        }
        if not texts:
            continue
        chosen = rows.filter(pc.is_in(rows["text"], value_set=pa.array({text for text, _, _ in texts}, pa.string())))
        for row in chosen.to_pylist():
            identifier = texts.get((row["text"], row["country"], row["kind"]))
            if identifier is not None:
                holders.add((identifier, source.table, row["row_id"], row["account_id"] or ""))
    return [
        Holder(identifier=identifier, table=table, row_id=row_id, account_id=account or None)
        for identifier, table, row_id, account in sorted(holders)
    ]


def _sources(kinds: Collection[str], *, with_records: bool) -> Iterator[_Source]:
    for source in _SOURCES:
        if (source.kind is None or source.kind in kinds) and (with_records or not source.of_records):
            yield source


def _kind_of(source: _Source, named: str | None) -> str | None:
    return source.kind if source.kind is not None else _NAMED_KINDS.get(named or "")


def _rows(tables: Session, source: _Source) -> pa.Table:
    """The rows that hold something: row_id, text, kind, country, account_id."""
    wanted = {"row_id": source.row_id, "text": source.column}
    if source.kind is None:
        wanted["kind"] = "identifier_kind"
    if source.country is not None:
        wanted["country"] = source.country
    if source.account is not None:
        wanted["account_id"] = source.account
    counting = () if source.where is None else (source.where[0],)
    read = tables.columns(source.table, sorted({*wanted.values(), *counting}))
    if source.where is not None:
        read = read.filter(pc.is_in(read[source.where[0]], value_set=pa.array(source.where[1])))
    columns = {name: read[wanted[name]] if name in wanted else pa.nulls(len(read), pa.string()) for name in _COLUMNS}
    rows = pa.table(columns)
    return rows.filter(pc.is_valid(rows["text"]))


def _distinct(rows: pa.Table) -> Iterable[tuple[str, str | None, str | None]]:
    """What was written, each with its country and kind, once."""
    once = rows.group_by(["text", "country", "kind"]).aggregate([])
    return zip(once["text"].to_pylist(), once["country"].to_pylist(), once["kind"].to_pylist(), strict=True)
