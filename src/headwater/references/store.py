"""Import a reference: read it once, write it as Parquet, seal it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from headwater.engine import Session, sync_folder, write_parquet
from headwater.errors import ConfigError, InputError, UnreadableInputError
from headwater.references.hash_lists import read_hash_list
from headwater.references.registers import (
    read_customer_return,
    read_customer_transactions,
    read_networks,
    read_records,
    read_services,
    read_tag_pack,
)
from headwater.references.rows import GoodRow, Reading
from headwater.schema import canonical_json, content_id, table_named

__all__ = ["KINDS", "Imported", "import_reference", "reference_files", "seal_digest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    read: Callable[[Path], Reading]
    table: str
    id_column: str
    id_prefix: str


KINDS: Mapping[str, _Kind] = {
    "hash-list": _Kind(read=read_hash_list, table="hash_list_entries", id_column="entry_id", id_prefix="hle"),
    "tag-pack": _Kind(read=read_tag_pack, table="tags", id_column="tag_id", id_prefix="tag"),
    "services": _Kind(read=read_services, table="services", id_column="service_id", id_prefix="svc"),
    "records": _Kind(read=read_records, table="records", id_column="record_id", id_prefix="rec"),
    "customers": _Kind(read=read_customer_return, table="customers", id_column="customer_id", id_prefix="cus"),
    "customer-transactions": _Kind(
        read=read_customer_transactions,
        table="customer_transactions",
        id_column="customer_transaction_id",
        id_prefix="ctx",
    ),
    "networks": _Kind(read=read_networks, table="networks", id_column="network_id", id_prefix="net"),
}
"""The kinds of reference, each with its reader and its table."""

POLARITIES = ("known-illegal", "known-benign")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import left behind.

    Attributes:
        folder: `references/NAME@VERSION`.
        rows: Rows imported.
        defects: Rows that were not understood.
        source_sha256: Digest of the file as it came.
        seal_sha256: Digest of the seal, for the custody log.
        tables: Name and digest of each Parquet file.
    """

    folder: Path
    rows: int
    defects: int
    source_sha256: str
    seal_sha256: str
    tables: Mapping[str, str]


def import_reference(
    case: Path,
    kind: str,
    path: Path,
    *,
    name: str,
    version: str,
    polarity: str | None = None,
    accept_defects: bool = False,
) -> Imported:
    """Read a reference, write its Parquet and its seal, and leave the case as it was if anything is wrong.

    Args:
        case: The case folder.
        kind: One of KINDS.
        path: The file as its author gave it.
        name: Name to keep it under.
        version: Version to keep it under; a name and version are imported once.
        polarity: For a hash list, whether its files are known-illegal or known-benign.
        accept_defects: Import the good rows although there are bad ones, which become `defects`.

    Raises:
        InputError: The file cannot be read, has a bad row, or this name and version are there already.
        ConfigError: The kind, name, version or polarity will not do.
    """
    _check_options(kind, name, version, polarity)
    folder = case / "references" / f"{name}@{version}"
    if folder.exists():
        raise InputError(folder.name, "imported already", remedy="give the new import another --version")
    if not path.is_file():
        raise InputError(path, "no such file", remedy="check the path")
    chosen = KINDS[kind]
    reading = chosen.read(path)
    reading.reject(chosen.table, _reason_against(case, chosen.table))
    if reading.bad_rows and not accept_defects:
        bad = reading.bad_rows[0]
        more = f" (and {len(reading.bad_rows) - 1} more)" if len(reading.bad_rows) > 1 else ""
        raise UnreadableInputError(
            path,
            f"row {bad.row}: {bad.reason}{more}",
            offset_bytes=bad.offset_bytes,
            remedy="correct the list, or import the good rows with --accept-defects",
        )
    source_sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    rows = reading.tables.get(chosen.table, [])
    if not rows:
        raise UnreadableInputError(path, "holds no row", remedy="check that the file and KIND belong together")
    tables = {chosen.table: _numbered(chosen, rows, name=name, version=version, polarity=polarity)}
    defects = [
        {
            "defect_id": content_id("dfc", name, version, bad.row, bad.reason),
            "reference_name": f"{name}@{version}",
            "path": path.name,
            "source_table": chosen.table,
            "offset_bytes": bad.offset_bytes,
            "code": "bad_reference_row",
            "reason": f"row {bad.row}: {bad.reason}",
        }
        for bad in reading.bad_rows
    ]
    if defects:
        tables["defects"] = table_named("defects").rows(defects)
    digests, seal = _write(folder, tables, kind=kind, polarity=polarity, source_sha256=source_sha256)
    return Imported(
        folder=folder,
        rows=len(rows),
        defects=len(defects),
        source_sha256=source_sha256,
        seal_sha256=seal,
        tables={f"{folder.name}/{table}.parquet": digest for table, digest in digests.items()},
    )


