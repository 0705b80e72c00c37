"""The compiled loops against plain ways of doing the same, on made-up bytes, whole, cut and altered."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.money.block_layout import BlockLayoutError, compact_size, laid_out, merkle_root, transaction_ids
from headwater.money.byte_table import ByteTable, NumberOf
from headwater.money.clusters import joined_scripts, proving_order
from headwater.money.digest_kernels import has_instructions, take_in, take_in_plainly
from headwater.money.scripts import anyone_can_spend, is_each_unspendable, is_unspendable
from headwater.money.undo import coins_spent


def counted(number):
    if number < 0xFD:
        return bytes((number,))
    return b"\xfd" + number.to_bytes(2, "little")


@st.composite
def transactions(draw):
    """A transaction with or without witnesses, and what it is without them."""
    inputs = [
        draw(st.binary(min_size=36, max_size=36)) + counted(len(script)) + script + b"\xff" * 4
        for script in draw(st.lists(st.binary(max_size=300), min_size=1, max_size=4))
    ]
    outputs = [
        draw(st.integers(0, 2**63 - 1)).to_bytes(8, "little") + counted(len(script)) + script
        for script in draw(st.lists(st.binary(max_size=300), min_size=1, max_size=4))
    ]
    body = counted(len(inputs)) + b"".join(inputs) + counted(len(outputs)) + b"".join(outputs)
    version, lock_time = draw(st.binary(min_size=4, max_size=4)), draw(st.binary(min_size=4, max_size=4))
    stripped = version + body + lock_time
    if not draw(st.booleans()):
        return stripped, stripped
    stacks = [draw(st.lists(st.binary(max_size=260), max_size=3)) for _ in inputs]
    witness = b"".join(counted(len(s)) + b"".join(counted(len(each)) + each for each in s) for s in stacks)
    return version + b"\x00\x01" + body + witness + lock_time, stripped


@st.composite
def blocks(draw):
    made = draw(st.lists(transactions(), min_size=1, max_size=5))
    return bytes(80) + counted(len(made)) + b"".join(whole for whole, _ in made), [stripped for _, stripped in made]


def plainly_laid_out(block):
    """Bounds, outpoints and outputs of every transaction, read one after the other; None where the bytes end."""
    try:
        count, at = compact_size(block, 80)
        bounds, outpoints, outputs = [], [], []
        for _ in range(count):
            start = at
            at += 4
            has_witness = block[at] == 0 and block[at + 1] == 1
            at += 2 * has_witness
            body = at
            inputs, at = compact_size(block, at)
            for _ in range(inputs):
                outpoints.append(at)
                size, at = compact_size(block, at + 36)
                at += size + 4
            paid, at = compact_size(block, at)
            for _ in range(paid):
                size, after = compact_size(block, at + 8)
                outputs.append((at, after, after + size))
                at = after + size
            body_end = at
            for _ in range(inputs * has_witness):
                items, at = compact_size(block, at)
                for _ in range(items):
                    size, at = compact_size(block, at)
                    at += size
            at += 4
            bounds.append((start, body, body_end, at))
    except IndexError:
        return None
    return (bounds, outpoints, outputs) if at == len(block) else None


def as_lists(layout):
    places = zip(layout.amounts.tolist(), layout.script_starts.tolist(), layout.script_ends.tolist(), strict=True)
    return [tuple(each) for each in layout.bounds.tolist()], layout.outpoints.tolist(), list(places)


@given(blocks())
def test_a_block_is_laid_out_as_by_reading_it_plainly(made):
    block, stripped = made
    layout = laid_out(block)
    assert as_lists(layout) == plainly_laid_out(block)
    expected = [hashlib.sha256(hashlib.sha256(each).digest()).digest() for each in stripped]
    assert [each.tobytes() for each in transaction_ids(block, layout)] == expected


@given(blocks(), st.data())
def test_altered_and_cut_blocks_are_read_as_plainly_or_refused(made, data):
    content = bytearray(made[0])
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(80, len(content) - 1))] = data.draw(
            st.sampled_from((0, 1, 0xFC, 0xFD, 0xFE, 0xFF))
        )
    block = bytes(content[: data.draw(st.integers(80, len(content)))])
    expected = plainly_laid_out(block)
    found, offset_bytes = None, 80
    try:
        found = as_lists(laid_out(block))
    except BlockLayoutError as error:
        offset_bytes = error.offset_bytes
    assert 80 <= offset_bytes <= len(block)
    if found is not None:
        assert found == expected
    elif expected is not None:  # refused at once, since so many transactions do not fit
        assert any(end - start < 60 for start, _, _, end in expected[0])


@given(st.binary(max_size=400))
def test_any_bytes_are_an_undo_record_or_are_refused(content):
    try:
        coins = coins_spent(content)
    except ValueError:
        return
    assert coins.counts.sum() == len(coins.amounts_sat) == len(coins.bounds)


@given(st.binary(min_size=64, max_size=200), st.data())
def test_rounds_by_instructions_are_the_rounds(content, data):
    if not has_instructions():
        pytest.skip("this processor has none")
    at = data.draw(st.integers(0, len(content) - 64))
    states = [np.arange(8, dtype=np.uint32) * np.uint32(0x1234567) for _ in range(2)]
    held = np.frombuffer(content, dtype=np.uint8)
    take_in(held, at, states[0])
    take_in_plainly(held, at, states[1])
    assert states[0].tolist() == states[1].tolist()


def test_a_digest_by_plain_rounds_is_that_of_the_library():
    padded = b"abc" + b"\x80" + bytes(52) + (24).to_bytes(8, "big")
    state = np.array([0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19])
    state = state.astype(np.uint32)
    take_in_plainly(np.frombuffer(padded, dtype=np.uint8), 0, state)
    assert state.astype(">u4").tobytes() == hashlib.sha256(b"abc").digest()


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40, unique=True))
def test_a_merkle_root_is_that_of_hashing_pairs(txids):
    level = list(txids)
    while len(level) > 1:
        level += level[-1:] * (len(level) & 1)
        pairs = [level[at] + level[at + 1] for at in range(0, len(level), 2)]
        level = [hashlib.sha256(hashlib.sha256(pair).digest()).digest() for pair in pairs]
    assert merkle_root(txids) == level[0]


@given(st.lists(st.one_of(st.binary(max_size=3), st.binary(max_size=40)), max_size=200))
def test_a_byte_table_is_a_dictionary(strings):
    table, plain = ByteTable(), {}
    bounds, at = [], 0
    for string in strings:
        bounds.append((at, at + len(string)))
        at += len(string)
    content = np.frombuffer(b"".join(strings), dtype=np.uint8)
    numbers = table.numbers_of(content, np.array(bounds, dtype=np.int64).reshape(-1, 2))
    assert numbers.tolist() == [plain.setdefault(string, len(plain)) for string in strings]
    assert list(table) == list(plain)
    assert dict(NumberOf(table)) == plain
    assert table[:] == list(plain)
    assert NumberOf(table).get(b"\x00" * 41) is None
    assert is_each_unspendable(table).tolist() == [is_unspendable(string) for string in plain]


def test_a_byte_table_grows_past_its_room():
    table = ByteTable()
    numbers = [table.append(number.to_bytes(3, "big") * 5) for number in range(5_000)]
    assert numbers == list(range(5_000))
    assert table[4_999] == (4_999).to_bytes(3, "big") * 5
    assert table[-1] == table[4_999]
    with pytest.raises(IndexError):
        table[5_000]


def plainly_joined(order, spent, scripts):
    """Leaders and merges by joining the lowest script of each transaction with the others in their order."""
    leaders = list(range(len(scripts)))

    def leader(number):
        while leaders[number] != number:
            number = leaders[number]
        return number

    merges = set()
    for tx in order:
        kept = sorted(
            {number for number in spent[tx] if number >= 0 and not anyone_can_spend(scripts[number])},
            key=scripts.__getitem__,
        )
        for other in kept[1:]:
            ends = sorted((leader(kept[0]), leader(other)))
            if ends[0] != ends[1]:
                leaders[ends[1]] = ends[0]
                merges.add((kept[0], other, tx))
    return [leader(number) for number in range(len(scripts))], merges


SCRIPT = st.one_of(
    st.just(b"\x51"), st.binary(max_size=2), st.binary(max_size=3).map(lambda end: b"\x00\x14" * 5 + end)
)


@given(st.lists(SCRIPT, min_size=1, max_size=30, unique=True), st.data())
def test_scripts_are_joined_as_plainly_with_the_same_proofs(scripts, data):
    numbers = st.integers(-1, len(scripts) - 1)
    few, many = st.lists(numbers, max_size=5), st.lists(numbers, min_size=15, max_size=40)
    spent = data.draw(st.lists(st.one_of(few, few, many), min_size=1, max_size=25))
    order = data.draw(st.permutations(range(len(spent))))
    table = ByteTable()
    for script in scripts:
        table.append(script)
    starts = np.concatenate(([0], np.cumsum([len(each) for each in spent]))).astype(np.int64)
    inputs = np.array([number for each in spent for number in each], dtype=np.int64)
    leaders, proofs = joined_scripts(np.array(order, dtype=np.int64), starts, inputs, table, with_proofs=True)
    expected, merges = plainly_joined(order, spent, scripts)
    assert leaders.tolist() == expected
    assert {tuple(row) for row in proofs.tolist()} == merges
    assert len(proofs) == len(merges)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.binary(min_size=32, max_size=32)), max_size=40, unique_by=lambda e: e[1])
)
def test_transactions_prove_block_by_block_in_the_order_of_their_txids(placed):
    placed.sort(key=lambda each: each[0])
    placed = [(block, (bytes(8) if number % 3 else b"") + txid) for number, (block, txid) in enumerate(placed)]
    placed = [(block, txid[:32]) for block, txid in placed]
    txids = ByteTable()
    if len({txid for _, txid in placed}) != len(placed):
        return
    for _, txid in placed:
        txids.append(txid)
    blocks = np.array([block for block, _ in placed], dtype=np.int64)
    for step in (1, 2):
        order = proving_order(np.arange(0, len(placed), step), blocks, txids)
        assert order.tolist() == sorted(range(0, len(placed), step), key=placed.__getitem__)
