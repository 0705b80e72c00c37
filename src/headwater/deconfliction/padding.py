"""How many values are sent: more than there are, so that the number of a file says little."""

from __future__ import annotations

__all__ = ["LEAST_VALUES", "padded_count"]

LEAST_VALUES = 1_024


def padded_count(count: int) -> int:
    """The number of values sent for so many identifiers: at least 1,024, and beyond that up to 12 % more.

    Only the first digits of the number, in base two, are left to be seen: as many as it takes to write how many digits
    it has.

    References:
        K. Nikitin and others, "Reducing metadata leakage from encrypted files and communication with PURBs", PoPETs
        2019, section 4 (Padmé).

    Example:
        >>> padded_count(3), padded_count(1_000_000)
        (1024, 1015808)
    """
    if count <= LEAST_VALUES:
        return LEAST_VALUES
    exponent = count.bit_length() - 1
    free_bits = exponent - exponent.bit_length()
    return -(-count >> free_bits) << free_bits
