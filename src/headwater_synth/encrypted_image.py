"""An encrypted disk: a header that cryptsetup makes, and content that is enciphered here with the key it tells."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from headwater.errors import ConfigError

__all__ = ["luks_image"]

_HEADROOM_BYTES = 32 * 1024 * 1024


def luks_image(inner: bytes, passphrase: bytes, options: Sequence[str]) -> bytes:
    """The bytes of a LUKS volume, made without root and without a device.

    Args:
        inner: What lies inside; its length is a multiple of 4096.
        passphrase: Opens it.
        options: Of `cryptsetup luksFormat`; the cipher stays aes-xts.

    Raises:
        ConfigError: cryptsetup is missing, or cannot make one on this machine.
    """
    program = shutil.which("cryptsetup", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if program is None:
        raise ConfigError("cryptsetup is not installed; install the package cryptsetup-bin (it makes the header)")
    with tempfile.TemporaryDirectory() as scratch:
        path, secret, key = (Path(scratch) / name for name in ("luks", "secret", "key"))
        secret.write_bytes(passphrase)
        with path.open("wb") as file:
            file.truncate(_HEADROOM_BYTES + len(inner))

        def told(*command: str) -> str:
            done = subprocess.run([program, *command, str(path)], capture_output=True, text=True, check=False)  # noqa: S603  # found above
            if done.returncode:
                raise ConfigError(f"cryptsetup failed: {' '.join(done.stderr.split())}; see whether it runs here")
            return done.stdout

        common = ("--batch-mode", "--key-file", str(secret))
        told("luksFormat", *common, *options)
        told("luksDump", *common, "--dump-volume-key", "--volume-key-file", str(key))
        header = told("luksDump")
        first = re.search(r"Payload offset:\s*(\d+)", header)
        start = int(first[1]) * 512 if first else int(re.findall(r"offset: (\d+) \[bytes\]", header)[0])
        sector_bytes = 4096 if "sector: 4096" in header else 512
        content = bytearray(path.read_bytes())
        for at in range(0, len(inner), sector_bytes):
            mode = modes.XTS((at // 512).to_bytes(16, "little"))
            encryptor = Cipher(algorithms.AES(key.read_bytes()), mode).encryptor()
            content[start + at : start + at + sector_bytes] = encryptor.update(inner[at : at + sector_bytes])
    return bytes(content)
