"""Exhibits of the kind `monero`: what the agency's own node has printed, looked through with a seized view key.

The exhibit is a folder: the wallet's primary address in a file whose name ends in `address.txt`, as Monero's own
wallet names it, and answers of the node in JSON. The private view key is no part of it. It is handed over as an open
file, goes to the sealed child unread, and is kept nowhere; the address in the exhibit says which key is the right one,
so that the same exhibit gives the same rows whoever hands the key over.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.engine import Exhibit, StageContext
from headwater.errors import ConfigError, InputError
from headwater.evidence.folders import listing, shown
from headwater.evidence.gather import Gathered
from headwater.evidence.sealed import SealedPool, SealedWorkerError
from headwater.schema import content_id, item_id

__all__ = ["MONERO_KIND", "MONERO_TABLES", "check_monero", "read_monero"]

MONERO_KIND = "monero"
MONERO_TABLES = ("monero_scans", "monero_receipts")
"""The tables that such an exhibit becomes."""

_ADDRESS_SUFFIX = b"address.txt"
_GROUP_FILES = 64
_LOOKED_FOR = ("monero_accounts", "monero_subaddresses")
_SAME = ("output_key", "amount_piconero", "address", "commitment_ok")
_COLUMNS = frozenset(
    {
        "txid",
        "output_index",
        "output_key",
        "block_height",
        "is_coinbase",
        "unlock_time",
        "address",
        "account_index",
        "subaddress_index",
        "payment_id",
        "amount_piconero",
        "commitment_ok",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Folder:
    """The files of such an exhibit: paths within it, as bytes."""

    address: bytes
    printed: tuple[bytes, ...]


def _folder(path: Path) -> _Folder:
    if not path.is_dir():
        raise InputError(
            path,
            "it is no folder",
            remedy="put the node's answers and the wallet's address file into one folder, and add that",
        )
    files = [entry.path_bytes for entry in listing(path) if entry.entry_type == "file"]
    addresses = [name for name in files if name.endswith(_ADDRESS_SUFFIX)]
    printed = tuple(name for name in files if not name.endswith(_ADDRESS_SUFFIX))
    if len(addresses) != 1 or not printed:
        raise InputError(
            path,
            f"it holds {len(addresses)} files named *address.txt and {len(printed)} others",
            remedy="put in one address file, with the wallet's primary address, and the node's answers in JSON",
        )
    return _Folder(address=addresses[0], printed=printed)


def _groups(path: Path, folder: _Folder) -> Iterator[tuple[tuple[bytes, ...], list[Path]]]:
    for start in range(0, len(folder.printed), _GROUP_FILES):
        names = folder.printed[start : start + _GROUP_FILES]
        yield names, [path / os.fsdecode(name) for name in names]


def check_monero(path: Path, pool: SealedPool, secret: Path | None) -> None:
    """Makes sure that a folder is such an exhibit and that the key is the one of its address.

    Raises:
        ConfigError: No key was handed over.
        InputError: The folder is none, holds something else, or the key is another one.
    """
    folder = _folder(path)
    for names, files in _groups(path, folder):
        for row in (row for batch in pool.stream("sniff_files", files, {}) for row in batch.to_pylist()):
            if row["content_format"] != "monero-answers":
                raise InputError(
                    path / os.fsdecode(names[row["file_index"]]),
                    f"no answer of a Monero node with transactions (it is: {row['content_format']})",
                    remedy="leave only answers to get_transactions and get_block, and the address file, in the folder",
                )
    if secret is None:
        raise ConfigError(
            f"{path}: what a view key shows needs that key; hand the wallet's private view key over with "
            "--passphrase-fd, such as --passphrase-fd 3 3<viewkey.txt; it is not kept"
        )
    files = [secret, path / os.fsdecode(folder.address)]
    for _ in pool.stream("scan_monero", files, {"accounts": 1, "subaddresses": 1}):
        pass  # without anything to look through it only compares key and address


def read_monero(exhibit: Exhibit, pool: SealedPool, gathered: Gathered, context: StageContext) -> None:
    """Takes in what the view key shows in each file of the exhibit.

    Raises:
        ConfigError: No key was handed over.
        SealedWorkerError: The key is not the address's.
    """
    if exhibit.secret is None:
        raise ConfigError(f"exhibit {exhibit.exhibit_id} needs its private view key, which is not kept")
    folder = _folder(exhibit.path)
    accounts, subaddresses = (int(str(context.parameters[name])) for name in _LOOKED_FOR)
    told = _Told(exhibit.exhibit_id, gathered, {"accounts": accounts, "subaddresses": subaddresses})
    secrets = [exhibit.secret, exhibit.path / os.fsdecode(folder.address)]
    done = 0
    for names, files in _groups(exhibit.path, folder):
        try:
            for batch in pool.stream("scan_monero", [*secrets, *files], told.looked_for):
                for row in batch.to_pylist():
                    told.take(names[row["file_index"]], row)
        except SealedWorkerError as error:
            if not done:
                raise  # the key is another one, or the sandbox failed: nothing is half looked through
            for name in names:
                told.defect(name, {"code": "monero_answer_not_read", "reason": error.reason})
        done += len(names)
        context.progress("files", done, len(folder.printed))
    told.finish()


class _Told:
    """Takes the records of a scan; an output that several files print counts once.

    Args:
        exhibit_id: The exhibit.
        gathered: Takes the rows.
        looked_for: How many accounts and addresses of each.
    """

    def __init__(self, exhibit_id: str, gathered: Gathered, looked_for: Mapping[str, int]) -> None:
        self._exhibit_id = exhibit_id
        self._gathered = gathered
        self.looked_for = looked_for
        self._scans: list[dict[str, Any]] = []
        self._receipts: dict[tuple[str, int], dict[str, Any]] = {}
        self._keys: dict[str, tuple[str, int]] = {}
        self._found = 0

    def take(self, name: bytes, row: Mapping[str, Any]) -> None:
        """Takes one record of the file of that name."""
        if row["kind"] == "defect":
            self.defect(name, row)
        elif row["kind"] == "receipt":
            self._found += 1
            self._receipt(name, row)
        else:
            counts = {key: row[key] for key in ("address", "transactions", "outputs", "first_height", "last_height")}
            self._scans.append({**self._source(name), **self.looked_for, **counts, "receipts": self._found})
            self._found = 0

    def defect(self, name: bytes, row: Mapping[str, Any]) -> None:
        """Takes what could not be read of the file of that name."""
        number, txid = row.get("number"), row.get("txid")
        where = "" if number is None else f"transaction {number}" + (f" ({txid})" if txid else "") + ": "
        self._gathered.defect(self._exhibit_id, shown(name), row["code"], where + row["reason"])

    def _source(self, name: bytes) -> dict[str, Any]:
        return {"exhibit_id": self._exhibit_id, "source_item_id": item_id(self._exhibit_id, 0, name)}

    def _receipt(self, name: bytes, row: Mapping[str, Any]) -> None:
        place = row["txid"], row["output_index"]
        told = {key: value for key, value in row.items() if key in _COLUMNS}
        found = told | {
            "monero_receipt_id": content_id("xmr", self._exhibit_id, *place),
            "at_utc": None if row["at_s"] is None else dt.datetime.fromtimestamp(row["at_s"], dt.UTC),
            "spent": "unknown",
            "source_row": row["number"],
            **self._source(name),
        }
        known = self._receipts.setdefault(place, found)
        if known is not found:
            # One transaction printed twice, such as while it waited and once it was in a block.
            if known["block_height"] is None and found["block_height"] is not None:
                self._receipts[place] = found
            elif any(known[key] != found[key] for key in _SAME):
                reason = f"output {place[1]} is printed differently elsewhere; the first printing counts"
                self.defect(name, {**row, "code": "monero_printed_differently", "reason": reason})
            return
        if self._keys.setdefault(row["output_key"], place) != place:
            reason = f"output {place[1]} has the one-time key of another output; of such outputs one alone can be spent"
            self.defect(name, {**row, "code": "monero_output_key_repeated", "reason": reason})

    def finish(self) -> None:
        """Hands the tables over."""
        self._gathered.add_rows("monero_scans", self._scans)
        self._gathered.add_rows("monero_receipts", self._receipts.values())
