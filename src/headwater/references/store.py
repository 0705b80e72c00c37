"""Import a reference: read it once, write it as Parquet, seal it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from headwater.engine import Progress, file_sha256, silent, sync_folder, write_parquet
from headwater.errors import ConfigError, InputError
from headwater.references.column_map import ColumnMap
from headwater.references.identifier_rows import read_customer_identifiers, read_record_identifiers
from headwater.references.known_pair_rows import read_known_pairs
from headwater.references.list_entries import Source
from headwater.references.list_plain import PLAIN_MEANINGS
from headwater.references.list_store import WrittenList, write_list
from headwater.references.network_database import WrittenDatabase, write_network_database
from headwater.references.registers import (
    read_actor_pack,
    read_customer_return,
    read_customer_transactions,
    read_data_subjects,
    read_networks,
    read_outcomes,
    read_prices,
    read_records,
    read_retention,
    read_services,
    read_tag_pack,
)
from headwater.references.rows import GoodRow, Reading, defect_of, no_row, refused_for
from headwater.references.rows_there import OF_CUSTOMERS, RowsThere, customer_id, service_id
from headwater.references.token_registers import (
    read_issuer_events,
    read_platform_accounts,
    read_token_coverage,
    read_token_issuers,
    read_token_transfers,
)
from headwater.schema import canonical_json, content_id, table_named

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    # None: it has a writer of its own. Otherwise it takes a path and, where the kind has columns, a map of them.
    read: Callable[..., Reading] | None
    table: str
    id_column: str
    id_prefix: str


KINDS: Mapping[str, _Kind] = {
    "hash-list": _Kind(read=None, table="hash_list_entries", id_column="entry_id", id_prefix="hle"),
    "tag-pack": _Kind(read=read_tag_pack, table="tags", id_column="tag_id", id_prefix="tag"),
    "actor-pack": _Kind(read=read_actor_pack, table="actors", id_column="actor_id", id_prefix="act"),
    "services": _Kind(read=read_services, table="services", id_column="service_id", id_prefix="svc"),
    "records": _Kind(read=read_records, table="records", id_column="record_id", id_prefix="rec"),
    "customers": _Kind(read=read_customer_return, table="customers", id_column="customer_id", id_prefix="cus"),
    "record-identifiers": _Kind(
        read=read_record_identifiers,
        table="record_identifiers",
        id_column="record_identifier_id",
        id_prefix="rid",
    ),
    "customer-identifiers": _Kind(
        read=read_customer_identifiers,
        table="customer_identifiers",
        id_column="customer_identifier_id",
        id_prefix="cid",
    ),
    "customer-transactions": _Kind(
        read=read_customer_transactions,
        table="customer_transactions",
        id_column="customer_transaction_id",
        id_prefix="ctx",
    ),
    "networks": _Kind(read=read_networks, table="networks", id_column="network_id", id_prefix="net"),
    "network-database": _Kind(read=None, table="network_ranges", id_column="network_range_id", id_prefix="nrg"),
    "outcomes": _Kind(read=read_outcomes, table="outcomes", id_column="outcome_id", id_prefix="otc"),
    "data-subjects": _Kind(
        read=read_data_subjects, table="data_subjects", id_column="data_subject_id", id_prefix="dsb"
    ),
    "retention": _Kind(read=read_retention, table="retention_clocks", id_column="retention_id", id_prefix="rtn"),
    "known-pairs": _Kind(read=read_known_pairs, table="known_pairs", id_column="known_pair_id", id_prefix="knp"),
    "prices": _Kind(read=read_prices, table="prices", id_column="price_id", id_prefix="prc"),
    "token-transfers": _Kind(
        read=read_token_transfers, table="token_transfers", id_column="transfer_id", id_prefix="ttx"
    ),
    "token-coverage": _Kind(read=read_token_coverage, table="token_coverage", id_column="coverage_id", id_prefix="tcv"),
    "platform-accounts": _Kind(
        read=read_platform_accounts, table="platform_accounts", id_column="platform_account_id", id_prefix="pac"
    ),
    "token-issuers": _Kind(read=read_token_issuers, table="token_issuers", id_column="issuer_row_id", id_prefix="iss"),
    "issuer-events": _Kind(
        read=read_issuer_events, table="issuer_events", id_column="issuer_event_id", id_prefix="ise"
    ),
}
"""The kinds of reference, each with its reader and its table."""

HASH_LIST = "hash-list"
_NETWORK_DATABASE = "network-database"

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
        format_name: Which of the formats of hash lists it has; None for another kind.
        deletions: Files that the list takes off itself.
        withdrawn: Rows that were left out because the list takes their file off itself.
        further_keys: For each key of the list that was not understood, how many listed files have it.
        notes: What the operator should know of the list as a whole.
    """

    folder: Path
    rows: int
    defects: int
    source_sha256: str
    seal_sha256: str
    tables: Mapping[str, str]
    format_name: str | None = None
    deletions: int = 0
    withdrawn: int = 0
    further_keys: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def import_reference(
    case: Path,
    kind: str,
    path: Path,
    *,
    name: str,
    version: str,
    polarity: str | None = None,
    accept_defects: bool = False,
    plain: str | None = None,
    columns: ColumnMap | None = None,
    progress: Progress = silent,
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
        plain: For a plain list of digests, what its lines of 64 digits are: sha256 or pdq.
        columns: How the columns of the file become ours; the seal keeps it.
        progress: Told of bytes read.

    Raises:
        InputError: The file cannot be read, has a bad row, or this name and version are there already.
        ConfigError: The kind, name, version or polarity will not do.
    """
    _check_options(kind, name, version, polarity, plain)
    folder = case / "references" / f"{name}@{version}"
    if folder.exists():
        raise InputError(folder.name, "imported already", remedy="give the new import another --version")
    if not path.is_file():
        raise InputError(path, "no such file", remedy="check the path")
    chosen = KINDS[kind]
    if kind == _NETWORK_DATABASE:
        return _import_database(folder, path, name, version, accept_defects=accept_defects)
    if chosen.read is None:
        return _import_list(folder, path, name, version, str(polarity), plain, progress, accept_defects=accept_defects)
    reading = chosen.read(path) if columns is None else chosen.read(path, columns)
    there = RowsThere(reference_files(case))
    reading.reject(chosen.table, lambda row: there.reason_against(chosen.table, row))
    if reading.bad_rows and not accept_defects:
        raise refused_for(path, reading.bad_rows[0], len(reading.bad_rows))
    source_sha256 = file_sha256(path)
    rows = reading.tables.get(chosen.table, [])
    if not rows:
        raise no_row(path)
    tables = {chosen.table: _numbered(chosen, rows, there, name=name, version=version)}
    if reading.bad_rows:
        tables["defects"] = table_named("defects").rows(
            defect_of(bad, name, version, path, chosen.table) for bad in reading.bad_rows
        )

    def write(temporary: Path) -> dict[str, str]:
        return {name: write_parquet(table, temporary / f"{name}.parquet") for name, table in sorted(tables.items())}

    seal: dict[str, object] = {
        "kind": kind,
        "polarity": None,
        "format": None,
        "source_sha256": source_sha256,
        "seal_version": 2,
    }
    if columns is not None:
        seal["columns"] = columns.text
    digests, seal_sha256, _ = _sealed(folder, lambda temporary: (write(temporary), None), seal)
    return Imported(
        folder=folder,
        rows=len(rows),
        defects=len(reading.bad_rows),
        source_sha256=source_sha256,
        seal_sha256=seal_sha256,
        tables=_placed(folder, digests),
    )


def _import_list(
    folder: Path,
    path: Path,
    name: str,
    version: str,
    polarity: str,
    plain: str | None,
    progress: Progress,
    *,
    accept_defects: bool,
) -> Imported:
    """Import a hash list row by row: nothing of it is held whole."""
    source = Source(path=path, polarity=polarity, plain=plain)

    def write(temporary: Path) -> tuple[dict[str, str], WrittenList]:
        written = write_list(
            temporary, source, name=name, version=version, accept_defects=accept_defects, progress=progress
        )
        seal.update({"source_sha256": written.source_sha256, "format": written.format_name})
        return dict(written.digests), written

    seal: dict[str, object] = {"kind": HASH_LIST, "polarity": polarity, "seal_version": 2}
    digests, seal_sha256, written = _sealed(folder, write, seal)
    return Imported(
        folder=folder,
        rows=written.rows,
        defects=written.defects,
        source_sha256=written.source_sha256,
        seal_sha256=seal_sha256,
        tables=_placed(folder, digests),
        format_name=written.format_name,
        deletions=written.deletions,
        withdrawn=written.withdrawn,
        further_keys=source.keys.rows,
        notes=tuple(source.notes),
    )


def _import_database(folder: Path, path: Path, name: str, version: str, *, accept_defects: bool) -> Imported:
    """Import a database of network addresses: a tree, read whole and written range by range."""

    def write(temporary: Path) -> tuple[dict[str, str], WrittenDatabase]:
        written = write_network_database(temporary, path, name=name, version=version, accept_defects=accept_defects)
        return dict(written.tables), written

    source_sha256 = file_sha256(path)
    seal: dict[str, object] = {
        "kind": _NETWORK_DATABASE,
        "polarity": None,
        "format": None,
        "source_sha256": source_sha256,
        "seal_version": 2,
    }
    digests, seal_sha256, written = _sealed(folder, write, seal)
    return Imported(
        folder=folder,
        rows=written.rows,
        defects=written.bad,
        source_sha256=source_sha256,
        seal_sha256=seal_sha256,
        tables=_placed(folder, digests),
        notes=(written.note,),
    )


def _placed(folder: Path, digests: Mapping[str, str]) -> dict[str, str]:
    return {f"{folder.name}/{table}.parquet": digest for table, digest in digests.items()}


def _check_options(kind: str, name: str, version: str, polarity: str | None, plain: str | None) -> None:
    if kind not in KINDS:
        raise ConfigError(f"reference kind '{kind}' is unknown; known are {', '.join(KINDS)}")
    for option, value in (("--name", name), ("--version", version)):
        if not _NAME.fullmatch(value):
            raise ConfigError(f"{option} '{value}': use letters, digits, '.', '_' and '-', at most 64")
    if plain is not None and (kind != HASH_LIST or plain not in PLAIN_MEANINGS):
        raise ConfigError(f"--plain is for hash lists, and {' or '.join(PLAIN_MEANINGS)}; not '{plain}'")
    if kind == HASH_LIST and polarity not in POLARITIES:
        # Reading a list of known-ignorable files as illegal would be a catastrophe: nothing is assumed.
        raise ConfigError(f"a hash list needs --polarity {' or '.join(POLARITIES)}; it cannot be told from the file")
    if kind != HASH_LIST and polarity is not None:
        raise ConfigError("--polarity belongs to a hash list only")


def _numbered(kind: _Kind, rows: list[GoodRow], there: RowsThere, *, name: str, version: str) -> pa.Table:
    """The rows with their ids and the import they came from."""
    finished = []
    for number, row in enumerate(rows):
        full = row.values | {"reference_name": name, "reference_version": version, "reference_row": row.row}
        full[kind.id_column] = content_id(kind.id_prefix, name, version, number)
        if kind.table == "services":
            full[kind.id_column] = service_id(full["actor"])
        if kind.table == "customers":
            full[kind.id_column] = customer_id(full["actor"], full["source_key"])
        if kind.table in OF_CUSTOMERS:
            full["customer_id"] = customer_id(full.pop("actor"), full.pop("customer_key"))
        if kind.table == "record_identifiers":
            [full["record_id"]] = there.record_ids(full.pop("register"), full.pop("source_key"))
        finished.append(full)
    return table_named(kind.table).rows(finished)


_Result = TypeVar("_Result")


def _sealed(
    folder: Path, write: Callable[[Path], tuple[dict[str, str], _Result]], seal: dict[str, object]
) -> tuple[dict[str, str], str, _Result]:
    """Digest of each Parquet file and of the seal, and what the writer says; the folder appears whole or not at all.

    Args:
        folder: What it will be called.
        write: Writes the tables into the folder it is given; their digests, and what it has to say.
        seal: What the seal says beside their digests.
    """
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    made = not folder.parent.exists()
    temporary.mkdir(parents=True)
    try:
        digests, result = write(temporary)
        content = canonical_json({**seal, "tables": digests})  # type: ignore[dict-item]  # texts and numbers only
        with (temporary / "seal.json").open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        if made:
            folder.parent.rmdir()
        raise
    sync_folder(folder.parent)
    return digests, hashlib.sha256(content).hexdigest(), result


def reference_rows(folder: Path, kind: str) -> int:
    """How many rows a reference has."""
    return int(pq.read_metadata(folder / f"{KINDS[kind].table}.parquet").num_rows)


def is_outdated(folder: Path) -> bool:
    """Whether a hash list was written by a version of headwater whose table had other columns."""
    table = table_named(KINDS[HASH_LIST].table)
    path = folder / f"{table.name}.parquet"
    if not path.is_file():
        return False  # gone, which `check_references` says better
    return (pq.read_schema(path).metadata or {}).get(b"headwater.version") != str(table.version).encode()


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
