"""A case of any size, made of a small one: its rows over and over, with other ids, paths, digests and names.

Nothing in it was derived from evidence, so that it does not verify; it is there to be read by programs that measure.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headwater.engine import ParquetParts, file_sha256
from headwater.schema import table_named
from headwater.workflow import Case

__all__ = ["inflated"]

_OF_ACCOUNTS: Final = ("accounts",)
_OF_ENTRIES: Final = ("entries", "items", "media_files", "media_verdicts", "media_clusters")
# How many copies of these there are for a thousand copies of the accounts.
_BESIDES: Final = {
    "logins": 250, "uploads": 250, "payments": 250, "invoices": 250, "upload_items": 250, "media_origins": 250,
    "media_matches": 400, "links": 220, "review_queue": 220, "contrary_facts": 220, "leads": 110, "lead_acts": 110,
}  # fmt: skip
_ID_LENGTH, _VARIED = 36, 5
_ROWS_AT_ONCE: Final = 400_000
_COPIES_A_FOLDER: Final = 100
_DIGESTS: Final = ("sha256", "sha1", "md5")
# What these name is of tables that stay as they are.
_KEPT: Final = {"links": ("right_id",), "review_queue": ("right_id",)}
_NAMES: Final = ("nickname", "email", "platform_key")


def inflated(small: Path, large: Path, *, accounts: int, entries: int) -> Mapping[str, int]:
    """The rows of each table that was made larger.

    Args:
        small: A case after every stage, such as that of `scripts/demo`; it is copied.
        large: Where the large one comes.
        accounts: So many accounts, at least.
        entries: So many entries, at least.
    """
    shutil.copytree(small, large)
    with Case(large) as case:
        files = {
            str(o["table_name"]): case.table_file(str(o["table_name"]), str(o["run_id"]))
            for o in case.current_outputs()
        }
        runs = {str(o["table_name"]): str(o["run_id"]) for o in case.current_outputs()}
    of_accounts = -(-accounts // pq.read_metadata(files["accounts"]).num_rows)
    of_entries = -(-entries // pq.read_metadata(files["entries"]).num_rows)
    copies = dict.fromkeys(_OF_ACCOUNTS, of_accounts) | dict.fromkeys(_OF_ENTRIES, of_entries)
    copies |= {name: max(1, of_accounts * share // 1000) for name, share in _BESIDES.items()}
    made = {name: _repeated(name, files[name], count) for name, count in copies.items()}
    made["ledger"] = _folders(files["ledger"], of_entries)
    with contextlib.closing(sqlite3.connect(large / "case.db")) as database:
        for name, rows in made.items():
            database.execute(
                "UPDATE outputs SET rows = ?, sha256 = ? WHERE run_id = ? AND table_name = ?",
                (rows, file_sha256(files[name]), runs[name], name),
            )
        database.commit()
    return made


def _repeated(name: str, path: Path, copies: int) -> int:
    base = pq.read_table(path, schema=table_named(name).arrow)
    path.unlink()
    at_once = max(1, _ROWS_AT_ONCE // max(1, len(base)))
    # Customers stay as many as they are, and each has one person's records and no more.
    again = base.filter(pc.not_equal(base["claim"], "held")) if name in _KEPT else base
    with ParquetParts(path, base.schema) as file:
        file.write(base)
        for first in range(1, copies, at_once):
            file.write(_copies(name, again, range(first, min(first + at_once, copies))))
        file.finish()
    return len(base) + len(again) * (copies - 1)


def _copies(name: str, base: pa.Table, which: range) -> pa.Table:
    rows = base.take(pa.array(np.tile(np.arange(len(base)), len(which))))
    number = np.repeat(np.arange(which.start, which.stop), len(base))
    suffix = pa.array([f"{copy:05x}" for copy in which]).take(pa.array(number - which.start))
    folder = pa.array([f"part-{copy // _COPIES_A_FOLDER:04}/" for copy in which]).take(pa.array(number - which.start))
    for place, field in enumerate(rows.schema):
        column = rows[field.name]
        if field.name == "rank":
            made: Any = pc.add(column, pa.array(number * len(base)).cast(field.type))
        elif field.name in {"path", "directory"} and name in _OF_ENTRIES:
            made = pc.binary_join_element_wise(folder, column, "")
            if field.name == "path":
                made = pc.binary_join_element_wise(made, suffix, "-")
        elif field.name == "path_bytes" and name in _OF_ENTRIES:
            made = pc.binary_join_element_wise(column, suffix.cast(pa.binary()), b"-")
        elif field.name in _KEPT.get(name, ()) or not pa.types.is_string(field.type) or not len(column):
            continue
        elif field.name in _NAMES:
            made = pc.binary_join_element_wise(column, suffix, "")
        elif field.name in _DIGESTS or (field.name.endswith("_id") and _is_id(column)):
            made = _varied(column, suffix)
        else:
            continue
        rows = rows.set_column(place, field, made.cast(field.type))
    return rows


def _is_id(column: pa.ChunkedArray) -> bool:
    lengths = pc.min_max(pc.utf8_length(column)).as_py()
    return lengths["min"] == lengths["max"] == _ID_LENGTH


def _varied(column: pa.ChunkedArray, suffix: pa.Array) -> Any:
    length = pc.max(pc.utf8_length(column)).as_py()
    if length is None:
        return column
    kept = pc.utf8_slice_codeunits(column, 0, length - _VARIED)
    return pc.if_else(pc.is_valid(column), pc.binary_join_element_wise(kept, suffix, ""), pa.scalar(None, pa.string()))


def _folders(path: Path, copies: int) -> int:
    """The ledger of what `_copies` made: the folders of the small case, and those with so many copies in each."""
    base = pq.read_table(path, schema=table_named("ledger").arrow)
    path.unlink()
    parts = [base]
    for first in range(0, copies, _COPIES_A_FOLDER):
        held = min(first + _COPIES_A_FOLDER, copies) - max(first, 1)
        rows = base
        for place, field in enumerate(base.schema):
            if field.name == "directory":
                made = pc.binary_join_element_wise(
                    pa.scalar(f"part-{first // _COPIES_A_FOLDER:04}/"), base[field.name], ""
                )
            elif pa.types.is_integer(field.type) and field.name != "volume_index":
                made = pc.multiply(base[field.name], pa.scalar(held, field.type))
            else:
                continue
            rows = rows.set_column(place, field, made.cast(field.type))
        parts.append(rows)
    whole = pa.concat_tables(parts)
    with ParquetParts(path, base.schema) as file:
        file.write(whole)
        file.finish()
    return len(whole)
