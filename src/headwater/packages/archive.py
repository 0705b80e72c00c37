"""The plaintext of a package as one archive with one spelling, and its encryption with age."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Mapping

import pyrage

from headwater.errors import InputError, IntegrityError

__all__ = ["archive_bytes", "archive_files", "checked_recipient", "decrypted", "encrypted"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}\.(json|jsonl|jsonld|csv|txt|ttl|pdf)", re.ASCII)


def archive_bytes(files: Mapping[str, bytes]) -> bytes:
    """The files as a USTAR archive: sorted, mode 0644, no owner, no time."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(files):
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name for a file of a package")
            member = tarfile.TarInfo(name)
            member.size = len(files[name])
            archive.addfile(member, io.BytesIO(files[name]))
    return packed.getvalue()


def archive_files(content: bytes) -> dict[str, bytes]:
    """The files of an archive that this program would have spelled the same way.

    Raises:
        IntegrityError: It is no such archive, byte for byte.
    """
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isreg() else None
                if file is None:
                    raise IntegrityError("package: the archive holds something that is no file; it was altered")
                files[member.name] = file.read()
        same = archive_bytes(files) == content
    except (tarfile.TarError, ValueError, OSError):
        same = False
    if not same:
        raise IntegrityError("package: the archive is not as headwater writes it; it was altered")
    return files


def checked_recipient(recipient: str) -> str:
    """The age public key, if it is one.

    Raises:
        InputError: It is not.
    """
    try:
        parsed = str(pyrage.x25519.Recipient.from_str(recipient))
    except pyrage.RecipientError:
        parsed = ""
    if parsed != recipient or not recipient:
        # The text is not repeated: somebody may have given the secret key by mistake.
        reason = "is not an age public key (it begins with 'age1' and has 62 characters)"
        raise InputError("recipient", reason, remedy="ask the recipient for their public key")
    return recipient


def encrypted(content: bytes, recipient: str) -> bytes:
    """The content encrypted to an age public key."""
    ciphertext: bytes = pyrage.encrypt(content, [pyrage.x25519.Recipient.from_str(recipient)])
    return ciphertext


def decrypted(ciphertext: bytes, identity: str, *, name: str = "package.age") -> bytes:
    """The content, for whoever holds the secret key.

    Args:
        ciphertext: The age file.
        identity: The secret key (`AGE-SECRET-KEY-1...`); it is never repeated in a message.
        name: Of the file, for the message.

    Raises:
        InputError: The identity is none, or the file was not encrypted to it or was altered.
    """
    try:
        key = pyrage.x25519.Identity.from_str(identity.strip())
    except pyrage.IdentityError:
        raise InputError(
            "identity", "is not an age secret key", remedy="name the file of the recipient's key"
        ) from None
    try:
        content: bytes = pyrage.decrypt(ciphertext, [key])
    except pyrage.DecryptError as error:
        raise InputError(name, f"does not open with this identity: {error}") from None
    return content
