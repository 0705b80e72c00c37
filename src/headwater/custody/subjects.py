"""Keys of subjects: what is written about a person is kept under a key of theirs, and goes with it (docs/adr/0041)."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from headwater.custody.disk import append_bytes, sync_directory
from headwater.errors import ConfigError

__all__ = ["KEYS_FOLDER", "SUBJECT_PREFIXES", "SubjectKeys", "sealed_fault", "subjects_among"]

KEYS_FOLDER = Path("private", "subjects")
SUBJECT_PREFIXES = ("acc", "cus", "led", "lnk", "pay", "rec")
"""Of ids that stand for a person: account, customer, lead, link, payment, record."""

_KEY_BYTES = 32  # source: RFC 8439, section 2.8
_NONCE = bytes(12)  # each key encrypts one text: it is derived with a salt of its own
_PURPOSE = b"headwater subject text 1\n"
_FILE = re.compile(r"(?P<subject>[0-9a-f]{32})\.(?P<key>[0-9a-f]{32})\.key", re.ASCII)
_KEY_ID = re.compile(r"key-[0-9a-f]{32}", re.ASCII)
_HEX = re.compile(r"(?:[0-9a-f]{2})+", re.ASCII)


def subjects_among(ids: Iterable[str]) -> tuple[str, ...]:
    """Those of the ids that stand for a person, sorted, each once."""
    return tuple(sorted({name for name in ids if name.partition("-")[0] in SUBJECT_PREFIXES and "-" in name}))


class SubjectKeys:
    """The keys of a case's subjects: one random key for each, in a file of its own, outside of the log.

    The name of a file is a digest of the subject's id and a random number, which is the key's id: it leads from the one
    to the other as long as the key is there, and nothing does afterwards.

    Args:
        folder: Where they lie.
        required: The folder was named by somebody, so it is never made: a medium that is not there is an error.
    """

    def __init__(self, folder: Path, *, required: bool = False) -> None:
        self._folder = folder
        self._required = required

    def ids_of(self, subject_id: str) -> tuple[str, ...]:
        """The ids of the keys that a subject has; two processes that began at once may have made two."""
        return tuple(sorted(key for _, key in self._listed(_digest(subject_id))))

    def ids_of_all(self, subject_ids: Iterable[str]) -> tuple[str, ...]:
        """The ids of the keys of several subjects; the folder is read once."""
        wanted = {_digest(subject_id) for subject_id in subject_ids}
        return tuple(sorted(key for subject, key in self._listed() if subject in wanted))

    def present(self) -> frozenset[str]:
        """The ids of all keys that are there."""
        return frozenset(self._paths())

    def as_now(self) -> SubjectKeys:
        """These keys as they lie now, for opening many texts: the folder is read once, and later keys are not seen."""
        return _AsNow(self._folder, self._paths())

    def sealed(self, text: bytes, subjects: Collection[str], context: bytes) -> dict[str, Any]:
        """The text under the keys of all these subjects together: without any one of them, it cannot be read.

        Args:
            text: What is kept.
            subjects: Whom it is about; at least one.
            context: Where it stands, which is authenticated and not kept.

        Raises:
            ConfigError: The keys cannot be read or made.
        """
        ids = self._keys_of(subjects)
        salt = secrets.token_bytes(_KEY_BYTES)
        try:
            cipher = self._cipher(ids, salt, context)
        except FileNotFoundError as error:
            raise ConfigError(f"{self._folder}: a subject's key is gone ({error}); write it again") from None
        return {"keys": ids, "salt": salt.hex(), "sealed": cipher.encrypt(_NONCE, text, context).hex()}

    def opened(self, found: Mapping[str, Any], context: bytes) -> bytes | None:
        """The text; None where a key of it is gone.

        Raises:
            ValueError: It is not what was sealed there under these keys.
        """
        try:
            cipher = self._cipher(found["keys"], bytes.fromhex(found["salt"]), context)
        except FileNotFoundError:
            return None
        try:
            return cipher.decrypt(_NONCE, bytes.fromhex(found["sealed"]), context)
        except InvalidTag:
            raise ValueError("a sealed text does not open with the keys that it names") from None

    def destroy(self, key_ids: Collection[str]) -> tuple[str, ...]:
        """The ids of the keys that were there and are not any more: overwritten, then removed."""
        destroyed = []
        for subject, key in self._listed():
            if key in key_ids:
                path = self._folder / f"{subject}.{key.removeprefix('key-')}.key"
                descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
                try:
                    append_bytes(descriptor, bytes(os.fstat(descriptor).st_size))
                finally:
                    os.close(descriptor)
                path.unlink()
                destroyed.append(key)
        if destroyed:
            sync_directory(self._folder)
        return tuple(destroyed)

    def _listed(self, *digests: str) -> list[tuple[str, str]]:
        """Digest of the subject's id, and the key's id, of each key; or of the keys of these subjects alone."""
        try:
            names = [path.name for path in self._folder.iterdir()]
        except FileNotFoundError:
            return []
        # There are as many as subjects were judged: only those that are asked for are looked at closely.
        wanted = sorted(name for name in names if not digests or name.startswith(digests))
        return [(name["subject"], f"key-{name['key']}") for name in map(_FILE.fullmatch, wanted) if name]

    def _keys_of(self, subjects: Collection[str]) -> list[str]:
        """A key for each of them, made where there is none; all are on the medium, by one flush of the folder."""
        digests = sorted({_digest(subject) for subject in subjects})
        known: dict[str, list[str]] = {digest: [] for digest in digests}
        for digest, key in self._listed(*digests):
            known[digest].append(key)
        made = [self._made(digest) for digest, keys in known.items() if not keys]
        if made:
            try:
                sync_directory(self._folder)
            except OSError as error:
                raise self._unwritten(error) from None
        return sorted([*made, *(min(keys) for keys in known.values() if keys)])

    def _made(self, digest: str) -> str:
        number = secrets.token_hex(16)
        path = self._folder / f"{digest}.{number}.key"
        try:
            if not self._required:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                append_bytes(descriptor, secrets.token_hex(_KEY_BYTES).encode("ascii") + b"\n")
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._unwritten(error) from None
        return f"key-{number}"

    def _unwritten(self, error: OSError) -> ConfigError:
        return ConfigError(
            f"{self._folder}: a subject's key cannot be written: {error.strerror}; put the medium with the "
            "subjects' keys where 'subject_keys_folder' in case.toml says"
        )

    def _paths(self) -> Mapping[str, Path]:
        """Where each key lies, by its id."""
        return {key: self._folder / f"{subject}.{key.removeprefix('key-')}.key" for subject, key in self._listed()}

    def _cipher(self, ids: Sequence[str], salt: bytes, context: bytes) -> ChaCha20Poly1305:
        """Of these keys together.

        Raises:
            FileNotFoundError: One is gone.
            ConfigError: One cannot be read.
        """
        paths = self._paths()
        try:
            keys = b"".join(bytes.fromhex(paths[key].read_text("ascii")) for key in sorted(ids))
        except KeyError as gone:
            raise FileNotFoundError(str(gone)) from None
        except FileNotFoundError:
            raise
        except (OSError, ValueError) as error:
            raise ConfigError(f"{self._folder}: a subject's key cannot be read ({error}); restore it") from None
        # source: RFC 5869; the keys side by side, in order of their ids
        derived = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=salt, info=_PURPOSE + context).derive(keys)
        return ChaCha20Poly1305(derived)


class _AsNow(SubjectKeys):
    """Keys whose folder was read before."""

    def __init__(self, folder: Path, paths: Mapping[str, Path]) -> None:
        super().__init__(folder, required=True)
        self._held = paths

    def _paths(self) -> Mapping[str, Path]:
        return self._held


def sealed_fault(found: Mapping[str, Any]) -> str | None:
    """Why `keys`, `salt` and `sealed` are of no known form; None if they are."""
    keys, salt, sealed = found["keys"], found["salt"], found["sealed"]
    named = isinstance(keys, list) and all(isinstance(key, str) and _KEY_ID.fullmatch(key) for key in keys)
    if not named or not keys or keys != sorted(set(keys)):
        return "its keys are not named, each once and in order"
    if not all(isinstance(text, str) and _HEX.fullmatch(text) for text in (salt, sealed)) or len(salt) != 64:
        return "its salt or its sealed text is of no known form"
    return None


def _digest(subject_id: str) -> str:
    return hashlib.sha256(b"headwater subject\n" + subject_id.encode("utf-8", "surrogateescape")).hexdigest()[:32]
