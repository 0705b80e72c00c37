"""Files of other coins are told by their content, and damage in them is said and ends nothing."""

import io
import random

import pyarrow as pa
import pytest

from headwater_sealed.bolt import Bolt, Bucket, Pair
from headwater_sealed.coin_stores import name_coin_store
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.sniff import sniffed
from headwater_sealed.wallet import read_wallet
from headwater_synth.legacy_wallet import counted, legacy_wallet
from headwater_synth.other_coins.stores import bolt_file, lmdb_file

MONERO_TABLES = [b"blocks", b"block_info", b"output_amounts", b"spent_keys", b"txs_pruned"]


def named(content: bytes) -> dict:
    batches: list[pa.RecordBatch] = []
    name_coin_store([io.BytesIO(content)], {}, batches.append)
    [row] = [row for batch in batches for row in batch.to_pylist()]
    return row


def record(kind: bytes, rest: bytes = b"") -> tuple[bytes, bytes]:
    return counted(kind) + rest, b"\0" * 8


@pytest.mark.parametrize(
    ("content", "kind", "encrypted"),
    [
        (bolt_file({b"open-chan-bucket": {}, b"invoices": {}}), "lnd-channels", False),
        (bolt_file({b"waddrmgr": {}, b"wtxmgr": {}}), "lnd-wallet", True),
        (bolt_file({b"macrootkeys": {b"0": b"x"}}), "lnd-macaroons", True),
        (bolt_file({b"shared-hash": {}}), "lnd-other", False),
        (bolt_file({b"invoices": {b"1": b"of another application"}}), "bbolt", None),
        (lmdb_file(MONERO_TABLES), "monero-chain", False),
        (lmdb_file([b"blocks", b"pears"]), None, None),
        (legacy_wallet([record(b"sapzkey"), record(b"key")]), "zcash-wallet", False),
        (legacy_wallet([record(b"csapzkey"), record(b"chdseed")]), "zcash-wallet", True),
        (legacy_wallet([record(b"key"), record(b"keymeta")]), None, None),
        (b"no store at all" * 9, None, None),
    ],
)
def test_a_store_is_told_by_its_names(content, kind, encrypted):
    assert named(content) == {"coin_file_kind": kind, "is_encrypted": encrypted, "reason": None}


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (bolt_file({b"a": {}}), "bbolt"),
        (lmdb_file([b"a"]), "lmdb"),
        (b'{"status":"OK","txs":[{"as_hex":"00","as_json":"{}"}]}', "monero-answers"),
        (b'{"result": {"block_header": {"height": 1, "miner_tx_hash": "00"}}}', "monero-answers"),
        (b'[{"txid": "00", "memo": "f6", "amountZat": 5, "outindex": 0}]', "zcash-answers"),
        # What platforms export has some of these keys too.
        (b'{"txid": "00", "memo": "thanks", "amount": 5}\n', "json-rows"),
        (b'{"txid": "00", "outgoing": true}\n', "json-rows"),
        (b'{"as_json": "{}", "id": 1}\n', "json-rows"),
        (b'{"txs": [1], "id": 1}\n', "json-rows"),
    ],
)
def test_the_first_bytes_tell(content, word):
    assert sniffed(content[:65536], len(content)) == word


def test_the_form_of_a_monero_wallet_is_told_by_its_length():
    rng = random.Random(1)
    for size in (300, 1800, 20_000, 200_000):
        length = bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | (0x80 if size >= 1 << 14 else 0)])
        length += bytes([size >> 14]) if size >= 1 << 14 else b""
        content = rng.randbytes(8) + length + rng.randbytes(size)
        assert sniffed(content[:65536], len(content)) == "monero-wallet"
        assert sniffed(content[:65536]) != "monero-wallet", "nothing is said where the length is not known"
        assert sniffed((content + b"x")[:65536], len(content) + 1) != "monero-wallet"
        plain = content[: 8 + len(length)] + b"a" * size
        assert sniffed(plain[:65536], len(plain)) != "monero-wallet"


