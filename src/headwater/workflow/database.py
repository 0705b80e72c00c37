"""Opening `case.db`, the database that `case.toml` names, or the workbench's; Alembic brings it to this version."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from headwater.config import CaseSettings
from headwater.errors import CaseNotFoundError, ConfigError, InputError, NewerCaseError, UnreadableInputError

__all__ = ["open_database", "open_store"]

_MIGRATIONS = Path(__file__).with_name("migrations")


def open_database(case: Path, settings: CaseSettings, *, create: bool = False) -> sa.Engine:
    """The case's database, brought to the tables that this version uses.

    Args:
        case: The case folder.
        settings: Its settings; an empty `database_url` means `case.db` in that folder.
        create: Make it; without this, a missing file is an error and not an empty case.

    Raises:
        CaseNotFoundError: There is no database.
        NewerCaseError: A newer headwater made its tables.
        UnreadableInputError: It is not a database.
    """
    file = case / "case.db"
    if not settings.database_url and not create and not file.is_file():
        raise CaseNotFoundError(file, "the case's database is missing", remedy="restore it from the last copy")
    return open_store(file, settings.database_url, _MIGRATIONS, named_in=case / "case.toml")


def open_store(file: Path, url: str, migrations: Path, *, named_in: Path) -> sa.Engine:
    """A database, brought to the newest revision.

    Args:
        file: Of SQLite, where no address is given.
        url: Address of a database; empty for the file.
        migrations: Folder of Alembic's revisions.
        named_in: The file that gives the address, for messages.

    Raises:
        ConfigError: The address cannot be used.
        NewerCaseError: A newer headwater made its tables.
        UnreadableInputError: It is not a database.
    """
    try:
        address = sa.make_url(url or f"sqlite:///{file}")
        if address.drivername == "postgresql":
            address = address.set(drivername="postgresql+psycopg")  # the one that is installed with headwater
        engine = sa.create_engine(address)
    except (sa.exc.ArgumentError, ModuleNotFoundError) as error:
        raise ConfigError(f"{named_in}: database_url cannot be used ({error}); correct it") from error
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _durable)
    try:
        _migrate(file.parent, engine, migrations)
    except sa.exc.DatabaseError as error:
        engine.dispose()
        reason = f"the database cannot be opened ({error.orig})"
        raise UnreadableInputError(file, reason, remedy="restore it from the last copy") from error
    except BaseException:
        engine.dispose()
        raise
    sa.event.listen(engine, "handle_error", partial(_told_of_medium, url or file))
    return engine


_OF_THE_MEDIUM = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_BUSY", "SQLITE_CANTOPEN")
"""What SQLite says of the machine and not of us; the names of its errors begin so."""


def _told_of_medium(place: str | Path, context: sa.engine.ExceptionContext) -> None:
    """Make one clear line of a full disk, a medium that fails, or a server that is gone.

    Raises:
        InputError: It is one of them.
    """
    error = context.original_exception
    if context.is_disconnect or getattr(error, "sqlite_errorname", "").startswith(_OF_THE_MEDIUM):
        name = place if isinstance(place, Path) else "database_url"
        remedy = "free or repair the medium, then run the command again; what was finished is kept"
        raise InputError(name, f"the database cannot be used: {error}", remedy=remedy) from error


def _durable(connection: Any, _record: object) -> None:  # noqa: ANN401 - a DB-API connection
    """Write-ahead log, and a commit that is on the medium before it returns."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _migrate(case: Path, engine: sa.Engine, migrations: Path) -> None:
    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    with engine.begin() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        newest = scripts.get_current_head()
        if found == newest:
            return
        known = [script.revision for script in scripts.walk_revisions()]
        if found is not None and found not in known:
            raise NewerCaseError(case, found=int(found) if found.isdigit() else -1, known=int(str(newest)))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
