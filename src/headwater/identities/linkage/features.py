"""Both files as numbers: for each row the codes of its values, for each code its text and how often it occurs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.identities.linkage import forms

__all__ = ["FEATURES", "KINDS", "Features", "Values", "features_of"]

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

FEATURES = (
    "given", "first_given", "second_given", "surname", "date_of_birth", "street", "number", "postcode", "suburb",
    "state", "phone", "phone_end", "email", "email_local", "nickname", "national_id",
)  # fmt: skip
"""Columns of the numbers of a row: sixteen of four bytes, which is one line of a processor's cache."""
ABSENT = -1


KINDS = (
    "name", "street", "number", "postcode", "suburb", "state", "phone", "phone_end", "email", "email_local", "nickname",
    "national_id",
)  # fmt: skip
"""Features of one kind share their values: given names and surnames, so that exchanged ones are seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """The distinct values of all kinds, numbered through in the order of KINDS.

    Attributes:
        text: Their bytes, end to end.
        starts: Where each begins; one more than there are values.
        counts: How often each stands in both files; of names, as a given name and as a surname.
        begins: For each of KINDS, the number of its first value; one more than there are kinds.
    """

    text: U8
    starts: I64
    counts: I32
    begins: I64


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Both files as numbers.

    Attributes:
        left: A line for each row of the first file, columns as in FEATURES; -1 where a value is absent.
        right: Likewise; the same array where a file is compared with itself.
        values: The distinct values.
        folded: For each name, the number of its spelling with sounds made one.
        long_form: For each name, the number of its long form.
        beginnings: For each name, the number of its folded first three letters.
        unread: For each field, how many values could not be read, and count as absent.
    """

    left: I32
    right: I32
    values: Values
    folded: I32
    long_form: I32
    beginnings: I32
    unread: dict[str, int]


class _Columns:
    """A field's values of both files under each other, distinct ones once."""

    def __init__(self, left: pa.Table, right: pa.Table | None) -> None:
        self._sides = [left] if right is None else [left, right]
        self.rows = sum(side.num_rows for side in self._sides)

    def has(self, field: str) -> bool:
        return all(field in side.column_names for side in self._sides)

    def distinct(self, field: str) -> tuple[pa.Array, I32]:
        """The distinct values and, for each row of both files, the number of its own."""
        if not any(field in side.column_names for side in self._sides):
            return pa.array([], pa.string()), np.full(self.rows, ABSENT, np.int32)
        parts: list[pa.Array] = []
        for side in self._sides:
            parts += side[field].chunks if field in side.column_names else [pa.nulls(side.num_rows, pa.string())]
        encoded = pa.chunked_array(parts, pa.string()).combine_chunks()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = pa.concat_arrays(encoded.chunks)
        encoded = encoded.dictionary_encode()
        return encoded.dictionary, _numbers(encoded.indices)


def _numbers(indices: pa.Array) -> I32:
    numbers: I32 = pc.fill_null(indices, ABSENT).to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    return numbers


def _through(of_row: I32, of_value: I32) -> I32:
    """For each row what its value has; absent where the row has none."""
    if not len(of_value):
        return np.full(len(of_row), ABSENT, np.int32)
    found: I32 = np.where(of_row >= 0, of_value[of_row], np.int32(ABSENT)).astype(np.int32, copy=False)
    return found