def _reason_against(case: Path, table: str) -> Callable[[Mapping[str, object]], str | None]:
    """From a row to why it cannot stand beside the rows that are there; None if it can.

    An actor or customer stated twice would be two rows of one id, and a transaction of a customer whom nobody returned
    would cite nothing: neither can be put right later, because an import is never taken back.
    """
    with Session(reference_files(case)) as session:
        services = set(session.arrow("services")["service_id"].to_pylist()) if table == "services" else set()
        customers = set(session.arrow("customers")["customer_id"].to_pylist())

    def reason(row: Mapping[str, object]) -> str | None:
        if table == "services":
            wanted = _service_id(row["actor"])
            if wanted in services:
                return f"actor {str(row['actor'])[:40]!r} is in the register already"
            services.add(wanted)
        if table == "customers":
            wanted = _customer_id(row["actor"], row["source_key"])
            if wanted in customers:
                return f"customer {str(row['source_key'])[:40]!r} of this service was returned already"
            customers.add(wanted)
        if table == "customer_transactions" and _customer_id(row["actor"], row["customer_key"]) not in customers:
            key = str(row["customer_key"])[:40]
            return f"customer {key!r} of this service is in no customer return; import that first"
        return None

    return reason


def _check_options(kind: str, name: str, version: str, polarity: str | None) -> None:
    if kind not in KINDS:
        raise ConfigError(f"reference kind '{kind}' is unknown; known are {', '.join(KINDS)}")
    for option, value in (("--name", name), ("--version", version)):
        if not _NAME.fullmatch(value):
            raise ConfigError(f"{option} '{value}': use letters, digits, '.', '_' and '-', at most 64")
    if kind == "hash-list" and polarity not in POLARITIES:
        # Reading a list of known-ignorable files as illegal would be a catastrophe: nothing is assumed.
        raise ConfigError(f"a hash list needs --polarity {' or '.join(POLARITIES)}; it cannot be told from the file")
    if kind != "hash-list" and polarity is not None:
        raise ConfigError("--polarity belongs to a hash list only")


def _numbered(kind: _Kind, rows: list[GoodRow], *, name: str, version: str, polarity: str | None) -> pa.Table:
    """The rows with their ids and the import they came from."""
    finished = []
    for number, row in enumerate(rows):
        full = row.values | {"reference_name": name, "reference_version": version, "reference_row": row.row}
        full[kind.id_column] = content_id(kind.id_prefix, name, version, number)
        if kind.table == "hash_list_entries":
            full["polarity"] = polarity
        if kind.table == "services":
            full[kind.id_column] = _service_id(full["actor"])
        if kind.table == "customers":
            full[kind.id_column] = _customer_id(full["actor"], full["source_key"])
        if kind.table == "customer_transactions":
            full["customer_id"] = _customer_id(full.pop("actor"), full.pop("customer_key"))
        finished.append(full)
    return table_named(kind.table).rows(finished)


def _service_id(actor: object) -> str:
    """The id of a service: the same in every register, so that tags find it by actor."""
    return content_id("svc", str(actor))


def _customer_id(actor: object, source_key: object) -> str:
    """The id of a service's customer, the same in the file of customers and in the file of transactions."""
    return content_id("cus", str(actor), str(source_key))


def _write(
    folder: Path, tables: Mapping[str, pa.Table], *, kind: str, polarity: str | None, source_sha256: str
) -> tuple[dict[str, str], str]:
    """Digest of each Parquet file, and of the seal over them; the folder appears whole or not at all."""
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    digests = {name: write_parquet(table, temporary / f"{name}.parquet") for name, table in sorted(tables.items())}
    seal = canonical_json(
        {"kind": kind, "polarity": polarity, "source_sha256": source_sha256, "tables": digests, "seal_version": 1}
    )
    with (temporary / "seal.json").open("xb") as file:
        file.write(seal)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(folder)
    sync_folder(folder.parent)
    return digests, hashlib.sha256(seal).hexdigest()


def seal_digest(folder: Path) -> str:
    """SHA-256 of a reference's seal as it lies on disk."""
    return hashlib.sha256((folder / "seal.json").read_bytes()).hexdigest()


def reference_files(case: Path) -> dict[str, list[Path]]:
    """For each table, the Parquet files of all imported references, in order of name."""
    files: dict[str, list[Path]] = {}
    root = case / "references"
    for folder in sorted(root.glob("[!.]*")) if root.is_dir() else ():
        for path in sorted(folder.glob("*.parquet")):
            files.setdefault(path.stem, []).append(path)
    return files
