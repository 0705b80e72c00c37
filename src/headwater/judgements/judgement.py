"""A judgement is a value. Undoing one is another; a negative outlives every later positive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Final, Literal, get_args

import pyarrow as pa
import sqlalchemy as sa

from headwater.schema import content_id, table_named
from headwater.schema.state import JUDGEMENTS

__all__ = [
    "HUB_CLAIM",
    "KNOWN_CLAIM",
    "MERGE_CLAIM",
    "VERDICTS",
    "Judgement",
    "Subject",
    "Verdict",
    "append",
    "history",
    "hub_snapshot",
    "is_about_link",
    "newest",
    "same_person",
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
KNOWN_CLAIM = "known"
"""The claim of a judgement on a pair whose answer is known: it measures who judges, and nothing follows from it."""
_ABOUT_NO_LINK = frozenset({HUB_CLAIM, MERGE_CLAIM, KNOWN_CLAIM})

Subject = tuple[str, str, str]
"""What a judgement is about: claim, left and right. No id of a run or model is in it, so that it outlives both."""

# Fields of later versions: a judgement of before them has none, and keeps the id that it was recorded under.
_LATER: Final = ("bars_sha256", "headwater_version", "links_sha256", "score_hidden", "shown_as")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One person's decision on one link, on one listed hash that is near many unlike items, or on one merge.

    Attributes:
        link_id: The link, the hub, or the transaction that merges.
        claim: used, paid or held; hub; merge; known.
        left_id: The link's left row, so that the decision survives a new model; the listed hash; the transaction.
        right_id: Its right row; the entry that was looked at; empty for a merge.
        verdict: positive, negative or unsure.
        operator: Who.
        why: In that person's words.
        seen_weight_mbits: The weight the link had; whether that person was shown it, `bars_sha256` says.
        model_id: The model that weight came from.
        at_utc: When, ISO 8601 with microseconds and Z.
        headwater_version: Version of headwater that recorded it; empty before this was recorded.
        links_sha256: Digest of the table that the link stood in.
        bars_sha256: Digest of the bars, the weight and the probability that the queue showed that person; empty where
            it showed none.
        score_hidden: Whether the queue showed the link without them.
        shown_as: How the queue came to show it: link, known or repeated; empty where it did not.
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
    headwater_version: str = ""
    links_sha256: str = ""
    bars_sha256: str = ""
    score_hidden: bool = False
    shown_as: str = ""

    @property
    def judgement_id(self) -> str:
        """Digest of the whole decision."""
        fields = asdict(self)
        later = {name: fields.pop(name) for name in _LATER}
        told = (part for name in _LATER if later[name] for part in (name, later[name]))
        return content_id("jdg", *(value for _, value in sorted(fields.items())), *told)

    @property
    def subject(self) -> Subject:
        """What it is about. Of a hub the listed hash alone: a new version of the list has other entries."""
        return self.claim, self.left_id, "" if self.claim == HUB_CLAIM else self.right_id

    @property
    def person(self) -> str:
        """Who, however the name was typed."""
        return same_person(self.operator)


def same_person(operator: str) -> str:
    """The name as persons are told apart by: neither a capital nor a space makes another person.

    >>> same_person(" b. analyst") == same_person("B. Analyst")
    True
    """
    return operator.strip().casefold()


def is_about_link(judgement: Judgement) -> bool:
    """Whether something follows for a link of the case."""
    return judgement.claim not in _ABOUT_NO_LINK


def append(connection: sa.Connection, judgement: Judgement) -> None:
    """Add a judgement; there is no way to change or remove one."""
    connection.execute(JUDGEMENTS.insert().values(judgement_id=judgement.judgement_id, **asdict(judgement)))


def history(
    connection: sa.Connection, *, after: int = 0, up_to: int | None = None, left_id: str | None = None
) -> list[Judgement]:
    """Judgements in the order they were given.

    Args:
        connection: Of the case's database.
        after: Only those after this number, which `newest` gave.
        up_to: Only those up to this number; None for all.
        left_id: Only those about this left row; None for all.
    """
    query = sa.select(JUDGEMENTS).where(JUDGEMENTS.c.seq > after).order_by(JUDGEMENTS.c.seq)
    if up_to is not None:
        query = query.where(JUDGEMENTS.c.seq <= up_to)
    if left_id is not None:
        query = query.where(JUDGEMENTS.c.left_id == left_id)
    rows = connection.execute(query).mappings()
    return [Judgement(**{k: v for k, v in row.items() if k not in {"seq", "judgement_id"}}) for row in rows]


def newest(connection: sa.Connection) -> int:
    """The number of the judgement that was given last; 0 before the first."""
    return int(connection.execute(sa.select(sa.func.max(JUDGEMENTS.c.seq))).scalar() or 0)


_STRENGTH = {"negative": 0, "unsure": 1, "positive": 2}


def _precedence(judgement: Judgement) -> tuple[int, str]:
    return _STRENGTH[judgement.verdict], judgement.operator


def standing(judgements: Iterable[Judgement]) -> Mapping[Subject, Judgement]:
    """For each claim about two rows, the judgement that stands, whatever id the link had.

    A person's later judgement replaces that same person's earlier one. Between persons the order is negative, then
    unsure, then positive: one person's negative is not outvoted, only withdrawn by that person.
    """
    return _standing(_latest(judgements))


def _standing(latest: Mapping[tuple[Subject, str], Judgement]) -> Mapping[Subject, Judgement]:
    chosen: dict[Subject, Judgement] = {}
    for (subject, _), judgement in latest.items():
        held = chosen.get(subject)
        # Of equal verdicts, the first operator by name: who judged first must not show in what is derived.
        if held is None or _precedence(judgement) < _precedence(held):
            chosen[subject] = judgement
    return chosen


def _latest(judgements: Iterable[Judgement]) -> dict[tuple[Subject, str], Judgement]:
    return {(judgement.subject, judgement.person): judgement for judgement in judgements}


def snapshot(judgements: Iterable[Judgement], link_ids: Mapping[Subject, str] | None = None) -> pa.Table:
    """The standing judgements on links as the table `judgements`, without clock times, which later stages depend on.

    Args:
        judgements: All of them, in order.
        link_ids: The ids that links have now; one that is not among them keeps the id that it was judged under.
    """
    latest = _latest(judgement for judgement in judgements if is_about_link(judgement))
    positives: dict[Subject, set[str]] = {}
    for (subject, person), judgement in latest.items():
        if judgement.verdict == "positive":
            positives.setdefault(subject, set()).add(person)
    return table_named("judgements").rows(
        {
            "link_id": (link_ids or {}).get(subject, j.link_id),
            "claim": j.claim,
            "left_id": j.left_id,
            "right_id": j.right_id,
            "verdict": j.verdict,
            "operator": j.operator,
            "positive_operators": len(positives.get(subject, ())),
        }
        for subject, j in _standing(latest).items()
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
