"""The files that a search reads: made of the tables once, let go when the case holds something else.

What lies there was read from the case's tables and holds nothing besides. It is no part of the evidence and no derived
table: it can be removed at any time, and `custody erase` does.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Progress, Session, silent, sync_folder
from headwater.schema import canonical_json, table_named
from headwater.search.columns import SEARCHED, SearchedColumn
from headwater.search.folding import folded_column

__all__ = ["CODES", "FOLDER", "ROWS_A_PART", "WORDS", "forget_index", "index_at", "index_name", "make_index"]

FOLDER: Final = "search"
WORDS: Final = "words"
CODES: Final = "codes"
ROWS_A_PART: Final = 1 << 20
_FORMAT: Final = 1
SCHEMA: Final = pa.schema(
    [
        pa.field("searched", pa.uint8()),  # place in SEARCHED
        pa.field("key", pa.string()),  # of the row, where one column tells rows apart; else the value itself
        pa.field("value", pa.string()),  # absent where it is folded as it stands
        pa.field("folded", pa.string()),
    ]
)


def index_name(digests: Mapping[str, str], erased_ids: Iterable[str]) -> str:
    """The name of the index of a case that holds just this.

    Args:
        digests: SHA-256 of each file of the tables, by its place in the case.
        erased_ids: Ids of rows that nobody is shown any more.
    """
    lines = [f"{name} {digest}" for name, digest in sorted(digests.items())]
    told = canonical_json([str(_FORMAT), lines, sorted(erased_ids)])
    return hashlib.sha256(told).hexdigest()[:32]


def index_at(case_dir: Path, name: str) -> Path | None:
    """The folder of the index, if it was made."""
    folder = case_dir / FOLDER / name
    return folder if folder.is_dir() else None


def forget_index(case_dir: Path) -> None:
    """Remove every index of the case, as whatever is erased must be in none."""
    folder = case_dir / FOLDER
    if folder.is_dir():
        shutil.rmtree(folder)
        sync_folder(case_dir)


def make_index(tables: Session, case_dir: Path, name: str, *, progress: Progress = silent) -> Path:
    """The folder of the index, which is there whole or not at all; older ones are removed.

    Args:
        tables: The case's tables, without what nobody is shown.
        case_dir: The case.
        name: By `index_name`.
        progress: Called with the searched columns that are done.
    """
    parent = case_dir / FOLDER
    parent.mkdir(exist_ok=True, mode=0o700)
    made = Path(tempfile.mkdtemp(prefix=".making-", dir=parent))
    try:
        counts = {}
        for kind, is_code in ((WORDS, False), (CODES, True)):
            columns = [(place, one) for place, one in enumerate(SEARCHED) if one.is_code == is_code]
            counts[kind] = _write(tables, made, kind, columns, progress)
        (made / "index.json").write_text(json.dumps({"format": _FORMAT, "rows": counts}, sort_keys=True))
        target = parent / name
        try:
            made.rename(target)
        except OSError:
            if not target.is_dir():
                raise
            shutil.rmtree(made)  # another process made the same meanwhile
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    for other in parent.iterdir():
        if other.name != name and not other.name.startswith("."):
            shutil.rmtree(other, ignore_errors=True)
    return target


def _write(
    tables: Session, folder: Path, kind: str, columns: list[tuple[int, SearchedColumn]], progress: Progress
) -> int:
    rows = 0
    heads: list[Any] = []
    tails: list[Any] = []
    masks: list[Any] = []
    with pa.OSFile(str(folder / f"{kind}.arrow"), "wb") as file, pa.ipc.new_file(file, SCHEMA) as writer:
        for place, searched in columns:
            for part in _parts(tables, place, searched):
                writer.write_table(part, max_chunksize=ROWS_A_PART)
                rows += len(part)
                if kind == CODES:
                    heads.append(_eight(part["folded"]))
                    tails.append(_eight(pc.utf8_reverse(part["folded"])))
                else:
                    masks.append(_masks(part["folded"]))
            progress("searched columns", place + 1, len(SEARCHED))
    if kind == CODES:
        for name, found in (("heads", heads), ("tails", tails)):
            values = np.concatenate([np.empty(0, np.uint64), *found])
            order = np.argsort(values, kind="stable")
            np.save(folder / f"{name}.npy", values[order])
            np.save(folder / f"{name}-rows.npy", order.astype(np.uint32))
    else:
        np.save(folder / "masks.npy", np.concatenate([np.empty(0, np.uint64), *masks]))
    for path in folder.iterdir():
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        os.fsync(descriptor)
        os.close(descriptor)
    return rows


def _parts(tables: Session, place: int, searched: SearchedColumn) -> Iterator[pa.Table]:
    """The values of one column that are there, with the keys of their rows."""
    key = table_named(searched.table).key
    own_key = key[0] if len(key) == 1 else searched.column
    wanted = list(dict.fromkeys([own_key, searched.column]))
    for part in tables.parts(searched.table, wanted):
        rows = part.filter(pc.is_valid(part[searched.column]))
        if not len(rows):
            continue
        found = folded_column(rows[searched.column])
        values = rows[searched.column]
        shown = pc.if_else(pc.equal(values, found), pa.scalar(None, pa.string()), values)
        table = pa.table([pa.array(np.full(len(rows), place, np.uint8)), rows[own_key], shown, found], schema=SCHEMA)
        kept = table.filter(pc.greater(pc.binary_length(found), 0))
        if len(kept):
            yield kept


def _eight(column: pa.ChunkedArray) -> Any:  # noqa: ANN401 - an array of 64-bit numbers
    """The first eight bytes of each text, as a number that sorts as they do; shorter ones are filled with zeros."""
    first = pc.binary_slice(column.cast(pa.binary()), 0, 8)
    filled = np.array(first.to_numpy(zero_copy_only=False), dtype="S8")
    return np.frombuffer(filled.tobytes(), dtype=">u8").astype(np.uint64)


def _masks(column: pa.ChunkedArray) -> Any:  # noqa: ANN401 - as above
    from headwater.search.kernels import pair_masks

    found = []
    for chunk in column.chunks:
        content, offsets = buffers_of(chunk)
        masks = np.zeros(len(chunk), np.uint64)
        pair_masks(content, offsets, masks)
        found.append(masks)
    return np.concatenate(found)


def buffers_of(chunk: pa.Array) -> tuple[Any, Any]:
    """The bytes of a column's texts, and where each begins, without a copy."""
    _, offsets, content = chunk.buffers()
    places = np.frombuffer(offsets, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
    letters = np.frombuffer(content, np.uint8) if content is not None else np.empty(0, np.uint8)
    return letters, places