class _Build:
    def __init__(self, rows: int) -> None:
        self.lines = np.full((rows, len(FEATURES)), ABSENT, np.int32)
        self.names = pa.array([], pa.string())
        self._texts: list[pa.Array] = []
        self._counts: list[I32] = []
        self._values = 0

    def put(self, kind: str, columns: Sequence[tuple[str, pa.Array, I32]]) -> None:
        """Features of a kind: for each its name, a text for each distinct value, and the value of each row."""
        assert kind == KINDS[len(self._texts)]
        sizes = [len(texts) for _, texts, _ in columns]
        encoded = pa.concat_arrays([pa.array([], pa.string()), *(texts for _, texts, _ in columns)]).dictionary_encode()
        codes, start = _numbers(encoded.indices), 0
        counts = np.zeros((len(encoded.dictionary), 2), np.int32)
        for (name, _, of_row), size in zip(columns, sizes, strict=True):
            numbers = _through(of_row, codes[start : start + size])
            if name not in UNCOUNTED:
                column = int(name == "surname")
                counts[:, column] = np.bincount(numbers[numbers >= 0], minlength=len(counts))
            self.lines[:, FEATURES.index(name)] = np.where(numbers >= 0, numbers + self._values, ABSENT)
            start += size
        if kind == "name":
            self.names = encoded.dictionary
        self._texts.append(encoded.dictionary)
        self._counts.append(counts)
        self._values += len(counts)

    def values(self) -> Values:
        """What was put."""
        text, starts, end = [np.zeros(0, np.uint8)], [np.zeros(1, np.int64)], 0
        for texts in self._texts:
            if not len(texts):
                continue
            _, places, content = pa.concat_arrays([texts]).buffers()
            ends = np.frombuffer(places, np.int32)[: len(texts) + 1].astype(np.int64)
            text.append(np.frombuffer(content, np.uint8)[: ends[-1]] if content is not None else text[0])
            starts.append(ends[1:] + end)
            end += int(ends[-1])
        begins = np.cumsum([0, *(len(counts) for counts in self._counts)])
        return Values(
            text=np.concatenate(text), starts=np.concatenate(starts), counts=np.concatenate(self._counts), begins=begins
        )


UNCOUNTED = frozenset({"first_given", "second_given"})
"""Features whose values count as those of `given` do."""


def features_of(left: pa.Table, right: pa.Table | None, *, latest_year: int) -> Features:
    """Both files as numbers.

    Args:
        left: Rows as `side_rows` gives them.
        right: Likewise; None where the first file is compared with itself.
        latest_year: Of dates with a year of two digits.
    """
    columns = _Columns(left, right)
    build = _Build(columns.rows)
    unread: dict[str, int] = {}
    _names(columns, build)
    _date_of_birth(columns, build, unread, latest_year)
    _address(columns, build)
    _phone(columns, build, unread)
    texts, rows = columns.distinct("email")
    whole, local = forms.email_parts(texts)
    build.put("email", [("email", whole, rows)])
    build.put("email_local", [("email_local", local, rows)])
    _count_unread("email", rows, whole, unread)
    for field, least in (("nickname", 4), ("national_id", 4)):
        texts, rows = columns.distinct(field)
        key = forms.without_blanks(forms.latin(texts))
        key = pc.if_else(pc.greater_equal(pc.binary_length(key), least), key, pa.scalar(None, pa.string()))
        build.put(field, [(field, key, rows)])
    folded = forms.folded(build.names)
    left_lines = build.lines[: left.num_rows]
    return Features(
        left=left_lines,
        right=left_lines if right is None else build.lines[left.num_rows :],
        values=build.values(),
        folded=_codes(folded),
        long_form=_codes(forms.long_form(folded)),
        beginnings=_codes(pc.utf8_slice_codeunits(folded, 0, 3)),
        unread=unread,
    )


def _codes(texts: pa.Array) -> I32:
    return _numbers(texts.dictionary_encode().indices) if len(texts) else np.zeros(0, np.int32)


