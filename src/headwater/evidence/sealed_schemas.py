"""What the parent expects of each sealed job: the schema of its reply, its limits, and the row of a refused entry.

The parent cannot import the sealed side, so the schemas stand here a second time; a test holds the two equal.
A reply that differs from the schema here is refused, whatever the worker believes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pyarrow as pa

__all__ = ["EXPECTED", "Expected", "Limits"]

_MIB = 1024 * 1024
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one sealed child may use.

    Attributes:
        wall_s: Seconds of waiting for it, counted only while the parent waits.
        memory_bytes: Address space it may add to what the idle worker has.
        reply_bytes: Size of all its batches together.
    """

    wall_s: float = 60.0
    memory_bytes: int = 2048 * _MIB
    reply_bytes: int = 256 * _MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The parent's side of one sealed job.

    Attributes:
        name: The job.
        schema: The only schema accepted for its batches.
        limits: What one child may use unless the caller says otherwise.
        refused: Only for jobs over `entries`: the fixed columns of the row that stands for an entry whose child ended
            abnormally. `entry_index` and `reason` are added, and so is every column that the entry itself names.
    """

    name: str
    schema: pa.Schema
    limits: Limits = field(default_factory=Limits)
    refused: Mapping[str, Any] = _NOTHING


_ECHO = Expected(
    name="echo",
    schema=pa.schema(
        [
            pa.field("file_index", pa.int64(), nullable=False),
            pa.field("size_bytes", pa.int64(), nullable=False),
            pa.field("head", pa.binary(), nullable=False),
        ]
    ),
)

EXPECTED: tuple[Expected, ...] = (
    _ECHO,
    # disk images, dumps, logs, wallets
    # media
)
"""Every job of the product; the same names in the same order as on the sealed side."""
