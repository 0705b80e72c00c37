"""A judgement is a value. Undoing one is another; a negative outlives every later positive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal, get_args

import pyarrow as pa
import sqlalchemy as sa

from headwater.schema import content_id, table_named
from headwater.schema.state import JUDGEMENTS

__all__ = [
    "HUB_CLAIM",
    "MERGE_CLAIM",
    "VERDICTS",
    "Judgement",
    "Verdict",
    "append",
    "history",
    "hub_snapshot",
    "settled_snapshot",
    "snapshot",
    "standing",
]

Verdict = Literal["positive", "negative", "unsure"]
VERDICTS: tuple[str, ...] = get_args(Verdict)
HUB_CLAIM = "hub"
"""The claim of a judgement that is about a listed hash, not about a person: that it stands for what it lists."""
MERGE_CLAIM = "merge"
"""The claim of a judgement that is about a transaction: that whoever signed for one input signed for the others."""
_ABOUT_NO_LINK = frozenset({HUB_CLAIM, MERGE_CLAIM})


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One person's decision on one link, on one listed hash that is near many unlike items, or on one merge.

    Attributes:
        link_id: The link, the hub, or the transaction that merges.
        claim: used, paid or held; hub; merge.
        left_id: The link's left row, so that the decision survives a new model; the listed hash; the transaction.
        right_id: Its right row; the entry that was looked at; empty for a merge.
        verdict: positive, negative or unsure.
        operator: Who.
        why: In that person's words.
        seen_weight_mbits: The weight that person was shown.
        model_id: The model that weight came from.
        at_utc: When, ISO 8601 with microseconds and Z.
    """

    link_id: str
    claim: str
    left_id: str
    right_id: str
    verdict: str
    operator: str
    why: str
    seen_weight_mbits: int
    model_id: str
    at_utc: str

    @property
    def judgement_id(self) -> str:
        """Digest of the whole decision."""
        return content_id("jdg", *(value for _, value in sorted(asdict(self).items())))


def append(connection: sa.Connection, judgement: Judgement) -> None:
    """Add a judgement; there is no way to change or remove one."""
    connection.execute(JUDGEMENTS.insert().values(judgement_id=judgement.judgement_id, **asdict(judgement)))


def history(connection: sa.Connection) -> list[Judgement]:
    """Every judgement, in the order they were given."""
    rows = connection.execute(sa.select(JUDGEMENTS).order_by(JUDGEMENTS.c.seq)).mappings()
    return [Judgement(**{k: v for k, v in row.items() if k not in {"seq", "judgement_id"}}) for row in rows]


_STRENGTH = {"negative": 0, "unsure": 1, "positive": 2}


def _precedence(judgement: Judgement) -> tuple[int, str]:
    return _STRENGTH[judgement.verdict], judgement.operator


def standing(judgements: Iterable[Judgement]) -> Mapping[str, Judgement]:
    """For each link, the judgement that stands.

    A person's later judgement replaces that same person's earlier one. Between persons the order is negative, then
    unsure, then positive: one person's negative is not outvoted, only withdrawn by that person.
    """
    latest: dict[tuple[str, str], Judgement] = {}
    for judgement in judgements:
        latest[judgement.link_id, judgement.operator] = judgement
    chosen: dict[str, Judgement] = {}
    for judgement in latest.values():
        held = chosen.get(judgement.link_id)
        # Of equal verdicts, the first operator by name: who judged first must not show in what is derived.
        if held is None or _precedence(judgement) < _precedence(held):
            chosen[judgement.link_id] = judgement
    return chosen


def snapshot(judgements: Iterable[Judgement]) -> pa.Table:
    """The standing judgements on links as the table `judgements`, without clock times, which later stages depend on."""
    listed = [judgement for judgement in judgements if judgement.claim not in _ABOUT_NO_LINK]
    stands = standing(listed)
    positives: dict[str, set[str]] = {}
    latest = {(j.link_id, j.operator): j for j in listed}
    for judgement in latest.values():
        if judgement.verdict == "positive":
            positives.setdefault(judgement.link_id, set()).add(judgement.operator)
    return table_named("judgements").rows(
        {
            "link_id": j.link_id,
            "claim": j.claim,
            "left_id": j.left_id,
            "right_id": j.right_id,
            "verdict": j.verdict,
            "operator": j.operator,
            "positive_operators": len(positives.get(j.link_id, ())),
        }
        for j in stands.values()
    )


def settled_snapshot(judgements: Iterable[Judgement]) -> pa.Table:
    """The standing judgements on links that join or part people, as the table `settled_links`, without clock times.

    Empty as long as none is negative: nothing is barred then, and linking people anew after each positive judgement
    would change nothing.
    """
    stands = standing(j for j in judgements if j.claim not in _ABOUT_NO_LINK)
    settled = [j for j in stands.values() if j.verdict != "unsure"]
    if not any(j.verdict == "negative" for j in settled):
        settled = []
    names = ("link_id", "claim", "left_id", "right_id", "verdict")
    return table_named("settled_links").rows({name: getattr(j, name) for name in names} for j in settled)


_STANDING = {"positive": "listed", "negative": "template"}


def hub_snapshot(judgements: Iterable[Judgement]) -> pa.Table:
    """The standing judgements on hubs as the table `hub_judgements`, without clock times; unsure decides nothing."""
    stands = standing(judgement for judgement in judgements if judgement.claim == HUB_CLAIM)
    return table_named("hub_judgements").rows(
        {"pdq": j.left_id, "standing": _STANDING[j.verdict], "operator": j.operator}
        for j in stands.values()
        if j.verdict in _STANDING
    )