def _names(columns: _Columns, build: _Build) -> None:
    given_texts, given_rows = columns.distinct("given_name")
    surname_texts, surname_rows = columns.distinct("surname")
    full_texts, full_rows = columns.distinct("full_name")
    given, surname = forms.latin(given_texts), forms.latin(surname_texts)
    # A full name counts where the two parts are absent; "DOE, Ann" puts the surname first.
    comma = pc.extract_regex(full_texts, r"^(?P<surname>[^,]+),(?P<given>[^,]+)$")
    plain = pc.extract_regex(forms.latin(full_texts), r"^(?:(?P<given>.*) )?(?P<surname>[^ ]+)$")
    full_given = pc.coalesce(forms.latin(pc.struct_field(comma, "given")), pc.struct_field(plain, "given"))
    full_surname = pc.coalesce(forms.latin(pc.struct_field(comma, "surname")), pc.struct_field(plain, "surname"))
    none = (_through(given_rows, _codes(given)) < 0) & (_through(surname_rows, _codes(surname)) < 0)
    offset = len(given_texts)
    given_rows = np.where(none & (full_rows >= 0), full_rows + offset, given_rows).astype(np.int32)
    given = pc.if_else(pc.equal(all_given := pa.concat_arrays([given, full_given]), ""), None, all_given)
    surname_rows = np.where(none & (full_rows >= 0), full_rows + len(surname_texts), surname_rows).astype(np.int32)
    surname = pa.concat_arrays([surname, full_surname])
    parts = pc.extract_regex(given, r"^(?P<first>[^ ]+)(?: (?P<second>[^ ]+))?")
    second = pc.struct_field(parts, "second")
    second = pc.if_else(pc.equal(second, ""), pa.scalar(None, pa.string()), second)
    build.put(
        "name",
        [
            ("given", forms.without_blanks(given), given_rows),
            ("first_given", pc.struct_field(parts, "first"), given_rows),
            ("second_given", second, given_rows),
            ("surname", forms.without_blanks(surname), surname_rows),
        ],
    )


def _date_of_birth(columns: _Columns, build: _Build, unread: dict[str, int], latest_year: int) -> None:
    texts, rows = columns.distinct("date_of_birth")
    read = forms.dates(texts, latest_year)
    build.lines[:, FEATURES.index("date_of_birth")] = np.where(_through(rows, read) > 0, _through(rows, read), ABSENT)
    said = forms.latin(texts)
    _count_unread(
        "date_of_birth", rows, pc.if_else(pa.array(read > 0), said, pa.scalar(None, pa.string())), unread, said
    )


def _address(columns: _Columns, build: _Build) -> None:
    texts, rows = columns.distinct("address")
    street, number = forms.street_and_number(forms.latin(texts))
    given_texts, given_rows = columns.distinct("street_number")
    given_number = forms.without_blanks(forms.latin(given_texts))
    offset = len(given_texts)
    given_known = _through(given_rows, _codes(given_number)) >= 0
    number_rows = np.where(given_known, given_rows, np.where(rows >= 0, rows + offset, ABSENT)).astype(np.int32)
    number = pc.if_else(pc.equal(number, ""), pa.scalar(None, pa.string()), number)
    build.put("street", [("street", street, rows)])
    build.put("number", [("number", pa.concat_arrays([given_number, number]), number_rows)])
    for field in ("postcode", "suburb", "state"):
        texts, rows = columns.distinct(field)
        build.put(field, [(field, forms.without_blanks(forms.latin(texts)), rows)])


def _phone(columns: _Columns, build: _Build, unread: dict[str, int]) -> None:
    texts, rows = columns.distinct("phone")
    country_texts, country_rows = columns.distinct("country")
    if len(country_texts) and len(texts):
        both = (rows.astype(np.int64) + 1) * (len(country_texts) + 1) + country_rows + 1
        pairs, inverse = np.unique(both, return_inverse=True)
        pick = np.stack(np.divmod(pairs, len(country_texts) + 1)) - 1
        texts = texts.take(pa.array(pick[0], mask=pick[0] < 0))
        countries = pc.utf8_upper(country_texts.take(pa.array(pick[1], mask=pick[1] < 0)))
        written, end = forms.phone_numbers(texts, countries)
        rows = inverse.astype(np.int32)
    else:
        written, end = forms.phone_numbers(texts, None)
    build.put("phone", [("phone", written, rows)])
    build.put("phone_end", [("phone_end", end, rows)])
    _count_unread("phone", rows, written, unread, texts)


def _count_unread(field: str, rows: I32, read: pa.Array, unread: dict[str, int], said: pa.Array | None = None) -> None:
    """Rows that say something in a field of which nothing could be read."""
    lost = pc.is_null(read).to_numpy(zero_copy_only=False)
    if said is not None:
        lost &= pc.is_valid(said).to_numpy(zero_copy_only=False)
    count = int(np.count_nonzero(lost[rows[rows >= 0]])) if len(lost) else 0
    if count:
        unread[field] = count
