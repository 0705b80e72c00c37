"""The wallet of a BTCPay Server, from the dump of its database: derivation schemes, addresses, invoices, payments.

Only the columns named here are looked at; the server keeps seeds and keys of hot wallets elsewhere, and none of those
columns is read. Its CSV export leaves out replaced payments and expired invoices, so it is the database that counts.

References:
    BTCPay Server, BTCPayServer.Data: Stores, Invoices, AddressInvoices, Payments, WalletObjects. NBXplorer, derivation
    schemes: `xpub`, `2-of-xpub-xpub`, and the endings `-[legacy]`, `-[p2sh]`, `-[taproot]`, `-[keeporder]`; in later
    versions a wallet policy too (BIP 388), whose `/**` is `/<0;1>/*`.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
from embit.descriptor.checksum import add_checksum

from headwater.engine import DescriptorUnusableError, key_material, watched_scripts
from headwater.evidence.cells import TableCells
from headwater.evidence.columnar import runs
from headwater.evidence.row_source import RowSource
from headwater.evidence.wallets import GAP_LIMIT, record_tables, script_address

__all__ = ["BtcPay"]

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "Stores": ("Id", "DerivationStrategies", "DerivationStrategy"),
    "Invoices": ("Id", "Created", "OrderId"),
    "AddressInvoices": ("Address", "InvoiceDataId"),
    "Payments": ("Id", "InvoiceDataId"),
    "WalletObjects": ("Type", "Id", "Data"),
}
"""What is read of each table; a column that a version of the server does not have is left out."""
_MARKS = {"Stores": "Id", "Invoices": "StoreDataId", "AddressInvoices": "InvoiceDataId"}
_TXID = re.compile(r"([0-9a-f]{64})(?:-\d+)?\Z")
_SCHEME = re.compile(
    r"(?:(\d{1,2})-of-)?((?:[xt]pub[1-9A-HJ-NP-Za-km-z]+)(?:-[xt]pub[1-9A-HJ-NP-Za-km-z]+)*)((?:-\[\w+\])*)"
)
_MAX_SCAN = 20_000  # addresses looked through for the last one that was handed out
_Cells = dict[str, str | None]


class BtcPay:
    """Rows of databases of BTCPay Server in an exhibit, as they come by.

    Args:
        exhibit_id: The exhibit.
    """

    def __init__(self, exhibit_id: str) -> None:
        self._exhibit_id = exhibit_id
        self._columns: dict[tuple[str, str], tuple[str, ...]] = {}
        self._rows: dict[str, dict[str, list[_Cells]]] = {}
        self._paths: dict[str, str] = {}

    def take(self, source: RowSource, batch: pa.RecordBatch) -> None:
        """Keeps what is looked at of the records of a source, if they are of such a server."""
        for kind, part in runs(batch, "record_kind"):
            if kind == "table":
                for record in part.to_pylist():
                    self._columns[source.item_id, _bare(record["table_name"])] = tuple(record["names"] or ())
            elif kind == "row":
                for name, of_table in runs(part, "table_name"):
                    self._keep(source, _bare(name), of_table)

    def _keep(self, source: RowSource, name: str, rows: pa.RecordBatch) -> None:
        columns = self._columns.get((source.item_id, name), ())
        wanted = [column for column in _COLUMNS.get(name, ()) if column in columns]
        if not wanted or _MARKS.get(name, wanted[0]) not in columns:
            return
        whole = rows.filter(pa.array([len(row) == len(columns) for row in rows["values"]]))
        cells = TableCells(columns, whole["values"])
        kept = [
            dict(zip(wanted, row, strict=True))
            for row in zip(*(cells.texts(c).to_pylist() for c in wanted), strict=True)
        ]
        self._rows.setdefault(source.item_id, {}).setdefault(name, []).extend(kept)
        self._paths[source.item_id] = source.path

    def tables(self) -> dict[str, pa.Table]:
        """The tables of a wallet; none where the tables are another application's.

        Several dumps in an exhibit are taken for one server at several times: what they have in common counts once.
        """
        whole: dict[str, dict[tuple[str | None, ...], _Cells]] = {}
        paths = []
        for item, found in sorted(self._rows.items()):
            if found.keys() >= _MARKS.keys():
                paths.append(self._paths[item])
                for name, rows in found.items():
                    whole.setdefault(name, {}).update({tuple(row.values()): row for row in rows})
        if not paths:
            return {}
        records = list(_records({name: list(rows.values()) for name, rows in whole.items()}))
        return record_tables(self._exhibit_id, records, path=min(paths))


def _bare(name: str) -> str:
    """The name of a table without its schema."""
    return name.rpartition(".")[2].strip('"')


def _record(kind: str, **told: object) -> dict[str, Any]:
    names = ("network", "descriptor", "is_change", "range_start", "range_end", "next_index", "created_at_utc")
    others = ("public_key", "address", "txid", "label", "record_type", "request_key", "amount_sat", "count")
    places = ("offset_bytes", "length_bytes", "code", "reason")
    return dict.fromkeys((*names, *others, *places)) | {"kind": kind, "wallet_format": "btcpay"} | told


def _records(found: Mapping[str, list[_Cells]]) -> Iterator[dict[str, Any]]:
    of_invoice: dict[str, list[str]] = {}
    known: set[str] = set()
    for row in found["AddressInvoices"]:
        address = _address_of(row)
        if address is not None:
            known.add(address)
            of_invoice.setdefault(row.get("InvoiceDataId") or "", []).append(address)
    network = next((name for name in map(_network, sorted(known)) if name is not None), None)
    for address in sorted(known):
        yield _record("address", address=address, network=network)
    yield from _schemes(found["Stores"], known, network)
    invoices = {row.get("Id") or "": row for row in found["Invoices"]}
    for key, row in sorted(invoices.items()):
        at = _instant(row.get("Created"))
        addresses: list[str | None] = [*sorted(set(of_invoice.get(key, ())))]
        for address in addresses or [None]:
            label, withheld = _label(row.get("OrderId"))
            yield _record(
                "request",
                record_type="payment_requests",
                request_key=key,
                address=address,
                created_at_utc=at,
                label=label,
            )
            yield from withheld
    yield from _transactions(found)


def _transactions(found: Mapping[str, list[_Cells]]) -> Iterator[dict[str, Any]]:
    labels: dict[str, str | None] = {}
    withheld: list[dict[str, Any]] = []
    for row in found.get("Payments", ()):
        if (txid := _TXID.match(row.get("Id") or "")) is not None:
            labels.setdefault(txid[1])
    for row in found.get("WalletObjects", ()):
        txid = _TXID.match(row.get("Id") or "") if row.get("Type") == "tx" else None
        if txid is not None:
            label, told = _label(_inside(row.get("Data"), "comment"))
            labels[txid[1]] = label or labels.get(txid[1])
            withheld += told
    for txid_text, label in sorted(labels.items()):
        yield _record("txid", txid=txid_text, label=label)
    yield from withheld


def _label(text: str | None) -> tuple[str | None, list[dict[str, Any]]]:
    """What a person wrote, unless it holds a key."""
    if not text or not key_material(text):
        return text or None, []
    reason = "a label may hold a private key or a seed; it is withheld"
    return None, [_record("defect", code="label_withheld", reason=reason)]


def _address_of(row: _Cells) -> str | None:
    """The address of a row; earlier versions write `address#BTC`, and other coins have other ends."""
    address, mark, coin = (row.get("Address") or "").partition("#")
    return address if _network(address) is not None and (not mark or coin.startswith("BTC")) else None


def _network(address: str) -> str | None:
    for start, name in (("bc1", "main"), ("tb1", "test"), ("bcrt1", "regtest"), ("1", "main"), ("3", "main")):
        if address.startswith(start):
            return name
    return "test" if address[:1] in {"m", "n", "2"} else None


def _instant(text: str | None) -> dt.datetime | None:
    """A time as PostgreSQL writes it, with its zone."""
    if not text:
        return None
    try:
        at = dt.datetime.fromisoformat(text)
        return at.astimezone(dt.UTC) if at.tzinfo is not None else None
    except (ValueError, OverflowError):  # no time, or one that lies outside of the calendar in UTC
        return None


def _inside(text: str | None, key: str) -> str | None:
    try:
        found = json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
    value = found.get(key) if isinstance(found, dict) else None
    return value if isinstance(value, str) else None


def _schemes(stores: list[_Cells], known: set[str], network: str | None) -> Iterator[dict[str, Any]]:
    told: set[str] = set()
    for row in stores:
        for scheme in _schemes_of(row):
            if scheme in told:
                continue
            told.add(scheme)
            made = _descriptors(scheme)
            if made is None:
                reason = "a derivation scheme of a form that is not read; its addresses are not derived"
                yield _record("defect", code="descriptor_unread", reason=reason)
                continue
            for is_change, text in enumerate(made):
                last = _last_found(text, known, network)
                yield _record(
                    "descriptor",
                    descriptor=add_checksum(text),
                    is_change=bool(is_change),
                    range_start=0,
                    range_end=last + 1 + GAP_LIMIT,
                    next_index=last + 1,
                    network=network,
                )


def _schemes_of(store: _Cells) -> Iterator[str]:
    """The schemes for Bitcoin of a store, as its version keeps them."""
    try:
        found = json.loads(store.get("DerivationStrategies") or "{}")
    except (ValueError, RecursionError):
        found = {}
    for coin, value in sorted(found.items()) if isinstance(found, dict) else ():
        scheme = value.get("accountDerivation") if isinstance(value, dict) else value
        if coin in {"BTC", "BTC-CHAIN", "BTC_BTCLike"} and isinstance(scheme, str):
            yield scheme
    if store.get("DerivationStrategy"):
        yield str(store["DerivationStrategy"])


def _descriptors(scheme: str) -> tuple[str, str] | None:
    """The descriptors of a scheme, to receive and for change; None for a form that is not known."""
    if (policy := _of_policy(scheme)) is not None:
        return policy
    form = _SCHEME.fullmatch(scheme)
    if form is None:
        return None
    endings = set(re.findall(r"\w+", form[3]))
    keys = form[2].split("-")
    if endings - {"legacy", "p2sh", "taproot", "keeporder"} or (form[1] is None and len(keys) > 1):
        return None

    def made(branch: int) -> str:
        parts = [f"{key}/{branch}/*" for key in keys]
        if form[1] is not None:
            order = "multi" if "keeporder" in endings else "sortedmulti"
            script = f"{order}({form[1]},{','.join(parts)})"
            return (
                f"sh({script})"
                if "legacy" in endings
                else f"sh(wsh({script}))"
                if "p2sh" in endings
                else f"wsh({script})"
            )
        [key] = parts
        if "legacy" in endings:
            return f"pkh({key})"
        if "taproot" in endings:
            return f"tr({key})"
        return f"sh(wpkh({key}))" if "p2sh" in endings else f"wpkh({key})"

    return made(0), made(1)


def _of_policy(scheme: str) -> tuple[str, str] | None:
    """The descriptors of a scheme that is a descriptor itself; None if it is none."""
    text = scheme.partition("#")[0].replace("/**", "/<0;1>/*")
    if "(" not in text or "/<0;1>/*" not in text:
        return None
    receive, change = (text.replace("/<0;1>/*", f"/{branch}/*") for branch in (0, 1))
    try:
        watched_scripts(receive)
    except DescriptorUnusableError:
        return None
    return receive, change


def _last_found(text: str, known: set[str], network: str | None) -> int:
    """The index of the last address of the descriptor that the server is known to have handed out; -1 for none."""
    last = -1
    if network is None:
        return last
    try:
        watched = watched_scripts(text)
        index = 0
        while index <= last + GAP_LIMIT and index < _MAX_SCAN:
            if any(script_address(script, network) in known for script in watched.at(index)):
                last = index
            index += 1
    except DescriptorUnusableError:
        return -1  # the tables of the wallet say that it gives no addresses
    return last
