"""What an invented application also tells of its accounts and its media, beside what its tables are mainly for.

Ways to be reached (another mail address, a name on a messenger) stand in columns of any table, in rows of a table of
their own, or among attributes; references to uploaded files stand wherever an application shows them again. Some of
these files are gone: only their digest is left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from headwater_synth.population import Population
from headwater_synth.population_accounts import registered_at_s
from headwater_synth.seeds import stream
from headwater_synth.words import words

if TYPE_CHECKING:
    from headwater_synth.schemas.facts import Fact

__all__ = ["IDENTIFIER_KINDS", "REFERENCE_COLUMNS", "drawn_identifiers", "drawn_references", "identifier", "reference"]

IDENTIFIER_KINDS = ("email", "phone", "pgp_fingerprint", "jabber", "telegram", "icq")
"""Kinds of identifiers that an application may keep."""

REFERENCE_COLUMNS = ("media_path", "media_sha256", "media_sha1", "media_md5")
"""Ways to name a file of the platform."""

_HAVING = {"email": 0.5, "phone": 0.35, "pgp_fingerprint": 0.3, "jabber": 0.4, "telegram": 0.4, "icq": 0.25}
_GONE = 0.3  # of the files that are referred to


def identifier(population: Population, account_key: int, kind: str) -> str | None:
    """By what an account can also be reached; None if it did not say.

    Args:
        population: Everybody.
        account_key: The account.
        kind: One of IDENTIFIER_KINDS.
    """
    rng = stream(population.seed, "application-identifier", kind, account_key)
    if rng.random() >= _HAVING[kind]:
        return None
    name = (
        f"{rng.choice(words().adjectives)}{rng.choice(('', '.', '_'))}{rng.choice(words().nouns)}{rng.randrange(1_000)}"
    )
    at = f"{name}@{rng.choice(words().throwaway_domains)}"
    return {
        "email": at,
        "jabber": at,
        "phone": f"+44 20 7946 {rng.randrange(1_000):04d}",  # kept free for drama
        "pgp_fingerprint": rng.randbytes(20).hex().upper(),
        "telegram": f"@{name.replace('.', '_')}",
        "icq": str(rng.randrange(100_000_000, 999_999_999)),
    }[kind]


def drawn_identifiers(population: Population) -> list[Fact]:
    """Each identifier of each account, in the order in which they were told."""
    found: list[tuple[int, int, str, str]] = []
    for account_key in population.account_keys():
        first_ms = registered_at_s(population.seed, account_key, of=population.accounts) * 1_000
        for kind in IDENTIFIER_KINDS:
            value = identifier(population, account_key, kind)
            if value is not None:
                rng = stream(population.seed, "application-identifier-time", kind, account_key)
                found.append((first_ms + rng.randrange(60_000, 30 * 86_400_000), account_key, kind, value))
    return [
        {"key": number, "account": account_key, "at_utc": at_ms, "identifier_kind": kind, "value": value}
        for number, (at_ms, account_key, kind, value) in enumerate(sorted(found), start=1)
    ]


def reference(seed: int, uploads: Sequence[Fact], *place: str | int) -> Fact:
    """A file that was uploaded once, as a row refers to it; some of them are gone, others have no digest.

    Args:
        seed: Of the platform.
        uploads: Its uploads.
        place: Tells the rows apart.
    """
    rng = stream(seed, "application-reference", *place)
    upload = rng.choice(uploads)
    gone = rng.random() < _GONE
    name = rng.randbytes(10).hex()
    path = f"{name[:2]}/{name}.{rng.choice(('jpg', 'png', 'mp4'))}" if gone else upload["media_path"]
    kept = upload["media_sha256"]
    digest = kept if isinstance(kept, bytes) and not gone else rng.randbytes(32)
    return {
        "media_path": path,
        "media_sha256": digest,
        "media_sha1": hashlib.sha1(digest, usedforsecurity=False).digest(),
        "media_md5": hashlib.md5(digest, usedforsecurity=False).digest(),
    }


def drawn_references(population: Population, uploads: Sequence[Fact]) -> list[Fact]:
    """References to files by accounts that look at them, in the order of time."""
    rows: list[tuple[int, int]] = []
    for account_key in population.account_keys():
        rng = stream(population.seed, "application-references", account_key)
        first_ms = registered_at_s(population.seed, account_key, of=population.accounts) * 1_000
        rows += [(first_ms + rng.randrange(60_000, 60 * 86_400_000), account_key) for _ in range(rng.randrange(3))]
    return [
        {"key": number, "account": account_key, "at_utc": at_ms, **reference(population.seed, uploads, number)}
        for number, (at_ms, account_key) in enumerate(sorted(rows), start=1)
    ]
