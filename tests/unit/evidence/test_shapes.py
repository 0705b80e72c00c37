"""Shapes of values: what has one, what almost has, and that nothing else is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.evidence.shapes import SHAPES, TimeWindow, is_coin_address, shares_of

WINDOW = TimeWindow(first_s=1_600_000_000, last_s=1_700_000_000)

# Addresses of the specifications' own examples (BIP 173, BIP 350, BIP 13) and of the first block.
ADDRESSES = [
    b"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    b"BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
    b"tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",
    b"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
    b"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    b"3P14159f73E4gFr7JterCCQh9QjiTjiZrG",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_one_only_with_its_checksum(address):
    assert is_coin_address(address)
    changed = bytearray(address)
    changed[-3] = ord("q") if changed[-3] != ord("q") else ord("p")
    assert not is_coin_address(bytes(changed))
    assert not is_coin_address(address + b" ")


HAS = [
    ("email", b"marta.quill@mail.test", b"marta.quill@"),
    ("email", b"a+b@x-y.example.org", b"not an e-mail: a@b.test"),
    ("phone", b"+33 6 12 34 56 78", b"0612345678"),
    ("ipv4", b"192.0.2.7", b"192.0.2.700"),
    ("ipv6", b"2001:db8::1", b"2001:db8::1::2"),
    ("epoch_s", b"1650000000", b"1750000000"),
    ("epoch_ms", b"1650000000123", b"1650000000"),
    ("epoch_us", b"1650000000123456", b"1650000000123"),
    ("datetime", b"2021-03-04 05:06:07", b"2021-13-04 05:06:07"),
    ("datetime", b"2021-03-04T05:06:07.123456", b"1970-01-01 00:00:00"),
    ("datetime_zoned", b"2021-03-04T05:06:07.123456Z", b"2021-03-04 05:06:07"),
    ("datetime_zoned", b"2021-03-04 05:06:07+02", b"1970-01-01 00:00:00+02"),
    ("date", b"2021-03-04", b"2021-3-4"),
    ("hex64", b"ab" * 32, b"ab" * 31),
    ("hex64", b"\\x" + b"ab" * 32, b"\\y" + b"ab" * 32),
    ("hex32", b"0x" + b"0F" * 16, b"0g" * 16),
    ("raw32", bytes(range(200, 232)), b"a" * 32),
    ("raw4", b"\xc0\x00\x02\x07", b"abcd"),
    ("uuid", b"6b1f2c1e-0d2e-4a0b-9a57-0a1b2c3d4e5f", b"6b1f2c1e0d2e4a0b9a570a1b2c3d4e5f"),
    ("path", b"store/2021/a1b2.mp4", b"store/2021/"),
    ("path", b"/srv/files/a.b.jpg", b"https://files.test/a.jpg"),
    ("media_path", b"store/2021/a1b2.JPEG", b"templates/a.html"),
    ("media_path", b"a.webm", b"https://files.test/a.webm"),
    ("handle", b"@quiet_harbour", b"quiet@harbour.test"),
    ("url", b"https://files.test/a.jpg", b"files.test/a.jpg"),
    ("password_hash", b"$2y$10$abcdefghijklmnopqrstuv", b"price: $20"),
    ("json", b'{"mail": "a@b.test"}', b'{"mail": '),
    ("json", b"{}", b"[1, 2]"),
    ("decimal", b"-12.50", b"12,50"),
    ("decimal_of_money", b"12.5", b"12.505"),
    ("decimal_of_coin", b"0.00120000", b"0.12"),
    ("integer", b"-7", b"7.0"),
    ("currency", b"EUR", b"euro"),
    ("pgp_fingerprint", b"0123 4567 89AB CDEF 0123  4567 89AB CDEF 0123 4567", b"0123 4567"),
    ("word", b"active", b"active1"),
    ("words", b"a title of some words", b"title"),
    ("user_agent", b"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101", b"either/or words"),
]


@pytest.mark.parametrize(("shape", "has", "has_not"), HAS)
def test_a_shape_is_had_or_not(shape, has, has_not):
    assert SHAPES[shape](has, WINDOW)
    assert not SHAPES[shape](has_not, WINDOW)


def test_every_shape_has_an_example():
    assert set(SHAPES) - {shape for shape, _, _ in HAS} == {
        "coin_address", "hex40", "hex128", "raw16", "raw20", "nickname",
    }  # fmt: skip


@given(st.lists(st.binary(min_size=1, max_size=120), min_size=1, max_size=20))
def test_no_bytes_raise_and_shares_are_shares(values):
    shares = shares_of(values, WINDOW)
    assert all(0 < share <= 1_000_000 for share in shares.values())
    assert shares == shares_of(values[::-1], WINDOW)


@pytest.mark.parametrize(
    "value", [b"{" * 4095 + b"}", b"1" * 4096, b"a@" * 2048, b"a/" * 2048, b"a.b" * 1365, b"4 " * 2048]
)
def test_long_values_cost_little(value):
    assert shares_of([value] * 200, WINDOW) is not None
