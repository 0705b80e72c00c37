"""What a view key shows: against Monero's own vectors, and against payments that an independent sender makes."""

import io
import json
import random

import pyarrow as pa
import pytest

from headwater_sealed.monero import MONERO_SCHEMA, scan_monero
from headwater_sealed.monero_keys import (
    ViewKey,
    Wallet,
    decoded_address,
    encoded_address,
    is_point,
)
from headwater_sealed.refusal import UnreadableError
from headwater_synth.other_coins.edwards import BASE, ORDER, added, decoded, encoded, hash_number, times
from headwater_synth.other_coins.monero import (
    Payment,
    SeizedWallet,
    answer,
    block_answer,
    coinbase,
    printed,
)

# source: Monero, tests/functional_tests/wallet.py (the key of a wallet whose seed is printed there)
PUBLISHED_ADDRESS = b"42ey1afDFnn4886T7196doS9GPMzexD9gXpsZJDwVjeRVdFCSoHnv7KPbBeGpzJBzHRCAs9UxqeoyFQMYbqSWYTfJJQAWDm"
PUBLISHED_KEY = b"49774391fa5e8d249fc2c5b45dadef13534bf2483dede880dac88f061e809100"
PUBLISHED_SUBADDRESSES = {
    (0, 1): "84QRUYawRNrU3NN1VpFRndSukeyEb3Xpv8qZjjsoJZnTYpDYceuUTpog13D7qPxpviS7J29bSgSkR11hFFoXWk2yNdsR9WF",
    (1, 0): "82pP87g1Vkd3LUMssBCumk3MfyEsFqLAaGDf6oxddu61EgSFzt8gCwUD4tr3kp9TUfdPs2CnpD7xLZzyC1Ei9UsW3oyCWDf",
    (1, 1): "87qyoPVaEcWikVBmG1TaP1KumZ3hB3Q5f4wZRjuppNdwYjWzs2RgbLYQgtpdu2YdoTT3EZhiUGaPJQt2FsykeFZbCtaGXU4",
    (1, 2): "87KfgTZ8ER5D3Frefqnrqif11TjVsTPaTcp37kqqKMrdDRUhpJRczeR7KiBmSHF32UJLP3HHhKUDmEQyJrv2mV8yFDCq8eB",
    (2, 0): "8Bdb75y2MhvbkvaBnG7vYP6DCNneLWcXqNmfPmyyDkavAUUgrHQEAhTNK3jEq69kGPDrd3i5inPivCwTvvA12eQ4SJk9iyy",
}
# source: Monero, tests/crypto/tests.txt, as are all below
DERIVATIONS = (
    (
        "fdfd97d2ea9f1c25df773ff2c973d885653a3ee643157eb0ae2b6dd98f0b6984",
        "eb2bd1cf0c5e074f9dbf38ebbc99c316f54e21803048c687a3bb359f7a713b02",
        "4e0bd2c41325a1b89a9f7413d4d05e0a5a4936f241dccc3c7d0c539ffe00ef67",
    ),
    (
        "1ebf8c3c296bb91708b09d9a8e0639ccfd72556976419c7dc7e6dfd7599218b9",
        "e49f363fd5c8fc1f8645983647ca33d7ec9db2d255d94cd538a3cc83153c5f04",
        "72903ec8f9919dfcec6efb5535490527b573b3d77f9890386d373c02bf368934",
    ),
)
OUTPUT_KEYS = (
    (
        "fc9f87293569070b7e2e1be48e6ffcdfef370a728d4c01159b5b7b9783e0fa0f",
        1499890121,
        "2c887eb3a891f60d9382b9a368f7d8bbd91fc8742dfe1054d1999e9f928e399b",
        "678c62af985543c426e90db94de447219ac24d8f3f44652003fe2b70bef54092",
    ),
    (
        "13bb0039172efee53059c7a973dc5f6f3c0a07611ebb0f5609cd833d5d25846c",
        1,
        "5ca5429e836cd4172b7427ca8dc639f39c299f1b8e0d00f9d3f9a5bb2e49251a",
        "52e0a76a5785d12737dba717fd6c90e0e7d7a1a6c758543758abe578793c7a52",
    ),
)
VIEW_TAGS = (
    ("0fc47054f355ced4d67de73bfa12e4c78ff19089548fffa7d07a674741860f97", {0: "76", 1: "d6", 127: "2c", 128: "11"}),
    ("a36ba7b4d31349ad278a6df8f77adb76748b59f4929348e67dd92adb9fa174dc", {0: "70", 13: "0a", 14: "87"}),
)


