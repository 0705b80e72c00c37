"""Passphrases, read from open file descriptors: never from arguments, which other users of the machine can see."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from headwater.errors import ConfigError

__all__ = ["secret_file", "secret_files"]

_MAX_BYTES = 8192


def secret_file(descriptor: int) -> Path:
    """A file in memory with what was read from the descriptor; it is gone when this process ends.

    Raises:
        ConfigError: The descriptor is not open, or gives nothing.
    """
    try:
        with os.fdopen(os.dup(descriptor), "rb") as source:
            secret = source.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"--passphrase-fd {descriptor}: {error.strerror}; open it in the shell, such as with 3<file"
        ) from error
    if not secret.strip() or len(secret) > _MAX_BYTES:
        raise ConfigError(f"--passphrase-fd {descriptor}: gives no passphrase of 1 to {_MAX_BYTES} bytes")
    held = os.memfd_create("passphrase", os.MFD_CLOEXEC)
    os.write(held, secret)
    return Path(f"/proc/self/fd/{held}")


def secret_files(given: Sequence[str]) -> dict[str, Path]:
    """For each `EXHIBIT=FD`, a file in memory as of `secret_file`.

    Raises:
        ConfigError: One is not of that form.
    """
    files = {}
    for text in given:
        exhibit, sign, number = text.rpartition("=")
        if not sign or not exhibit or not number.isdecimal():
            raise ConfigError(f"--passphrase-fd '{text}': write EXHIBIT=FD, such as EX-1=3")
        files[exhibit] = secret_file(int(number))
    return files
