"""The hashes of pictures turned and mirrored, as rows of a table and as columns to look up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from headwater.config import HASH_TRANSFORMS
from headwater.schema import MEDIA_TRANSFORMS

__all__ = ["AS_IT_IS", "hash_transforms", "named_transforms", "transformed_rows"]

AS_IT_IS = "none"
"""What `transform` says of a match of the hash itself."""

_HASH_BYTES = 32


def hash_transforms(parameters: Mapping[str, object]) -> str:
    """Which transforms the case asks for: none or dihedral."""
    return str(parameters.get("hash_transforms", HASH_TRANSFORMS[0]))


def named_transforms(hashes: bytes) -> dict[str, str]:
    """The hash under each transform, in hex, by its name.

    Args:
        hashes: As a sealed worker gives them: 32 bytes for each transform, one behind the other, in their order.

    Example:
        >>> named_transforms(bytes(6 * 32) + bytes(range(32)))["flip_minus_1"][-4:]
        '1e1f'
    """
    starts = range(0, len(hashes), _HASH_BYTES)
    parts = (hashes[start : start + _HASH_BYTES].hex() for start in starts)
    return dict(zip(MEDIA_TRANSFORMS, parts, strict=True))


def transformed_rows(item: Mapping[str, Any], frames: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows of one item in a table of transformed hashes; none where the worker was not asked for them."""
    for frame in frames:
        if frame["pdq_transforms"] is None:
            continue
        yield {
            "item_id": item["item_id"],
            "frame_index": frame["frame_index"],
            "at_ms": frame["at_ms"],
            "quality": frame["quality"],
            **{f"pdq_{name}": pdq for name, pdq in named_transforms(frame["pdq_transforms"]).items()},
        }
