"""Whether files hold blocks, and whether they are whole, by their framing alone: 8 bytes of each block are read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from headwater.errors import UnreadableInputError
from headwater.money.block_csv import csv_siblings
from headwater.money.block_files import (
    EXPORT_SUFFIXES,
    KEY_FILE,
    NETWORK_OF_MAGIC,
    PREFIX_BYTES,
    Damage,
    block_file,
    block_files_at,
    is_one_block,
    records,
)
from headwater.money.block_layout import HEADER_BYTES, header_of

__all__ = ["check_block_files", "is_block_store"]

_LOOKED_AT_BYTES: Final = 1 << 16
_EXPORT: Final = re.compile(rb"\s*(?:\[\s*)?\{(?s:.)*?\"merkleroot\"(?s:.)*?\"bits\"")


def is_block_store(path: Path) -> bool:
    """Whether a file or folder is of blocks: a node's own files, one block to a file, or blocks as they are printed.

    A block is told by its proof of work, which nothing else has; a file that is under a key by its name; an export by
    the names of its values. Only of blocks that come from the unit's own node so much is read outside of a worker.
    """
    if not path.is_dir():
        return path.is_file() and _holds_blocks(path)
    if any(path.glob("blk*.dat")):
        return True
    found = sorted(path.iterdir())
    # The other tables of an export have their blocks beside them.
    beside = {each for table in found for each in csv_siblings(table)}
    return bool(found) and all(each in beside or (each.is_file() and _holds_blocks(each)) for each in found)


def _holds_blocks(path: Path) -> bool:
    if path.name.startswith("blk") and path.suffix == ".dat" and path.with_name(KEY_FILE).is_file():
        return True
    if csv_siblings(path) or is_one_block(path):
        return True
    with path.open("rb") as file:
        head = file.read(_LOOKED_AT_BYTES)
    framed = head[PREFIX_BYTES : PREFIX_BYTES + HEADER_BYTES]
    if head[:4] in NETWORK_OF_MAGIC and len(framed) == HEADER_BYTES:
        return header_of(framed).is_of_a_network
    return path.suffix in EXPORT_SUFFIXES and _EXPORT.match(head) is not None


def check_block_files(path: Path) -> int:
    """How many blocks the files at a path frame.

    Args:
        path: A node's folder of blocks, or one file.

    Raises:
        UnreadableInputError: A file is cut short or damaged, or frames no block.
    """
    blocks = 0
    for found_path in block_files_at([path]):
        file = block_file(found_path)
        with file.path.open("rb") as stream:
            for found in records(file, stream):
                if isinstance(found, Damage):
                    raise UnreadableInputError(
                        file.path,
                        found.reason,
                        remedy="copy it again from the stopped node, or take in what there is with --accept-defects",
                        offset_bytes=found.offset_bytes,
                    )
                blocks += 1
    if not blocks:
        raise UnreadableInputError(path, "no block in it", remedy="check that this is a node's folder of blocks")
    return blocks
