"""SHA-256 over stretches of an array of bytes, twice, without a call of Python for each.

A block holds thousands of transactions of some hundred bytes, and a call of `hashlib` costs as much as the digest of
such a one. Where the processor has instructions for SHA-256 they are used, otherwise the same rounds in plain
arithmetic.
"""

from __future__ import annotations

from typing import Any, Final

import numba
import numpy as np
from llvmlite import binding, ir
from numba.extending import intrinsic

from headwater.compiled import I64, U8, U32, Int, compiled

__all__ = ["digest_twice", "has_instructions", "merkle_levels", "take_in", "take_in_plainly", "txids_into"]

_PRIMES: Final = tuple(
    number for number in range(2, 312) if all(number % divisor for divisor in range(2, int(number**0.5) + 1))
)


def _root_bits(number: int, root: int) -> int:
    """The first 32 bits of what follows the point in a square or cube root (FIPS 180-4, 4.2.2 and 5.3.3)."""
    scaled = number << 32 * root
    low, high = 0, 1 << 64
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**root <= scaled else (low, middle)
    return low & 0xFFFFFFFF


_ROUND_WORDS: Final = tuple(_root_bits(prime, 3) for prime in _PRIMES)
_CONSTANTS: Final = np.array(_ROUND_WORDS, dtype=np.uint32)
_BEGINNING: Final = np.array([_root_bits(prime, 2) for prime in _PRIMES[:8]], dtype=np.uint32)
_BLOCK_BYTES: Final = 64


def has_instructions() -> bool:
    """Whether this processor has instructions for SHA-256 that are used here."""
    features = binding.get_host_cpu_features()
    return bool(features.get("sha")) and bool(features.get("sse4.1"))


@intrinsic  # type: ignore[untyped-decorator]  # numba publishes no types
def _take_in_fast(_context: Any, _content: Any, _at: Any, _state: Any) -> Any:  # noqa: ANN401  # as above
    """Takes 64 bytes into the state, by the processor's instructions.

    References:
        Intel, "SHA Extensions" (2013): the order in which two registers hold the state, and the schedule.
    """
    word, four = ir.IntType(32), ir.VectorType(ir.IntType(32), 4)

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401  # as above
        def called(name: str, *values: Any) -> Any:  # noqa: ANN401  # as above
            full = f"llvm.x86.{name}"
            function = builder.module.globals.get(full) or ir.Function(
                builder.module, ir.FunctionType(four, [four] * len(values)), full
            )
            return builder.call(function, values)

        def mixed(first: Any, second: Any, *places: int) -> Any:  # noqa: ANN401  # as above
            order = ir.Constant(ir.VectorType(word, len(places)), [word(place) for place in places])
            return builder.shuffle_vector(first, second, order)

        def vector_at(array: Any, kind: Any, byte: Any) -> Any:  # noqa: ANN401  # as above
            of = target.make_array(kind)(target, builder, array)
            start = builder.bitcast(of.data, ir.IntType(8).as_pointer())
            return builder.bitcast(builder.gep(start, [byte]), four.as_pointer())

        at = arguments[1]
        places = [vector_at(arguments[2], signature.args[2], at.type(byte)) for byte in (0, 16)]
        low, high = (builder.load(place, align=4) for place in places)
        # Two registers hold the eight words as F E B A and H G D C.
        state_0 = before_0 = mixed(low, high, 5, 4, 1, 0)
        state_1 = before_1 = mixed(low, high, 7, 6, 3, 2)
        swap = [byte for first in (3, 7, 11, 15) for byte in range(first, first - 4, -1)]
        schedule = []
        for group in range(16):
            if group < 4:
                place = vector_at(arguments[0], signature.args[0], builder.add(at, at.type(16 * group)))
                read = builder.bitcast(builder.load(place, align=1), ir.VectorType(ir.IntType(8), 16))
                schedule.append(builder.bitcast(mixed(read, read, *swap), four))
            else:
                last = schedule[-1]
                partly = called("sha256msg1", schedule[-4], schedule[-3])
                partly = builder.add(partly, mixed(schedule[-2], last, 1, 2, 3, 4))
                schedule.append(called("sha256msg2", partly, last))
            constants = ir.Constant(four, [word(number) for number in _ROUND_WORDS[4 * group : 4 * group + 4]])
            message = builder.add(schedule[-1], constants)
            state_1 = called("sha256rnds2", state_1, state_0, message)
            state_0 = called("sha256rnds2", state_0, state_1, mixed(message, message, 2, 3, 2, 3))
        state_0, state_1 = builder.add(state_0, before_0), builder.add(state_1, before_1)
        builder.store(mixed(state_0, state_1, 3, 2, 7, 6), places[0], align=4)
        builder.store(mixed(state_0, state_1, 1, 0, 5, 4), places[1], align=4)
        return target.get_dummy_value()

    return numba.types.void(_content, numba.types.int64, _state), generate


@compiled
def _turned(number: np.uint32, places: int) -> np.uint32:
    return np.uint32((number >> np.uint32(places)) | (number << np.uint32(32 - places)))


