"""Addresses of accounts: one form, checksums that bite; and the digest under them."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.references.account_addresses import account_address, account_of_public_key, is_nobody
from headwater.references.keccak import keccak_256, sponge_256
from headwater.references.rows import BadRowError

# source: EIP-55, "Test Cases"
EIP_55 = (
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
)
NOBODY_TRON = "T9yD14Nj9j7xAB4dbGeiX9h8unkKHxuWwb"


@given(st.binary(max_size=600))
def test_the_sponge_is_that_of_sha_3(message):
    assert sponge_256(message, 0x06) == hashlib.sha3_256(message).digest()


@pytest.mark.parametrize(
    ("message", "digest"),
    [
        # source: The Keccak team, known-answer tests of round 3, ShortMsgKAT_256, Len = 0
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        # source: the topic of every ERC-20 transfer (ERC-20, "Events")
        (b"Transfer(address,address,uint256)", "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"),
    ],
)
def test_known_digests(message, digest):
    assert keccak_256(message).hex() == digest


@pytest.mark.parametrize("address", EIP_55)
def test_mixed_case_is_a_checksum(address):
    for text in (address, address.lower(), "0x" + address[2:].upper(), address[2:]):
        assert account_address("ethereum", text) == address
    digits = address[2:]
    place = next(at for at, digit in enumerate(digits) if digit.isalpha())
    wrong = digits[:place] + digits[place].swapcase() + digits[place + 1 :]
    with pytest.raises(BadRowError, match="EIP-55"):
        account_address("ethereum", wrong)


@given(st.binary(min_size=20, max_size=20))
def test_tron_hex_and_base58_are_one_address(account):
    address = account_address("tron", "41" + account.hex())
    assert address == account_address("tron", address) == account_address("tron", "0x41" + account.hex().upper())
    assert address.startswith("T")
    assert len(address) == 34
    place = 20
    other = "2" if address[place] != "2" else "3"
    with pytest.raises(BadRowError, match="checksum"):
        account_address("tron", address[:place] + other + address[place + 1 :])


@pytest.mark.parametrize(
    ("chain", "text"),
    [
        ("ethereum", ""),
        ("ethereum", "0x123"),
        ("ethereum", NOBODY_TRON),
        ("tron", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"),  # bitcoin's, as its own documents print it
        ("tron", "0x" + "00" * 20),
        ("tron", "not base58: 0OIl"),
        ("tron", "\u0664" * 34),
    ],
)
def test_other_text_is_none(chain, text):
    with pytest.raises(BadRowError):
        account_address(chain, text)


def test_nobody():
    assert is_nobody("tron", account_address("tron", "41" + "00" * 20))
    assert account_address("tron", NOBODY_TRON) == NOBODY_TRON
    assert is_nobody("ethereum", account_address("ethereum", "00" * 20))
    assert not is_nobody("ethereum", EIP_55[0])


def test_the_address_of_a_public_key():
    """The generator point of secp256k1 is the public key of the secret 1, whose address everybody knows."""
    point = bytes.fromhex(
        "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
        "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"
    )
    assert account_of_public_key("ethereum", point) == "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
    assert account_of_public_key("tron", point) == account_address("tron", "417e5f4552091a69125d5dfcb7b8c2659029395bdf")