def wallet_of(address: str, secret: str) -> Wallet:
    whole = decoded_address(address.encode())
    assert whole is not None
    return Wallet(whole, ViewKey.found_in(secret.encode(), whole), accounts=3, indices=4)


def scanned(seized: SeizedWallet, *answers: object, key: str | None = None, address: str | None = None) -> list[dict]:
    files = [
        f"address: {seized.destination().address}\nsecret: {key or seized.private_view_key}\n".encode(),
        (address or seized.destination().address).encode() + b"\n",
        *(json.dumps(one).encode() if not isinstance(one, bytes) else one for one in answers),
    ]
    batches: list[pa.RecordBatch] = []
    scan_monero([io.BytesIO(file) for file in files], {"accounts": 3, "subaddresses": 4}, batches.append)
    return [row for batch in batches for row in batch.to_pylist()]


def receipts(rows: list[dict]) -> list[dict]:
    return [row for row in rows if row["kind"] == "receipt"]


def defects(rows: list[dict]) -> list[str]:
    return [row["code"] for row in rows if row["kind"] == "defect"]


@pytest.fixture
def rng():
    return random.Random(11)


@pytest.fixture
def seized(rng):
    return SeizedWallet(rng)


@pytest.fixture
def foreign(rng):
    return SeizedWallet(rng)


@pytest.mark.parametrize(("point", "secret", "expected"), DERIVATIONS)
def test_derivations_are_moneros(point, secret, expected):
    found = ViewKey(bytes.fromhex(secret)).derivation(bytes.fromhex(point))
    assert found is not None
    assert found.hex() == expected


@pytest.mark.parametrize(("derivation", "index", "spend_key", "output_key"), OUTPUT_KEYS)
def test_output_keys_are_moneros(derivation, index, spend_key, output_key):
    whole = decoded_address(PUBLISHED_ADDRESS)
    address = decoded_address(encoded_address("main", "primary", bytes.fromhex(spend_key), whole.view_key).encode())
    wallet = Wallet(address, ViewKey.found_in(PUBLISHED_KEY, address), accounts=1, indices=1)
    place = wallet.place(bytes.fromhex(derivation), index, bytes.fromhex(output_key), None)
    assert place == (0, 0)
    assert wallet.place(bytes.fromhex(derivation), index + 1, bytes.fromhex(output_key), None) is None


@pytest.mark.parametrize(("derivation", "tags"), VIEW_TAGS)
def test_view_tags_are_moneros(derivation, tags):
    wallet = wallet_of(PUBLISHED_ADDRESS.decode(), PUBLISHED_KEY.decode())
    spend_key = decoded_address(PUBLISHED_ADDRESS).spend_key
    for index, tag in tags.items():
        varint = bytes([index]) if index < 128 else b"\x80\x01"
        number = hash_number(bytes.fromhex(derivation) + varint)
        key = encoded(added(times(number, BASE), decoded(spend_key)))
        assert wallet.place(bytes.fromhex(derivation), index, key, bytes.fromhex(tag)) == (0, 0)
        wrong = bytes([bytes.fromhex(tag)[0] ^ 1])
        assert wallet.place(bytes.fromhex(derivation), index, key, wrong) is None


def test_subaddresses_are_moneros():
    wallet = wallet_of(PUBLISHED_ADDRESS.decode(), PUBLISHED_KEY.decode())
    assert {place: wallet.address_at(*place) for place in PUBLISHED_SUBADDRESSES} == PUBLISHED_SUBADDRESSES
    assert wallet.address_at(0, 0).encode() == PUBLISHED_ADDRESS


