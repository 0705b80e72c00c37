"""A real MariaDB of our own, on a socket, without a network: tests and benchmarks compare the dump reader with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MariadbMissingError", "RunningMariadb", "running_mariadb"]

_START_S = 60.0
_TRIES = 3


class MariadbMissingError(Exception):
    """No MariaDB server is installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningMariadb:
    """The beginnings of command lines that reach the server.

    Attributes:
        client: Of the client.
        dumper: Of the dumping program.
    """

    client: tuple[str, ...]
    dumper: tuple[str, ...]


def _program(*names: str) -> str:
    places = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/usr/libexec", "/usr/local/sbin"))
    for name in names:
        if (found := shutil.which(name, path=places)) is not None:
            return found
    raise MariadbMissingError("MariaDB is not installed (apt-get install mariadb-server)")


def _done(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed programs with our own paths


@contextmanager
def running_mariadb() -> Iterator[RunningMariadb]:
    """The server, empty, for as long as the context lasts; its folder is removed afterwards.

    Raises:
        MariadbMissingError: It is not installed, or what is installed is another server.
    """
    daemon = _program("mariadbd", "mysqld")
    installer = _program("mariadb-install-db", "mysql_install_db")
    client, dumper = _program("mariadb", "mysql"), _program("mariadb-dump", "mysqldump")
    if "MariaDB" not in _done([daemon, "--version"]).stdout:
        raise MariadbMissingError("the MySQL-like server that is installed is not MariaDB")
    # The path of a socket may have 107 bytes only, which a longer folder may exceed.
    folder = Path(tempfile.mkdtemp(prefix="hw-"))
    role = ["--user=root"] if os.getuid() == 0 else []
    # Without --no-defaults, settings of the machine would apply.
    # Native input and output counts against a limit of locked memory that all processes of a user share.
    places = [f"--datadir={folder}/db", "--innodb-use-native-aio=0", *role]
    try:
        for left in reversed(range(_TRIES)):
            made = _done(
                [installer, "--no-defaults", *places, "--auth-root-authentication-method=normal", "--skip-test-db"]
            )
            if not made.returncode:
                break
            if not left:
                raise RuntimeError(f"MariaDB made no database: {made.stderr[-2_000:]}")
            # Its first start ends now and then on a busy machine, on its own side; what it began is removed.
            shutil.rmtree(folder / "db", ignore_errors=True)
        socket = f"--socket={folder}/s"
        options = [f"--pid-file={folder}/p", "--skip-networking", "--innodb-flush-log-at-trx-commit=0"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - a fixed program with our own paths
                [daemon, "--no-defaults", socket, *options, *places], stdout=log, stderr=subprocess.STDOUT
            )
        reach = ("--no-defaults", "-uroot", socket)
        try:
            _wait(process, (client, *reach), folder / "log")
            yield RunningMariadb(client=(client, *reach), dumper=(dumper, *reach))
        finally:
            process.terminate()
            process.wait(60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], client: tuple[str, ...], log: Path) -> None:
    until_s = time.monotonic() + _START_S
    while _done([*client, "-e", "SELECT 1"]).returncode:
        if process.poll() is not None or time.monotonic() > until_s:
            raise RuntimeError(f"MariaDB did not start: {log.read_text(errors='replace')[-2_000:]}")
        time.sleep(0.1)
