"""What people have judged so far, by link: read once, and then only what came since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from headwater.judgements import KNOWN_CLAIM, Judgement, Subject, is_about_link, standing
from headwater.packages import NAMED_BY
from headwater.workflow.review_rows import ReviewRows

__all__ = ["NAMING_CLAIM", "JudgedPairs"]

NAMING_CLAIM: Final = "used"
"""The claim by which a lead names a record, which takes two people."""

_OF_SUBJECT = ("link_id", "claim", "left_id", "right_id")


class JudgedPairs:
    """The judgements on pairs, with what stands of them.

    Args:
        rows: Where links are found.

    Attributes:
        stands: By link, the verdict that stands on it, whether the link is there now or not.
        there: By link that is there now and that somebody has judged, its claim.
        named_once: Links that are there now and that fewer people judged positive than it takes to name anybody.
    """

    def __init__(self, rows: ReviewRows) -> None:
        self._rows = rows
        self._now: dict[Subject, str] = {}
        self._by_subject: dict[Subject, list[Judgement]] = defaultdict(list)
        self._by_person: dict[str, list[Judgement]] = defaultdict(list)
        self.stands: dict[str, str] = {}
        self.there: dict[str, str] = {}
        self.named_once: set[str] = set()

    def add(self, judgements: Sequence[Judgement]) -> None:
        """Take note of further judgements, in the order in which they were given."""
        fresh = {j.subject for j in judgements if is_about_link(j)} - self._by_subject.keys()
        for row in self._rows.rows("links", "left_id", {left for _, left, _ in fresh}, _OF_SUBJECT) if fresh else ():
            subject = (row["claim"], row["left_id"], row["right_id"])
            if subject in fresh:
                self._now[subject] = row["link_id"]
                self.there[row["link_id"]] = row["claim"]
        for judgement in judgements:
            if is_about_link(judgement) or judgement.claim == KNOWN_CLAIM:
                self._by_subject[judgement.subject].append(judgement)
                self._by_person[judgement.person].append(judgement)
        for subject in {j.subject for j in judgements if is_about_link(j)}:
            self._settle(subject)

    def _settle(self, subject: Subject) -> None:
        given = self._by_subject[subject]
        stands = standing(given)[subject]
        link = self._now.get(subject, stands.link_id)
        latest = {judgement.person: judgement.verdict for judgement in given}
        self.stands[link] = stands.verdict
        people = sum(verdict == "positive" for verdict in latest.values())
        waits = stands.verdict == "positive" and people < NAMED_BY and self.there.get(link) == NAMING_CLAIM
        (self.named_once.add if waits else self.named_once.discard)(link)

    def link_of(self, judgement: Judgement) -> str:
        """The id that the pair of a judgement has now."""
        return self._now.get(judgement.subject, judgement.link_id)

    def own(self, person: str) -> list[tuple[str, Judgement]]:
        """What one person has judged, in order, each with the id that the pair has now."""
        return [(self.link_of(judgement), judgement) for judgement in self._by_person.get(person, ())]

    def about(self, subject: Subject) -> list[Judgement]:
        """Every judgement about two rows under a claim, in order."""
        return list(self._by_subject.get(subject, ()))
