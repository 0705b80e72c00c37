"""A database server for a moment: on a copy, as a user without rights, in a network of its own with nobody in it.

References:
    unshare(1), setpriv(1).
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess  # servers and their own programs, found in fixed places, with our own options
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from headwater.errors import UnreadableInputError

__all__ = ["PLACES", "START_S", "ThrowawayServer"]

START_S = 120.0
"""How long a server may take to become ready, or one of its small programs to end."""

PLACES = ("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/libexec", "/usr/local/sbin", "/usr/local/bin")
"""Where programs are looked for."""

_UNPRIVILEGED = "nobody"
_EXPORT_S = 24 * 3600.0
_STOP_S = 120.0


class ThrowawayServer:
    """A server on the copy: where its files are, and how its programs are run.

    Args:
        path: The directory that was seized.
        scratch: Holds everything.
        copy: The copy.
    """

    def __init__(self, path: Path, scratch: Path, copy: Path) -> None:
        self._path = path
        self.scratch = scratch
        self.copy = copy
        self.log = scratch / "log"
        self.empty = scratch / "empty"
        self.empty.mkdir()
        self.log.touch()
        self._begun: tuple[str, ...] = ()
        self._alone: tuple[str, ...] = ()
        if os.getuid() == 0:
            nobody = pwd.getpwnam(_UNPRIVILEGED)
            ids = ("--reuid", str(nobody.pw_uid), "--regid", str(nobody.pw_gid), "--clear-groups")
            self._begun = (self.program("setpriv"), *ids, "--no-new-privs", "--")
            for one in (scratch, *scratch.rglob("*")):
                os.chown(one, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
        unshare = (self.program("unshare"), *(() if os.getuid() == 0 else ("--map-current-user",)), "--net", "--")
        if self._done([*unshare, self.program("true")]).returncode == 0:
            self._alone = unshare

    def program(self, *names: str, places: Sequence[str] = PLACES, package: str = "util-linux") -> str:
        """Where a program is.

        Raises:
            UnreadableInputError: It is not installed.
        """
        for name in names:
            found = shutil.which(name, path=os.pathsep.join(places))
            if found is not None:
                return found
        raise self.refused(f"{names[0]} is not installed, and only it can read this directory", f"install {package}")

    def refused(self, reason: str, remedy: str) -> UnreadableInputError:
        """What says that the directory is not read."""
        return UnreadableInputError(self._path, reason, remedy=remedy)

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.pathsep.join(PLACES), "HOME": str(self.empty), "LC_ALL": "C.UTF-8", "TZ": "UTC"}

    def _done(self, command: Sequence[str], sent: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(  # noqa: S603  # a program from a fixed place, no shell
            command, env=self._environment(), cwd=self.scratch, capture_output=True, check=False, timeout=START_S,
            input=sent,
        )  # fmt: skip

    def told(self, command: Sequence[str], *, sent: bytes | None = None) -> str | None:
        """What a program prints, run without rights and sent that much; None if it fails, and then the log has why."""
        done = self._done([*self._begun, *command], sent)
        if done.returncode and sent is not None:
            # What is only asked whether it is ready yet says nothing of use.
            with self.log.open("ab") as log:
                log.write(done.stderr)
        if done.returncode:
            return None
        return done.stdout.decode("utf-8", "replace")

    def written(self, command: Sequence[str], target: Path) -> None:
        """Runs a program, as the user without rights, that writes to a file.

        Raises:
            UnreadableInputError: It fails, or does not end.
        """
        with target.open("wb") as file, self.log.open("ab") as log:
            try:
                done = subprocess.run(  # noqa: S603  # a program from a fixed place, no shell
                    [*self._begun, *command], env=self._environment(), cwd=self.scratch, stdout=file, stderr=log,
                    check=False, timeout=_EXPORT_S,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                raise self.refused("its server does not come to an end", "look at the directory by hand") from None
        if done.returncode:
            raise self.refused(f"its server gives no export: {self.said()}", "look at the directory by hand")

    def said(self) -> str:
        """The last that server and programs said, in one line."""
        lines = self.log.read_text("utf-8", "replace").strip().splitlines()[-3:]
        return " ".join(" ".join(line.split()) for line in lines)[-300:]

    @contextmanager
    def running(self, command: Sequence[str], ready: Sequence[str]) -> Iterator[bool]:
        """Runs a server for as long as the context lasts; whether it became ready.

        Args:
            command: The server's.
            ready: A command that succeeds once it is.
        """
        with self.log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603  # a program from a fixed place, no shell
                [*self._alone, *self._begun, *command], env=self._environment(), cwd=self.scratch,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            until_s = time.monotonic() + START_S
            is_ready = False
            while not is_ready and process.poll() is None and time.monotonic() < until_s:
                is_ready = self.told(ready) is not None
                time.sleep(0 if is_ready else 0.1)
            yield is_ready
        finally:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
