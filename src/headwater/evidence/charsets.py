"""Character sets as databases name them, and the one that is UTF-8 taken for latin1 and written once more."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Final

__all__ = ["TWICE", "codec_named"]

# MariaDB's names where they differ from Python's; its latin1 is in truth Windows code page 1252.
# source: MariaDB knowledge base, "Supported Character Sets and Collations"
_CHARSETS: Final[Mapping[str, str]] = {
    "utf8mb4": "utf-8",
    "utf8mb3": "utf-8",
    "utf8": "utf-8",
    "latin1": "cp1252",
    "binary": "latin-1",
    "ucs2": "utf-16-be",
    "utf16": "utf-16-be",
    "koi8r": "koi8-r",
    "koi8u": "koi8-u",
    "sjis": "shift_jis",
    "euckr": "euc_kr",
    "ujis": "euc_jp",
    "greek": "iso8859-7",
    "hebrew": "iso8859-8",
    "latin2": "iso8859-2",
    "latin5": "iso8859-9",
    "latin7": "iso8859-13",
}

TWICE = "latin1-in-utf8"
"""A character set of its own: UTF-8 that a program without a word about it wrote into a table of latin1."""


def codec_named(named: str) -> str:
    """Python's codec for a character set, or `TWICE`.

    Raises:
        LookupError: There is none of that name.
    """
    if named == TWICE:
        return TWICE
    try:
        codec = codecs.lookup(_CHARSETS.get(named, named)).name
        # Python also knows codecs that are no character sets, and says so only when they are used.
        b"a".decode(codec, "replace")
    except ValueError as error:
        raise LookupError(named) from error
    return codec
