"""Accounts of the platform on chains that keep accounts: from invoices, wallets, public keys, and stated lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from embit.base import EmbitError
from embit.descriptor import Descriptor

from headwater.money.defects import Defects
from headwater.references import BadRowError, account_address, account_of_public_key

__all__ = ["ADDRESS_PATTERN", "KNOWN_BY", "PlatformAccount", "platform_token_accounts"]

Row = Mapping[str, Any]

KNOWN_BY: Final = ("invoice", "wallet", "descriptor", "stated")
"""How an account is known to be the platform's, the best ground first."""

_LOOKS: Final = {
    "ethereum": re.compile(r"0[xX][0-9a-fA-F]{40}", re.ASCII),
    "tron": re.compile(r"T[1-9A-HJ-NP-Za-km-z]{33}", re.ASCII),
}
ADDRESS_PATTERN: Final = "^ *(" + "|".join(looks.pattern for looks in _LOOKS.values()) + ") *$"
"""What the text of an address of these chains looks like; whether it is one, its checksum says."""

_HARDENED: Final = 1 << 31
_COIN_TYPES: Final = {60: "ethereum", 195: "tron"}  # source: SLIP-0044
_PURPOSE: Final = 44  # source: BIP 44


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformAccount:
    """An account of the platform.

    Attributes:
        chain: Its chain.
        address: Its address.
        known_by: One of `KNOWN_BY`.
        invoice_id: Invoice it was given out for, where that is one.
        account_id: Account of the platform it was given to, where that is one.
    """

    chain: str
    address: str
    known_by: str
    invoice_id: str | None
    account_id: str | None


def platform_token_accounts(
    *,
    invoices: Sequence[Row],
    accounts: Sequence[Row],
    wallet_addresses: Sequence[Row],
    descriptors: Sequence[Row],
    stated: Sequence[Row],
    gap_limit: int,
    defects: Defects,
) -> dict[tuple[str, str], PlatformAccount]:
    """The accounts of the platform by chain and address.

    Args:
        invoices: Rows of `invoices`.
        accounts: Rows of `accounts`.
        wallet_addresses: Rows of `wallet_addresses`.
        descriptors: Rows of `wallet_descriptors`; those whose keys lie on a path of BIP 44 for these chains count.
        stated: Rows of `platform_accounts`.
        gap_limit: Addresses to derive beyond the last that the wallet had handed out.
        defects: Told of addresses that are none, and of stated numbers that the platform does not have.
    """
    found: dict[tuple[str, str], dict[str, set[tuple[str | None, str | None]]]] = {}

    def note(key: tuple[str, str], ground: str, invoice: str | None = None, account: str | None = None) -> None:
        found.setdefault(key, {}).setdefault(ground, set()).add((invoice, account))

    for key, row in _written(invoices, "invoices", defects):
        note(key, "invoice", row["invoice_id"], row["account_id"])
    for key, _ in _written(wallet_addresses, "wallet_addresses", defects):
        note(key, "wallet")
    for key in _derived(descriptors, gap_limit):
        note(key, "descriptor")
    for row in stated:
        note((row["chain"], row["address"]), "stated", *_named(row, invoices, accounts, defects))
    return {key: _account(key, grounds, defects) for key, grounds in sorted(found.items())}


def _account(
    key: tuple[str, str], grounds: Mapping[str, set[tuple[str | None, str | None]]], defects: Defects
) -> PlatformAccount:
    links = set().union(*grounds.values())
    invoices = {invoice for invoice, _ in links if invoice is not None}
    accounts = {account for _, account in links if account is not None}
    if len(invoices) > 1:
        defects.add(
            "address_given_out_again",
            f"address {key[1]} was given out for {len(invoices)} invoices; the address alone names none",
            source_table="invoices",
        )
    return PlatformAccount(
        chain=key[0],
        address=key[1],
        known_by=next(ground for ground in KNOWN_BY if ground in grounds),
        invoice_id=next(iter(invoices)) if len(invoices) == 1 else None,
        account_id=next(iter(accounts)) if len(accounts) == 1 else None,
    )


def _written(rows: Sequence[Row], table: str, defects: Defects) -> Iterator[tuple[tuple[str, str], Row]]:
    """The rows whose address looks like one of these chains, with it as written here."""
    for row in rows:
        text = (row["address"] or "").strip()
        for chain, looks in _LOOKS.items():
            if not looks.fullmatch(text):
                continue
            try:
                yield (chain, account_address(chain, text)), row
            except BadRowError as error:
                defects.add("address_checksum", str(error), exhibit_id=row["exhibit_id"], source_table=table)


def _named(
    row: Row, invoices: Sequence[Row], accounts: Sequence[Row], defects: Defects
) -> tuple[str | None, str | None]:
    """Ids of the invoice and the account that a stated address names by the platform's own numbers."""
    ids: dict[str, str | None] = {"invoice": None, "account": None}
    owner = None
    for name, rows in (("account", accounts), ("invoice", invoices)):
        key = row[f"{name}_key"]
        if key is None:
            continue
        having = [each for each in rows if each["platform_key"] == key]
        if len(having) == 1:
            ids[name] = having[0][f"{name}_id"]
            owner = having[0]["account_id"]
        else:
            defects.add(
                "platform_account_unknown",
                f"{row['address']} is stated for {name} {key!r}, of which the platform has {len(having)}",
                reference_name=f"{row['reference_name']}@{row['reference_version']}",
                source_table="platform_accounts",
            )
    return ids["invoice"], ids["account"] or owner


def _derived(descriptors: Sequence[Row], gap_limit: int) -> Iterator[tuple[str, str]]:
    """The accounts of public keys whose stated path is one of BIP 44 for one of these chains.

    Descriptors that cannot be used are told of where bitcoin's addresses are derived.
    """
    for row in descriptors:
        text = row["descriptor"].partition("#")[0]
        try:
            descriptor = Descriptor.from_string(text)
            keys = [key for key in descriptor.keys if not key.is_private and key.is_extended]
            ranged = descriptor.is_wildcard
            branches = descriptor.num_branches
        except (EmbitError, ValueError, IndexError, KeyError):
            continue
        for key in keys:
            path = [] if key.origin is None else list(key.origin.derivation)
            chain = _COIN_TYPES.get(path[1] - _HARDENED) if len(path) > 1 else None
            if chain is None or path[0] != _PURPOSE + _HARDENED:
                continue
            end = max(row["range_end"], row["next_index"]) + gap_limit if ranged else 1
            for branch in range(branches):
                for index in range(end):
                    public = key.derive(index, branch_index=branch).get_public_key()
                    public.compressed = False
                    yield chain, account_of_public_key(chain, public.sec()[1:])