def test_an_address_with_a_wrong_digit_is_none():
    for place in (0, 20, 94):
        wrong = bytearray(PUBLISHED_ADDRESS)
        wrong[place] = ord("5") if wrong[place] != ord("5") else ord("6")
        assert decoded_address(bytes(wrong)) is None
    assert decoded_address(b"") is None
    assert decoded_address(PUBLISHED_ADDRESS[:-1]) is None


def test_payments_of_every_form_are_found_with_their_amounts(rng, seized, foreign):
    other = foreign.destination()
    cases = {
        "primary": printed(
            rng, [Payment(to=other, amount_piconero=5), Payment(to=seized.destination(), amount_piconero=7)], height=10
        ),
        "subaddress alone": printed(rng, [Payment(to=seized.destination(1, 2), amount_piconero=10**12)], height=11),
        "subaddress among others": printed(
            rng,
            [
                Payment(to=foreign.destination(0, 1), amount_piconero=1),
                Payment(to=seized.destination(2, 3), amount_piconero=2),
                Payment(to=other, amount_piconero=3),
                Payment(to=seized.destination(), amount_piconero=4),
            ],
            height=12,
        ),
        "no tags": printed(rng, [Payment(to=seized.destination(), amount_piconero=9)], height=13, tagged=False),
        "masks": printed(rng, [Payment(to=seized.destination(), amount_piconero=2**63 - 1)], height=14, kind=3),
        "nothing": printed(rng, [Payment(to=seized.destination(0, 1), amount_piconero=0)], height=15),
        "waiting": printed(rng, [Payment(to=seized.destination(0, 3), amount_piconero=6)], height=None),
        "foreign": printed(rng, [Payment(to=other, amount_piconero=8)] * 3, height=16),
    }
    rows = scanned(seized, answer(list(cases.values())))
    assert defects(rows) == []
    by_txid = {told["tx_hash"]: name for name, told in cases.items()}
    found = {
        (
            by_txid[r["txid"]],
            r["output_index"],
            r["account_index"],
            r["subaddress_index"],
            r["amount_piconero"],
            r["commitment_ok"],
        )
        for r in receipts(rows)
    }
    assert found == {
        ("primary", 1, 0, 0, 7, True),
        ("subaddress alone", 0, 1, 2, 10**12, True),
        ("subaddress among others", 1, 2, 3, 2, True),
        ("subaddress among others", 3, 0, 0, 4, True),
        ("no tags", 0, 0, 0, 9, True),
        ("masks", 0, 0, 0, 2**63 - 1, True),
        ("nothing", 0, 0, 1, 0, True),
        ("waiting", 0, 0, 3, 6, True),
    }  # fmt: skip
    for row in receipts(rows):
        assert row["address"] == seized.destination(row["account_index"], row["subaddress_index"]).address
        assert (row["block_height"] is None) == (by_txid[row["txid"]] == "waiting")
    [scan] = [row for row in rows if row["kind"] == "scan"]
    assert (scan["transactions"], scan["outputs"], scan["first_height"], scan["last_height"]) == (8, 14, 10, 16)


def test_a_subaddress_outside_of_the_range_is_not_found(rng, seized):
    told = printed(rng, [Payment(to=seized.destination(0, 4), amount_piconero=1)], height=1)
    assert receipts(scanned(seized, answer([told]))) == []


def test_a_commitment_to_another_amount_is_a_defect_and_gives_no_amount(rng, seized):
    told = printed(rng, [Payment(to=seized.destination(), amount_piconero=5, committed_piconero=6)], height=1)
    rows = scanned(seized, answer([told]))
    [row] = receipts(rows)
    assert (row["amount_piconero"], row["commitment_ok"]) == (None, False)
    assert defects(rows) == ["monero_commitment_differs"]


def test_payment_ids(rng, seized, foreign):
    primary = seized.destination()
    short, none = bytes.fromhex("0102030405060708"), bytes(8)
    long_id = bytes(range(32))
    told = [
        printed(rng, [Payment(to=primary, amount_piconero=1)], height=1, payment_id=short),
        printed(rng, [Payment(to=primary, amount_piconero=2)], height=1, payment_id=none),
        printed(rng, [Payment(to=primary, amount_piconero=3)], height=1, long_id=long_id),
        printed(rng, [Payment(to=primary, amount_piconero=4)], height=1),
    ]
    found = {row["amount_piconero"]: row["payment_id"] for row in receipts(scanned(seized, answer(told)))}
    assert found == {1: short.hex(), 2: None, 3: long_id.hex(), 4: None}
    # What is encrypted for another destination comes out as chance: it is for whoever reads it to compare.
    other = printed(
        rng,
        [Payment(to=foreign.destination(), amount_piconero=1), Payment(to=primary, amount_piconero=5)],
        height=1,
        payment_id=short,
    )
    [row] = receipts(scanned(seized, answer([other])))
    assert row["payment_id"] not in {short.hex(), None}


