"""People who use the workbench: made by an administrator, who never knows their password."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from headwater.errors import ConfigError
from headwater.schema import content_id
from headwater_web.passwords import checked_password, is_password, password_record
from headwater_web.state.store import Store
from headwater_web.state.tables import BINDINGS, PASSKEYS, PEOPLE
from headwater_web.totp import step_of_code

__all__ = ["SETUP_HOURS", "Passkey", "People", "Person"]

SETUP_HOURS: Final = 72
"""Hours for which a setup code can be used."""
_CODE_ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may sign in.

    Attributes:
        person_id: Never changes.
        name: As decisions and logs name them.
        administrator: Makes people and memberships; reads no case.
        single: The one person of a laptop, who may do without a second factor.
        language: In which pages speak to them; empty for the browser's.
        has_password: Whether they have chosen one.
        has_totp: Whether they have a second factor by codes.
        passkeys: How many keys they registered.
        disabled: Whether they may no longer sign in.
    """

    person_id: str
    name: str
    administrator: bool
    single: bool
    language: str
    has_password: bool
    has_totp: bool
    passkeys: int
    disabled: bool

    @property
    def has_second_factor(self) -> bool:
        """Whether anything but the password is asked for."""
        return self.has_totp or self.passkeys > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A registered WebAuthn key.

    Attributes:
        credential_id: As the key names itself, base64url.
        public_key: COSE.
        sign_count: The last count it gave.
        label: What its owner calls it.
    """

    credential_id: str
    public_key: bytes
    sign_count: int
    label: str


class People:
    """The people of one workbench.

    Args:
        store: Where they are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def listed(self) -> list[Person]:
        """Everybody, by name."""
        return self._read(sa.true())

    def named(self, name: str) -> Person | None:
        """The person of that name."""
        return next(iter(self._read(PEOPLE.c.name == name)), None)

    def of_id(self, person_id: str) -> Person | None:
        """The person of that id."""
        return next(iter(self._read(PEOPLE.c.person_id == person_id)), None)

    def add(self, name: str, *, by: str, administrator: bool = False, single: bool = False) -> str:
        """The code with which a new person sets up their own sign-in; it is shown once and kept nowhere.

        Raises:
            ConfigError: The name is empty or taken.
        """
        name = name.strip()
        if not name or not name.isprintable():
            raise ConfigError("the name must not be empty, nor hold characters that do not print")
        if self.named(name) is not None:
            raise ConfigError(f"there is a person named '{name}' already; 'headwater people list' lists them")
        person_id, code = content_id("prs", name, self._store.now()), _setup_code()
        self._store.record("corrected", by, f"person added: {name}", object_ids=(person_id,))
        with self._store.database.begin() as connection:
            connection.execute(
                PEOPLE.insert().values(
                    person_id=person_id,
                    name=name,
                    administrator=administrator,
                    single=single,
                    language="",
                    password="",
                    totp_sealed=b"",
                    totp_step=0,
                    setup_sha256=_digest(code),
                    setup_until_utc=self._store.later(hours=SETUP_HOURS),
                    disabled=False,
                    at_utc=self._store.now(),
                )
            )
        return code

    def reset(self, person: Person, *, by: str) -> str:
        """A new setup code; password, codes, keys and bindings of before are gone, as after a loss."""
        code = _setup_code()
        self._store.record("corrected", by, f"sign-in reset: {person.name}", object_ids=(person.person_id,))
        with self._store.database.begin() as connection:
            for table in (PASSKEYS, BINDINGS):
                connection.execute(sa.delete(table).where(table.c.person_id == person.person_id))
            connection.execute(
                self._update(person).values(
                    password="",
                    totp_sealed=b"",
                    setup_sha256=_digest(code),
                    setup_until_utc=self._store.later(hours=SETUP_HOURS),
                )
            )
        return code

    def disable(self, person: Person, *, by: str) -> None:
        """Let nobody sign in as this person any more."""
        self._store.record("corrected", by, f"person disabled: {person.name}", object_ids=(person.person_id,))
        self._write(person, disabled=True)

    def setup_code_holds(self, person: Person, code: str) -> bool:
        """Whether the code is the one that was given to this person, and in time."""
        row = self._row(person)
        fits = secrets.compare_digest(row["setup_sha256"], _digest(code)) and bool(row["setup_sha256"])
        return fits and row["setup_until_utc"] > self._store.now() and not person.disabled

    def set_up(self, person: Person, password: str, totp_secret: bytes) -> None:
        """Keep a person's own password and second factor; the setup code is used up.

        Raises:
            WeakPasswordError: The password is too short, or is their name.
        """
        checked_password(password, person.name)
        sealed = self._store.sealed(totp_secret, person.person_id) if totp_secret else b""
        self._store.record("corrected", person.name, "sign-in set up", object_ids=(person.person_id,))
        self._write(person, password=password_record(password), totp_sealed=sealed, totp_step=0, setup_sha256="")

    def password_holds(self, person: Person | None, password: str) -> bool:
        """Whether it is the person's password; takes as long where there is no such person."""
        record = self._row(person)["password"] if person is not None and not person.disabled else ""
        return is_password(record, password)

    def totp_holds(self, person: Person, code: str) -> bool:
        """Whether it is the person's code of now; once it held, it holds no more."""
        row = self._row(person)
        if not row["totp_sealed"]:
            return False
        secret = self._store.unsealed(bytes(row["totp_sealed"]), person.person_id)
        step = step_of_code(secret, code, self._store.clock().timestamp())
        if step is None or step <= row["totp_step"]:
            return False
        statement = self._update(person).where(PEOPLE.c.totp_step < step).values(totp_step=step)
        with self._store.database.begin() as connection:
            return connection.execute(statement).rowcount == 1

    def speak(self, person: Person, language: str) -> None:
        """Keep the language that pages speak to this person in."""
        self._write(person, language=language)

    def passkeys(self, person: Person) -> list[Passkey]:
        """The person's keys, oldest first."""
        query = sa.select(PASSKEYS).where(PASSKEYS.c.person_id == person.person_id).order_by(PASSKEYS.c.at_utc)
        with self._store.database.connect() as connection:
            return [
                Passkey(
                    credential_id=row["credential_id"],
                    public_key=bytes(row["public_key"]),
                    sign_count=row["sign_count"],
                    label=row["label"],
                )
                for row in connection.execute(query).mappings()
            ]

    def add_passkey(self, person: Person, passkey: Passkey) -> None:
        """Keep a key that proved itself."""
        self._store.record("corrected", person.name, "key registered", object_ids=(person.person_id,))
        with self._store.database.begin() as connection:
            connection.execute(
                PASSKEYS.insert().values(
                    credential_id=passkey.credential_id,
                    person_id=person.person_id,
                    public_key=passkey.public_key,
                    sign_count=passkey.sign_count,
                    label=passkey.label,
                    at_utc=self._store.now(),
                )
            )

    def counted(self, passkey: Passkey, sign_count: int) -> None:
        """Keep the count that a key gave; a lower one later says that somebody copied it."""
        statement = sa.update(PASSKEYS).where(PASSKEYS.c.credential_id == passkey.credential_id)
        with self._store.database.begin() as connection:
            connection.execute(statement.values(sign_count=sign_count))

    def _read(self, condition: sa.ColumnElement[bool]) -> list[Person]:
        keys = sa.select(sa.func.count()).where(PASSKEYS.c.person_id == PEOPLE.c.person_id).scalar_subquery()
        query = sa.select(PEOPLE, keys.label("keys")).where(condition).order_by(PEOPLE.c.name)
        with self._store.database.connect() as connection:
            return [
                Person(
                    person_id=row["person_id"],
                    name=row["name"],
                    administrator=row["administrator"],
                    single=row["single"],
                    language=row["language"],
                    has_password=bool(row["password"]),
                    has_totp=bool(row["totp_sealed"]),
                    passkeys=row["keys"],
                    disabled=row["disabled"],
                )
                for row in connection.execute(query).mappings()
            ]

    def _row(self, person: Person) -> sa.RowMapping:
        with self._store.database.connect() as connection:
            return connection.execute(sa.select(PEOPLE).where(PEOPLE.c.person_id == person.person_id)).mappings().one()

    def _update(self, person: Person) -> sa.Update:
        return sa.update(PEOPLE).where(PEOPLE.c.person_id == person.person_id)

    def _write(self, person: Person, **values: object) -> None:
        with self._store.database.begin() as connection:
            connection.execute(self._update(person).values(**values))


def _setup_code() -> str:
    """Four groups of five characters that nobody mixes up: 100 bits."""
    return "-".join("".join(secrets.choice(_CODE_ALPHABET) for _ in range(5)) for _ in range(4))


def _digest(code: str) -> str:
    return hashlib.sha256(code.strip().upper().encode()).hexdigest()
