"""Sessions: a random cookie, of which only the digest is kept; new at every step of signing in."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from headwater.custody import utc_text
from headwater_web.state.people import Person
from headwater_web.state.store import Store
from headwater_web.state.tables import SESSIONS

__all__ = ["ABSOLUTE_HOURS", "IDLE_MINUTES", "Session", "Sessions"]

IDLE_MINUTES: Final = 30  # source: NIST SP 800-63B-4, section 2.2.3 asks for at most 1 hour at AAL2
ABSOLUTE_HOURS: Final = 10  # source: the same asks for at most 24 hours; a working day is enough
_TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody's way through the workbench, from sign-in to sign-out.

    Attributes:
        cookie_sha256: Names it.
        person_id: Whose.
        stage: `setup`, `password` or `full`; only `full` opens anything.
        form_token: What every form of this session carries.
        challenge: What a key is to sign next, or what setting up keeps until it is confirmed.
        began_at_utc: When.
    """

    cookie_sha256: str
    person_id: str
    stage: str
    form_token: str
    challenge: str
    began_at_utc: str


class Sessions:
    """The sessions of one workbench.

    When a session was used last is kept in memory, as a reading writes nothing; after a restart of the program, what
    counts is the last step of signing in or the last form sent.

    Args:
        store: Where they are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: dict[str, str] = {}

    def begin(self, person: Person, stage: str, *, challenge: str = "") -> str:
        """The cookie of a new session."""
        cookie = secrets.token_urlsafe(_TOKEN_BYTES)
        with self._store.database.begin() as connection:
            connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.began_at_utc < self._oldest()))
            connection.execute(
                SESSIONS.insert().values(
                    cookie_sha256=_digest(cookie),
                    person_id=person.person_id,
                    stage=stage,
                    form_token=secrets.token_urlsafe(_TOKEN_BYTES),
                    challenge=challenge,
                    began_at_utc=self._store.now(),
                    seen_at_utc=self._store.now(),
                )
            )
        return cookie

    def of(self, cookie: str) -> Session | None:
        """The session of a cookie, unless it was idle or is over."""
        if not cookie:
            return None
        with self._store.database.connect() as connection:
            query = sa.select(SESSIONS).where(SESSIONS.c.cookie_sha256 == _digest(cookie))
            row = connection.execute(query).mappings().first()
        if row is None:
            return None
        key = row["cookie_sha256"]
        seen = max(self._seen.get(key, ""), row["seen_at_utc"])
        idle_since = utc_text(self._store.clock() - dt.timedelta(minutes=IDLE_MINUTES))
        if seen <= idle_since or row["began_at_utc"] <= self._oldest():
            return None
        self._seen[key] = self._store.now()
        return Session(
            cookie_sha256=key,
            person_id=row["person_id"],
            stage=row["stage"],
            form_token=row["form_token"],
            challenge=row["challenge"],
            began_at_utc=row["began_at_utc"],
        )

    def used(self, session: Session) -> None:
        """Keep that a form was sent in it."""
        self._write(session, seen_at_utc=self._store.now())

    def challenge(self, session: Session, challenge: str) -> None:
        """Keep what is to be signed or confirmed next."""
        self._write(session, challenge=challenge)

    def end(self, session: Session) -> None:
        """Nobody has it any more."""
        self._seen.pop(session.cookie_sha256, None)
        with self._store.database.begin() as connection:
            connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.cookie_sha256 == session.cookie_sha256))

    def end_all(self, person: Person) -> None:
        """Whoever is signed in as this person is no more."""
        with self._store.database.begin() as connection:
            connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.person_id == person.person_id))

    def _oldest(self) -> str:
        return utc_text(self._store.clock() - dt.timedelta(hours=ABSOLUTE_HOURS))

    def _write(self, session: Session, **values: object) -> None:
        statement = sa.update(SESSIONS).where(SESSIONS.c.cookie_sha256 == session.cookie_sha256)
        with self._store.database.begin() as connection:
            connection.execute(statement.values(**values))


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
