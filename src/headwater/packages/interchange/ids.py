"""Ids that others can read, made from our own: the same lead has the same id in every package."""

from __future__ import annotations

import uuid
from typing import Final

__all__ = ["OUR_TERMS", "id_of"]

OUR_TERMS: Final = "https://terms.headwater.invalid/case/1#"
"""Our namespace. The name can never be looked up (RFC 6761, 6.4), so no reader of a package asks anybody for it."""

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, OUR_TERMS)


def id_of(thing: str, *parts: object) -> str:
    """A version 5 UUID (RFC 9562, 5.5) over what makes the thing that thing.

    Args:
        thing: Its kind.
        parts: Our own id, or what it is told apart by.
    """
    return str(uuid.uuid5(_NAMESPACE, "\0".join([thing, *(str(part) for part in parts)])))
