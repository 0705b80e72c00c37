"""Who issues a token, and whether an address is frozen: statements of lists and events, never a guess."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from headwater.references import NATIVE, account_address

__all__ = ["Freeze", "Issuers", "known_issuers"]

Row = Mapping[str, Any]

_FROZEN: Final = {"frozen": "frozen", "unfrozen": "not_frozen", "destroyed": "frozen"}
# What an issuer destroyed was frozen before, and stays so: USDT's contract destroys of blacklisted addresses only.


@cache
def known_issuers() -> tuple[Row, ...]:
    """The issuers that headwater knows itself, as rows of `token_issuers` without an import."""
    document = tomllib.loads(Path(__file__).with_name("token_issuers.toml").read_text("utf-8"))
    return tuple(
        {**row, "token_contract": account_address(row["chain"], row["token_contract"])} for row in document["issuer"]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """What the newest event says of an address.

    Attributes:
        state: frozen, not_frozen, or not_stated where nothing was imported of the token.
        event: Row of `issuer_events`, where there is one.
    """

    state: str
    event: Row | None = None


class Issuers:
    """Issuers of tokens and their acts.

    Args:
        imported: Rows of `token_issuers`: of several for a token the newest counts, and any before headwater's own.
        events: Rows of `issuer_events`.
    """

    def __init__(self, imported: Sequence[Row], events: Sequence[Row]) -> None:
        self.rows: list[Row] = [
            *known_issuers(),
            *sorted(imported, key=lambda row: (row["as_of"], row["issuer_row_id"])),
        ]
        self._by_token = {(row["chain"], row["token_contract"]): row for row in self.rows}
        self._events: dict[tuple[str, str], dict[str, Row]] = {}
        for row in sorted(events, key=_when):
            self._events.setdefault((row["chain"], row["token_contract"]), {})[row["address"]] = row

    def of(self, chain: str, contract: str) -> Row | None:
        """The issuer of a token; None where no list names one."""
        return self._by_token.get((chain, contract))

    def can_freeze(self, chain: str, contract: str) -> str:
        """yes, no or unknown. Nobody can freeze the coin of a chain itself."""
        row = self.of(chain, contract)
        return "no" if contract == NATIVE else "unknown" if row is None else str(row["can_freeze"])

    def freeze(self, chain: str, contract: str, address: str) -> Freeze:
        """Whether an address is frozen, by the newest event."""
        events = self._events.get((chain, contract))
        if events is None:
            return Freeze(state="not_stated")
        event = events.get(address)
        return Freeze(state="not_frozen" if event is None else _FROZEN[event["event"]], event=event)


def _when(row: Row) -> tuple[int, int, str]:
    return row["block_number"], -1 if row["position"] is None else row["position"], row["issuer_event_id"]
