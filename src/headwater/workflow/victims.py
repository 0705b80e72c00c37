"""Which tables are about victims, and the role that reads them."""

from __future__ import annotations

from typing import Final

from headwater.errors import RefusedError
from headwater.workflow.case import Actor, Case
from headwater.workflow.intake import recorded

__all__ = ["OF_VICTIMS", "VICTIM_ROLE", "victim_reader"]

OF_VICTIMS: Final = frozenset({"victim_leads"})
"""Tables that no command shows among others."""
VICTIM_ROLE: Final = "victim-data analyst"
"""As the custody log notes whoever reads them."""


def victim_reader(case: Case, operator: str | None, why: str) -> Actor:
    """Who reads about victims; a refusal is recorded.

    Raises:
        RefusedError: Nobody is named, or no reason is given.
    """
    actor = case.actor(operator, role=VICTIM_ROLE, why=why)
    with recorded(case, "consulted", actor, read="leads of victims"):
        if not (operator and operator.strip() and why.strip()):
            raise RefusedError(
                "--victims: whoever reads about victims says who they are and why; give --operator and --why"
            )
    return actor
