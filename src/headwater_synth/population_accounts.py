"""Accounts as the platform has them: nickname, e-mail, now and then a telephone number or a PGP fingerprint."""

from __future__ import annotations

import random
from dataclasses import dataclass

from headwater_synth.people import Person
from headwater_synth.population_cast import Conduct
from headwater_synth.seeds import seed_digest, stream
from headwater_synth.words import words

__all__ = ["OPENED_AT_S", "SEIZED_AT_S", "Account", "drawn_account", "drawn_conduct", "registered_at_s"]

OPENED_AT_S = 1_709_280_000  # 2024-03-01T08:00:00Z: the first registration
SEIZED_AT_S = 1_790_832_600  # 2026-10-01T05:30:00Z: the server is switched off
_LAST_REGISTRATION_S = SEIZED_AT_S - 40 * 86_400

_NICKNAME_NUMBERS = 2_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A login of the platform.

    Attributes:
        account_key: The platform's own number.
        person_key: Who uses it.
        nickname: As registered.
        email: As registered.
        phone: As registered.
        pgp_fingerprint: As registered.
        role: member, moderator or administrator.
        registered_at_s: Seconds since 1970 UTC.
        deleted: Whether the platform had marked it as deleted.
        language: Of the holder's choice.
        motto: A line the holder shows.
        conduct: What the holder does.
    """

    account_key: int
    person_key: int
    nickname: str
    email: str | None
    phone: str | None
    pgp_fingerprint: str | None
    role: str
    registered_at_s: int
    deleted: bool
    language: str
    motto: str | None
    conduct: Conduct


def drawn_conduct(rng: random.Random, *, uploads: str, pays: bool, has_relatives: bool, hotspot: bool) -> Conduct:
    """The conduct of somebody who is not of the cast.

    Args:
        rng: Stream of that account alone.
        uploads: none, copies or origin.
        pays: Whether somebody pays for the account.
        has_relatives: Whether there is a relative who might.
        hotspot: Whether a public network is used.
    """
    network = rng.choices(("home", "vpn", "mixed"), weights=(35, 27, 38))[0]
    payer = "nobody"
    if pays:
        payer = "relative" if has_relatives and rng.random() < 0.25 else "self"
    return Conduct(
        uploads=uploads,
        network="hotspot" if hotspot else network,
        email=rng.choices(("personal", "throwaway", "none"), weights=(22, 70, 8))[0],
        gives_phone=rng.random() < 0.08,
        gives_pgp=rng.random() < 0.06,
        role="moderator" if rng.random() < 0.004 else "member",
        payer=payer,
        route=rng.choices(
            ("exchange_direct", "exchange_wallet", "exchange_two_hops", "coinjoin", "self_funded"),
            weights=(45, 20, 12, 9, 14),
        )[0],
        exchange_index=rng.choices((0, 1, 2), weights=(50, 35, 15))[0],
        unpaid=rng.choices((0, 1, 2), weights=(80, 16, 4))[0] if pays else 0,
        deleted=rng.random() < 0.05,
    )


def registered_at_s(seed: int, account_key: int, *, of: int) -> int:
    """When an account registered, seconds since 1970 UTC; never before the one with the key before.

    Args:
        seed: Seed of the whole seizure.
        account_key: The account.
        of: Number of accounts.
    """
    jitter = int.from_bytes(seed_digest(seed, "registered", account_key)[:2], "big")
    return OPENED_AT_S + (_LAST_REGISTRATION_S - OPENED_AT_S) * ((account_key - 1) * 65_536 + jitter) // (of * 65_536)


def _nickname(seed: int, account_key: int, rng: random.Random) -> str:
    """A nickname that nobody else has."""
    offset = int.from_bytes(seed_digest(seed, "nicknames")[:4], "big")
    adjectives, nouns = words().adjectives, words().nouns
    many = len(adjectives) * len(nouns) * _NICKNAME_NUMBERS
    index = (account_key * 1_000_003 + offset) % many  # the factor is prime: no two keys meet
    rest, adjective = divmod(index, len(adjectives))
    number, noun = divmod(rest, len(nouns))
    joint = rng.choice(("", "", "_", "-", "."))
    name = f"{adjectives[adjective]}{joint}{nouns[noun]}"
    return f"{name.title() if rng.random() < 0.2 else name}{number}"


def drawn_account(seed: int, account_key: int, *, of: int, person: Person, conduct: Conduct) -> Account:
    """An account as the platform has it.

    Args:
        seed: Seed of the whole seizure.
        account_key: The account.
        of: Number of accounts.
        person: Who uses it.
        conduct: What that person does and tells.
    """
    rng = stream(seed, "account", account_key)
    nickname = _nickname(seed, account_key, rng)
    email = {
        "personal": person.email,
        "throwaway": f"{nickname.lower()}@{rng.choice(words().throwaway_domains)}",
        "none": None,
    }[conduct.email]
    return Account(
        account_key=account_key,
        person_key=person.person_key,
        nickname=nickname,
        email=email,
        phone=person.phone if conduct.gives_phone else None,
        pgp_fingerprint=rng.randbytes(20).hex().upper() if conduct.gives_pgp else None,
        role=conduct.role,
        registered_at_s=registered_at_s(seed, account_key, of=of),
        deleted=conduct.deleted,
        language=rng.choice(words().languages),
        motto=rng.choice((None, None, *words().mottos)),
        conduct=conduct,
    )
