"""A real PostgreSQL of our own, on a socket, without a network: tests and benchmarks compare our readers with it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PostgresMissingError", "RunningPostgres", "running_postgres"]

_UNPRIVILEGED = "nobody"  # the server will not run as root


class PostgresMissingError(Exception):
    """No PostgreSQL server is installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningPostgres:
    """A server that runs.

    Attributes:
        folder: Its folder, which it may write to.
        programs: Where its programs are.
        as_user: How a command is begun so that the server's user runs it.
    """

    folder: Path
    programs: Path
    as_user: tuple[str, ...]

    def run(self, program: str, *words: str, sent: str | None = None) -> bytes:
        """What a program of PostgreSQL prints, reached by the server's socket."""
        command = [*self.as_user, str(self.programs / program), *words]
        environment = {"PGHOST": str(self.folder), "PGUSER": "postgres", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
        return _done(command, environment, sent)


def _done(command: Sequence[str], environment: dict[str, str], sent: str | None = None) -> bytes:
    given = None if sent is None else sent.encode()
    done = subprocess.run(command, env=environment, input=given, capture_output=True, check=False, cwd="/")  # noqa: S603 - fixed programs with our own paths
    if done.returncode:
        raise RuntimeError(f"{Path(command[-1]).name}: {done.stderr.decode(errors='replace')[-2_000:]}")
    return done.stdout


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    if on_path is None:
        raise PostgresMissingError("PostgreSQL is not installed (apt-get install postgresql)")
    return Path(on_path).parent


@contextmanager
def running_postgres() -> Iterator[RunningPostgres]:
    """The server, empty, for as long as the context lasts; its folder is removed afterwards.

    Raises:
        PostgresMissingError: It is not installed.
    """
    programs = _programs()
    # The path of a socket may have 107 bytes only, which a longer folder may exceed.
    folder = Path(tempfile.mkdtemp(prefix="hw-"))
    as_user: tuple[str, ...] = ()
    if os.getuid() == 0:
        nobody = pwd.getpwnam(_UNPRIVILEGED)
        shutil.chown(folder, nobody.pw_uid, nobody.pw_gid)
        groups = ("--reuid", str(nobody.pw_uid), "--regid", str(nobody.pw_gid), "--clear-groups")
        as_user = ("/usr/bin/setpriv", *groups, "--")
    server = RunningPostgres(folder=folder, programs=programs, as_user=as_user)
    try:
        server.run("initdb", "-D", f"{folder}/db", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        server.run("pg_ctl", "-D", f"{folder}/db", "-l", f"{folder}/log", "-w", "-t", "60", "-o", options, "start")
        try:
            yield server
        finally:
            server.run("pg_ctl", "-D", f"{folder}/db", "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
