"""Which files belong to an exhibit of blocks. What they mean is read by the stage of money."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["block_files"]

_STORE: Final = ("blk*.dat", "rev*.dat", "xor.dat")
_TABLES_BESIDE: Final = ("transactions", "tx_in", "tx_out")  # source: rusty-blockparser, `csvdump`


def block_files(path: Path) -> list[Path]:
    """Every file that is read for an exhibit of blocks, in the order of their names; all of them are digested.

    A folder stands for its `blk*.dat`, their undo data and their key; where it has none, for every file in it. A file
    stands for itself and for what is read beside it: undo data and key, or the other tables of its export.
    """
    if path.is_dir():
        store = sorted(found for pattern in _STORE for found in path.glob(pattern))
        return store if any(path.glob(_STORE[0])) else sorted(found for found in path.iterdir() if found.is_file())
    beside: tuple[Path, ...] = ()
    if path.name.startswith("blk") and path.suffix == ".dat":
        beside = (path.with_name("rev" + path.name.removeprefix("blk")), path.with_name("xor.dat"))
    elif path.name.startswith("blocks") and path.suffix == ".csv":
        beside = tuple(path.with_name(table + path.name.removeprefix("blocks")) for table in _TABLES_BESIDE)
    return sorted([path, *(found for found in beside if found.is_file())])
