"""One search: what fits, how well, the best first."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from rapidfuzz.distance import OSA

from headwater.search.columns import SEARCHED, SearchedColumn
from headwater.search.folding import folded
from headwater.search.index import CODES, WORDS, buffers_of

__all__ = ["LEAST_LETTERS", "MOST_FOUND", "Found", "SearchIndex"]

LEAST_LETTERS: Final = 2
MOST_FOUND: Final = 100
"""The best so many are told; how many there are besides is counted."""
_LEAST_CODE: Final = 6
"""Letters from which on a query is looked for among codes."""
_ONE_SLIP_FROM: Final = 5
_TWO_SLIPS_FROM: Final = 12
_MOST_QUERY: Final = 63
_MOST_WORDS: Final = 5
_MOST_CANDIDATES: Final = 20_000
_PARTS_AT_ONCE: Final = 2

_Rank = tuple[int, int, int, int, int]
"""Edits, how unlike the whole is, length, place of the column, number of the row: the smaller, the better it fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One value that fits.

    Attributes:
        searched: The column it stands in.
        key: Of its row, where one column tells rows of that table apart; else the value.
        value: As it stands there.
        edits: How many letters differ; 0 where the query stands in it as it is.
    """

    searched: SearchedColumn
    key: str
    value: str
    edits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """Values of one kind: their rows, by parts that are mapped and not read."""

    parts: list[pa.RecordBatch]
    starts: list[int]

    @classmethod
    def at(cls, path: Path) -> _Rows:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        parts = [reader.get_batch(number) for number in range(reader.num_record_batches)]
        starts = np.cumsum([0, *(len(part) for part in parts)]).tolist()
        return cls(parts=parts, starts=starts)

    def row(self, number: int) -> tuple[int, str, str, str]:
        part = int(np.searchsorted(self.starts, number, side="right")) - 1
        at = number - self.starts[part]
        searched, key, value, text = (column[at].as_py() for column in self.parts[part].columns)
        return searched, key, text if value is None else value, text


class SearchIndex:
    """An index that is open; threads may search it at once.

    Args:
        folder: Where it lies.
    """

    def __init__(self, folder: Path) -> None:
        self._words = _Rows.at(folder / f"{WORDS}.arrow")
        self._codes = _Rows.at(folder / f"{CODES}.arrow")
        # As a plain array: each slice of a mapped one would be told where it comes from, at some cost.
        self._masks = np.asarray(np.load(folder / "masks.npy", mmap_mode="r"))
        self._ends = {
            name: (np.load(folder / f"{name}.npy", mmap_mode="r"), np.load(folder / f"{name}-rows.npy", mmap_mode="r"))
            for name in ("heads", "tails")
        }
        self._workers = ThreadPoolExecutor(_PARTS_AT_ONCE, thread_name_prefix="search")
        self._closing = threading.Lock()

    def find(self, query: str, *, most: int = MOST_FOUND) -> tuple[list[Found], int]:
        """What fits the query, the best first, and how many fit in all.

        A value fits where every word of the query stands in it. From 5 letters on a word may differ by one letter, from
        12 on by two. A code fits by its beginning or its end, or as a whole with two letters that differ, if its first
        or its last eight letters are right.

        Args:
            query: As somebody typed it.
            most: So many are given.
        """
        text = folded(query)
        if len(text) < LEAST_LETTERS:
            return [], 0
        in_words, fitting = self._among_words(text[:_MOST_QUERY], most)
        in_codes = self._among_codes(text.replace(" ", ""))
        ranked = sorted([*in_words, *in_codes])
        return [self._told(*one) for one in ranked[:most]], fitting + len(in_codes)

    def close(self) -> None:
        """Let the threads go."""
        with self._closing:
            self._workers.shutdown(wait=False)

    def _told(self, edits: int, _unlike: int, _length: int, place: int, number: int) -> Found:
        rows = self._codes if SEARCHED[place].is_code else self._words
        _, key, value, _ = rows.row(number)
        return Found(searched=SEARCHED[place], key=key, value=value, edits=edits)

    # Words

    def _among_words(self, text: str, most: int) -> tuple[list[_Rank], int]:
        """The best that fit, and how many do."""
        words = text.split()[:_MOST_WORDS]
        jobs = zip(self._words.parts, self._words.starts, strict=False)
        found = list(self._workers.map(lambda job: self._in_part(words, text, *job), jobs))
        ranks = np.concatenate([np.empty((0, 5), np.int64), *found])
        if len(ranks) > most:
            # Told apart by the first three alone, which fit into one number; whoever is as good as the last stays.
            level = ranks[:, 0] << 40 | ranks[:, 1] << 36 | ranks[:, 2]
            ranks = ranks[level <= np.partition(level, most - 1)[most - 1]]
        best = ranks[np.lexsort(ranks.T[::-1])][:most]
        return [tuple(rank) for rank in best.tolist()], sum(len(part) for part in found)

    def _in_part(self, words: Sequence[str], text: str, part: pa.RecordBatch, start: int) -> Any:  # noqa: ANN401 - array
        """Of each row that fits, what `_Rank` says of it; shape (rows, 5), int64."""
        column = part.column("folded")
        content, offsets = buffers_of(column)
        masks = self._masks[start : start + len(part)]
        edits = [_edits(content, offsets, masks, word) for word in words]
        fits = edits[0] != _far()
        for more in edits[1:]:
            fits &= more != _far()
        places = np.flatnonzero(fits)
        ranks = np.empty((len(places), 5), np.int64)
        ranks[:, 0] = sum(more[places].astype(np.int64) for more in edits)
        ranks[:, 1] = _likeness(content, offsets, places, text)
        ranks[:, 2] = offsets[places + 1] - offsets[places]
        ranks[:, 3] = part.column("searched").to_numpy()[places]
        ranks[:, 4] = start + places
        return ranks

    # Codes

    def _among_codes(self, text: str) -> list[_Rank]:
        if len(text) < _LEAST_CODE:
            return []
        numbers = {*self._with_end("heads", text), *self._with_end("tails", text[::-1])}
        found = []
        for number in sorted(numbers)[:_MOST_CANDIDATES]:
            place, _, _, code = self._codes.row(number)
            if code.startswith(text) or code.endswith(text):
                found.append((0, 0 if code == text else 1, len(code), place, number))
                continue
            edits = OSA.distance(text, code, score_cutoff=2) if len(text) >= _TWO_SLIPS_FROM else 3
            if edits <= 2:
                found.append((int(edits), 1, len(code), place, number))
        return found

    def _with_end(self, name: str, text: str) -> list[int]:
        """The codes whose first eight letters, or last ones read backwards, are those of the text."""
        values, rows = self._ends[name]
        first = text[:8].encode("ascii", "ignore")
        low = int.from_bytes(first.ljust(8, b"\0"), "big")
        high = int.from_bytes(first.ljust(8, b"\xff"), "big")
        begin = int(np.searchsorted(values, np.uint64(low), side="left"))
        end = int(np.searchsorted(values, np.uint64(high), side="right"))
        return [int(number) for number in rows[begin : min(end, begin + _MOST_CANDIDATES)]]


def _far() -> int:
    from headwater.search.kernels import FAR

    return FAR


def _edits(content: Any, offsets: Any, masks: Any, word: str) -> Any:  # noqa: ANN401 - arrays
    from headwater.search.kernels import distances

    letters = np.zeros(256, np.uint64)
    raw = np.frombuffer(word.encode("ascii"), np.uint8)
    for place, letter in enumerate(raw.tolist()):
        letters[letter] |= np.uint64(1) << np.uint64(place)
    most = 2 if len(word) >= _TWO_SLIPS_FROM else 1 if len(word) >= _ONE_SLIP_FROM else 0
    pieces = _pieces(word, most)
    into = np.empty(len(offsets) - 1, np.uint8)
    distances(content, offsets, masks, letters, _pairs(word), _masks(pieces), _standing(pieces), len(raw), most, into)
    return into


def _masks(texts: Sequence[str]) -> Any:  # noqa: ANN401 - array
    from headwater.search.kernels import pair_masks

    offsets = np.cumsum([0, *map(len, texts)], dtype=np.int32)
    into = np.empty(len(texts), np.uint64)
    pair_masks(np.frombuffer("".join(texts).encode("ascii"), np.uint8), offsets, into)
    return into


def _pairs(word: str) -> Any:  # noqa: ANN401 - array
    """Bits of the pairs of neighbours in a word; of those that it has twice, once more; and so on."""
    levels: list[int] = []
    for bit in _masks([word[at : at + 2] for at in range(len(word) - 1)]).tolist():
        level = next((number for number, held in enumerate(levels) if not held & bit), len(levels))
        levels[level:] = [(levels[level] if level < len(levels) else 0) | bit, *levels[level + 1 :]]
    return np.array(levels, np.uint64)


def _pieces(word: str, most: int) -> list[str]:
    """Parts of a word, of which one at least stands as it is in any text with so few edits.

    Of one more pieces than edits, one is left as it is. Only where two letters change places from one piece into the
    next does one edit reach two pieces, and then the two stand there with these letters exchanged.
    """
    ends = [len(word) * number // (most + 1) for number in range(most + 2)]
    parts = []
    for first in range(most + 1):
        for last in range(first + 1, most + 2):
            part = list(word)
            for end in ends[first + 1 : last]:
                part[end - 1], part[end] = part[end], part[end - 1]
            parts.append("".join(part[ends[first] : ends[last]]))
    return parts


def _standing(pieces: Sequence[str]) -> Any:  # noqa: ANN401 - array
    """What `distances` finds pieces with; empty where they have more than 64 letters."""
    if sum(map(len, pieces)) > 64:
        return np.empty(0, np.uint64)
    table, place = [0] * 258, 0
    for piece in pieces:
        table[256] |= 1 << place
        for letter in piece.encode("ascii"):
            table[letter] |= 1 << place
            place += 1
        table[257] |= 1 << (place - 1)
    return np.array(table, np.uint64)


def _likeness(content: Any, offsets: Any, places: Any, text: str) -> Any:  # noqa: ANN401 - arrays
    from headwater.search.kernels import likeness

    into = np.empty(len(places), np.uint8)
    likeness(content, offsets, places, np.frombuffer(text.encode("ascii"), np.uint8), into)
    return into
