"""Runs of rows in the form that dumping programs write, taken apart many at once.

What is not exactly of that form is left, from its row on, to the reader of single rows in `mysql_rows`, which knows
every form and every damage. So this module may be fast, and must only never take a row otherwise than that one would;
a property test holds the two together.

References:
    Langdale and Lemire, "Parsing Gigabytes of JSON per Second", VLDB Journal 28 (2019): strings found by the parity of
    quotes and escapes by the parity of backslashes, before anything is looked at one by one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headwater_sealed.mysql_dialect import WITH_ESCAPES

__all__ = ["RowRun", "row_run"]

_Bytes = npt.NDArray[np.uint8]
_Places = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]

_QUOTE, _BACKSLASH, _OPEN, _CLOSE, _COMMA, _SEMICOLON = b"'\\(),;"
_SPECIAL = np.zeros(256, np.bool_)
_SPECIAL[list(b"'\\(),;\"`")] = True
_STRUCTURE = np.zeros(256, np.bool_)
_STRUCTURE[list(b"(),;")] = True
_BEHIND_STRING = np.zeros(256, np.bool_)
_BEHIND_STRING[list(b"'),")] = True
_DIGIT = np.zeros(256, np.bool_)
_DIGIT[list(b"0123456789")] = True
_SIGN = np.zeros(256, np.bool_)
_SIGN[list(b"+-")] = True
# What an escaped byte stands for. Before % and _ the backslash stays: it has a meaning in patterns only.
_ESCAPED = np.arange(256, dtype=np.uint8)
for _written, _meant in zip(b"0nrtbZ", b"\0\n\r\t\x08\x1a", strict=True):
    _ESCAPED[_written] = _meant
_KEEPS_BACKSLASH = np.zeros(256, np.bool_)
_KEEPS_BACKSLASH[list(b"%_")] = True

_BINARY = np.frombuffer(b"_binary '", np.uint8)
_NULL = np.frombuffer(b"NULL", np.uint8)
_VALUE = re.compile(WITH_ESCAPES.value, re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRun:
    """Rows that follow each other, each of so many values.

    Attributes:
        starts: Of each row, the place of its opening parenthesis in the buffer.
        lengths_bytes: Of each row.
        values: All values, row by row; NULL is null.
        quoted: For each value, whether it was written as a string rather than bare.
    """

    starts: _Places
    lengths_bytes: _Places
    values: pa.Array
    quoted: _Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marks:
    """Where the bytes that make a row's form stand in a window.

    Attributes:
        structure: Parentheses, commas and semicolons outside of strings.
        escapers: Backslashes that change the byte behind them.
        doubled: Second ones of two quotes that stand for one.
        limit: From here on, something is of another form.
    """

    structure: _Places
    escapers: _Places
    doubled: _Places
    limit: int


def _marks(window: _Bytes) -> _Marks:
    at = np.flatnonzero(_SPECIAL[window])
    kinds = window[at]
    follows = np.empty(len(at), np.bool_)  # directly behind another special byte
    follows[:1] = False
    np.equal(np.diff(at), 1, out=follows[1:])
    escapes = _every_other(kinds == _BACKSLASH, follows)
    escaped = np.empty(len(at), np.bool_)
    escaped[:1] = False
    np.logical_and(escapes[:-1], follows[1:], out=escaped[1:])
    quotes = (kinds == _QUOTE) & ~escaped
    count = np.cumsum(quotes)
    inside = ((count - quotes) & 1).astype(
        np.bool_
    )  # before the byte itself: a closing quote is inside, an opening not
    outside = ~inside & ~quotes
    structure = at[outside & _STRUCTURE[kinds]]
    closing = at[quotes & inside]
    opening = quotes & ~inside
    doubled = np.empty(len(at), np.bool_)
    doubled[:1] = False
    np.logical_and(opening[1:] & follows[1:], (quotes & inside)[:-1], out=doubled[1:])
    # A string goes on to the end of its value; a quote or backslash of another kind is in one.
    behind = window[np.minimum(closing + 1, len(window) - 1)]
    strange = [at[outside & ~_STRUCTURE[kinds]][:1], closing[~_BEHIND_STRING[behind]][:1]]
    limit = min((int(places[0]) for places in strange if len(places)), default=len(window))
    return _Marks(structure=structure, escapers=at[escapes], doubled=at[doubled], limit=limit)


def _every_other(flags: _Flags, follows: _Flags) -> _Flags:
    """Of each unbroken run of flags, the first, third, fifth and so on."""
    if not flags.any():
        return flags
    index = np.flatnonzero(flags)
    joined = np.empty(len(index), np.bool_)
    joined[0] = False
    np.logical_and(np.diff(index) == 1, follows[index[1:]], out=joined[1:])
    order = np.arange(len(index))
    first = np.maximum.accumulate(np.where(joined, 0, order))
    found = np.zeros(len(flags), np.bool_)
    found[index[(order - first) % 2 == 0]] = True
    return found


def _rows(window: _Bytes, marks: _Marks, width: int) -> _Places:
    """For each whole row of the run, the places of `(`, its commas, `)` and what follows; shape (rows, width + 2)."""
    period = width + 2
    structure = marks.structure[: np.searchsorted(marks.structure, marks.limit)]
    count = len(structure) // period
    places = structure[: count * period].reshape(count, period)
    if not count:
        return places
    kinds = window[places]
    good = (kinds[:, 0] == _OPEN) & (kinds[:, width] == _CLOSE) & (places[:, width + 1] == places[:, width] + 1)
    good &= (kinds[:, 1:width] == _COMMA).all(axis=1)
    good &= (kinds[:, -1] == _COMMA) | (kinds[:, -1] == _SEMICOLON)
    good[0] &= places[0, 0] == 0
    good[1:] &= (places[1:, 0] == places[:-1, -1] + 1) & (kinds[:-1, -1] == _COMMA)
    return places[: count if good.all() else int(np.argmin(good))]


def _bare_numbers(window: _Bytes, starts: _Places, ends: _Places) -> _Flags:
    """Which spans are decimal numbers: a sign perhaps, digits, perhaps a point and more digits."""
    if not len(starts):
        return np.zeros(0, np.bool_)
    lengths = ends - starts
    firsts = np.cumsum(lengths) - lengths
    content = window[np.repeat(starts - firsts, lengths) + np.arange(int(lengths.sum()))]
    points = np.add.reduceat((content == ord(".")).astype(np.int64), firsts)
    digits = np.add.reduceat(_DIGIT[content].astype(np.int64), firsts)
    signed = _SIGN[content[firsts]]
    led = _DIGIT[content[np.minimum(firsts + signed, len(content) - 1)]]
    found: _Flags = led & (points <= 1) & (digits + points + signed == lengths)
    return found


def row_run(buffer: bytes, at: int, end: int, width: int) -> RowRun | None:
    """The rows from `at` on that are whole before `end` and of the common form; None if the first one is not.

    Args:
        buffer: Bytes of a dump.
        at: Where a row begins.
        end: Where to stop looking.
        width: How many values a row has.
    """
    window = np.frombuffer(buffer, np.uint8, count=end - at, offset=at)
    if not len(window):
        return None
    marks = _marks(window)
    places = _rows(window, marks, width)
    if not len(places):
        return None
    starts = (places[:, :width] + 1).ravel()
    ends = places[:, 1 : width + 1].ravel()
    if (ends == starts).any():  # no value at all
        whole = int(np.argmax(ends == starts)) // width
        places, starts, ends = places[:whole], starts[: whole * width], ends[: whole * width]
    first = window[starts]
    labelled = np.flatnonzero((first == _BINARY[0]) & (ends - starts > len(_BINARY)))
    if len(labelled):
        labelled = labelled[(window[starts[labelled, None] + np.arange(len(_BINARY))] == _BINARY).all(axis=1)]
        starts[labelled] += len(_BINARY) - 1
        first[labelled] = _QUOTE
    text = first == _QUOTE
    null = (first == _NULL[0]) & (ends - starts == len(_NULL))
    maybe = np.flatnonzero(null)
    null[maybe] = (window[starts[maybe, None] + np.arange(len(_NULL))] == _NULL).all(axis=1)
    bare = np.flatnonzero(~text & ~null)
    number = _bare_numbers(window, starts[bare], ends[bare])
    others: list[tuple[bytes | None, bool]] = []
    other = bare[~number]
    for index in other.tolist():
        span = window[starts[index] : ends[index]].tobytes()
        try:
            taken = WITH_ESCAPES.literal(span) if _VALUE.fullmatch(span) is not None else None
        except ValueError:
            taken = None
        if taken is None:  # neither a literal nor anything that this module should explain
            rows = index // width
            places, starts, ends = places[:rows], starts[: rows * width], ends[: rows * width]
            other = other[: len(others)]
            break
        others.append(taken)
    size = len(starts)
    if not size:
        return None
    text, null = text[:size], null[:size]
    other = other[other < size]
    others = others[: len(other)]
    values = _values(window, marks, starts + text, ends - text, null, other, [value for value, _ in others])
    quoted = text.copy()
    quoted[other] = [is_quoted for _, is_quoted in others]
    return RowRun(
        starts=places[:, 0] + at, lengths_bytes=places[:, width] + 1 - places[:, 0], values=values, quoted=quoted
    )


def _values(
    window: _Bytes,
    marks: _Marks,
    starts: _Places,
    ends: _Places,
    null: _Flags,
    other: _Places,
    others: list[bytes | None],
) -> pa.Array:
    """The spans' bytes with escapes undone; at the places `other`, the values that were read one by one."""
    last = int(ends[-1])
    escapers = marks.escapers[: np.searchsorted(marks.escapers, last)]
    doubled = marks.doubled[: np.searchsorted(marks.doubled, last)]
    content = window[:last]
    if len(escapers) or len(doubled):
        meant = window[escapers + 1]
        content = content.copy()
        content[escapers + 1] = _ESCAPED[meant]
        removed = np.sort(np.concatenate([escapers[~_KEEPS_BACKSLASH[meant]], doubled]))
        kept = np.ones(last, np.bool_)
        kept[removed] = False
        content = content[kept]
        starts = starts - np.searchsorted(removed, starts)
        ends = ends - np.searchsorted(removed, ends)
    # One array over the whole window, in which what lies between two values is an element too; every second is taken.
    offsets = np.empty(2 * len(starts) + 1, np.int32)
    offsets[0] = 0
    offsets[1::2] = starts
    offsets[2::2] = ends
    spans = pa.Array.from_buffers(
        pa.binary(), 2 * len(starts), [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(content))]
    )
    taken = np.arange(1, 2 * len(starts), 2)
    if len(other):
        spans = pa.concat_arrays([spans, pa.array(others, pa.binary())])
        taken[other] = 2 * len(starts) + np.arange(len(other))
    return spans.take(pa.array(taken, mask=null))
