"""Which tables are about victims, and the role that reads them."""

from __future__ import annotations

from typing import Final

__all__ = ["OF_VICTIMS", "VICTIM_ROLE"]

OF_VICTIMS: Final = frozenset({"victim_leads"})
"""Tables that no command shows among others."""
VICTIM_ROLE: Final = "victim-data analyst"
"""As the custody log notes whoever reads them."""
