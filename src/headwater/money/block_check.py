"""Whether block files are whole, by their framing alone: a pass that reads 8 bytes for each block."""

from __future__ import annotations

from pathlib import Path

from headwater.errors import UnreadableInputError
from headwater.money.block_files import Damage, block_file, block_files_at, records

__all__ = ["check_block_files"]


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