def test_chance_is_seldom_taken_for_a_monero_wallet():
    rng = random.Random(2)
    taken = sum(
        sniffed(content, len(content)) == "monero-wallet" for content in (rng.randbytes(1800) for _ in range(4000))
    )
    assert taken <= 2  # one of 16,384 is to be expected


def test_a_zcash_wallet_is_no_wallet_of_bitcoin():
    content = legacy_wallet([record(b"zkey"), record(b"keymeta", counted(b"\2" + b"\7" * 32))])
    with pytest.raises(UnreadableError, match="a Zcash wallet, not one of Bitcoin"):
        read_wallet([io.BytesIO(content)], {}, lambda _: None)


def whole(content: bytes) -> dict:
    store = Bolt(io.BytesIO(content))
    return walked(store, store.root)


def walked(store: Bolt, bucket: Bucket) -> dict:
    found: dict = {}
    for one in store.elements(bucket):
        assert not isinstance(one, UnreadableError), one.reason
        found[one.key] = one.value if isinstance(one, Pair) else walked(store, one)
    return found


@pytest.mark.parametrize("elements_a_page", [2, 64])
def test_buckets_are_read_as_they_were_written(elements_a_page):
    rng = random.Random(elements_a_page)
    tree = {
        b"empty": {},
        b"small": {b"a": b"1", b"b": b""},
        b"large": {number.to_bytes(4, "big"): rng.randbytes(300) for number in range(150)},
        b"long": {b"key": rng.randbytes(20_000)},
        b"nested": {b"one": {b"two": {b"three": b"3"}}, b"plain": b"p"},
        b"value": b"v",
    }
    content = bolt_file(tree, elements_a_page=elements_a_page)
    store = Bolt(io.BytesIO(content))
    assert walked(store, store.root) == tree
    found = store.bucket(b"nested", b"one", b"two")
    assert found is not None
    [pair] = store.elements(found)
    assert content[pair.offset_bytes :].startswith(pair.key + pair.value)
    assert store.bucket(b"nested", b"none") is None


def test_one_damaged_header_is_enough_and_two_are_too_many():
    content = bytearray(bolt_file({b"a": b"1"}))
    content[4096 + 40] ^= 1
    assert whole(bytes(content)) == {b"a": b"1"}
    content = bytearray(bolt_file({b"a": b"1"}))
    content[40] ^= 1
    assert whole(bytes(content)) == {b"a": b"1"}
    content[4096 + 40] ^= 1
    with pytest.raises(UnreadableError, match="neither of the two headers"):
        Bolt(io.BytesIO(bytes(content)))


@pytest.mark.parametrize(
    "make", [bolt_file, lambda tree: lmdb_file(sorted(tree)), lambda tree: legacy_wallet([record(b"zkey")])]
)
def test_whatever_is_changed_or_cut_off_it_ends_in_a_row(make):
    rng = random.Random(7)
    sound = make({b"open-chan-bucket": {b"a": {b"b": b"c"}}, **{bytes([n]) * 9: {b"x": b"y" * 40} for n in range(60)}})
    for _ in range(300):
        content = bytearray(sound)
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(content))
            content[at] = rng.randrange(256)
        cut = bytes(content[: rng.randrange(40, len(content) + 1)])
        named(cut)
        try:
            store = Bolt(io.BytesIO(cut))
        except UnreadableError:
            continue
        waiting = [store.root]
        for _ in range(500):
            if not waiting:
                break
            waiting += [one for one in store.elements(waiting.pop()) if isinstance(one, Bucket)]


def test_a_page_that_leads_back_to_itself_ends():
    content = bytearray(bolt_file({bytes([n]): b"v" for n in range(6)}, elements_a_page=2))
    branch = next(at for at in range(3 * 4096, len(content), 4096) if content[at + 8] == 1)
    number = int.from_bytes(content[branch : branch + 8], "little")
    content[branch + 16 + 8 : branch + 16 + 16] = number.to_bytes(8, "little")
    store = Bolt(io.BytesIO(bytes(content)))
    told = list(store.elements(store.root))
    assert sum(isinstance(one, UnreadableError) for one in told) == 1
    assert sum(isinstance(one, Pair) for one in told) == 4
