"""The stage of tokens as a whole: tables of transfers in, traces and questions out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headwater.config import Parameters
from headwater.engine import Session, StageContext
from headwater.money.defects import Defects
from headwater.money.stops import BACKWARD, DIRECTIONS
from headwater.money.token_accounts import ADDRESS_PATTERN, PlatformAccount, platform_token_accounts
from headwater.money.token_books import Book, books_of
from headwater.money.token_coverage import Coverage
from headwater.money.token_issuers import Issuers
from headwater.money.token_lots import BURN, MINT, TRANSFER
from headwater.money.token_marks import Mark, marks_of
from headwater.money.token_owners import TokenOwners
from headwater.money.token_requests import TokenRequests
from headwater.money.token_tracing import TokenStops, TokenTrace, trace_move
from headwater.schema import content_id, table_named

__all__ = ["trace_tokens"]

Row = Mapping[str, Any]

_WHOLE = (
    "token_transfers",
    "token_coverage",
    "platform_accounts",
    "token_issuers",
    "issuer_events",
    "wallet_descriptors",
    "tags",
    "services",
    "actors",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Origin:
    """A receipt or payout that is followed."""

    number: int
    direction: str
    platform: PlatformAccount
    account_id: str | None
    invoice_id: str | None
    payment_id: str | None


def trace_tokens(context: StageContext) -> dict[str, pa.Table]:
    """All tables of tokens, and `defects`: rows about what could not be used.

    Args:
        context: Parameters `trace_max_hops`, `trace_max_days`, `token_dust_thousandths` and `address_gap_limit`,
            and the tables that `STAGES` lists.
    """
    defects = Defects()
    rows = _rows_needed(context.tables)
    known: dict[str, Any] = {name: value for name, value in context.parameters.items() if name in _PARAMETERS}
    parameters = Parameters(**known)
    books = books_of(rows["token_transfers"], rows["issuer_events"], defects)
    platform = platform_token_accounts(
        invoices=rows["invoices"],
        accounts=rows["accounts"],
        wallet_addresses=rows["wallet_addresses"],
        descriptors=rows["wallet_descriptors"],
        stated=rows["platform_accounts"],
        gap_limit=parameters.address_gap_limit,
        defects=defects,
    )
    issuers = Issuers(rows["token_issuers"], rows["issuer_events"])
    marks = marks_of(books, issuers.rows)
    owners = TokenOwners(
        rows["tags"], rows["services"], rows["actors"], rows["token_transfers"], frozenset(platform), defects
    )
    coverage = {(book.chain, book.contract): Coverage(book, rows["token_coverage"]) for book in books}
    requests = TokenRequests(owners, issuers, defects)
    gathered = _Gathered(requests)
    booked = _Booked(rows["payments"], rows["invoices"])
    for done, book in enumerate(books):
        token = (book.chain, book.contract)
        marked = frozenset(mark.number for mark in marks.get(token, ()))
        stops = TokenStops(
            covers=coverage[token].covers,
            at_s=[int(line.at_utc.timestamp()) for line in book.lines],
            owned=owners.stops(book.chain),
            marked=marked,
            max_hops=parameters.trace_max_hops,
            max_days=parameters.trace_max_days,
            dust_units=-(-parameters.token_dust_thousandths * 10**book.decimals // 1_000),
        )
        for origin in _origins(book, platform, marked, booked):
            gathered.add(book, origin, trace_move(book.lots, origin.number, origin.direction, stops))
        _tell_of_balances(book, coverage[token], defects)
        context.progress("tokens", done + 1, len(books))
    requests.tell_of_unknown_issuers()
    holdings, asked = list(requests.holdings(coverage)), list(requests.rows())
    return {
        "platform_token_accounts": _platform_table(platform, books),
        "token_balances": table_named("token_balances").rows(_balances(books, coverage)),
        "token_marks": table_named("token_marks").rows(_marks(books, marks)),
        **gathered.tables(),
        "token_holdings": table_named("token_holdings").rows(holdings),
        "token_requests": table_named("token_requests").rows(asked),
        "defects": table_named("defects").rows(defects.rows),
    }


def _rows_needed(tables: Session) -> dict[str, list[dict[str, Any]]]:
    """The rows of each table; of the platform's own, which may be millions, those alone that have to do with tokens."""
    rows = {name: tables.arrow(name).to_pylist() for name in _WHOLE}
    stated = rows["platform_accounts"]
    txids = sorted({row["txid"] for row in rows["token_transfers"]})
    booked = pa.array([*txids, *(f"0x{txid}" for txid in txids)], pa.string())
    payments = tables.chosen("payments", lambda part: pc.is_in(part["txid"], value_set=booked))
    settled = pc.unique(payments["invoice_id"].drop_null())
    keys = {
        name: pa.array(sorted({row[f"{name}_key"] for row in stated} - {None}), pa.string())
        for name in ("account", "invoice")
    }

    def looks(part: pa.Table) -> pa.Array:
        return pc.match_substring_regex(part["address"], ADDRESS_PATTERN).fill_null(False)  # noqa: FBT003 - pyarrow has no keyword for it

    def of_tokens(part: pa.Table) -> pa.Array:
        named = pc.is_in(part["platform_key"], value_set=keys["invoice"])
        return pc.or_(pc.or_(looks(part), named), pc.is_in(part["invoice_id"], value_set=settled))

    chosen = {
        "payments": payments,
        "invoices": tables.chosen("invoices", of_tokens),
        "accounts": tables.chosen("accounts", lambda part: pc.is_in(part["platform_key"], value_set=keys["account"])),
        "wallet_addresses": tables.chosen("wallet_addresses", looks),
    }
    return rows | {name: table.to_pylist() for name, table in chosen.items()}


