"""Views that somebody saved: an address in a case, under a name; theirs, or shown to whoever works on the case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from headwater.errors import ConfigError
from headwater_web.state.people import Person
from headwater_web.state.store import Store
from headwater_web.state.tables import PEOPLE, SAVED_VIEWS

__all__ = ["LONGEST_ADDRESS", "LONGEST_NAME", "SavedView", "SavedViews"]

LONGEST_NAME: Final = 80
LONGEST_ADDRESS: Final = 2_000
_MOST_OF_ONE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedView:
    """One of them.

    Attributes:
        seq: Its number.
        name: As its owner calls it.
        address: Path and query, on this server.
        owner: Who saved it.
        own: Whether that is whoever asks.
        shared: Whether others who work on the case see it.
    """

    seq: int
    name: str
    address: str
    owner: str
    own: bool
    shared: bool


class SavedViews:
    """The saved views of one workbench.

    Args:
        store: Where they are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def save(self, person: Person, case_id: str, name: str, address: str, *, shared: bool) -> None:
        """Save a view; one of the same name and owner is replaced.

        Raises:
            ConfigError: The name is empty or too long, the address is too long, or the person has too many.
        """
        name = name.strip()
        if not 0 < len(name) <= LONGEST_NAME:
            raise ConfigError(f"the name of a view has 1 to {LONGEST_NAME} characters")
        if len(address) > LONGEST_ADDRESS:
            raise ConfigError(f"a view whose address is longer than {LONGEST_ADDRESS:,} characters cannot be saved")
        own = (SAVED_VIEWS.c.person_id == person.person_id) & (SAVED_VIEWS.c.case_id == case_id)
        with self._store.database.begin() as connection:
            connection.execute(sa.delete(SAVED_VIEWS).where(own, SAVED_VIEWS.c.name == name))
            held = connection.execute(sa.select(sa.func.count()).select_from(SAVED_VIEWS).where(own)).scalar_one()
            if held >= _MOST_OF_ONE:
                raise ConfigError(f"you have saved {held} views of this case; remove one first")
            connection.execute(
                SAVED_VIEWS.insert().values(
                    person_id=person.person_id,
                    case_id=case_id,
                    name=name,
                    address=address,
                    shared=shared,
                    at_utc=self._store.now(),
                )
            )

    def of(self, person: Person, case_id: str) -> list[SavedView]:
        """The person's own, then those that others share, each by name."""
        query = (
            sa.select(SAVED_VIEWS, PEOPLE.c.name.label("owner"))
            .join(PEOPLE, PEOPLE.c.person_id == SAVED_VIEWS.c.person_id)
            .where(
                SAVED_VIEWS.c.case_id == case_id,
                (SAVED_VIEWS.c.person_id == person.person_id) | SAVED_VIEWS.c.shared.is_(True),
            )
        )
        with self._store.database.connect() as connection:
            found = [
                SavedView(
                    seq=row["seq"],
                    name=row["name"],
                    address=row["address"],
                    owner=row["owner"],
                    own=row["person_id"] == person.person_id,
                    shared=row["shared"],
                )
                for row in connection.execute(query).mappings()
            ]
        return sorted(found, key=lambda view: (not view.own, view.name.casefold(), view.seq))

    def remove(self, person: Person, case_id: str, seq: int) -> bool:
        """Whether a view of that person with that number was there; it is no more."""
        statement = sa.delete(SAVED_VIEWS).where(
            SAVED_VIEWS.c.seq == seq,
            SAVED_VIEWS.c.person_id == person.person_id,
            SAVED_VIEWS.c.case_id == case_id,
        )
        with self._store.database.begin() as connection:
            return connection.execute(statement).rowcount == 1