def test_a_miners_reward_has_its_amount_in_clear(rng, seized):
    miner = coinbase(rng, seized.destination(), 600_000_000_000, height=77)
    rows = scanned(seized, block_answer(rng, miner, height=77, at_s=1_700_000_123))
    [row] = receipts(rows)
    assert (row["amount_piconero"], row["commitment_ok"], row["is_coinbase"]) == (600_000_000_000, None, True)
    assert (row["block_height"], row["at_s"], row["unlock_time"]) == (77, 1_700_000_123, 137)


def test_a_key_of_another_address_is_refused_without_a_word_of_it(rng, seized, foreign):
    with pytest.raises(UnreadableError) as error:
        scanned(seized, answer([]), key=foreign.private_view_key)
    assert foreign.private_view_key[:8] not in error.value.reason
    with pytest.raises(UnreadableError, match="subaddress address; its primary"):
        scanned(seized, answer([]), address=seized.destination(0, 1).address)
    with pytest.raises(UnreadableError, match="no Monero address"):
        scanned(seized, answer([]), address="nothing")


def test_the_key_is_in_no_record(rng, seized):
    told = [printed(rng, [Payment(to=seized.destination(0, 1), amount_piconero=5, committed_piconero=6)], height=1)]
    for rows in (
        scanned(seized, answer(told), b"{", b"\xff", b"[1]", {"key": seized.private_view_key}),
        scanned(seized, {"status": seized.private_view_key, "txs": [seized.private_view_key, {"as_json": "{"}]}),
    ):
        assert defects(rows)
        text = repr(rows)
        assert seized.private_view_key not in text
        assert bytes.fromhex(seized.private_view_key)[::-1].hex() not in text
        assert seized.private_spend_key not in text
    assert seized.private_view_key not in repr(ViewKey(bytes.fromhex(seized.private_view_key)))


def test_what_the_node_says_against_its_answer_is_kept(rng, seized):
    whole = answer([printed(rng, [Payment(to=seized.destination(), amount_piconero=1)], height=1)])
    rows = scanned(seized, whole | {"untrusted": True, "missed_tx": ["00"], "status": "BUSY"})
    assert set(defects(rows)) == {
        "monero_answer_untrusted",
        "monero_transactions_missed",
        "monero_answer_not_ok",
    }
    assert len(receipts(rows)) == 1


@pytest.mark.parametrize(
    "damage",
    [
        {"vout": [{"amount": 0, "target": {"key": "00"}}]},
        {"vout": [{"amount": 0, "target": {"tagged_key": {"key": "zz" * 32, "view_tag": "00"}}}]},
        {"extra": [300]},
        {"extra": "text"},
        {"extra": 10**15},
        {"rct_signatures": [1]},
        {"vout": [None]},
        {"unlock_time": -1},
        {"unlock_time": 1.5},
        {"vin": [3]},
        {"rct_signatures": {"type": 9, "ecdhInfo": [{}], "outPk": [""]}},
        {"rct_signatures": {"type": 6, "ecdhInfo": [], "outPk": []}},
        {"rct_signatures": {"type": 6, "ecdhInfo": [{"trunc_amount": "00"}], "outPk": ["00" * 32]}},
        {"rct_signatures": {"type": True}},
        {"rct_signatures": {"type": 0}},
    ],
)
def test_a_damaged_transaction_is_a_defect_and_the_next_one_counts(rng, seized, damage):
    sound = printed(rng, [Payment(to=seized.destination(), amount_piconero=1)], height=1)
    body = json.loads(sound["as_json"]) | damage
    rows = scanned(seized, answer([sound | {"as_json": json.dumps(body)}, sound]))
    assert defects(rows) == ["monero_transaction_not_read"]
    assert [row["number"] for row in receipts(rows)] == [1]


