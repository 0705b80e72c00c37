"""The queue: what one person is given to judge, with everything that a decision needs, and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.errors import ConfigError, InputError
from headwater.judgements import (
    AS_KNOWN,
    AS_LINK,
    REPEAT_GAP,
    Judgement,
    Shares,
    ShownLink,
    add_shown,
    bars_digest,
    last_shown,
    same_person,
    woven,
)
from headwater.workflow.case import Actor, Case
from headwater.workflow.judged_pairs import JudgedPairs
from headwater.workflow.review_rows import OrderOfReview, ScannedRows
from headwater.workflow.reviewed import reviewed_pairs
from headwater.workflow.views import consult

__all__ = ["CLAIMS", "Review", "ShownQueue", "pair_shown_as", "queued_hubs", "show_queue", "shown_pair"]

CLAIMS: Final = ("used", "paid", "held")
_OF_MODEL: Final = ("comparisons", "match_weight_mbits", "probability_ppm", "because")
"""What a person who is not to be led by the model does not see before they have judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownQueue:
    """What the queue shows.

    Attributes:
        rows: The pairs, or the hubs, as they are shown.
        left: How many wait besides.
        hubs: Listed hashes that are set aside.
        unordered: Proposed links that have no place in the order of review, which is of another run; they come last.
    """

    rows: list[dict[str, Any]]
    left: int
    hubs: int
    unordered: int = 0


def show_queue(
    case: Case,
    actor: Actor,
    *,
    limit: int = 0,
    claim: str | None = None,
    link_id: str | None = None,
    judged: bool = False,
    hide_score: bool = False,
) -> ShownQueue:
    """What waits for this person, in the order of review, and a record of what they were shown.

    Args:
        case: The case.
        actor: Who looks; what they have judged does not wait for them.
        limit: At most so many; 0 for all.
        claim: used, paid, held or hub; None for all links.
        link_id: This one alone, whether it waits or not.
        judged: Every proposed link instead, with the judgement that stands on it.
        hide_score: Weights, probability and bars are left out of pairs that this person has not judged.

    Raises:
        ConfigError: There is no such claim.
        InputError: There is no such link.
    """
    if claim not in {None, "hub", *CLAIMS}:
        raise ConfigError(f"--claim '{claim}': known are {', '.join(CLAIMS)}, hub")
    with consult(case, actor, "queue", () if link_id is None else (link_id,)) as tables:
        hubs = queued_hubs(tables, judged=judged)
        if claim == "hub":
            return ShownQueue(rows=hubs[: limit or None], left=_beyond(hubs, limit), hubs=len(hubs))
        found_by = ScannedRows(tables)
        judgements = JudgedPairs(found_by)
        judgements.add(case.judgements())
        review = Review(case, OrderOfReview(tables), judgements, actor.name)
        if link_id is not None:
            chosen = [(link_id, review.shown_as(link_id))]
        elif judged:
            chosen = [(link, AS_LINK) for link in review.order(claim)]
        else:
            chosen = list(review.given(claim))
        left, chosen = _beyond(chosen, limit), chosen[: limit or None]
        pairs = reviewed_pairs(found_by, [link for link, _ in chosen])
        if link_id is not None and not pairs:
            raise InputError(link_id, "no such link", remedy="copy the id from 'headwater queue'")
        rows, shown = [], []
        for pair, (link, shown_as) in zip(pairs, chosen, strict=True):
            # What is given again is hidden again, or it could be told from what is new.
            hidden = hide_score and (link not in review.mine or not (judged or link_id))
            told = judged or (link in review.mine and link_id is not None)
            row, record = shown_pair(case, review, pair, shown_as, actor.name, hidden=hidden, judged=told)
            rows.append(row)
            shown.append(record)
    with case.database.begin() as connection:
        add_shown(connection, shown)
    return ShownQueue(rows=rows, left=left, hubs=len(hubs), unordered=review.unordered)


def _beyond(rows: Sequence[object], limit: int) -> int:
    return max(0, len(rows) - limit) if limit else 0


def _without_score(pair: Mapping[str, Any]) -> dict[str, Any]:
    """The pair without anything that the model made of it; candidates in an order that says nothing."""
    candidates = [
        {name: value for name, value in candidate.items() if name in {"link_id", "right_id", "right"}}
        for candidate in sorted(pair["candidates"], key=lambda candidate: str(candidate["right_id"]))
    ]
    kept = {name: value for name, value in pair.items() if name not in _OF_MODEL}
    return {**kept, "candidates": candidates, "score_hidden": True, "judged": None}


