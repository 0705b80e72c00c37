"""A cell is read in the unit that the mapping declares, or not at all."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.evidence.mapping import UNITS, ColumnBinding
from headwater.evidence.targets import TARGETS
from headwater.evidence.values import ValueNotReadableError, bound_column, bound_value

ALL_UNITS = [(kind, unit) for kind, units in UNITS.items() for unit in units]


def bound(kind: str, unit: str, **more: object) -> ColumnBinding:
    zone = {"zone": "America/Sao_Paulo"} if unit == "datetime_local" else {}
    return ColumnBinding(target="t", kind=kind, column="c", unit=unit, **zone | more)


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("kind", "unit", "raw", "value"),
    [
        ("time", "epoch_s", b"1700000000", utc(2023, 11, 14, 22, 13, 20)),
        ("time", "epoch_s", b"0", None),
        ("time", "datetime_zoned", b"2024-05-01 12:00:00.5+02", utc(2024, 5, 1, 10, 0, 0, 500_000)),
        ("time", "datetime_zoned", b"2024-05-01T10:00:00Z", utc(2024, 5, 1, 10)),
        ("time", "datetime_zoned", b"", None),
        ("time", "epoch_s", b"-1", utc(1969, 12, 31, 23, 59, 59)),
        ("time", "epoch_ms", b"1700000000123", utc(2023, 11, 14, 22, 13, 20, 123_000)),
        ("time", "datetime_utc", b"2023-11-14 22:13:20.5", utc(2023, 11, 14, 22, 13, 20, 500_000)),
        ("time", "datetime_utc", b"0000-00-00 00:00:00", None),
        ("time", "epoch_us", b"1700000000123456", utc(2023, 11, 14, 22, 13, 20, 123_456)),
        ("time", "epoch_s", b"1700000000.5", utc(2023, 11, 14, 22, 13, 20, 500_000)),
        ("time", "epoch_s", b"-0.25", utc(1969, 12, 31, 23, 59, 59, 750_000)),
        ("time", "epoch_s", b"0.0", None),
        ("address", "text", b" 192.0.2.7 ", "192.0.2.7"),
        ("address", "text", b"2001:DB8:0:0::1", "2001:db8::1"),
        ("address", "packed", bytes([192, 0, 2, 7]), "192.0.2.7"),
        ("address", "packed", bytes(15) + b"\x01", "::1"),
        ("address", "packed", b"", None),
        ("address", "packed", b"\\xc0000207", "192.0.2.7"),
        ("address", "packed", b"\\x12", "92.120.49.50"),  # four bytes that only look like two digits behind a mark
        ("address", "text", b"192.0.2.7/32", "192.0.2.7"),
        ("address", "text", b"2001:db8::1/128", "2001:db8::1"),
        ("digest", "hex", b"\\x00ff", "00ff"),
        ("digest", "hex", b"0xABCD", "abcd"),
        ("digest", "raw_bytes", b"\\x" + b"ab" * 32, "ab" * 32),
        ("digest", "hex", b"ABCDEF", "abcdef"),
        ("digest", "raw_bytes", b"\xab\x00", "ab00"),
        ("coin", "sat", b"2100000000000000", 2_100_000_000_000_000),
        ("coin", "btc", b"0.00000001", 1),
        ("coin", "btc", b"1.5", 150_000_000),
        ("money", "cents", b"-250", -250),
        ("money", "currency_units", b"2.50", 250),
        ("text", "text", "Größe".encode(), "Größe"),
        ("text", "text", b"", None),
        ("account", "key", b"17", "17"),
        ("account", "key", b"\xff", "\\xff"),
    ],
)
def test_each_unit(kind, unit, raw, value):
    assert bound_value(bound(kind, unit), raw) == value


@pytest.mark.parametrize(
    ("kind", "unit", "raw", "word"),
    [
        ("time", "epoch_s", b"1.7e9", "whole number"),
        ("time", "epoch_s", b"soon", "whole number"),
        ("time", "epoch_s", b"9" * 5_000, "limit"),
        ("time", "epoch_s", "²".encode(), "ascii"),
        ("time", "datetime_utc", b"2023-02-30 00:00:00", "day is out of range"),
        ("time", "datetime_utc", b"2023-01-01T00:00:00+02:00", "zone"),
        ("address", "text", b"192.0.2.256", "192.0.2.256"),
        ("address", "packed", b"abc", "3 bytes"),
        ("digest", "hex", b"abc", "not hex"),
        ("digest", "hex", b"xyz0", "not hex"),
        ("coin", "sat", b"-1", "outside"),
        ("coin", "sat", b"2100000000000001", "outside"),
        ("coin", "btc", b"0.000000001", "finer"),
        ("coin", "btc", b"1e400000", "larger"),
        ("money", "cents", b"9223372036854775808", "larger"),
        ("money", "currency_units", b"0.001", "finer"),
        ("money", "currency_units", b"1e30", "larger"),
        ("money", "currency_units", b"Infinity", "larger"),
        ("text", "text", b"a\xffb", "not utf-8 at byte 1"),
    ],
)
def test_what_is_not_in_its_unit_is_refused_with_its_column(kind, unit, raw, word):
    with pytest.raises(ValueNotReadableError) as refused:
        bound_value(bound(kind, unit), raw)
    assert str(refused.value).startswith("c: ")
    assert word in str(refused.value)


@pytest.mark.parametrize("raw", [b"1700000000", b"1700000000123", b"1700", b"17000000001"])
def test_the_number_of_digits_of_a_time_is_never_a_reason(raw):
    # 1700000000123 seconds are in the year 55,000: refused for that, not taken for milliseconds.
    seconds = int(raw)
    in_ms = bound_value(bound("time", "epoch_ms"), raw)
    assert in_ms == utc(1970, 1, 1) + dt.timedelta(milliseconds=seconds)
    if seconds < 2**36:
        assert bound_value(bound("time", "epoch_s"), raw) == utc(1970, 1, 1) + dt.timedelta(seconds=seconds)
    else:
        with pytest.raises(ValueNotReadableError):
            bound_value(bound("time", "epoch_s"), raw)


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"1E1000000", "larger"),
        (b"-1E400", "larger"),
        (b"1E-1000000", "finer"),
        (b"1E-9999999999", "finer"),
        (b"12345678901.0000000000000000000000000001", "finer"),
        (b"Infinity", "larger"),
    ],
)
def test_no_number_of_digits_or_zeros_is_rounded_into_an_amount(raw, word):
    with pytest.raises(ValueNotReadableError, match=word):
        bound_value(bound("money", "currency_units"), raw)


def test_a_code_that_the_mapping_does_not_list_is_unknown_and_not_lost():
    binding = bound("text", "text", values={"1": "member"})
    assert bound_value(binding, b"1") == "member"
    assert bound_value(binding, b"2") == "unknown"
    assert bound_value(binding, b"\xff") == "unknown"
    assert bound_value(binding, None) is None


def test_a_literal_a_prefix_and_a_charset():
    assert bound_value(bound("money", "", literal="EUR"), None) == "EUR"
    assert bound_value(bound("text", "text", prefix="srv/media/"), b"a.jpg") == "srv/media/a.jpg"
    assert bound_value(bound("text", "text", prefix="srv/media/"), b"") is None
    assert bound_value(bound("text", "text", charset="cp1252"), b"\x80") == "€"


def test_half_a_character_is_refused():
    with pytest.raises(ValueNotReadableError, match="half a character"):
        bound_value(bound("text", "text", charset="utf-7"), b"+2AA-")


@pytest.mark.parametrize(("kind", "unit"), ALL_UNITS)
@given(raw=st.one_of(st.binary(max_size=40), st.text(alphabet="0123456789.-+eE:T Zaf", max_size=30).map(str.encode)))
def test_any_bytes_become_a_value_that_a_table_can_hold_or_are_refused(kind, unit, raw):
    try:
        value = bound_value(bound(kind, unit), raw)
    except ValueNotReadableError:
        return
    if isinstance(value, int):
        assert -(2**63) <= value < 2**63
    elif isinstance(value, str):
        value.encode("utf-8")
    elif isinstance(value, dt.datetime):
        assert value.utcoffset() == dt.timedelta(0)
    else:
        assert value is None


def test_every_kind_that_can_be_bound_has_its_units():
    assert {kind for target in TARGETS.values() for kind in target.columns.values()} == set(UNITS)


CELLS = st.one_of(
    st.none(),
    st.binary(max_size=6),
    st.from_regex(rb"-?[0-9]{1,20}", fullmatch=True),
    st.from_regex(rb"[0-9]{1,4}\.[0-9]{1,9}", fullmatch=True),
    st.from_regex(rb"(?:[0-9a-fA-F]{2}){1,8}", fullmatch=True),
    st.sampled_from(
        [b"", b"0", b"00", b"-0", b"1700000000", b"1700000000123", b"253402300799", b"253402300800", b"-62135596800",
         b"-62135596801", b"9223372036854775807", b"9223372036854775808", b"2024-02-29 10:00:00", b"192.0.2.1",
         b"2024-02-29 10:00:00+05:30",
         b"2001:db8::1", b"\xc0\x00\x02\x01", "\u00e9".encode(), b"\xed\xa0\x80", b" 12", b"12 ", b"+12", b"1_000",
         "\u0661".encode(), b"2100000000000000", b"2100000000000001", b"12\n", b"abcd\n"],
    ),
)  # fmt: skip


@pytest.mark.parametrize(("kind", "unit"), ALL_UNITS)
@given(cells=st.lists(CELLS, max_size=12), prefix=st.sampled_from(["", "media/"]), coded=st.booleans())
def test_a_column_is_read_as_its_cells_are(
    kind: str, unit: str, cells: list[bytes | None], prefix: str, *, coded: bool
):
    binding = bound(kind, unit, prefix=prefix if kind == "text" else "", values={"0": "no"} if coded else None)
    if coded and kind != "text":
        return  # codes are translated to words, and only a text holds one
    values, reasons = bound_column(binding, pa.array(cells, pa.binary()))
    expected: list[object] = []
    unread: dict[int, str] = {}
    for place, cell in enumerate(cells):
        try:
            expected.append(bound_value(binding, cell))
        except ValueNotReadableError as error:
            expected.append(None)
            unread[place] = str(error)
    assert values.to_pylist() == expected
    assert reasons == unread


def test_a_literal_is_the_same_in_every_row():
    binding = ColumnBinding(target="t", kind="text", column=None, unit="text", literal="member")
    assert bound_column(binding, pa.nulls(3, pa.binary()))[0].to_pylist() == ["member"] * 3


def test_text_that_was_encoded_twice_is_read_once_more_and_other_text_left_alone():
    twice = bound("text", "text", charset="latin1-in-utf8")
    # \u2013 has bytes that the code page leaves open, so its second encoding holds control characters.
    for text in ("Caf\u00e9", "\u65e5\u672c", "\u2013 \u20ac \U0001f333", "plain"):
        taken = "".join(
            bytes([byte]).decode("latin-1" if byte in {0x81, 0x8D, 0x8F, 0x90, 0x9D} else "cp1252")
            for byte in text.encode()
        )
        assert bound_value(twice, taken.encode()) == text
        assert bound_value(twice, text.encode()) == text
    with pytest.raises(ValueNotReadableError, match="not latin1-in-utf8 at byte 1"):
        bound_value(twice, b"a\xff")


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"2024-07-01 12:00:00", utc(2024, 7, 1, 10)),
        (b"2024-01-01 12:00:00", utc(2024, 1, 1, 11)),
        (b"2024-10-27 02:30:00", utc(2024, 10, 27, 0, 30)),  # shown twice: the earlier one
        (b"0000-00-00 00:00:00", None),
        (b"", None),
    ],
)
def test_local_times_are_of_the_zone_that_the_mapping_says(raw, value):
    assert bound_value(bound("time", "datetime_local", zone="Europe/Berlin"), raw) == value


def test_a_time_that_clocks_never_showed_is_not_one():
    with pytest.raises(ValueNotReadableError, match="never showed"):
        bound_value(bound("time", "datetime_local", zone="Europe/Berlin"), b"2024-03-31 02:30:00")
