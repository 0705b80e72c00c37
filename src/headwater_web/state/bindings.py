"""Who somebody is at an identity provider: an administrator's statement, never a token's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from headwater.errors import ConfigError
from headwater_web.state.people import Person
from headwater_web.state.store import Store
from headwater_web.state.tables import BINDINGS

__all__ = ["Binding", "Bindings", "sub_digest"]

_MOST_CHARACTERS: Final = 255  # source: OpenID Connect Core 1.0, section 2, on `sub`


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One person at one provider.

    Attributes:
        person_id: Who it is here.
        issuer: The provider.
        sub: Who it is there.
        bound_by: Whose statement that is.
        at_utc: Since when.
    """

    person_id: str
    issuer: str
    sub: str
    bound_by: str
    at_utc: str


class Bindings:
    """The bindings of one workbench.

    Args:
        store: Where they are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def bind(self, person: Person, issuer: str, sub: str, *, by: str) -> None:
        """State that this person is that one at the provider.

        Raises:
            ConfigError: The identifier is none, or one of the two is bound already.
        """
        if not issuer.strip() or not 0 < len(sub) <= _MOST_CHARACTERS or not (sub.isascii() and sub.isprintable()):
            raise ConfigError(f"a subject has 1 to {_MOST_CHARACTERS} ASCII characters, and an issuer beside it")
        present = self.at(person, issuer)
        if present is not None:
            raise ConfigError(f"'{person.name}' is bound at {issuer} already; end that first")
        if self.person_id_of(issuer, sub):
            raise ConfigError(f"that subject at {issuer} is bound to another person; end that first")
        self._store.record("corrected", by, f"bound at {issuer}: {person.name}", object_ids=_ids(person, sub))
        row = {"issuer": issuer, "sub": sub, "person_id": person.person_id, "bound_by": by, "at_utc": self._store.now()}
        try:
            with self._store.database.begin() as connection:
                connection.execute(BINDINGS.insert().values(**row))
        except sa.exc.IntegrityError:
            raise ConfigError("somebody else bound the same at this moment; look again") from None

    def end(self, person: Person, issuer: str, *, by: str) -> bool:
        """Whether there was a binding of that person at that provider; it is over."""
        present = self.at(person, issuer)
        if present is None:
            return False
        why = f"binding at {issuer} ended: {person.name}"
        self._store.record("corrected", by, why, object_ids=_ids(person, present.sub))
        statement = sa.delete(BINDINGS).where(BINDINGS.c.person_id == person.person_id, BINDINGS.c.issuer == issuer)
        with self._store.database.begin() as connection:
            return connection.execute(statement).rowcount == 1

    def at(self, person: Person, issuer: str) -> Binding | None:
        """The person's binding at that provider."""
        return next((one for one in self.of(person) if one.issuer == issuer), None)

    def of(self, person: Person) -> list[Binding]:
        """The person's bindings, by provider."""
        query = sa.select(BINDINGS).where(BINDINGS.c.person_id == person.person_id).order_by(BINDINGS.c.issuer)
        with self._store.database.connect() as connection:
            return [Binding(**row) for row in connection.execute(query).mappings()]

    def person_id_of(self, issuer: str, sub: str) -> str:
        """Whose that identifier is; empty for nobody's."""
        query = sa.select(BINDINGS.c.person_id).where(BINDINGS.c.issuer == issuer, BINDINGS.c.sub == sub)
        with self._store.database.connect() as connection:
            return connection.execute(query).scalar() or ""


def sub_digest(sub: str) -> str:
    """What stands in the log for an identifier at a provider, which may be a personnel number or an address."""
    return f"sub-sha256:{hashlib.sha256(sub.encode()).hexdigest()[:32]}"


def _ids(person: Person, sub: str) -> tuple[str, str]:
    return person.person_id, sub_digest(sub)