class Review:
    """What one person has judged, and what waits for them.

    Args:
        case: The case.
        order: Of its links.
        judged: Every judgement so far.
        operator: Who.
    """

    def __init__(self, case: Case, order: OrderOfReview, judged: JudgedPairs, operator: str) -> None:
        self._case = case
        self._operator = operator
        self._person = same_person(operator)
        self._order = order
        self._judged = judged
        self._own = judged.own(self._person)
        self.stands = judged.stands
        self.unordered = order.unordered
        self.mine = {link for link, _ in self._own}

    def order(self, claim: str | None) -> Iterator[str]:
        """Every link that is proposed or judged, in the order of review."""
        return self._order.links(self._judged.there, claim)

    def given(self, claim: str | None) -> Iterator[tuple[str, str]]:
        """What waits for this person, and among it what measures them; each with how it comes to be shown."""
        second = self._judged.named_once - self.mine
        settings = self._case.settings
        return woven(
            (link for link in self.order(claim) if link not in self.stands or link in second),
            known=lambda: self._order.known(claim) - self.mine,
            repeated=lambda: self._repeated(claim) - second,
            case_id=self._case.case_id,
            person=self._person,
            judged=len(self._own),
            shares=Shares(known_ppm=settings.known_pairs_ppm, repeated_ppm=settings.repeated_pairs_ppm),
        )

    def last_judged(self) -> str | None:
        """The pair that this person judged last, by the id that it has now."""
        return self._own[-1][0] if self._own else None

    def shown_as(self, link: str) -> str:
        """How a pair that is asked for by its id comes to be shown: as in the queue, until it is judged."""
        shown = pair_shown_as(self._case, self._operator, link, [j for own, j in self._own if own == link])
        if shown is not None:
            return shown.shown_as
        return AS_KNOWN if link in self._order.known(None) else AS_LINK

    def _repeated(self, claim: str | None) -> set[str]:
        """The links that somebody judged, but for those that this person judged lately."""
        lately = {link for link, _ in self._own[-REPEAT_GAP:]}
        return {link for link, of in self._judged.there.items() if claim in {None, of}} - lately


def shown_pair(
    case: Case, review: Review, pair: Mapping[str, Any], shown_as: str, operator: str, *, hidden: bool, judged: bool
) -> tuple[dict[str, Any], ShownLink]:
    """A pair as this person is shown it, and the record of that.

    Args:
        case: The case.
        review: Of this person.
        pair: From `reviewed_pairs`.
        shown_as: How it comes to be shown.
        operator: Who looks.
        hidden: Whether weights, probability and bars are left out.
        judged: Whether the judgement that stands on it is told.
    """
    link = str(pair["link_id"])
    verdict = review.stands.get(link) if judged else None
    row = _without_score(pair) if hidden else {**pair, "score_hidden": False, "judged": verdict}
    return row, ShownLink(
        link_id=link,
        operator=operator,
        bars_sha256="" if hidden else bars_digest(pair),
        score_hidden=hidden,
        shown_as=shown_as,
        at_utc=case.now(),
    )


def pair_shown_as(case: Case, operator: str, link_id: str, own: Sequence[Judgement]) -> ShownLink | None:
    """How the queue showed a pair to this person since they last judged it; None if it did not.

    Args:
        case: The case.
        operator: Who.
        link_id: The pair.
        own: What this person judged about it before, in order.
    """
    with case.database.connect() as connection:
        shown = last_shown(connection, operator, link_id).get(link_id)
    return shown if shown is not None and shown.at_utc > max((j.at_utc for j in own), default="") else None


def queued_hubs(tables: Session, *, judged: bool = False) -> list[dict[str, Any]]:
    """The listed hashes that are set aside, those near most items first, each with the lists it is on.

    Args:
        tables: The case's tables.
        judged: Whether to include those that somebody has decided about.
    """
    hubs = [row for row in tables.arrow("media_hubs").to_pylist() if judged or row["standing"] == "undecided"]
    wanted = {hub["entry_id"] for hub in hubs}
    shown = ("reference_name", "reference_version", "category", "series", "victim_identified")
    entries = tables.columns("hash_list_entries", ("entry_id", *shown))
    entries = entries.filter(pc.is_in(entries["entry_id"], value_set=pa.array(sorted(wanted), pa.string())))
    listed = {row["entry_id"]: row for row in entries.to_pylist()}
    found = [{**hub, **{name: listed[hub["entry_id"]][name] for name in shown}} for hub in hubs]
    return sorted(found, key=lambda hub: (-hub["items"], hub["media_hub_id"]))
