"""What the population asks of the chain: invoices with their payers' routes, and the frame of the chain."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MIN_BLOCKS", "ROUTES", "ChainPlan", "PlannedInvoice"]

ROUTES = ("exchange_direct", "exchange_wallet", "exchange_two_hops", "coinjoin", "self_funded")
MIN_BLOCKS = 140  # 112 to mature and spread the first coins, and some to trade in


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedInvoice:
    """An invoice of the platform and the way by which it is paid.

    Attributes:
        invoice_key: Key of the invoice, unique.
        account_key: Account invoiced.
        amount_sat: Amount in satoshis.
        amount_cents: Amount in hundredths of `currency`.
        currency: ISO 4217 code.
        issued_at_s: Seconds since 1970 UTC.
        paid_at_s: Seconds since 1970 UTC; None where it was never paid.
        payer_person_key: Person who pays; None where nobody does.
        route: One of `ROUTES`.
        exchange: Actor name of the exchange whose customer the payer is; None for `self_funded`.
    """

    invoice_key: int
    account_key: int
    amount_sat: int
    amount_cents: int
    currency: str
    issued_at_s: int
    paid_at_s: int | None
    payer_person_key: int | None
    route: str
    exchange: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPlan:
    """Everything a chain is made from.

    Attributes:
        seed: Seed of all randomness.
        invoices: In the order in which the platform gave out addresses.
        exchanges: Actor names; of two or more, the last one is in no tag pack.
        blocks: Height of the chain, at least `MIN_BLOCKS`; more are added where they would be too full.
        start_s: Trading begins, seconds since 1970 UTC; the first 112 blocks lie before.
        bystanders: People besides, with habits of their own; with any, services that peel and CoinJoin rounds of each
            protocol too. 0 leaves everything else as it is without them.
        payjoins_per_mille: Of a thousand payments of bystanders, how many are tried as PayJoins, in which the payee
            adds a coin; 0 leaves everything else as it is without them.
        spacing_s: `blocks * spacing_s` seconds after `start_s` the chain ends.
    """

    seed: int
    invoices: tuple[PlannedInvoice, ...]
    exchanges: tuple[str, ...]
    blocks: int
    start_s: int
    spacing_s: int
    bystanders: int = 0
    payjoins_per_mille: int = 0
