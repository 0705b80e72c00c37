"""What the hash lists of a run say, without holding it: a list may have more rows than memory.

The perceptual hashes are packed, each once, into an array that is mapped from a scratch file where it is long. Every
other column is read when rows of the lists have matched, and of these rows only. Rows are told apart by their number in
the table, which is the same in each reading.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.media.hamming import Targets
from headwater.media.hamming_index import HASH_BYTES, HashArray, new_array
from headwater.media.tiers import MAX_DISTANCE_BITS, MIN_QUALITY
from headwater.schema import table_named

__all__ = ["CodedHashes", "ListedEntries", "coded_hashes", "expanded", "listed_entries", "packed_hashes"]

_ENTRIES = "hash_list_entries"
_DIGESTS = ("md5", "sha1", "sha256")
_IN_MEMORY_ROWS = 1 << 20
"""With more listed hashes, they and their index lie in scratch files: so many take about 200 MB."""
_PART_BITS = 16
_SORTED_ROWS = 1 << 20
_HEX_DIGITS = 2 * HASH_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedHashes:
    """A column of hashes as numbers.

    Attributes:
        hashes: Each distinct hash, in order.
        order: Rows of the column, those of one hash together.
        starts: For each hash, where its rows begin in `order`; and the end.
    """

    hashes: HashArray
    order: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]


def coded_hashes(hashes: HashArray) -> CodedHashes:
    """Hashes in any order, each once.

    Args:
        hashes: Rows of 32 bytes.
    """
    words = np.ascontiguousarray(hashes).view(">u8").astype(np.uint64)
    order = np.lexsort((words[:, 3], words[:, 2], words[:, 1], words[:, 0]))
    words = words[order]
    first = np.flatnonzero(np.concatenate([np.ones(min(len(words), 1), bool), (words[1:] != words[:-1]).any(axis=1)]))
    return CodedHashes(hashes=hashes[order[first]], order=order, starts=np.append(first, len(words)))


def expanded(of: CodedHashes, codes: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """For each code in turn every row that has it: which of the codes, and the row."""
    counts = of.starts[codes + 1] - of.starts[codes]
    which = np.repeat(np.arange(len(codes)), counts)
    within = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    return which, of.order[of.starts[codes][which] + within]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEntries:
    """The entries of all lists of a run.

    Attributes:
        tables: Where they lie.
        coded: Their perceptual hashes, of those that distances may be taken from, with the rows of each.
        targets: The same hashes, to search among.
    """

    tables: Session
    coded: CodedHashes
    targets: Targets
    _digests: list[pa.Table] = field(default_factory=list)

    def digests(self) -> pa.Table:
        """The columns of digests, of every entry."""
        if not self._digests:
            self._digests.append(self.tables.columns(_ENTRIES, _DIGESTS))
        return self._digests[0]

    def with_digests(self, wanted: Mapping[str, pa.ChunkedArray]) -> npt.NDArray[np.int64]:
        """The rows that have a digest among the wanted ones.

        Args:
            wanted: Digests by the name of their column.
        """
        found = [
            np.flatnonzero(pc.is_in(self.digests()[name], value_set=pc.unique(of).drop_null()).to_numpy())
            for name, of in wanted.items()
            if len(of)
        ]
        return np.unique(np.concatenate([np.empty(0, np.int64), *found]))

    def rows(self, rows: npt.NDArray[np.int64], names: Sequence[str]) -> pa.Table:
        """These columns of these rows.

        Args:
            rows: Numbers of rows, ascending.
            names: Of the columns.
        """
        if not len(rows):
            return table_named(_ENTRIES).empty().select(list(names))
        whole = self.digests() if set(names) <= set(_DIGESTS) else self.tables.columns(_ENTRIES, names)
        parts, start = [], 0
        for batch in whole.select(list(names)).to_batches():
            end = start + batch.num_rows
            first, last = np.searchsorted(rows, [start, end])
            if first < last:
                parts.append(batch.take(pa.array(rows[first:last] - start)))
            start = end
        return pa.Table.from_batches(parts, whole.select(list(names)).schema).combine_chunks()

    def comparable(self, names: Sequence[str]) -> Iterator[pa.Table]:
        """These columns of every entry that distances may be taken from, part by part.

        Args:
            names: Of the columns.
        """
        whole = self.tables.columns(_ENTRIES, names)
        kept = np.zeros(len(whole), bool)
        kept[self.coded.order] = True
        start = 0
        for batch in whole.to_batches():
            yield pa.Table.from_batches([batch.filter(pa.array(kept[start : start + batch.num_rows]))])
            start += batch.num_rows


@contextmanager
def listed_entries(tables: Session, *, scratch: Path | None = None) -> Iterator[ListedEntries]:
    """The entries of all lists, with their scratch files for as long as the context lasts.

    A listed hash of which the list itself says that its quality is too low is compared with nothing.

    Args:
        tables: Has `hash_list_entries`.
        scratch: Folder for scratch files; None for one of the system's.

    Raises:
        OSError: The medium of the scratch files has no room for them: 48 bytes a hash, and the index.
    """
    columns = tables.columns(_ENTRIES, ("pdq", "pdq_quality"))
    many = sum(len(rows) for _, rows in _comparable(columns))
    with tempfile.TemporaryDirectory(prefix="headwater-media-", dir=scratch) as made:
        folder = Path(made) if many > _IN_MEMORY_ROWS else None
        coded = _coded(columns, many, folder)
        targets = Targets(
            coded.hashes, max_distance_bits=MAX_DISTANCE_BITS, folder=None if folder is None else folder / "index"
        )
        yield ListedEntries(tables=tables, coded=coded, targets=targets)


def _comparable(columns: pa.Table) -> Iterator[tuple[pa.StringArray, npt.NDArray[np.int64]]]:
    """The hashes that distances may be taken from, batch by batch, with their rows."""
    start = 0
    for batch in columns.to_batches():
        stated = pc.fill_null(pc.greater_equal(batch["pdq_quality"], MIN_QUALITY), fill_value=True)
        kept = pc.and_(pc.is_valid(batch["pdq"]), stated)
        yield batch["pdq"].filter(kept), np.flatnonzero(kept.to_numpy(zero_copy_only=False)) + start
        start += batch.num_rows


def packed_hashes(texts: pa.StringArray) -> HashArray:
    """The hashes of a column of 64 hex digits each, without nulls, as rows of 32 bytes.

    Raises:
        ValueError: One of them is not so long, or no number.

    Example:
        >>> packed_hashes(pa.array(["00" * 31 + "ff"]))[0, -1]
        np.uint8(255)
    """
    if not pc.all(pc.equal(pc.binary_length(texts), _HEX_DIGITS)).as_py() and len(texts):
        raise ValueError(f"a perceptual hash that has not {_HEX_DIGITS} hex digits")
    first, end = (_HEX_DIGITS * place for place in (texts.offset, texts.offset + len(texts)))
    text = b"" if not len(texts) else memoryview(texts.buffers()[2])[first:end].tobytes()
    return np.frombuffer(bytes.fromhex(text.decode("ascii")), np.uint8).reshape(-1, HASH_BYTES)


def _coded(columns: pa.Table, many: int, folder: Path | None) -> CodedHashes:
    """The comparable hashes of the columns, put in order part by part: a part has the same first bits."""
    hashes: HashArray = new_array(folder, "hashes.npy", (many, HASH_BYTES), np.uint8)
    order: npt.NDArray[np.int64] = new_array(folder, "order.npy", (many,), np.int64)
    starts: npt.NDArray[np.int64] = new_array(folder, "starts.npy", (many + 1,), np.int64)
    counts = np.zeros(1 << _PART_BITS, np.int64)
    for texts, _ in _comparable(columns):
        counts += np.bincount(_parts(packed_hashes(texts)), minlength=len(counts))
    ends = np.cumsum(counts)
    filled = ends - counts
    for texts, rows in _comparable(columns):
        packed = packed_hashes(texts)
        parts = _parts(packed)
        by_part = np.argsort(parts, kind="stable")
        of_batch = np.bincount(parts, minlength=len(counts))
        within = np.arange(len(parts)) - (np.cumsum(of_batch) - of_batch)[parts[by_part]]
        place = filled[parts[by_part]] + within
        hashes[place], order[place] = packed[by_part], rows[by_part]
        filled += of_batch
    distinct, begin = 0, 0
    while begin < many:
        # As many whole parts as are sorted at once, and one part at least.
        part = np.searchsorted(ends, begin, side="right")
        last = max(part, np.searchsorted(ends, begin + _SORTED_ROWS, side="right") - 1)
        end = int(ends[last])
        of_part = coded_hashes(hashes[begin:end])
        order[begin:end] = order[begin:end][of_part.order]
        # Distinct ones take no more room than all before them, so that nothing unread is written over.
        hashes[distinct : distinct + len(of_part.hashes)] = of_part.hashes
        starts[distinct : distinct + len(of_part.hashes)] = begin + of_part.starts[:-1]
        distinct, begin = distinct + len(of_part.hashes), end
    starts[distinct] = many
    return CodedHashes(hashes=hashes[:distinct], order=order, starts=starts[: distinct + 1])


def _parts(hashes: HashArray) -> npt.NDArray[np.int64]:
    return hashes[:, 0].astype(np.int64) << 8 | hashes[:, 1]
