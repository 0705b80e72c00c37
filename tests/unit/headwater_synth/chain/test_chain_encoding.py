"""Encodings agree with other implementations."""

from __future__ import annotations

import pytest
from embit import networks
from embit.descriptor import Descriptor
from embit.descriptor.checksum import add_checksum
from embit.script import Script

from headwater_synth.chain.encoding import address_of, compact_size, compressed_amount, shown, varint
from headwater_synth.chain.keys import checksummed, owned_key, platform_account
from headwater_synth.chain.ledger import genesis_block, subsidy_sat


@pytest.mark.parametrize("script_kind", ["p2wpkh", "p2pkh", "p2sh-p2wpkh", "p2tr"])
def test_addresses_are_those_of_another_library(script_kind):
    for number in range(8):
        script = owned_key(5, "somebody", number, script_kind).script
        assert address_of(script) == Script(script).address(networks.NETWORKS["regtest"])


def test_a_bare_public_key_has_no_address():
    assert address_of(owned_key(5, "somebody", 0, "p2pk").script) is None
    assert address_of(b"\x6a\x01\x00") is None


def test_platform_keys_are_those_of_the_descriptor():
    _, external, internal = platform_account(9, "platform")
    for branch in (external, internal):
        assert branch.descriptor == checksummed(branch.descriptor.partition("#")[0])
        assert branch.descriptor == add_checksum(branch.descriptor.partition("#")[0])
        parsed = Descriptor.from_string(branch.descriptor)
        for number in range(5):
            assert branch.key().script == parsed.derive(number).script_pubkey().data


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (0, "00"),
        (0x7F, "7f"),
        (0x80, "8000"),
        (0xFF, "807f"),
        (0x407F, "ff7f"),
        (0x4080, "808000"),
        (2**32, "8efefeff00"),
    ],
)
def test_numbers_in_cores_files(number, written):
    assert varint(number).hex() == written


@pytest.mark.parametrize(
    ("amount_sat", "small"),
    [(0, 0), (1, 1), (1_000_000, 7), (100_000_000, 9), (50 * 100_000_000, 50), (21_000_000 * 100_000_000, 21_000_000)],
)
def test_round_sums_are_small_numbers(amount_sat, small):
    assert compressed_amount(amount_sat) == small


def test_lengths():
    assert [compact_size(number).hex() for number in (0, 252, 253, 65_535, 65_536, 2**32)] == [
        "00",
        "fc",
        "fdfd00",
        "fdffff",
        "fe00000100",
        "ff0000000001000000",
    ]


def test_the_first_block_is_that_of_every_regtest_chain():
    assert shown(genesis_block().block_hash) == "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"


def test_new_coins_are_halved():
    assert [subsidy_sat(height) for height in (1, 149, 150, 299, 300)] == [
        5_000_000_000,
        5_000_000_000,
        2_500_000_000,
        2_500_000_000,
        1_250_000_000,
    ]


def test_keys_differ_by_seed_owner_and_number():
    made = {
        owned_key(seed, owner, number, "p2wpkh").script for seed in (1, 2) for owner in ("a", "b") for number in (0, 1)
    }
    assert len(made) == 8
