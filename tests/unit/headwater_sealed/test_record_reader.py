"""Numbers and bytes are taken in the order of bytes that is said, and never beyond the end."""

from __future__ import annotations

import pytest

from headwater_sealed.record_reader import BadRecordError, RecordReader


@pytest.mark.parametrize(("order", "number"), [("<", 0x0201), (">", 0x0102)])
def test_the_order_of_bytes_is_that_which_is_said(order, number):
    reader = RecordReader(b"\x01\x02\x03", order)
    assert (reader.number("H"), reader.left) == (number, 1)
    assert (RecordReader(b"\xfd\x01\x02", order).size(), RecordReader(b"\xfc", order).size()) == (number, 0xFC)


def test_counted_bytes_and_what_is_left():
    reader = RecordReader(b"\x02ab" + b"c", "<")
    assert (reader.counted(), reader.left, reader.taken(1), reader.left) == (b"ab", 1, b"c", 0)


@pytest.mark.parametrize("take", [lambda r: r.taken(3), lambda r: r.number("I"), lambda r: r.counted()])
def test_what_is_cut_short_is_refused(take):
    with pytest.raises(BadRecordError, match="cut short"):
        take(RecordReader(b"\x05a", "<"))
