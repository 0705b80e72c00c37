"""Canonical bytes and the ids made from them (docs/adr/0001)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence

__all__ = ["canonical_json", "content_id", "content_ids", "framed", "item_id"]

Json = None | bool | int | str | Sequence["Json"] | Mapping[str, "Json"]


def framed(*fields: bytes | str | int) -> bytes:
    """The fields as bytes that no other list of fields can produce.

    Each field is a tag byte (`b`, `s` or `i`), its length as eight big-endian bytes, and its content; text is UTF-8
    with lone surrogates passed through, so that a name that was not UTF-8 keeps its bytes apart.
    """
    parts: list[bytes] = []
    for field in fields:
        if isinstance(field, bytes):
            tag, content = b"b", field
        elif isinstance(field, str):
            tag, content = b"s", field.encode("utf-8", "surrogatepass")
        else:
            tag, content = b"i", str(int(field)).encode("ascii")
        parts += [tag, len(content).to_bytes(8, "big"), content]
    return b"".join(parts)


def content_id(prefix: str, *fields: bytes | str | int) -> str:
    """An id that says what it names: `prefix-` and the first 128 bits of SHA-256 over the framed fields, in hex.

    Args:
        prefix: The kind of thing, such as `itm`; it is part of the digest.
        fields: What makes the thing that thing, in a fixed order.
    """
    digest = hashlib.sha256(framed("headwater", prefix, *fields)).hexdigest()
    return f"{prefix}-{digest[:32]}"


def content_ids(prefix: str, fixed: Sequence[bytes | str | int], last: Iterable[bytes | str | int]) -> list[str]:
    """The ids `content_id(prefix, *fixed, field)` for each last field; what they share is digested once."""
    shared = hashlib.sha256(framed("headwater", prefix, *fixed))
    ids = []
    for field in last:
        digest = shared.copy()
        digest.update(framed(field))
        ids.append(f"{prefix}-{digest.hexdigest()[:32]}")
    return ids


def item_id(exhibit_id: str, volume_index: int, path_bytes: bytes) -> str:
    """The id of an item: the same in every run, whatever the order or machine (docs/adr/0001)."""
    return content_id("itm", exhibit_id, volume_index, path_bytes)


def canonical_json(value: Json) -> bytes:
    """The value as JSON that has one spelling: sorted keys, no spaces, UTF-8, no floats.

    Raises:
        TypeError: The value holds a float or something that is not JSON.
    """
    _refuse_floats(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8")


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise TypeError("canonical JSON holds no floats: write integers in a small unit, or text")
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"canonical JSON has text keys, not {type(key).__name__}")
            _refuse_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_floats(item)