@pytest.mark.parametrize(
    "printed_badly",
    [
        b"[" * 600 + b"]" * 600,
        b"[" * 200_000,
        b'{"status": "OK", "txs": 5}',
        b'{"status": "OK", "txs": {"a": 1}}',
        b'{"result": {"status": "OK", "miner_tx_hash": 5, "json": "[]"}}',
        b'{"result": {"status": "OK", "miner_tx_hash": "00", "json": 7}}',
        b"9" * 5000,
        b"null",
    ],
)
def test_answers_of_another_form_are_defects_and_the_next_file_counts(rng, seized, printed_badly):
    sound = answer([printed(rng, [Payment(to=seized.destination(), amount_piconero=1)], height=1)])
    rows = scanned(seized, printed_badly, sound)
    assert [row["file_index"] for row in rows if row["kind"] == "defect"][:1] == [0]
    assert [row["file_index"] for row in receipts(rows)] == [1]
    assert len([row for row in rows if row["kind"] == "scan"]) == 2


def test_extra_that_breaks_off_still_gives_what_stands_before(rng, seized):
    sound = printed(rng, [Payment(to=seized.destination(), amount_piconero=1)], height=1)
    body = json.loads(sound["as_json"])
    rows = scanned(seized, answer([sound | {"as_json": json.dumps(body | {"extra": [*body["extra"], 2, 200]})}]))
    assert defects(rows) == ["monero_extra_not_read"]
    assert len(receipts(rows)) == 1


def test_public_keys_that_are_no_points_or_of_small_order_give_no_match(rng, seized):
    sound = printed(rng, [Payment(to=seized.destination(), amount_piconero=1)], height=1, tagged=False)
    body = json.loads(sound["as_json"])
    identity, small = b"\1" + bytes(31), bytes(32)
    not_reduced = (2**255 - 19).to_bytes(32, "little")
    signed_identity = b"\1" + bytes(30) + b"\x80"
    assert is_point(identity)
    assert is_point(small)
    assert not is_point(not_reduced)
    assert not is_point(signed_identity)
    assert not is_point(b"\2" + bytes(31))
    for key in (identity, small, not_reduced, signed_identity, b"\2" + bytes(31)):
        rows = scanned(seized, answer([sound | {"as_json": json.dumps(body | {"extra": [1, *key]})}]))
        assert receipts(rows) == []


def test_a_public_key_of_small_order_shows_an_output_that_was_made_for_it(rng, seized):
    # 8 * a * R is then the identity, which whoever made the output knew.
    sound = printed(rng, [Payment(to=seized.destination(), amount_piconero=1)], height=1, tagged=False)
    body = json.loads(sound["as_json"])
    shift = hash_number(b"\1" + bytes(31) + b"\0")
    key = encoded(added(times(shift, BASE), decoded(seized.destination().spend_key)))
    body["vout"][0]["target"]["key"] = key.hex()
    rows = scanned(seized, answer([sound | {"as_json": json.dumps(body | {"extra": [1, *bytes(32)]})}]))
    assert [row["commitment_ok"] for row in receipts(rows)] == [False]


def test_a_torsion_part_of_the_public_key_makes_no_difference(rng, seized):
    sound = printed(rng, [Payment(to=seized.destination(), amount_piconero=1)], height=1)
    body = json.loads(sound["as_json"])
    public = bytes(body["extra"][1:33])
    moved = encoded(added(decoded(public), decoded(bytes(32))))
    assert moved != public
    rows = scanned(seized, answer([sound | {"as_json": json.dumps(body | {"extra": [1, *moved]})}]))
    assert [row["commitment_ok"] for row in receipts(rows)] == [True]


def test_the_order_is_that_of_the_group():
    assert encoded(times(ORDER, BASE)) == b"\1" + bytes(31)


def test_every_record_has_the_schema(rng, seized):
    rows = scanned(seized, answer([]))
    assert [row["kind"] for row in rows] == ["scan"]
    assert set(rows[0]) == set(MONERO_SCHEMA.names)
