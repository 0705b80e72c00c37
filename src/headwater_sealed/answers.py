"""What a node or a wallet's program has printed to a file: values of JSON, one behind the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from headwater_sealed.refusal import UnreadableError

__all__ = ["answer_text", "printed_values"]

_MAX_FILE_BYTES = 128 * 1024**2
_BETWEEN = " \t\r\n,\ufeff"


def answer_text(file: BinaryIO) -> str:
    """The text of a file.

    Raises:
        UnreadableError: It is longer than one file may be, or no text.
    """
    content = file.read(_MAX_FILE_BYTES + 1)
    if len(content) > _MAX_FILE_BYTES:
        raise UnreadableError(f"more than {_MAX_FILE_BYTES} bytes in one file; print less to a file")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise UnreadableError("it is no text") from None


def printed_values(text: str) -> Iterator[Any]:
    """The values, up to a place behind which there is no JSON.

    Raises:
        UnreadableError: There is such a place.
    """
    decoder = json.JSONDecoder()
    at = _behind(text, 0)
    while at < len(text):
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            raise UnreadableError(f"there is no JSON from character {at} on") from None
        yield value
        at = _behind(text, end)


def _behind(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BETWEEN:
        at += 1
    return at
