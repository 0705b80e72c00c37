"""What a side keeps between two messages: its scalar and the order of its values, in the case's private folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from headwater.engine import sync_folder, write_parquet
from headwater.errors import ConfigError, InputError

__all__ = ["destroy_kept", "keep_order", "keep_scalar", "kept_order", "kept_scalar", "shared_key"]

_FOLDER = "deconfliction"
_SCALAR_NAME, _ORDER_NAME = "scalar", "order.parquet"
_SCALAR_BYTES = 32
_KEY_DIGITS = 64
_OF_OTHERS = 0o077


def keep_scalar(case_dir: Path, session_id: str, scalar: bytes) -> None:
    """Write the scalar where only this account of the machine reads it."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(_made(case_dir, session_id) / _SCALAR_NAME, flags, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(scalar)
        file.flush()
        os.fsync(file.fileno())


def keep_order(case_dir: Path, session_id: str, order: Sequence[str | None]) -> None:
    """Write what each value stands for."""
    path = _made(case_dir, session_id) / _ORDER_NAME
    write_parquet(pa.table({"identifier": pa.array(order, pa.string())}), path)
    path.chmod(0o600)


def kept_scalar(case_dir: Path, session_id: str) -> bytes:
    """The scalar.

    Raises:
        ConfigError: Others may read it, or it is gone.
    """
    path = _folder(case_dir, session_id) / _SCALAR_NAME
    _refuse_shared(path)
    scalar = path.read_bytes()
    if len(scalar) != _SCALAR_BYTES:
        raise ConfigError(f"{path}: is damaged; withdraw the session and start a new one")
    return scalar


def kept_order(case_dir: Path, session_id: str) -> list[str | None]:
    """What each value stands for.

    Raises:
        ConfigError: It is gone.
    """
    path = _folder(case_dir, session_id) / _ORDER_NAME
    _refuse_shared(path)
    order: list[str | None] = pq.read_table(path)["identifier"].to_pylist()
    return order


def destroy_kept(case_dir: Path, session_id: str) -> None:
    """Overwrite the scalar and remove what was kept; a medium may still hold older copies of its blocks."""
    folder = _folder(case_dir, session_id)
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
    shutil.rmtree(folder)
    sync_folder(folder.parent)


def shared_key(path: Path) -> bytes:
    """The key in a file: 32 random bytes as 64 hexadecimal digits.

    Raises:
        InputError: The file is missing, or holds something else.
        ConfigError: Others may read it.
    """
    if not path.is_file():
        raise InputError(path, "no such file", remedy="name the file of the key that both sides agreed on")
    _refuse_shared(path)
    text = path.read_bytes()[: _KEY_DIGITS + 3].strip()
    try:
        # What the file holds is not repeated in the message.
        key = bytes.fromhex(text.decode("ascii")) if len(text) == _KEY_DIGITS else b""
    except ValueError:
        key = b""
    if not key:
        raise InputError(path, "is no key of 64 hexadecimal digits", remedy="draw one, and hand it over in person")
    return key


def _folder(case_dir: Path, session_id: str) -> Path:
    return case_dir / "private" / _FOLDER / session_id


def _made(case_dir: Path, session_id: str) -> Path:
    folder = _folder(case_dir, session_id)
    for path in (folder.parent, folder):
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)  # mkdir is subject to the umask, and the folder may have been there
    return folder


def _refuse_shared(path: Path) -> None:
    if not path.is_file():
        raise ConfigError(f"{path}: is gone; withdraw the session and start a new one")
    if path.stat().st_mode & _OF_OTHERS:
        raise ConfigError(f"{path}: others may read it; set its mode to 0600 and find out who did")
