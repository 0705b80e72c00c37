"""Randomness that is told apart by name, so that one part of a seizure never disturbs another."""

from __future__ import annotations

import hashlib
import random

__all__ = ["seed_digest", "stream"]


def seed_digest(seed: int, *names: str | int) -> bytes:
    """The 32 bytes that stand for a seed and a path of names.

    Args:
        seed: Seed of the whole seizure.
        names: What the bytes are for; `("a", "bc")` and `("ab", "c")` differ, and so do `1` and `"1"`.
    """
    digest = hashlib.sha256(b"headwater-synth/1")
    for part in (seed, *names):
        kind, text = (b"i", str(part)) if isinstance(part, int) else (b"s", part)
        framed = text.encode()
        digest.update(kind + len(framed).to_bytes(8, "big") + framed)
    return digest.digest()


def stream(seed: int, *names: str | int) -> random.Random:
    """A random stream of its own for a seed and a path of names.

    Args:
        seed: Seed of the whole seizure.
        names: What the stream is for.

    Example:
        >>> stream(7, "people").random() == stream(7, "people").random()
        True
        >>> stream(7, "people").random() == stream(7, "logins").random()
        False
    """
    return random.Random(int.from_bytes(seed_digest(seed, *names), "big"))
