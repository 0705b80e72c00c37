"""Tables of a wallet: what its sealed reader told, and the addresses that follow from its public keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
from embit.descriptor.checksum import add_checksum
from embit.networks import NETWORKS
from embit.script import Script

from headwater.engine import DescriptorUnusableError, watched_scripts
from headwater.schema import content_id, table_named

__all__ = ["GAP_LIMIT", "WALLET_TABLES", "record_tables", "script_address", "wallet_tables"]

WALLET_TABLES = ("wallet_descriptors", "wallet_addresses", "wallet_transactions", "wallet_requests", "defects")
"""The tables that a wallet's records become."""

GAP_LIMIT = 20  # source: BIP 44, "Address gap limit"
_INSTANT = pa.timestamp("us", tz="UTC")
_COMPRESSED = ("02", "03")


def wallet_tables(
    exhibit_id: str, batches: Iterable[pa.RecordBatch], *, path: str = "", gap_limit: int = GAP_LIMIT
) -> dict[str, pa.Table]:
    """The tables of `WALLET_TABLES`, from the records of one wallet.

    A public key that stands alone becomes the descriptors of the scripts that a wallet of keys watches for it.
    Addresses are derived only where the wallet tells its network.

    Args:
        exhibit_id: The wallet's exhibit.
        batches: Replies of the job `read_wallet`.
        path: The wallet on the exhibit; empty for the exhibit itself.
        gap_limit: Addresses to derive beyond the next that the wallet would hand out.
    """
    records = [
        row
        for batch in batches
        for row in batch.append_column("created_at_utc", batch["created_at_us"].cast(_INSTANT)).to_pylist()
    ]
    return record_tables(exhibit_id, records, path=path, gap_limit=gap_limit)


def record_tables(
    exhibit_id: str, records: Sequence[Mapping[str, Any]], *, path: str = "", gap_limit: int = GAP_LIMIT
) -> dict[str, pa.Table]:
    """The tables of `WALLET_TABLES`, from records with the columns of the job's reply and `created_at_utc`."""
    network = next((row["network"] for row in records if row["network"]), None)
    descriptors = {row["descriptor_id"]: row for row in _descriptors(exhibit_id, records)}
    addresses, told = _addresses(descriptors.values(), network, gap_limit)
    for row in _of_kind(records, "address"):
        _note_address(addresses, row)
    for row in _of_kind(records, "not_read"):
        reason = f"{row['count']} record(s) of type {row['record_type']} are left alone by rule"
        told.append({"code": "not_read_by_rule", "reason": reason})
    place = ("code", "reason", "offset_bytes", "length_bytes")
    told += [{name: row[name] for name in place} for row in _of_kind(records, "defect")]
    formats = {row["wallet_format"] for row in records}
    fixed = {"exhibit_id": exhibit_id, "wallet_format": formats.pop() if len(formats) == 1 else "unknown"}
    found = {
        "wallet_descriptors": descriptors.values(),
        "wallet_addresses": [fixed | row for row in addresses.values()],
        "wallet_transactions": [
            fixed | {"txid": row["txid"], "label": row["label"]} for row in _of_kind(records, "txid")
        ],
        "wallet_requests": [
            _request(exhibit_id, row, number) for number, row in enumerate(_of_kind(records, "request"))
        ],
        "defects": [_defect(exhibit_id, path, number, row) for number, row in enumerate(told)],
    }
    return {name: table_named(name).rows(rows) for name, rows in found.items()}


def _of_kind(records: Iterable[Mapping[str, Any]], kind: str) -> Iterator[Mapping[str, Any]]:
    return (row for row in records if row["kind"] == kind)


def _defect(exhibit_id: str, path: str, number: int, row: Mapping[str, Any]) -> dict[str, Any]:
    defect_id = content_id("dfc", exhibit_id, path, number, row["code"], row["reason"])
    return {"defect_id": defect_id, "exhibit_id": exhibit_id, "path": path, **row}


