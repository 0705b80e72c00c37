"""Who works on which case, in which role, for what purpose and until when."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from headwater.custody import utc_text
from headwater.errors import ConfigError
from headwater_web.rules import Role
from headwater_web.state.people import Person
from headwater_web.state.store import Store
from headwater_web.state.tables import MEMBERS

__all__ = ["MEMBER_ROLES", "Membership", "Memberships"]

MEMBER_ROLES = (Role.ANALYST, Role.VICTIM_ANALYST, Role.APPROVER, Role.AUDITOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """One role of one person in one case.

    Attributes:
        seq: Its number.
        person_id: Whose.
        case_id: In which case.
        role: Which.
        purpose: For what; goes into the log with every access.
        until_utc: When it ends by itself.
        granted_by: Who gave it.
    """

    seq: int
    person_id: str
    case_id: str
    role: Role
    purpose: str
    until_utc: str
    granted_by: str


class Memberships:
    """The memberships of one workbench.

    Args:
        store: Where they are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def grant(self, person: Person, case_id: str, role: Role, *, purpose: str, until: dt.datetime, by: str) -> None:
        """Let a person work on a case.

        Raises:
            ConfigError: The person is an administrator, the role is none of a case, or purpose or end make no sense.
        """
        if person.administrator:
            raise ConfigError(f"'{person.name}' is an administrator, who reads no case; add another person for that")
        if role not in MEMBER_ROLES:
            raise ConfigError(f"'{role}' is no role in a case; roles are {', '.join(MEMBER_ROLES)}")
        held = {membership.role for membership in self.of(person) if membership.case_id == case_id}
        if held - {role} and Role.AUDITOR in {role, *held}:
            raise ConfigError(
                f"'{person.name}' cannot both read a case and audit it; let another person be the auditor"
            )
        if not purpose.strip():
            raise ConfigError("a membership needs a purpose; say what for")
        if until <= self._store.clock():
            raise ConfigError("a membership ends in the future; give a later date")
        why = f"{role} until {utc_text(until)}: {purpose}"
        self._store.record("corrected", by, why, object_ids=(person.person_id, case_id))
        with self._store.database.begin() as connection:
            connection.execute(
                MEMBERS.insert().values(
                    person_id=person.person_id,
                    case_id=case_id,
                    role=role.value,
                    purpose=purpose,
                    granted_by=by,
                    at_utc=self._store.now(),
                    until_utc=utc_text(until),
                    ended_at_utc="",
                )
            )

    def end(self, person: Person, case_id: str, *, by: str) -> int:
        """The number of memberships of that person in that case that end now."""
        self._store.record("corrected", by, "membership ended", object_ids=(person.person_id, case_id))
        statement = sa.update(MEMBERS).where(
            MEMBERS.c.person_id == person.person_id, MEMBERS.c.case_id == case_id, MEMBERS.c.ended_at_utc == ""
        )
        with self._store.database.begin() as connection:
            return connection.execute(statement.values(ended_at_utc=self._store.now())).rowcount

    def of(self, person: Person) -> list[Membership]:
        """What the person may work on now, oldest grant first; nothing for an administrator."""
        if person.administrator:
            return []
        return self._read(MEMBERS.c.person_id == person.person_id)

    def in_case(self, case_id: str) -> list[Membership]:
        """Who may work on a case now."""
        return self._read(MEMBERS.c.case_id == case_id)

    def _read(self, condition: sa.ColumnElement[bool]) -> list[Membership]:
        standing = (MEMBERS.c.ended_at_utc == "") & (MEMBERS.c.until_utc > self._store.now())
        query = sa.select(MEMBERS).where(condition, standing).order_by(MEMBERS.c.seq)
        with self._store.database.connect() as connection:
            return [
                Membership(
                    seq=row["seq"],
                    person_id=row["person_id"],
                    case_id=row["case_id"],
                    role=Role(row["role"]),
                    purpose=row["purpose"],
                    until_utc=row["until_utc"],
                    granted_by=row["granted_by"],
                )
                for row in connection.execute(query).mappings()
            ]
