"""Inner loops over the numbered transactions of a snapshot."""

from __future__ import annotations

from typing import Final

import numpy as np

from headwater.compiled import I64, U8, compiled, word_at

__all__ = ["connect", "overspending"]

_ABSENT: Final = -1
_INDEX_BITS: Final = np.uint64(0xFFFFFFFF)


@compiled
def connect(
    block: U8,
    outpoints: I64,
    spending: I64,
    spent: I64,
    first_input: int,
    output_starts: I64,
    spent_by: I64,
    indexes: I64,
    outputs: I64,
    is_twice: U8,
) -> None:
    """Writes which output each input spends, and in `spent_by` the input that spends it.

    Args:
        block: The block.
        outpoints: First byte of each input.
        spending: The transaction it belongs to.
        spent: The transaction that it names, or -1; a later one counts as unknown, since no block spends ahead.
        first_input: Number of the first of them.
        output_starts: First output of every transaction, and the number of all at the end.
        spent_by: For every output, the input that spends it, or -1.
        indexes: Room for the index of the output that each names.
        outputs: Room for the number of that output, or -1.
        is_twice: Room for whether it was spent before.
    """
    for place in range(len(outpoints)):
        # An outpoint is followed by the length of a script and a sequence, so eight bytes can be read here.
        index = np.int64(word_at(block, outpoints[place] + 32) & _INDEX_BITS)
        indexes[place] = index
        outputs[place] = _ABSENT
        is_twice[place] = 0
        tx = spent[place]
        if 0 <= tx < spending[place] and index < output_starts[tx + 1] - output_starts[tx]:
            output = output_starts[tx] + index
            if spent_by[output] == _ABSENT:
                spent_by[output] = first_input + place
                outputs[place] = output
            else:
                is_twice[place] = 1


@compiled
def overspending(
    first: int, last: int, input_starts: I64, inputs_sat: I64, output_starts: I64, outputs_sat: I64, flags: U8
) -> None:
    """Writes which transactions from `first` up to `last` take in less than they pay out, all inputs being known.

    What is left never exceeds a single amount, whatever the sums are.
    """
    for tx in range(first, last):
        number, last_number = input_starts[tx], input_starts[tx + 1]
        output, last_output = output_starts[tx], output_starts[tx + 1]
        is_known = True
        for each in range(number, last_number):
            is_known = is_known and inputs_sat[each] != _ABSENT
        left_sat = 0
        while is_known:
            if left_sat < 0:
                if number == last_number:
                    break
                left_sat += inputs_sat[number]
                number += 1
            else:
                if output == last_output:
                    break
                left_sat -= outputs_sat[output]
                output += 1
        flags[tx - first] = left_sat < 0
