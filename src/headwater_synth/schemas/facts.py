"""What an invented platform holds before any application has named it: a list of facts for each table of ours."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headwater_synth.chain.encoding import address_of
from headwater_synth.population import Population, build_population
from headwater_synth.population_accounts import SEIZED_AT_S, registered_at_s
from headwater_synth.population_activity import drawn_logins
from headwater_synth.population_payments import chain_plan
from headwater_synth.schemas.further import drawn_identifiers, drawn_references
from headwater_synth.seeds import seed_digest, stream
from headwater_synth.words import words

__all__ = ["Fact", "ObjectId", "PlatformFacts", "drawn_facts", "key_written"]

Fact = Mapping[str, object]
"""Columns of ours with their values: text, bytes, whole numbers; times in milliseconds since 1970 UTC."""

_BLOCKS = 200
_EXPIRES_S = 3 * 86_400  # an invoice that nobody pays
_UPLOADING = 3  # one account in so many uploads
_MEDIA_TYPES = ("jpg", "jpg", "png", "mp4")


@dataclass(frozen=True, slots=True, order=True)
class ObjectId:
    """A key as a document store makes it.

    Attributes:
        raw: Its 12 bytes.
    """

    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformFacts:
    """A platform, without a schema.

    Attributes:
        seed: Seed of all of it.
        population: Everybody.
        facts: For each table of ours its facts, in order of their keys; `account` and `invoice` are such keys.
    """

    seed: int
    population: Population
    facts: Mapping[str, Sequence[Fact]]


def key_written(seed: int, style: str, table: str, key: int) -> int | str | ObjectId:
    """The key of a fact as an application writes it.

    Args:
        seed: Seed of the platform.
        style: integer, uuid or object_id.
        table: Table of ours.
        key: Number of the fact, from 1.
    """
    raw = seed_digest(seed, "key", table, key)
    if style == "integer":
        return key
    return str(uuid.UUID(bytes=raw[:16], version=4)) if style == "uuid" else ObjectId(raw[:12])


def _accounts(population: Population, last_at_s: Sequence[int]) -> list[Fact]:
    facts: list[Fact] = []
    for key in population.account_keys():
        account = population.account(key)
        rng = stream(population.seed, "application-account", key)
        # In a platform of a few dozen there would be next to none of what few people tell.
        phone = account.phone or (population.person(account.person_key).phone if rng.random() < 0.4 else None)
        pgp = account.pgp_fingerprint or (rng.randbytes(20).hex().upper() if rng.random() < 0.25 else None)
        role = "moderator" if key % 20 == 0 else "administrator" if key == 2 else account.role
        facts.append(
            {
                "key": key,
                "nickname": account.nickname,
                "email": account.email,
                "phone": phone,
                "pgp_fingerprint": pgp,
                "role": role,
                "registered_at_utc": account.registered_at_s * 1_000,
                "last_seen_at_utc": last_at_s[key - 1] * 1_000 + rng.randrange(1_000),
            }
        )
    return facts


def _logins(population: Population) -> tuple[list[Fact], Sequence[int]]:
    logins = drawn_logins(population)
    facts: list[Fact] = [
        {
            "key": number,
            "account": login.account_key,
            "at_utc": login.at_ms,
            "network_address": login.network_address,
            "device": words().browsers[login.device],
        }
        for number, login in enumerate(logins.since(0), start=1)
    ]
    return facts, logins.last_at_s()


def _uploads(population: Population) -> list[Fact]:
    puts: list[tuple[int, int]] = []
    for account_key in population.account_keys():
        rng = stream(population.seed, "application-uploads", account_key)
        first_s = registered_at_s(population.seed, account_key, of=population.accounts) + 3_600
        many = rng.randrange(2, 8) if account_key % _UPLOADING == 0 else 0
        puts += [(rng.randrange(first_s * 1_000, SEIZED_AT_S * 1_000), account_key) for _ in range(many)]
    facts: list[Fact] = []
    for number, (at_ms, account_key) in enumerate(sorted(puts), start=1):
        rng = stream(population.seed, "application-upload", number)
        name = rng.randbytes(10).hex()
        network = population.conduct(account_key).network
        facts.append(
            {
                "key": number,
                "account": account_key,
                "at_utc": at_ms,
                "media_path": f"{name[:2]}/{name}.{rng.choice(_MEDIA_TYPES)}",
                "media_sha256": rng.randbytes(32) if rng.random() < 0.9 else None,
                "network_address": population.address_used(account_key, network, 2, rng.getrandbits(24)),
            }
        )
    return facts


def _money(population: Population) -> tuple[list[Fact], list[Fact]]:
    invoices: list[Fact] = []
    paid: list[dict[str, object]] = []
    for invoice in chain_plan(population, blocks=_BLOCKS).invoices:
        raw = seed_digest(population.seed, "application-invoice", invoice.invoice_key)
        expired = invoice.issued_at_s + _EXPIRES_S < SEIZED_AT_S
        common = {
            "account": invoice.account_key,
            "amount_sat": invoice.amount_sat,
            "amount_cents": invoice.amount_cents,
            "currency": invoice.currency,
        }
        invoices.append(
            {
                **common,
                "key": invoice.invoice_key,
                "address": address_of(b"\x00\x14" + raw[:20]),
                "issued_at_utc": invoice.issued_at_s * 1_000,
                "status": "paid" if invoice.paid_at_s else "expired" if expired else "open",
            }
        )
        if invoice.paid_at_s:
            at_ms = invoice.paid_at_s * 1_000 + raw[31]
            paid.append({**common, "invoice": invoice.invoice_key, "txid": raw, "at_utc": at_ms})
    paid.sort(key=lambda fact: (int(str(fact["at_utc"])), int(str(fact["invoice"]))))
    return invoices, [{**fact, "key": number} for number, fact in enumerate(paid, start=1)]


def _messages(population: Population) -> list[Fact]:
    facts: list[tuple[int, int, str]] = []
    for account_key in population.account_keys():
        rng = stream(population.seed, "application-messages", account_key)
        first_s = registered_at_s(population.seed, account_key, of=population.accounts) + 60
        for _ in range(rng.randrange(0, 9)):
            at_ms = rng.randrange(first_s * 1_000, SEIZED_AT_S * 1_000)
            text = " ".join(rng.choice((*words().adjectives, *words().nouns)) for _ in range(rng.randrange(3, 20)))
            facts.append((at_ms, account_key, text))
    return [
        {"key": number, "account": account, "at_utc": at_ms, "text": text}
        for number, (at_ms, account, text) in enumerate(sorted(facts), start=1)
    ]


def _addresses(population: Population) -> list[Fact]:
    facts: list[Fact] = []
    for account_key in population.account_keys():
        rng = stream(population.seed, "application-addresses", account_key)
        at_ms = registered_at_s(population.seed, account_key, of=population.accounts) * 1_000
        for _ in range(rng.randrange(0, 3)):
            at_ms += rng.randrange(1_000, 30 * 86_400_000)
            facts.append(
                {"account": account_key, "address": address_of(b"\x00\x14" + rng.randbytes(20)), "at_utc": at_ms}
            )
    return [{**fact, "key": number} for number, fact in enumerate(facts, start=1)]


def drawn_facts(seed: int, *, accounts: int) -> PlatformFacts:
    """An invented platform.

    Args:
        seed: Any number.
        accounts: Accounts on it, at least 40.
    """
    population = build_population(seed, accounts=accounts, payers=max(accounts // 2, 1))
    logins, last_at_s = _logins(population)
    invoices, payments = _money(population)
    uploads = _uploads(population)
    return PlatformFacts(
        seed=seed,
        population=population,
        facts={
            "accounts": _accounts(population, last_at_s),
            "logins": logins,
            "uploads": uploads,
            "identifiers": drawn_identifiers(population),
            "media_references": drawn_references(population, uploads),
            "invoices": invoices,
            "payments": payments,
            "messages": _messages(population),
            "wallet_addresses": _addresses(population),
        },
    )
