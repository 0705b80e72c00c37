"""Text in the form in which it is searched: small Latin letters, whatever script and capitals somebody used."""

from __future__ import annotations

import re
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from anyascii import anyascii

__all__ = ["MOST_FOLDED", "folded", "folded_column"]

MOST_FOLDED: Final = 200
"""Characters of one value that are searched."""
_UNSEEN: Final = re.compile(r"[^!-~]")


def folded(text: str) -> str:
    """The text in small ASCII letters, with one space where there was white space; cut where it is very long.

    >>> folded("  Žofie  Dům ")
    'zofie dum'
    """
    words = anyascii(text[:MOST_FOLDED]).lower().split()
    return " ".join(filter(None, (_UNSEEN.sub("", word) for word in words)))


def folded_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Each value of a column of texts, folded; an absent one stays absent. Plain text goes by whole columns."""
    plain = pc.utf8_lower(pc.utf8_slice_codeunits(column, 0, MOST_FOLDED))
    # What is printable ASCII with single spaces is as it will be; anything else, which is little, goes one by one.
    regular = pc.match_substring_regex(column, r"^[!-~]+( [!-~]+)*$")
    other = pc.fill_null(pc.invert(regular), False)  # noqa: FBT003 - Arrow's own signature
    if not pc.any(other).as_py():
        return plain
    made = [folded(text) for text in column.filter(other).to_pylist()]
    return pa.chunked_array([pc.replace_with_mask(plain.combine_chunks(), other.combine_chunks(), pa.array(made))])
