"""A workbench served on a port of its own, and Chromium in front of it."""

from __future__ import annotations

import contextlib
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from headwater_web.app import application
from headwater_web.gate import COOKIE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MISSING = "Chromium is not installed (Debian: apt-get install chromium): nothing is said about browsers"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(workbench: Any, port: int) -> Iterator[None]:
    """The workbench on that port, until the end of the block."""
    config = uvicorn.Config(application(workbench), host="127.0.0.1", port=port, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    for _ in range(600):
        if server.started:
            break
        time.sleep(0.02)
    assert server.started
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)


@dataclass(slots=True, kw_only=True)
class Seen:
    """What a page did that it should not have.

    Attributes:
        faults: Errors of scripts, dialogs, requests to anywhere else, and what the content security policy stopped.
    """

    faults: list[str] = field(default_factory=list)

    def watch(self, page: Any, base: str) -> None:
        """Take note of everything on that page from now on."""
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (self.faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda asked: self.faults.append(asked.url) if not asked.url.startswith(base) else None)
        # What the policy stops is told to the page at once; the browser's own report may take it a minute.
        page.expose_function("violated", lambda what: self.faults.append(f"policy: {what}"))
        page.add_init_script(
            "document.addEventListener('securitypolicyviolation', (e) => "
            "window.violated(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`))"
        )


def signed_in(context: Any, asker: Any, base: str) -> None:
    """Give the browser the cookie of somebody who has signed in."""
    set_cookie(context, asker.cookie, base)


def set_cookie(context: Any, cookie: str, base: str) -> None:
    """Set the session's cookie from outside, which Chromium's protocol does for `__Host-` under https only."""
    secure = base.replace("http:", "https:")
    context.add_cookies(
        [{"name": COOKIE, "value": cookie, "url": secure, "secure": True, "httpOnly": True, "sameSite": "Strict"}]
    )
