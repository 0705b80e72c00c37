"""Whose packages are taken in: a list of trusted senders and of revoked keys, as a file that people can read."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import tomli_w

from headwater.engine import sync_folder
from headwater.errors import ConfigError

__all__ = ["TRUST_NAME", "TrustList", "TrustedSender", "read_trust", "write_trust"]

TRUST_NAME: Final = "trust.toml"
_KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)
_AGE_KEY = re.compile(r"age1[02-9ac-hj-np-z]{58}", re.ASCII)
_FORMATS: Final = (1, 2, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedSender:
    """A case that may send.

    Attributes:
        name: Whose it is, as people here call them.
        key: Its public key, 32 bytes in hex.
        oldest_format: The oldest version of the package format that is still taken from it.
    """

    name: str
    key: str
    oldest_format: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustList:
    """The senders, and the keys that are no longer good for anything.

    Attributes:
        senders: By key.
        revoked: Key (Ed25519 in hex, or `age1...`) to why.
    """

    senders: Mapping[str, TrustedSender] = field(default_factory=dict)
    revoked: Mapping[str, str] = field(default_factory=dict)

    def with_sender(self, sender: TrustedSender) -> TrustList:
        """The list with one more sender.

        Raises:
            ConfigError: The key is none, is revoked, or the version is none.
        """
        if not _KEY.fullmatch(sender.key) or not sender.name.strip() or sender.oldest_format not in _FORMATS:
            raise ConfigError(f"sender {sender.name!r}: its name, key or oldest_format (1, 2 or 3) will not do")
        if sender.key in self.revoked:
            raise ConfigError(f"{sender.key}: this key is revoked ({self.revoked[sender.key]}); ask for another")
        return replace(self, senders={**self.senders, sender.key: sender})

    def with_revoked(self, key: str, why: str) -> TrustList:
        """The list with one more revoked key; nothing makes it good again.

        Raises:
            ConfigError: It is no key, or no reason is given.
        """
        if not (_KEY.fullmatch(key) or _AGE_KEY.fullmatch(key)) or not why.strip():
            raise ConfigError("revoked key: name a public key (64 hex digits, or age1...) and say why")
        return replace(self, revoked={**self.revoked, key: why})


def read_trust(store: Path) -> TrustList:
    """The list of a store.

    Raises:
        ConfigError: It is missing, or cannot be read; nothing is taken in without it.
    """
    path = store / TRUST_NAME
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}; restore it, nothing is taken in without it") from None
    if set(content) - {"format", "version", "sender", "revoked"} or content.get("format") != "headwater-trust":
        raise ConfigError(f"{path}: it is no list of trusted keys, or holds what is not known; correct it")
    if content.get("version") != 1:
        raise ConfigError(f"{path}: it is not of version 1; correct it")
    trust = TrustList()
    try:
        for row in content.get("sender", []):
            oldest = row.pop("oldest_format", 2)
            trust = trust.with_sender(TrustedSender(**_texts(row, {"name", "key"}), oldest_format=oldest))
        for row in content.get("revoked", []):
            trust = trust.with_revoked(**_texts(row, {"key", "why"}))
    except (TypeError, AttributeError, ConfigError) as error:
        raise ConfigError(f"{path}: {error}") from None
    return trust


def write_trust(store: Path, trust: TrustList) -> bytes:
    """The new content of the list, once it has taken the place of the old one."""
    content = tomli_w.dumps(
        {
            "format": "headwater-trust",
            "version": 1,
            "sender": [asdict(trust.senders[key]) for key in sorted(trust.senders)],
            "revoked": [{"key": key, "why": trust.revoked[key]} for key in sorted(trust.revoked)],
        }
    ).encode()
    beside = store / f".{TRUST_NAME}.part"
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(store / TRUST_NAME)
    sync_folder(store)
    return content


def _texts(row: Any, names: set[str]) -> dict[str, str]:  # noqa: ANN401 - a value of a file that a person wrote
    if not isinstance(row, dict) or set(row) != names or not all(isinstance(text, str) for text in row.values()):
        raise ConfigError(f"an entry has to have just these texts: {', '.join(sorted(names))}")
    return dict(row)
