"""Where browsers report what the content security policy stopped: each report is a defect, or an attack."""

from __future__ import annotations

import structlog

from headwater_web.answers import File
from headwater_web.ask import Ask
from headwater_web.rules import ANYONE, Route

__all__ = ["MEMORY", "ROUTES"]

log = structlog.get_logger()
MEMORY = "reports"


def take_report(ask: Ask) -> File:
    """Count a report; what it says is for the log of the program and for nobody else."""
    ask.workbench.memory[MEMORY] = ask.workbench.memory.get(MEMORY, 0) + 1
    log.warning("policy.reported", reports=ask.workbench.memory[MEMORY])
    return File(content=b"", media_type="text/plain", kept=False)


ROUTES = (
    Route(
        name="reports",
        path="/reports",
        about="Takes a browser's report of something that the content security policy stopped.",
        view=take_report,
        roles=ANYONE,
        in_case=False,
        reads="",
        methods=("POST",),
        foreign=True,
    ),
)
