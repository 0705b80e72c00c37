"""The case's signing key and its operators' keys: private parts in CASE/private, public parts in CASE/public."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from headwater.custody.disk import new_file
from headwater.errors import ConfigError, InputError
from headwater.schema import content_id

__all__ = [
    "create_case_key",
    "create_operator_key",
    "fingerprint",
    "load_case_key",
    "load_case_public_key",
    "load_operator_key",
    "load_operator_public_key",
    "load_public_key",
    "operator_key",
    "raw_public_key",
]

_CASE = "case-signing"
_PRIVATE_DIR_MODE = 0o700
_PRIVATE_FILE_MODE = 0o600


def create_case_key(case_dir: Path) -> Ed25519PrivateKey:
    """A new signing key of the case, stored in it.

    Raises:
        ConfigError: The case has one already.
    """
    return _create(case_dir, _CASE)


def load_case_key(case_dir: Path) -> Ed25519PrivateKey:
    """The signing key of the case.

    Raises:
        ConfigError: It is missing, is no Ed25519 key, or others may read it.
    """
    return _load_private(case_dir, _CASE)


def load_case_public_key(case_dir: Path) -> Ed25519PublicKey:
    """The public part of the case's signing key."""
    return load_public_key(_public(case_dir, _CASE))


def create_operator_key(case_dir: Path, operator: str) -> Ed25519PrivateKey:
    """A new signing key of an operator, stored in the case.

    Raises:
        ConfigError: The operator has one already.
    """
    return _create(case_dir, _operator_stem(operator))


def operator_key(case_dir: Path, operator: str) -> Ed25519PrivateKey:
    """The signing key of an operator, made on first use.

    Raises:
        ConfigError: It is no Ed25519 key, or others may read it.
    """
    stem = _operator_stem(operator)
    return _load_private(case_dir, stem) if _public(case_dir, stem).exists() else _create(case_dir, stem)


def load_operator_key(case_dir: Path, operator: str) -> Ed25519PrivateKey:
    """The signing key of an operator.

    Raises:
        ConfigError: It is missing, is no Ed25519 key, or others may read it.
    """
    return _load_private(case_dir, _operator_stem(operator))


def load_operator_public_key(case_dir: Path, operator: str) -> Ed25519PublicKey:
    """The public part of an operator's signing key."""
    return load_public_key(_public(case_dir, _operator_stem(operator)))


def load_public_key(path: Path) -> Ed25519PublicKey:
    """The Ed25519 public key in a PEM file.

    Raises:
        InputError: The file is missing, is no such key, or spells it otherwise than this program would.
    """
    try:
        pem = path.read_bytes()
    except OSError as error:
        raise InputError(path, f"cannot be read: {error.strerror}", remedy="name the file of a public key") from None
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    # One spelling only, so that a changed byte is seen even where a PEM reader would look past it.
    if not isinstance(key, Ed25519PublicKey) or _public_pem(key) != pem:
        raise InputError(path, "is not an Ed25519 public key in PEM", remedy="name the file of a public key")
    return key


def raw_public_key(key: Ed25519PublicKey) -> bytes:
    """The key's 32 bytes."""
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def fingerprint(key: Ed25519PublicKey) -> str:
    """SHA-256 of the key's 32 bytes, in hex: what people compare over another channel."""
    return hashlib.sha256(raw_public_key(key)).hexdigest()


def _operator_stem(operator: str) -> str:
    if not operator.strip():
        raise ConfigError("operator: the name is empty; name the operator")
    # A name may hold anything; a digest of it is always a file name, and two names never share one.
    return content_id("opr", operator)


def _private(case_dir: Path, stem: str) -> Path:
    return case_dir / "private" / f"{stem}.pem"


def _public(case_dir: Path, stem: str) -> Path:
    return case_dir / "public" / f"{stem}.pem"


def _public_pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _create(case_dir: Path, stem: str) -> Ed25519PrivateKey:
    private, public = _private(case_dir, stem), _public(case_dir, stem)
    if public.exists():
        raise ConfigError(f"{public}: the key exists already; it is never replaced")
    private.parent.mkdir(mode=_PRIVATE_DIR_MODE, parents=True, exist_ok=True)
    private.parent.chmod(_PRIVATE_DIR_MODE)  # mkdir is subject to the umask, and the folder may have been there
    public.parent.mkdir(parents=True, exist_ok=True)
    if private.exists():  # a crash came between the two
        key = _load_private(case_dir, stem)
    else:
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),  # the folder's mode guards it; a passphrase would end up in a script
        )
        new_file(private, pem, _PRIVATE_FILE_MODE)
    new_file(public, _public_pem(key.public_key()), 0o644)
    return key


def _load_private(case_dir: Path, stem: str) -> Ed25519PrivateKey:
    path = _private(case_dir, stem)
    try:
        mode = path.stat().st_mode
        pem = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: the signing key cannot be read: {error.strerror}; create it first") from None
    if mode & 0o077:
        raise ConfigError(f"{path}: others may read this signing key; set its mode to 0600 and find out who did")
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{path}: this is not an unencrypted Ed25519 private key; restore it from a backup")
    return key
