"""What the queue has shown to whom: so that a judgement can say on what it was given."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from headwater.judgements.judgement import same_person
from headwater.schema import canonical_json
from headwater.schema.state import SHOWN_LINKS

__all__ = ["AS_KNOWN", "AS_LINK", "AS_REPEATED", "ShownLink", "add_shown", "bars_digest", "last_shown"]

AS_LINK, AS_KNOWN, AS_REPEATED = "link", "known", "repeated"
"""How the queue came to show a pair: it waits, its answer is known, or it was judged before."""

_BAR = ("field", "level", "weight_mbits", "rows_with_value", "sentence")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLink:
    """That the queue showed a pair to somebody.

    Attributes:
        link_id: The pair.
        operator: To whom.
        bars_sha256: Digest of the bars, weight and probability; empty where they were hidden.
        score_hidden: Whether they were.
        shown_as: link, known or repeated.
        at_utc: When, ISO 8601 with microseconds and Z.
    """

    link_id: str
    operator: str
    bars_sha256: str
    score_hidden: bool
    shown_as: str
    at_utc: str


def bars_digest(link: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of what a link's weight is made of, of that weight, and of the probability."""
    told = {
        "comparisons": [{name: bar[name] for name in _BAR} for bar in link["comparisons"]],
        "match_weight_mbits": link["match_weight_mbits"],
        "probability_ppm": link["probability_ppm"],
    }
    return hashlib.sha256(canonical_json(told)).hexdigest()


def add_shown(connection: sa.Connection, shown: Sequence[ShownLink]) -> None:
    """Add what was shown; there is no way to change or remove it."""
    if shown:
        connection.execute(SHOWN_LINKS.insert(), [asdict(one) for one in shown])


def last_shown(connection: sa.Connection, operator: str, link_id: str | None = None) -> dict[str, ShownLink]:
    """For each pair that the queue showed to this person, or for one, how it did so last."""
    query = sa.select(SHOWN_LINKS).order_by(SHOWN_LINKS.c.seq)
    if link_id is not None:
        query = query.where(SHOWN_LINKS.c.link_id == link_id)
    rows = connection.execute(query).mappings()
    every: Iterable[ShownLink] = (ShownLink(**{k: v for k, v in row.items() if k != "seq"}) for row in rows)
    return {shown.link_id: shown for shown in every if same_person(shown.operator) == same_person(operator)}