_PARAMETERS = frozenset({"address_gap_limit", "trace_max_hops", "trace_max_days", "token_dust_thousandths"})


class _Booked:
    """Which payment of the platform a transfer settles, and so which invoice and account."""

    def __init__(self, payments: Sequence[Row], invoices: Sequence[Row]) -> None:
        self._by_txid: dict[str, list[Row]] = {}
        for payment in sorted(payments, key=lambda row: str(row["payment_id"])):
            if payment["txid"] is not None:
                self._by_txid.setdefault(payment["txid"].removeprefix("0x"), []).append(payment)
        self._account_of = {row["invoice_id"]: row["account_id"] for row in invoices}

    def links(self, platform: PlatformAccount, txid: str | None) -> tuple[str | None, str | None, str | None]:
        """Account, invoice and payment of a transfer; each only where it is one."""
        booked = self._by_txid.get(txid or "", [])
        invoice_id = platform.invoice_id
        if invoice_id is None:  # an address of several invoices, or of none: only a booked payment can say which
            named = {row["invoice_id"] for row in booked} - {None}
            invoice_id = next(iter(named)) if len(named) == 1 else None
        settling = [row for row in booked if row["invoice_id"] in {None, invoice_id}]
        account_id = platform.account_id if invoice_id is None else self._account_of.get(invoice_id)
        paying = {row["account_id"] for row in booked}
        if account_id is None and len(paying) == 1:
            account_id = next(iter(paying))
        return account_id, invoice_id, settling[0]["payment_id"] if len(settling) == 1 else None


def _origins(
    book: Book, platform: Mapping[tuple[str, str], PlatformAccount], marked: frozenset[int], booked: _Booked
) -> Iterator[_Origin]:
    """Receipts, to be followed backward, and payouts, forward; what moves within the platform is neither."""
    for number, line in book.transfers():
        move = book.moves[number]
        ours = [platform.get((book.chain, address)) for address in (move.sender, move.receiver)]
        if not move.units or number in marked or (ours[0] is None) == (ours[1] is None):
            continue
        for direction, account, kinds in zip(
            DIRECTIONS, reversed(ours), ((TRANSFER, MINT), (TRANSFER, BURN)), strict=True
        ):
            if account is not None and move.kind in kinds:
                received = direction == BACKWARD
                links = booked.links(account, line.txid) if received else (None, None, None)
                yield _Origin(
                    number=number,
                    direction=direction,
                    platform=account,
                    account_id=links[0],
                    invoice_id=links[1],
                    payment_id=links[2],
                )


