"""Addresses are those of another library; undo records give back what went into them."""

from __future__ import annotations

import coincurve
import pytest
from embit.networks import NETWORKS
from embit.script import Script
from hypothesis import given
from hypothesis import strategies as st

from headwater.money.block_layout import MAX_MONEY_SAT
from headwater.money.scripts import address_of, anyone_can_spend, is_unspendable, uncompressed_key
from headwater.money.undo import coins_spent


def listed(undo):
    """What an undo record says, as lists of satoshis and scripts."""
    coins, at = coins_spent(undo), 0
    scripts = [coins.scripts[start:end].tobytes() for start, end in coins.bounds.tolist()]
    pairs = list(zip(coins.amounts_sat.tolist(), scripts, strict=True))
    spent = []
    for count in coins.counts.tolist():
        spent.append(pairs[at : at + count])
        at += count
    return spent


NAMED = st.sampled_from(("main", "test", "signet", "regtest"))


@given(NAMED, st.binary(min_size=20, max_size=20), st.binary(min_size=32, max_size=32))
def test_addresses_are_those_of_another_library(network, short, long):
    for script in (
        b"\x76\xa9\x14" + short + b"\x88\xac",
        b"\xa9\x14" + short + b"\x87",
        b"\x00\x14" + short,
        b"\x00\x20" + long,
        b"\x51\x20" + long,
    ):
        assert address_of(script, network) == Script(script).address(NETWORKS[network])


@pytest.mark.parametrize(
    ("script_hex", "network", "address"),
    [  # source: BIP-173 and BIP-350, test vectors
        ("0014751e76e8199196d454941c45d1b3a323f1433bd6", "main", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        (
            "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
            "main",
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
        ),
        ("6002751e", "main", "bc1sw50qgdz25j"),
        ("51024e73", "main", "bc1pfeessrawgf"),
        (
            "4104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac",
            "main",
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        ),
        ("6a0568656c6c6f", "main", None),
        ("51", "main", None),
        ("00030102aa", "main", None),
        ("", "main", None),
    ],
)
def test_published_addresses(script_hex, network, address):
    assert address_of(bytes.fromhex(script_hex), network) == address


def test_scripts_that_show_no_control():
    assert anyone_can_spend(b"\x51")
    assert anyone_can_spend(bytes.fromhex("51024e73"))
    assert anyone_can_spend(bytes.fromhex("00204ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc33260"))
    assert not anyone_can_spend(b"\x00\x14" + bytes(20))
    assert is_unspendable(b"\x6a")
    assert not is_unspendable(b"")


@given(st.integers(1, 2**128))
def test_uncompressed_keys_are_those_of_another_library(secret):
    public = coincurve.PrivateKey.from_int(secret).public_key
    assert uncompressed_key(public.format(compressed=True)) == public.format(compressed=False)


def test_a_key_beside_the_curve_is_refused():
    with pytest.raises(ValueError, match="no point"):
        uncompressed_key(b"\x02" + (5).to_bytes(32, "big"))


SCRIPTS = st.one_of(st.binary(max_size=80), st.just(b"\x51"), st.binary(min_size=250, max_size=300))
COINS = st.tuples(st.integers(0, MAX_MONEY_SAT), SCRIPTS)


@given(st.lists(st.lists(COINS, min_size=1, max_size=4), max_size=5))
def test_undo_records_give_back_their_coins(tools, spent):
    record = tools.counted(len(spent)) + b"".join(
        tools.counted(len(coins)) + b"".join(tools.undo_coin(script, amount_sat) for amount_sat, script in coins)
        for coins in spent
    )
    assert listed(record) == spent
    for end in range(len(record)):
        with pytest.raises(ValueError, match=r"undo record|cannot have"):
            coins_spent(record[:end])
    with pytest.raises(ValueError, match="goes on"):
        coins_spent(record + b"\x00")


def test_special_scripts(tools):
    public = coincurve.PrivateKey.from_int(7).public_key
    compressed, whole = public.format(compressed=True), public.format(compressed=False)
    for kind, content, script in (
        (0, bytes(20), b"\x76\xa9\x14" + bytes(20) + b"\x88\xac"),
        (1, bytes(20), b"\xa9\x14" + bytes(20) + b"\x87"),
        (compressed[0], compressed[1:], b"\x21" + compressed + b"\xac"),
        (compressed[0] + 2, compressed[1:], b"\x41" + whole + b"\xac"),
    ):
        coin = tools.variable(2 * 500 + 1) + b"\x00" + tools.variable(tools.squeezed(50)) + bytes((kind,)) + content
        assert listed(b"\x01\x01" + coin) == [[(50, script)]]


def test_the_undo_data_of_a_whole_chain(case):
    scripts, at = {}, 0
    for block in case.chain.blocks:
        if block.undo is not None:
            for coins in listed(block.undo):
                at += len(coins)
                scripts.update({script: amount_sat for amount_sat, script in coins})
    assert at == case.tables["tx_inputs"].num_rows
    assert {script.hex() for script in scripts} <= set(case.tables["tx_outputs"]["script_hex"].to_pylist())


def test_impossible_undo_records_are_refused(tools):
    too_much = tools.variable(2) + b"\x00" + tools.variable(tools.squeezed(MAX_MONEY_SAT * 10)) + tools.variable(6)
    with pytest.raises(ValueError, match="cannot have been"):
        coins_spent(b"\x01\x01" + too_much)
    too_long = tools.variable(2) + b"\x00" + tools.variable(0) + tools.variable(20_000) + bytes(20_000)
    with pytest.raises(ValueError, match="cannot have been spent"):
        coins_spent(b"\x01\x01" + too_long)
    with pytest.raises(ValueError, match="no end"):
        coins_spent(b"\x01\x01" + b"\xff" * 30)