@compiled
def take_in_plainly(content: U8, at: Int, state: U32) -> None:
    """Takes 64 bytes into the state (FIPS 180-4, 6.2.2); the caller checks the bounds."""
    schedule = np.empty(64, dtype=np.uint32)
    for place in range(16):
        word = np.uint32(0)
        for byte in range(4):
            word = np.uint32(word << np.uint32(8)) | np.uint32(content[at + 4 * place + byte])
        schedule[place] = word
    for place in range(16, 64):
        early, late = schedule[place - 15], schedule[place - 2]
        small_0 = _turned(early, 7) ^ _turned(early, 18) ^ (early >> np.uint32(3))
        small_1 = _turned(late, 17) ^ _turned(late, 19) ^ (late >> np.uint32(10))
        schedule[place] = schedule[place - 16] + small_0 + schedule[place - 7] + small_1
    a, b, c, d, e, f, g, h = state
    for place in range(64):
        large_1 = _turned(e, 6) ^ _turned(e, 11) ^ _turned(e, 25)
        chosen = (e & f) ^ (~e & g)
        first = np.uint32(h + large_1 + chosen + _CONSTANTS[place] + schedule[place])
        large_0 = _turned(a, 2) ^ _turned(a, 13) ^ _turned(a, 22)
        second = np.uint32(large_0 + ((a & b) ^ (a & c) ^ (b & c)))
        a, b, c, d, e, f, g, h = np.uint32(first + second), a, b, c, np.uint32(d + first), e, f, g
    for place, word in enumerate((a, b, c, d, e, f, g, h)):
        state[place] += word


if has_instructions():

    @compiled
    def take_in(content: U8, at: Int, state: U32) -> None:
        """Takes 64 bytes into the state; the caller checks the bounds."""
        _take_in_fast(content, at, state)

else:
    take_in = take_in_plainly


@compiled
def _close(tail: U8, used: Int, length_bytes: Int, state: U32) -> None:
    """Takes in what is left in a buffer of 128 bytes, with padding and length behind it."""
    end = 64 if used < 56 else 128
    tail[used] = 0x80
    tail[used + 1 : end] = 0
    bits = length_bytes * 8
    for byte in range(8):
        tail[end - 1 - byte] = (bits >> (8 * byte)) & 0xFF
    take_in(tail, 0, state)
    if end == 128:
        take_in(tail, 64, state)


@compiled
def _write(state: U32, into: U8) -> None:
    for place in range(8):
        for byte in range(4):
            into[4 * place + byte] = (state[place] >> np.uint32(24 - 8 * byte)) & np.uint32(0xFF)


@compiled
def digest_twice(content: U8, start: Int, end: Int, tail: U8, state: U32, into: U8) -> None:
    """Writes the SHA-256 of the SHA-256 of a stretch.

    Args:
        content: Bytes; the stretch lies within them.
        start: First byte.
        end: Byte after the last.
        tail: Room of 128 bytes.
        state: Room of 8 words.
        into: 32 bytes, for the digest.
    """
    state[:] = _BEGINNING
    at = start
    while at + 64 <= end:
        take_in(content, at, state)
        at += 64
    left = end - at
    tail[:left] = content[at:end]
    _close(tail, left, end - start, state)
    _write(state, tail)
    state[:] = _BEGINNING
    _close(tail, 32, 32, state)
    _write(state, into)


@compiled
def txids_into(block: U8, bounds: I64, stripped: U8, into: U8) -> None:
    """Writes the txid of every transaction of a block: a digest that leaves witnesses out.

    Args:
        block: The block.
        bounds: For each transaction its start, the start and end of its body, and its end.
        stripped: Room for the longest transaction.
        into: 32 bytes for each transaction.
    """
    tail, state = np.empty(128, dtype=np.uint8), np.empty(8, dtype=np.uint32)
    for tx in range(len(bounds)):
        start, body, body_end, end = bounds[tx, 0], bounds[tx, 1], bounds[tx, 2], bounds[tx, 3]
        if body == start + 4:
            digest_twice(block, start, end, tail, state, into[tx])
        else:
            length = body_end - body
            stripped[:4] = block[start : start + 4]
            stripped[4 : 4 + length] = block[body:body_end]
            stripped[4 + length : 8 + length] = block[end - 4 : end]
            digest_twice(stripped, 0, length + 8, tail, state, into[tx])


@compiled
def merkle_levels(level: U8) -> bool:
    """Replaces the first row of txids by their root, using up the others; False where two of a pair are equal.

    Args:
        level: 32 bytes for each txid, at least one, and one row more as room.
    """
    tail, state = np.empty(128, dtype=np.uint8), np.empty(8, dtype=np.uint32)
    flat = level.ravel()
    count = len(level) - 1
    while count > 1:
        for at in range(0, count - 1, 2):
            same = True
            for byte in range(32):
                same = same and level[at, byte] == level[at + 1, byte]
            if same:
                return False
        if count & 1:
            level[count] = level[count - 1]
            count += 1
        for at in range(0, count, 2):
            digest_twice(flat, 32 * at, 32 * at + 64, tail, state, level[at // 2])
        count //= 2
    return True
