"""What a Zcash wallet's program has printed: incoming outputs alone, exactly, and what is not of its form a defect."""

import hashlib
import io
import json
import random

import pyarrow as pa
import pytest
from embit import bip39

from headwater_sealed.zcash_answers import read_zcash_answers
from headwater_synth.other_coins.samples import zcash_received, zcash_viewed

TXID = "ab" * 32
PHRASE = bip39.mnemonic_from_bytes(hashlib.sha256(b"an invented memo").digest()[:16])


def read(content: object) -> list[dict]:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    batches: list[pa.RecordBatch] = []
    read_zcash_answers([io.BytesIO(raw)], {}, batches.append)
    return [row for batch in batches for row in batch.to_pylist()]


def listed(**told: object) -> dict:
    return {"txid": TXID, "amountZat": 5, "memo": "f6", "outindex": 0} | told


def test_what_came_in_is_listed_and_what_went_out_is_not():
    viewed = zcash_viewed(random.Random(1))
    [row] = read(viewed)
    assert (row["kind"], row["pool"], row["output_index"], row["amount_zat"]) == ("receipt", "orchard", 0, 5000)
    assert row["printed_by"] == "z_viewtransaction"
    assert row["memo"] is None


def test_a_list_of_received_notes():
    rng = random.Random(2)
    entries = [zcash_received(rng, number) for number in range(3)]
    for printed in (
        entries,
        {"result": entries, "error": None},
        b" ".join(json.dumps(one).encode() for one in entries),
    ):
        rows = read(printed)
        assert [row["amount_zat"] for row in rows] == [one["amountZat"] for one in entries]
        assert [row["memo"] for row in rows] == [one["memoStr"] for one in entries]
        assert [row["block_height"] for row in rows] == [one["blockheight"] for one in entries]


def test_an_amount_is_exact_where_only_decimals_are_printed():
    for zat in (1, 3, 29, 10_000_001, 123_456_789, 2_099_999_999_999_999):
        entry = {key: value for key, value in listed().items() if key != "amountZat"}
        [row] = read(json.dumps(entry | {"amount": "X"}).replace('"X"', f"{zat // 10**8}.{zat % 10**8:08d}").encode())
        assert row["amount_zat"] == zat


@pytest.mark.parametrize(
    ("told", "memo"),
    [
        ({"memo": b"a\xc3\xa9".hex() + "00" * 5}, "aé"),
        ({"memo": "f600"}, None),
        ({"memo": "ff01"}, None),
        ({"memo": "41ff"}, None),
        ({"memo": "", "memoStr": "text"}, "text"),
    ],
)
def test_memos(told, memo):
    [row] = read([listed(**told)])
    assert row["memo"] == memo


@pytest.mark.parametrize(
    "secret", [PHRASE, "secret-extended-key-main1q" + "q" * 40, "zxviews1q" + "q" * 40, "SK" + "x" * 52]
)
def test_a_memo_that_holds_a_seed_or_a_key_is_withheld(secret):
    rows = read([listed(memoStr=f"keep {secret} safe")])
    assert [row["kind"] for row in rows] == ["defect", "receipt"]
    assert rows[0]["code"] == "memo_withheld"
    assert rows[1]["memo"] is None
    assert secret not in repr(rows)


def test_sprout_outputs_are_told_apart_by_their_joinsplit():
    entry = {key: value for key, value in listed().items() if key != "outindex"}
    rows = read([entry | {"jsindex": n, "jsoutindex": 1} for n in range(2)])
    assert [(row["pool"], row["joinsplit_index"], row["output_index"]) for row in rows] == [
        ("sprout", 0, 1),
        ("sprout", 1, 1),
    ]


@pytest.mark.parametrize(
    "entry",
    [
        {"txid": "short", "amountZat": 5, "memo": "f6", "outindex": 0},
        listed(amountZat=-1),
        listed(amountZat=1.5),
        listed(amountZat=True),
        listed(amountZat=21_000_000 * 10**8 + 1),
        listed(outindex="0"),
        listed(memo="zz"),
        listed(address="not an address"),
        {key: value for key, value in listed().items() if key != "amountZat"} | {"amount": 0.123456789},
        {key: value for key, value in listed().items() if key != "outindex"},
        3,
        None,
    ],
)
def test_an_entry_of_another_form_is_a_defect_and_the_next_one_counts(entry):
    rows = read([entry, listed()])
    assert [row["kind"] for row in rows] == ["defect", "receipt"]
    assert rows[1]["number"] == 1


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[1] x", b"[" * 200_000])
def test_what_is_no_json_is_a_defect(content):
    assert read(content)[-1]["code"] == "zcash_answer_not_read"