def _addresses(
    descriptors: Iterable[Mapping[str, Any]], network: str | None, gap_limit: int
) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """The addresses that follow from the descriptors, and what does not follow."""
    addresses: dict[str, dict[str, Any]] = {}
    told: list[dict[str, Any]] = []
    bare = 0
    for row in descriptors:
        if network is None:
            reason = "the wallet does not tell its network, so no address is derived from its keys here"
            return {}, [{"code": "network_unknown", "reason": reason}]
        try:
            for found in _derived(row, network, gap_limit):
                if found["address"] is None:
                    bare += 1
                else:
                    addresses.setdefault(found["address"], found)
        except DescriptorUnusableError as error:
            reason = f"descriptor {row['descriptor_id']}: {error}"
            told.append({"code": "descriptor_unread", "reason": reason})
    if bare:
        reason = f"{bare} derived script(s) have no address and are not listed; money is followed by script"
        told.append({"code": "script_without_address", "reason": reason})
    return addresses, told


def _descriptors(exhibit_id: str, records: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows of `wallet_descriptors`: as told, and for each public key that stands alone."""
    for row in records:
        if row["kind"] == "descriptor":
            ranges = {name: row[name] for name in ("range_start", "range_end", "next_index")}
            texts = [row["descriptor"]]
        elif row["kind"] == "public_key":
            ranges = {"range_start": 0, "range_end": 1, "next_index": 1}
            texts = [add_checksum(text) for text in _of_key(row["public_key"])]
        else:
            continue
        for text in texts:
            yield {
                "descriptor_id": content_id("dsc", exhibit_id, text),
                "exhibit_id": exhibit_id,
                "descriptor": text,
                "is_change": bool(row["is_change"]),
                **ranges,
                "created_at_utc": row["created_at_utc"],
            }


def _of_key(public_key: str) -> tuple[str, ...]:
    plain = (f"pk({public_key})", f"pkh({public_key})")
    # A key that is not compressed stands in no witness (BIP 143, "Restrictions on public key type").
    return (*plain, f"wpkh({public_key})", f"sh(wpkh({public_key}))") if public_key[:2] in _COMPRESSED else plain


def _derived(row: Mapping[str, Any], network: str, gap_limit: int) -> Iterator[dict[str, Any]]:
    """Rows of `wallet_addresses` for the scripts of a descriptor; the address is None where a script has none."""
    watched = watched_scripts(row["descriptor"])
    for branch in range(watched.branches):
        for index in range(row["next_index"] + gap_limit if watched.is_ranged else 1):
            for script in watched.at(index, branch):
                yield {
                    "address": script_address(script, network),
                    "origin": "derived",
                    "descriptor_id": row["descriptor_id"],
                    "address_index": index if watched.is_ranged else None,
                    "is_change": row["is_change"] or branch > 0,
                }


def script_address(script: bytes, network: str) -> str | None:
    """The address that stands for exactly this script; None where there is none, as for a bare key or multisig.

    Args:
        script: The script of an output.
        network: main, test, signet or regtest.
    """
    try:
        address: str = Script(script).address(NETWORKS[network])
    except ValueError:
        return None
    return address


def _note_address(addresses: dict[str, dict[str, Any]], row: Mapping[str, Any]) -> None:
    """Adds what the wallet says of an address to what is derived for it."""
    purpose = None if row["record_type"] == "label" else row["record_type"]
    origin = "labelled" if row["record_type"] is not None else "listed"
    kept = addresses.setdefault(row["address"], {"address": row["address"], "origin": origin})
    if kept.get("is_change") is None:
        kept["is_change"] = row["is_change"]
    kept["purpose"] = purpose or kept.get("purpose")
    kept["label"] = row["label"] or kept.get("label")


def _request(exhibit_id: str, row: Mapping[str, Any], number: int) -> dict[str, Any]:
    key = row["request_key"] or ""
    return {
        "wallet_request_id": content_id("wrq", exhibit_id, row["record_type"], key, number),
        "exhibit_id": exhibit_id,
        "request_kind": row["record_type"],
        "address": row["address"],
        "amount_sat": row["amount_sat"],
        "at_utc": row["created_at_utc"],
        "label": row["label"],
    }
