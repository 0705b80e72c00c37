"""How often one may fail to sign in before one has to wait."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Final

import sqlalchemy as sa

from headwater.custody import utc_text
from headwater_web.state.store import Store
from headwater_web.state.tables import ATTEMPTS

__all__ = ["FAILURES", "WINDOW_MINUTES", "Throttle"]

FAILURES: Final = 5
"""Failures under one name, known or not, after which the name has to wait."""
WINDOW_MINUTES: Final = 15


class Throttle:
    """Counts failures by name. Names that nobody has are counted too, or the count would tell which exist.

    Args:
        store: Where they are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def must_wait(self, name: str) -> bool:
        """Whether too many attempts under that name failed lately."""
        since = utc_text(self._store.clock() - dt.timedelta(minutes=WINDOW_MINUTES))
        query = sa.select(sa.func.count()).where(ATTEMPTS.c.name_sha256 == _digest(name), ATTEMPTS.c.at_utc > since)
        with self._store.database.connect() as connection:
            return connection.execute(query).scalar_one() >= FAILURES

    def failed(self, name: str) -> None:
        """Count a failure."""
        since = utc_text(self._store.clock() - dt.timedelta(minutes=WINDOW_MINUTES))
        with self._store.database.begin() as connection:
            connection.execute(sa.delete(ATTEMPTS).where(ATTEMPTS.c.at_utc <= since))
            connection.execute(ATTEMPTS.insert().values(name_sha256=_digest(name), at_utc=self._store.now()))

    def succeeded(self, name: str) -> None:
        """Forget the failures."""
        with self._store.database.begin() as connection:
            connection.execute(sa.delete(ATTEMPTS).where(ATTEMPTS.c.name_sha256 == _digest(name)))


def _digest(name: str) -> str:
    return hashlib.sha256(name.strip().casefold().encode("utf-8", "surrogatepass")).hexdigest()
