"""Sign-ins that were begun at an identity provider: each can be used once, by the browser that began it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from headwater_web.state.store import Store
from headwater_web.state.tables import BEGUN_SIGN_INS

__all__ = ["BEGUN_MINUTES", "Begun", "BegunSignIns", "Returned", "Sent"]

BEGUN_MINUTES: Final = 10
"""Minutes from the button to the end of signing in."""
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a browser is sent to the provider with; each of 256 random bits.

    Attributes:
        state: Comes back beside the token.
        nonce: Comes back in the token.
        cookie: Stays in the browser, and goes to nobody but the workbench's own pages.
    """

    state: str
    nonce: str
    cookie: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """A sign-in whose browser came back; nobody else can come back to it.

    Attributes:
        state_sha256: Names it.
        nonce_sha256: What the token's nonce has to be.
    """

    state_sha256: str
    nonce_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A sign-in that a token vouched for.

    Attributes:
        person_id: For whom.
        same_browser: Whether the browser that ends it is the one that began it.
        next: Where the person wanted to go.
    """

    person_id: str
    same_browser: bool
    next: str


class BegunSignIns:
    """The sign-ins that were begun in one workbench.

    Args:
        store: Where they are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(self, issuer: str, then: str) -> Sent:
        """What the browser is to take along; what was begun too long ago is gone."""
        sent = Sent(state=_secret(), nonce=_secret(), cookie=_secret())
        expired = BEGUN_SIGN_INS.c.until_utc <= self._store.now()
        with self._store.database.begin() as connection:
            connection.execute(sa.delete(BEGUN_SIGN_INS).where(expired))
            connection.execute(
                BEGUN_SIGN_INS.insert().values(
                    state_sha256=_digest(sent.state),
                    nonce_sha256=_digest(sent.nonce),
                    browser_sha256=_digest(sent.cookie),
                    issuer=issuer,
                    next=then,
                    stage="begun",
                    person_id="",
                    handle_sha256="",
                    until_utc=self._store.later(minutes=BEGUN_MINUTES),
                )
            )
        return sent

    def returned(self, issuer: str, state: str) -> Returned | None:
        """The sign-in of that state; None where there is none, or somebody came back to it before."""
        table, named = BEGUN_SIGN_INS, _digest(state)
        mine = (table.c.state_sha256 == named) & (table.c.issuer == issuer) & (table.c.until_utc > self._store.now())
        with self._store.database.begin() as connection:
            taken = sa.update(table).where(mine, table.c.stage == "begun").values(stage="returned")
            if connection.execute(taken).rowcount != 1:
                return None
            nonce = connection.execute(sa.select(table.c.nonce_sha256).where(mine)).scalar_one()
        return Returned(state_sha256=named, nonce_sha256=nonce)

    def vouched(self, returned: Returned, person_id: str) -> str:
        """The handle with which the browser ends it, once a token held."""
        handle, table = _secret(), BEGUN_SIGN_INS
        this = (table.c.state_sha256 == returned.state_sha256) & (table.c.stage == "returned")
        values = {"stage": "vouched", "person_id": person_id, "handle_sha256": _digest(handle)}
        with self._store.database.begin() as connection:
            connection.execute(sa.update(table).where(this).values(**values))
        return handle

    def ended(self, issuer: str, handle: str, cookie: str) -> Begun | None:
        """The sign-in of that handle, which is used up, whoever asks; None where there is none."""
        table = BEGUN_SIGN_INS
        this = (table.c.handle_sha256 == _digest(handle)) & (table.c.stage == "vouched") & (table.c.issuer == issuer)
        with self._store.database.begin() as connection:
            row = connection.execute(sa.select(table).where(this, table.c.until_utc > self._store.now())).mappings()
            found = row.first()
            if found is None:
                return None
            used = sa.delete(table).where(table.c.state_sha256 == found["state_sha256"])
            if connection.execute(used).rowcount != 1:
                return None
        same = hmac.compare_digest(found["browser_sha256"], _digest(cookie))
        return Begun(person_id=found["person_id"], same_browser=same, next=found["next"])


def _secret() -> str:
    return secrets.token_urlsafe(_SECRET_BYTES)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
