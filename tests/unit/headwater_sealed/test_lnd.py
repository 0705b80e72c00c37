"""LND's state in bbolt: what is told of it, what is never told, and that another layout is said to be one."""

import io
import random

import pyarrow as pa
import pytest

from headwater_sealed.lnd import read_lnd
from headwater_sealed.refusal import UnreadableError
from headwater_synth.other_coins.lnd import lnd_state


def read(content: bytes) -> list[dict]:
    batches: list[pa.RecordBatch] = []
    read_lnd([io.BytesIO(content)], {}, batches.append)
    return [row for batch in batches for row in batch.to_pylist()]


def of_kind(rows: list[dict], kind: str) -> list[dict]:
    return [row for row in rows if row["kind"] == kind]


@pytest.mark.parametrize("elements_a_page", [2, 64])
def test_invoices_payments_and_channels_are_told(elements_a_page):
    node = lnd_state(random.Random(1), elements_a_page=elements_a_page)
    rows = read(node.content)
    assert of_kind(rows, "defect") == []
    invoices = of_kind(rows, "invoice")
    assert [row["payment_hash"] for row in invoices] == [digest for digest, _ in node.invoices]
    assert [row["state"] for row in invoices] == ["unpaid", "paid", "canceled", "accepted"]
    assert [row["amount_msat"] for row in invoices] == [None, 1000, 2000, 3000]
    assert [row["received_msat"] for row in invoices] == [0, 1000, 0, 0]
    assert [row["description"] for row in invoices] == [f"Membership {number}" for number in range(4)]
    assert invoices[1]["created_at_us"] == 1_700_000_001_000_000
    assert invoices[1]["paid_at_us"] == 1_700_000_600_000_000
    assert invoices[1]["expires_at_us"] == 1_700_003_601_000_000
    assert invoices[0]["paid_at_us"] is None
    payments = sorted(of_kind(rows, "payment"), key=lambda row: row["amount_msat"])
    assert [(row["amount_msat"], row["state"]) for row in payments] == [
        (5000, "complete"), (5001, "failed"), (5002, "pending"),
    ]  # fmt: skip
    assert payments[2]["created_at_us"] == 1_700_000_002_000_000
    channels = sorted(of_kind(rows, "channel"), key=lambda row: row["funding_output_index"])
    assert [(row["funding_txid"], row["funding_output_index"]) for row in channels] == node.funding
    assert [row["state"] for row in channels] == ["open", "closed", "closed"]
    assert [row["opener"] for row in channels] == ["remote", "local", "unknown"]
    assert [row["capacity_sat"] for row in channels] == [2_000_000, 2_000_001, 900]
    assert channels[0]["short_channel_id"] == "800000x5x0"
    assert all(row["peer_node_id"].startswith("03") for row in channels)


def test_no_secret_is_in_any_record():
    node = lnd_state(random.Random(2), invoices=40)
    text = repr(read(node.content))
    assert node.secrets
    for secret in node.secrets:
        assert secret.hex() not in text
        assert secret[::-1].hex() not in text
        assert repr(secret)[2:-1] not in text


def test_a_record_lies_where_it_is_said_to():
    node = lnd_state(random.Random(3), elements_a_page=2)
    for row in read(node.content):
        raw = node.content[row["offset_bytes"] : row["offset_bytes"] + row["length_bytes"]]
        if row["kind"] == "channel":
            assert bytes.fromhex(row["funding_txid"])[::-1] in raw
        elif row["kind"] == "payment":
            assert bytes.fromhex(row["payment_hash"]) in raw
        else:
            assert row["description"].encode() in raw


@pytest.mark.parametrize("version", [0, 12])
def test_an_older_version_is_refused_by_name(version):
    with pytest.raises(UnreadableError, match=f"version {version}; versions from 13 on"):
        read(lnd_state(random.Random(4), version=version).content)


def changed(node_bytes: bytes, old: bytes, new: bytes) -> bytes:
    assert node_bytes.count(old) >= 1
    assert len(old) == len(new)
    return node_bytes.replace(old, new, 1)


def test_a_record_whose_place_says_something_else_is_a_defect():
    node = lnd_state(random.Random(5))
    txid = bytes.fromhex(node.funding[0][0])[::-1]
    key = txid + bytes(4)
    place = node.content.index(b"\xfd\x01\x0c" + bytes(32) + key)
    content = bytearray(node.content)
    content[place + 3 + 32] ^= 1
    rows = read(bytes(content))
    [told] = of_kind(rows, "defect")
    assert told["reason"] == "a record of another layout: its output is not that of its key"
    assert (told["offset_bytes"], told["length_bytes"] > 36) == (place - len(b"chan-info-key"), True)
    assert len(of_kind(rows, "channel")) == 2
    # An invoice that no index names has no payment hash to be known by.
    digest = bytes.fromhex(node.invoices[2][0])
    place = node.content.index(digest)
    rows = read(changed(node.content, digest + (2).to_bytes(4, "big"), digest + (9).to_bytes(4, "big")))
    assert [row["reason"].partition(": ")[2] for row in of_kind(rows, "defect")] == [
        "the index of payment hashes does not name it"
    ]
    assert place > 0


def test_whatever_is_changed_it_ends_in_records_or_in_words():
    rng = random.Random(6)
    sound = lnd_state(rng).content
    told = 0
    for _ in range(300):
        content = bytearray(sound)
        for _ in range(rng.randrange(1, 12)):
            content[rng.randrange(2 * 4096, len(content))] = rng.randrange(256)
        try:
            told += len(of_kind(read(bytes(content)), "defect"))
        except UnreadableError:
            told += 1
    assert told
