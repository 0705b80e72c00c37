"""What every stage is given: tables, exhibits, parameters, progress."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from headwater.engine.session import Session
from headwater.engine.spool import Derived, Spool
from headwater.schema import table_named

__all__ = ["Exhibit", "Progress", "StageContext", "silent", "unsaid"]

Progress = Callable[[str, int, int | None], None]
"""Called with what is counted (`files`, `bytes`, ...), how many are done, and of how many (None: not known)."""


def silent(counted: str, done: int, total: int | None) -> None:
    """Progress that nobody watches."""
    del counted, done, total


def unsaid(line: str) -> None:
    """A line that nobody reads."""
    del line


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """Where an exhibit lies on this machine; the path enters no derived table.

    Attributes:
        exhibit_id: The agency's number.
        exhibit_kind: disk-image, directory, dump, wallet, blocks, file or monero.
        path: The file or folder.
        secret: File that holds the passphrase of an image, or a view key, for as long as this process runs.
    """

    exhibit_id: str
    exhibit_kind: str
    path: Path
    secret: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageContext:
    """The inputs of a stage; its only other input is its own code.

    Attributes:
        tables: Everything derived or imported so far.
        exhibits: The evidence, for the stages that read it.
        parameters: The case's parameters, as plain values.
        mapping: The approved mapping file, where one is.
        workers: Processes that may run at once; results do not depend on it.
        allow_unsealed: Whether the case records an override of the sandbox.
        progress: Told how far the work is.
        unconfirmed: Hash lists, as NAME@VERSION, that are left out because nobody has confirmed their polarity.
        notes: Takes files that are kept beside the tables, because they may differ from one run to the next.
        chain_memory_bytes: Memory that a chain of blocks may take; 0 for half of what the machine has. Results do not
            depend on it.
        say: Told, in a line, what the operator should know about how the work is done.
        scratch: Folder, removed after the stage, for what does not fit into memory; None holds everything in memory.
    """

    tables: Session
    exhibits: tuple[Exhibit, ...] = ()
    parameters: Mapping[str, object] = field(default_factory=dict)
    mapping: bytes | None = None
    workers: int = 1
    allow_unsealed: bool = False
    progress: Progress = silent
    unconfirmed: tuple[str, ...] = ()
    notes: dict[str, bytes] = field(default_factory=dict)
    scratch: Path | None = None
    chain_memory_bytes: int = 0
    say: Callable[[str], None] = unsaid

    def kept(self, name: str, parts: Iterable[pa.Table]) -> Derived:
        """A table of the stage, whole and in canonical order, from parts that may be more than fit into memory.

        Raises:
            SchemaMismatchError: A type differs, a required value is absent, or two rows have the same key.
        """
        spool = Spool(table_named(name), self.scratch)
        for part in parts:
            spool.add(part)
        return spool.finished()
