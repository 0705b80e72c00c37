"""How the servers of MariaDB and PostgreSQL are started on a seized directory's copy, and what they give of it.

None of the seized settings, plugins, events or users come into effect: the settings are put aside, and MariaDB is
started without its tables of grants, which is also where plugins, functions and events stand.

References:
    MariaDB knowledge base, "mariadbd Options", "InnoDB Recovery Modes"; PostgreSQL documentation, "Server
    Configuration" and "postgres" (single-user mode).
"""

from __future__ import annotations

import re
from pathlib import Path

from headwater.evidence.throwaway_server import PLACES, ThrowawayServer

__all__ = ["mariadb_dumps", "postgres_dumps"]

_SYSTEM_DATABASES = frozenset({"information_schema", "performance_schema", "mysql", "sys"})
_POSTGRES_SETTINGS = ("postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf")
_POSTGRES_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_POSTGRES_LEFT = ("postmaster.pid", "postmaster.opts", "standby.signal", "recovery.signal", "recovery.conf")


def mariadb_dumps(server: ThrowawayServer) -> tuple[dict[str, Path], str, str]:
    """The dump, the server's version, and how it was started.

    Raises:
        UnreadableInputError: MariaDB is not installed, or cannot read the directory.
    """
    if (server.copy / "mysql.ibd").is_file():
        raise server.refused("MySQL 8 or later wrote it, which MariaDB does not read", "make a dump of it with MySQL")
    package = "mariadb-server"
    daemon = server.program("mariadbd", "mysqld", package=package)
    client = server.program("mariadb", "mysql", package="mariadb-client")
    dumper = server.program("mariadb-dump", "mysqldump", package="mariadb-client")
    version = (server.told([daemon, "--no-defaults", "--version"]) or "").strip()
    socket = f"--socket={server.scratch}/s"
    reach = ["--no-defaults", socket, "-uroot"]
    # Without grants, no plugin, function, event or user of the seizure is loaded either.
    options = [
        "--no-defaults", f"--datadir={server.copy}", socket, f"--pid-file={server.scratch}/pid",
        "--skip-networking", "--skip-grant-tables", "--skip-name-resolve", "--event-scheduler=DISABLED",
        "--skip-log-bin", "--skip-slave-start", "--local-infile=0", f"--secure-file-priv={server.empty}",
        f"--plugin-dir={server.empty}", f"--tmpdir={server.empty}", "--innodb-buffer-pool-size=256M",
        "--innodb-use-native-aio=0",
    ]  # fmt: skip
    # The least that works: nothing written; its own recovery; then recovery that gives up more and more.
    steps = [("read-only", ["--innodb-read-only=1"]), ("recovered by the server", [])]
    steps += [(f"innodb_force_recovery={level}", [f"--innodb-force-recovery={level}"]) for level in (1, 2, 3)]
    for told, more in steps:
        with server.running([daemon, *options, *more], [client, *reach, "-e", "SELECT 1"]) as is_ready:
            if not is_ready:
                continue
            listed = server.told([client, *reach, "--batch", "--skip-column-names", "-e", "SHOW DATABASES"]) or ""
            names = sorted(set(listed.splitlines()) - _SYSTEM_DATABASES)
            dump = server.scratch / "export.sql"
            server.written(
                [
                    dumper, *reach, "--hex-blob", "--skip-dump-date", "--order-by-primary", "--no-tablespaces",
                    "--skip-lock-tables", "--skip-triggers", "--skip-tz-utc", "--databases", *names,
                ],
                dump,
            )  # fmt: skip
            return {"": dump}, version, told
    raise server.refused(f"MariaDB does not start on it: {server.said()}", "look at the directory by hand")


def postgres_dumps(server: ThrowawayServer, major: str) -> tuple[dict[str, Path], str, str]:
    """The dumps, one for each database, the server's version, and how it was started.

    Args:
        server: On the copy.
        major: The version that the directory states.

    Raises:
        UnreadableInputError: PostgreSQL of that version is not installed, or cannot read the directory.
    """
    places = (f"/usr/lib/postgresql/{major}/bin", *PLACES)
    package = f"postgresql-{major}"
    daemon = server.program("postgres", places=places, package=package)
    client = server.program("psql", places=places, package=package)
    dumper = server.program("pg_dump", places=places, package=package)
    version = (server.told([daemon, "--version"]) or "").strip()
    installed = _POSTGRES_VERSION.search(version)
    if installed is None or installed[1] != major:
        raise server.refused(f"PostgreSQL {major} wrote it, and {version} is installed", f"install {package}")
    for name in (*_POSTGRES_SETTINGS, *_POSTGRES_LEFT):
        (server.copy / name).unlink(missing_ok=True)
    (server.copy / "postgresql.conf").write_text("")
    (server.copy / "pg_hba.conf").write_text("local all all trust\n")
    (server.copy / "pg_ident.conf").write_text("")
    for path in (server.copy, *(server.copy / name for name in ("postgresql.conf", "pg_hba.conf", "pg_ident.conf"))):
        path.chmod(0o700 if path.is_dir() else 0o644)
    settings = {
        "listen_addresses": "", "unix_socket_directories": str(server.scratch), "shared_preload_libraries": "",
        "session_preload_libraries": "", "local_preload_libraries": "", "archive_mode": "off", "autovacuum": "off",
        "default_transaction_read_only": "on", "max_wal_senders": "0", "hot_standby": "off", "ssl": "off", "jit": "off",
        "logging_collector": "off", "dynamic_library_path": "$libdir", "restart_after_crash": "off",
    }  # fmt: skip
    options = [word for name, text in settings.items() for word in ("-c", f"{name}={text}")]
    owner = _postgres_owner(server, daemon)
    reach = ["-h", str(server.scratch), "-U", owner]
    query = [client, *reach, "-X", "-qAt", "-d", "template1", "-c"]
    with server.running([daemon, "-D", str(server.copy), *options], [*query, "SELECT 1"]) as is_ready:
        if not is_ready:
            raise server.refused(f"PostgreSQL does not start on it: {server.said()}", "look at the directory by hand")
        listed = server.told([*query, "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate"]) or ""
        dumps = {}
        for number, name in enumerate(sorted(listed.splitlines())):
            dumps[name] = server.scratch / f"export-{number}.sql"
            server.written([dumper, *reach, "--no-owner", "--no-privileges", "--no-blobs", "-d", name], dumps[name])
    return dumps, version, "recovered by the server"


def _postgres_owner(server: ThrowawayServer, daemon: str) -> str:
    """The name of a role that may read everything; who made the directory chose it."""
    single = [daemon, "--single", "-D", str(server.copy), "-c", "archive_mode=off", "template1"]
    query = b"SELECT rolname FROM pg_authid WHERE rolsuper AND rolcanlogin ORDER BY oid LIMIT 1;\n"
    for line in (server.told(single, sent=query) or "").splitlines():
        if "rolname = " in line:
            return line.split('"')[1]
    raise server.refused(f"PostgreSQL does not read it: {server.said()}", "look at the directory by hand")
