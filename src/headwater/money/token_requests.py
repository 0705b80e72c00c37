"""Whom to ask about tokens: services about withdrawals and deposits, issuers about what they issued or can freeze.

A request is about an address or a transfer. It says nothing of who stands behind one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from headwater.money.defects import Defects
from headwater.money.stops import BACKWARD
from headwater.money.token_books import Book
from headwater.money.token_coverage import Coverage
from headwater.money.token_issuers import Freeze, Issuers
from headwater.money.token_lots import Spans
from headwater.money.token_owners import TokenClaim, TokenOwners
from headwater.money.token_tracing import TokenLeaf, united
from headwater.references import NATIVE
from headwater.schema import content_id

__all__ = ["TokenRequests", "token_text"]

Row = Mapping[str, Any]

_BY_ISSUER: Final = {"mint": "issued", "burn": "redeemed", "destroyed": "destroyed"}
_RECORDS: Final = "Please give the customer's records, the account's deposits and withdrawals, and its logins."


@dataclass(slots=True, kw_only=True)
class _Asked:
    """What is asked about one transfer or address, as traces add to it."""

    book: Book
    move: int
    address: str
    spans: dict[int, Spans] = field(default_factory=dict)
    origins: set[str] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    at_utc: dt.datetime | None = None

    @property
    def traced(self) -> int:
        """Base units of any of the traces. A unit that left the platform twice is in two traces, and counts once."""
        return sum(high - low for spans in self.spans.values() for low, high in united(spans))


def token_text(units: int, decimals: int, symbol: str | None) -> str:
    """An amount in whole tokens, exactly.

    >>> token_text(1_250_000, 6, "TST"), token_text(7, 0, None)
    ('1.25 TST', '7 tokens')
    """
    whole, rest = divmod(units, 10**decimals)
    fraction = f"{rest:0{decimals}d}".rstrip("0") if decimals else ""
    return f"{whole}{'.' if fraction else ''}{fraction} {symbol or 'tokens'}"


class TokenRequests:
    """Gathers endpoints into questions and holdings.

    Args:
        owners: Whose accounts are.
        issuers: Who issues tokens.
        defects: Told of services that no register names.
    """

    def __init__(self, owners: TokenOwners, issuers: Issuers, defects: Defects) -> None:
        self._owners = owners
        self._issuers = issuers
        self._defects = defects
        self._of_services: dict[tuple[str, str, str, int], _Asked] = {}
        self._of_issuers: dict[tuple[str, str, str, int], _Asked] = {}
        self._held: dict[tuple[str, str, str], _Asked] = {}

    def add(self, book: Book, direction: str, leaf: TokenLeaf, trace_id: str, account_id: str | None) -> None:
        """Note an endpoint."""
        kind = "withdrawal" if direction == BACKWARD else "deposit"
        token = (book.chain, book.contract)
        if leaf.stop_reason in {"service", "bridge"}:
            asked = self._of_services.setdefault((*token, kind, leaf.move), _asked(book, leaf))
        elif leaf.stop_reason in _BY_ISSUER:
            asked = self._of_issuers.setdefault((*token, _BY_ISSUER[leaf.stop_reason], leaf.move), _asked(book, leaf))
        elif leaf.stop_reason == "unspent":
            asked = self._held.setdefault((*token, leaf.account), _asked(book, leaf))
        else:
            return
        asked.spans.setdefault(leaf.move, []).extend(leaf.spans)
        asked.origins.add(trace_id)
        at_utc = book.lines[leaf.move].at_utc
        asked.at_utc = at_utc if asked.at_utc is None else max(asked.at_utc, at_utc)
        if account_id is not None:
            asked.accounts.add(account_id)

    def claim(self, chain: str, leaf: TokenLeaf) -> TokenClaim | None:
        """Why an endpoint is somebody's, where that is its reason."""
        return self._owners.claim(chain, leaf.account) if leaf.stop_reason in {"service", "bridge"} else None

    def holdings(self, coverage: Mapping[tuple[str, str], Coverage]) -> Iterator[dict[str, Any]]:
        """Rows of `token_holdings`."""
        for (chain, contract, address), held in sorted(self._held.items(), key=lambda item: item[0]):
            issuer = self._issuers.of(chain, contract)
            freeze = self._issuers.freeze(chain, contract, address)
            yield {
                "chain": chain,
                "token_contract": contract,
                "token_symbol": held.book.symbol,
                "decimals": held.book.decimals,
                "address": address,
                "traced_units": str(held.traced),
                "balance_units": str(held.book.lots.closing.get(address, 0)),
                "as_of_block": coverage[chain, contract].last_block(address),
                "issuer": None if issuer is None else issuer["issuer"],
                "service_id": None if issuer is None else self._registered(issuer["issuer"]).get("service_id"),
                "can_freeze": self._issuers.can_freeze(chain, contract),
                "issuer_source": None if issuer is None else issuer["source"],
                "issuer_as_of": None if issuer is None else issuer["as_of"],
                "freeze_state": freeze.state,
                "freeze_at_utc": None if freeze.event is None else freeze.event["at_utc"],
                "issuer_event_id": None if freeze.event is None else freeze.event["issuer_event_id"],
            }

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows of `token_requests`."""
        for (chain, _, kind, move), asked in sorted(self._of_services.items(), key=lambda item: item[0]):
            claim = self._owners.claim(chain, asked.address)
            if claim is not None and self._can_ask(claim):
                yield self._row(str(claim.actor), kind, asked, _question(kind, asked), claim=claim, move=move)
        for (chain, contract, kind, move), asked in sorted(self._of_issuers.items(), key=lambda item: item[0]):
            issuer = self._issuers.of(chain, contract)
            if issuer is not None:
                yield self._row(issuer["issuer"], kind, asked, _question(kind, asked), move=move)
        for (chain, contract, address), asked in sorted(self._held.items(), key=lambda item: item[0]):
            issuer = self._issuers.of(chain, contract)
            if issuer is not None and self._issuers.can_freeze(chain, contract) != "no":
                freeze = self._issuers.freeze(chain, contract, address)
                yield self._row(issuer["issuer"], "freeze", asked, _freeze_question(asked, issuer, freeze), move=None)

    def tell_of_unknown_issuers(self) -> None:
        """Say of which tokens traced units end at an issuer or at a holder, and no list names the issuer."""
        tokens = {(chain, contract) for chain, contract, *_ in self._of_issuers}
        tokens |= {(chain, contract) for chain, contract, _ in self._held}
        for chain, contract in sorted(tokens):
            if contract != NATIVE and self._issuers.of(chain, contract) is None:
                self._defects.add(
                    "issuer_unknown",
                    f"{chain} {contract}: traced units are still held, or were issued or given back, and no list of "
                    "issuers names who could be asked",
                    source_table="token_issuers",
                )

    def _can_ask(self, claim: TokenClaim) -> bool:
        if claim.service is None and claim.actor is not None:
            self._defects.add(
                "service_not_in_register",
                f"traces of tokens end at {claim.actor}, which no register names: country unknown, nobody to ask",
                reference_name=claim.tag["reference_name"],
                source_table="tags",
            )
        return claim.service is not None

    def _registered(self, actor: str) -> Row:
        return self._owners.names.service(actor) or {}

    def _row(
        self, actor: str, kind: str, asked: _Asked, question: str, *, move: int | None, claim: TokenClaim | None = None
    ) -> dict[str, Any]:
        book = asked.book
        service = self._registered(actor)
        line = book.lines[asked.move]
        units = book.lots.closing.get(asked.address, 0) if move is None else book.moves[move].units
        about = asked.address if move is None else book.lines[move].move_id
        return {
            "request_id": content_id("trq", actor, kind, book.chain, book.contract, about),
            "actor": actor,
            "service_id": service.get("service_id"),
            "service_name": service.get("name"),
            "country": service.get("country"),
            "legal_contact": service.get("legal_contact"),
            "question_kind": kind,
            "question": question,
            "chain": book.chain,
            "token_contract": book.contract,
            "token_symbol": book.symbol,
            "decimals": book.decimals,
            "move_id": None if move is None else line.move_id,
            "move_table": None if move is None else line.table,
            "txid": None if move is None else line.txid,
            "address": asked.address,
            "asked_units": str(units),
            "traced_units": str(asked.traced),
            "at_utc": asked.at_utc,
            "traces": len(asked.origins),
            "accounts": len(asked.accounts),
            "tag_id": None if claim is None else claim.tag["tag_id"],
            "tag_is_later": None if claim is None else claim.tag_is_later,
        }


def _asked(book: Book, leaf: TokenLeaf) -> _Asked:
    move = book.moves[leaf.move]
    # Nobody's address issues and takes back: what the issuer can look up is who was on the other side.
    address = {"mint": move.receiver, "burn": move.sender}.get(leaf.stop_reason, leaf.account)
    return _Asked(book=book, move=leaf.move, address=address)


def _question(kind: str, asked: _Asked) -> str:
    book, line, move = asked.book, asked.book.lines[asked.move], asked.book.moves[asked.move]
    amount = token_text(move.units, book.decimals, book.symbol)
    place = (
        f"transaction {line.txid or 'not stated'} on {book.chain}, {amount} of {book.contract}, in "
        f"the block of {line.at_utc:%Y-%m-%d %H:%M} UTC"
    )
    match kind:
        case "withdrawal":
            return f"Which customer's account was debited for the withdrawal to {move.receiver} ({place})? {_RECORDS}"
        case "deposit":
            return (
                f"Which customer's account was credited with what arrived at {move.receiver} from {move.sender} "
                f"({place})? If {move.sender} is an address of yours that collects deposits, whose is it? {_RECORDS}"
            )
        case "issued":
            return f"For whom did you issue what {move.receiver} received ({place})? {_RECORDS}"
        case "redeemed":
            return f"For whom did you redeem what {move.sender} gave back ({place}), and where was it paid? {_RECORDS}"
        case _:
            return f"On whose order did you destroy what {move.sender} held ({place}), and was it issued again?"


def _freeze_question(asked: _Asked, issuer: Row, freeze: Freeze) -> str:
    book = asked.book
    held = token_text(asked.traced, book.decimals, book.symbol)
    place = f"{asked.address} on {book.chain} holds {held} of {book.contract} that were followed from the platform"
    if freeze.state == "frozen":
        return f"{place}. It is frozen by the events imported: since when, on whose order, and until when?"
    asks = "Please freeze it" if issuer["can_freeze"] == "yes" else "Can you freeze it? If so, please do"
    known = "" if freeze.state == "not_frozen" else " Whether it is frozen already is not known here."
    return f"{place}. {asks}, and say whether you know who holds it.{known}"