class _Gathered:
    """Traces as rows."""

    def __init__(self, requests: TokenRequests) -> None:
        self._requests = requests
        self._traces: list[dict[str, Any]] = []
        self._flows: list[dict[str, Any]] = []
        self._endpoints: list[dict[str, Any]] = []

    def add(self, book: Book, origin: _Origin, trace: TokenTrace) -> None:
        """Note a trace."""
        begun = book.lines[origin.number]
        trace_id = content_id("ttr", origin.direction, begun.move_id)
        self._traces.append(
            {
                "trace_id": trace_id,
                "direction": origin.direction,
                "chain": book.chain,
                "token_contract": book.contract,
                "token_symbol": book.symbol,
                "decimals": book.decimals,
                "transfer_id": begun.move_id,
                "txid": begun.txid,
                "origin_units": str(book.moves[origin.number].units),
                "platform_address": origin.platform.address,
                "account_id": origin.account_id,
                "invoice_id": origin.invoice_id,
                "payment_id": origin.payment_id,
                "fee_units": str(trace.fee_units),
                "endpoints": len(trace.leaves),
            }
        )
        for hop, nearer, farther, units in trace.flows:
            near, far = book.lines[nearer], book.lines[farther]
            self._flows.append(
                {
                    "trace_id": trace_id,
                    "hop": hop,
                    "from_transfer_id": near.move_id,
                    "to_move_id": far.move_id,
                    "to_move_table": far.table,
                    "through_address": book.moves[farther if origin.direction != BACKWARD else nearer].sender,
                    "amount_units": str(units),
                }
            )
        for leaf in trace.leaves:
            line = book.lines[leaf.move]
            claim = self._requests.claim(book.chain, leaf)
            self._endpoints.append(
                {
                    "endpoint_id": content_id("ten", trace_id, line.move_id, leaf.stop_reason),
                    "trace_id": trace_id,
                    "move_id": line.move_id,
                    "move_table": line.table,
                    "txid": line.txid,
                    "address": leaf.account,
                    "amount_units": str(leaf.units),
                    "hops": leaf.hops,
                    "stop_reason": leaf.stop_reason,
                    "service_id": None if claim is None or claim.service is None else claim.service["service_id"],
                    "tag_id": None if claim is None else claim.tag["tag_id"],
                    "tag_is_later": None if claim is None else claim.tag_is_later,
                    "at_utc": line.at_utc,
                }
            )
            self._requests.add(book, origin.direction, leaf, trace_id, origin.account_id)

    def tables(self) -> dict[str, pa.Table]:
        """The tables `token_traces`, `token_flows` and `token_endpoints`."""
        return {
            "token_traces": table_named("token_traces").rows(self._traces),
            "token_flows": table_named("token_flows").rows(self._flows),
            "token_endpoints": table_named("token_endpoints").rows(self._endpoints),
        }


def _platform_table(platform: Mapping[tuple[str, str], PlatformAccount], books: Iterable[Book]) -> pa.Table:
    counts: dict[tuple[str, str], int] = {}
    for book in books:
        for number, _ in book.transfers():
            for address in {book.moves[number].sender, book.moves[number].receiver}:
                counts[book.chain, address] = counts.get((book.chain, address), 0) + 1
    return table_named("platform_token_accounts").rows(
        {
            "chain": account.chain,
            "address": account.address,
            "known_by": account.known_by,
            "invoice_id": account.invoice_id,
            "account_id": account.account_id,
            "transfers": counts.get(key, 0),
        }
        for key, account in platform.items()
    )


def _balances(books: Iterable[Book], coverage: Mapping[tuple[str, str], Coverage]) -> Iterator[dict[str, Any]]:
    for book in books:
        received: dict[str, int] = {}
        sent: dict[str, int] = {}
        for move in book.moves:
            if move.kind != MINT:
                sent[move.sender] = sent.get(move.sender, 0) + move.units
            if move.kind in {TRANSFER, MINT}:
                received[move.receiver] = received.get(move.receiver, 0) + move.units
        for address in sorted(received.keys() | sent.keys()):
            opening, closing = book.lots.opening.get(address, 0), book.lots.closing.get(address, 0)
            # Of every account, to the unit (invariant I9).
            assert opening + received.get(address, 0) - sent.get(address, 0) == closing, "units lost"
            yield {
                "chain": book.chain,
                "token_contract": book.contract,
                "address": address,
                "opening_units": str(opening),
                "received_units": str(received.get(address, 0)),
                "sent_units": str(sent.get(address, 0)),
                "closing_units": str(closing),
                "whole_to_block": coverage[book.chain, book.contract].last_block(address),
            }


def _tell_of_balances(book: Book, coverage: Coverage, defects: Defects) -> None:
    """Say whose balance would be below nothing without a balance from before: one by one where that cannot be."""
    others = 0
    for address, units in sorted(book.lots.opening.items()):
        if coverage.since_beginning(address):
            defects.add(
                "token_balance_negative",
                f"{book.chain} {book.contract}: {address} pays out {units} base units more than it received, and its "
                "transfers are stated to be whole since the beginning: transfers are missing",
                source_table="token_transfers",
            )
        else:
            others += 1
    if others:
        defects.add(
            "token_balance_before_table",
            f"{book.chain} {book.contract}: {others} accounts pay out more than the tables show them to receive; what "
            "is missing is taken as held before, and as paid first",
            source_table="token_transfers",
        )


def _marks(books: Iterable[Book], marks: Mapping[tuple[str, str], Sequence[Mark]]) -> Iterator[dict[str, Any]]:
    for book in books:
        for mark in marks.get((book.chain, book.contract), ()):
            yield {
                "transfer_id": book.lines[mark.number].move_id,
                "mark": mark.mark,
                "resembles": mark.resembles,
            }
