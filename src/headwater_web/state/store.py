"""The folder in which the workbench keeps what is its own: its database, its sealing key, its log."""

from __future__ import annotations

import datetime as dt
import os
import platform
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from headwater.custody import LOG_NAME, CustodyLog, clock_source, create_case_key, utc_text
from headwater.errors import ConfigError, IntegrityError
from headwater.workflow import open_store

__all__ = ["Store", "open_state", "utc_now"]

Clock = Callable[[], dt.datetime]
_MIGRATIONS: Final = Path(__file__).with_name("migrations")
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


def utc_now() -> dt.datetime:
    """The time now, in UTC."""
    return dt.datetime.now(dt.UTC)


@dataclass(slots=True, kw_only=True)
class Store:
    """What is open of it.

    Attributes:
        folder: Where it lies.
        database: People, memberships, sessions.
        clock: Called for every time that is stored or compared.
        log: Sign-ins, and changes of people and memberships; in the format of the custody log.
    """

    folder: Path
    database: sa.Engine
    clock: Clock
    log: CustodyLog
    _sealing: AESGCM
    _lock: threading.Lock

    def now(self) -> str:
        """The time now, as it is stored."""
        return utc_text(self.clock())

    def later(self, **span: float) -> str:
        """A time from now, as it is stored; the arguments are those of `timedelta`."""
        return utc_text(self.clock() + dt.timedelta(**span))

    def record(
        self, event: str, actor: str, why: str, *, object_ids: Sequence[str] = (), outcome: str = "done"
    ) -> None:
        """Put an act into the workbench's own log; if that fails, the act has not happened."""
        with self._lock:
            self.log.append(
                event=event,
                actor=actor.encode("utf-8", "backslashreplace").decode(),
                role="person",
                justification=why.encode("utf-8", "backslashreplace").decode(),
                clock=self.clock,
                object_ids=tuple(object_ids),
                outcome=outcome,
                operation="" if event == "failed" else None,
                workstation=platform.node(),
                clock_source=clock_source("") if self.clock is utc_now else "given by the calling program",
            )

    def sealed(self, secret: bytes, about: str) -> bytes:
        """The secret encrypted, so that a copy of the database alone gives nobody a second factor."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._sealing.encrypt(nonce, secret, about.encode())

    def unsealed(self, sealed: bytes, about: str) -> bytes:
        """The secret that was sealed for the same person.

        Raises:
            IntegrityError: It was altered, or is another person's, or the folder has another key.
        """
        try:
            return self._sealing.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about.encode())
        except InvalidTag:
            raise IntegrityError(
                f"{self.folder}: a second factor does not open with the folder's key; it was altered"
            ) from None

    def close(self) -> None:
        """Let the database go."""
        self.database.dispose()


def open_state(folder: Path, *, clock: Clock = utc_now, database_url: str = "") -> Store:
    """The workbench's state in a folder, which is made if it is not there.

    Args:
        folder: Where; only its owner may look into it.
        clock: Called for every time.
        database_url: Where the database lies; empty for `workbench.db` in the folder.

    Raises:
        ConfigError: The folder cannot be made, or others may read its keys.
        IntegrityError: Its log was altered.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / "private").mkdir(exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be made ({error.strerror}); name another with --state") from error
    if not (folder / LOG_NAME).is_file():
        CustodyLog.create(
            folder,
            signing_key=create_case_key(folder),
            actor="headwater",
            role="software",
            justification="workbench begun",
            workstation=platform.node(),
            clock=clock,
        )
    return Store(
        folder=folder,
        database=open_store(folder / "workbench.db", database_url, _MIGRATIONS, named_in=folder),
        clock=clock,
        log=CustodyLog.open(folder),
        _sealing=AESGCM(_sealing_key(folder / "private" / "sealing.key")),
        _lock=threading.Lock(),
    )


def _sealing_key(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{path}: others may read this key; set its mode to 0600 and find out who did") from None
        key = path.read_bytes()
        if len(key) != _KEY_BYTES:
            raise ConfigError(f"{path}: is no sealing key; restore it from a backup") from None
        return key
    with os.fdopen(descriptor, "wb") as file:
        file.write(key := os.urandom(_KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    return key
