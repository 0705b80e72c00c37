"""How far judgements can be relied upon: against known answers, against the same person, against another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from headwater.judgements.judgement import KNOWN_CLAIM, Judgement, Subject, is_about_link
from headwater.judgements.shares import Share, share_of
from headwater.judgements.shown import AS_REPEATED

__all__ = ["Agreement", "KnownAnswers", "agreement_with_others", "agreement_with_self", "kappa_ppm", "known_answers"]

_MILLION: Final = 1_000_000
_RIGHT: Final = {"same": "positive", "different": "negative"}

VerdictPair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAnswers:
    """What one person said of pairs whose answer is known: of each pair, what was said first.

    Attributes:
        operator: Who.
        same_right: Pairs of one person, judged positive.
        same_wrong: Pairs of one person, judged negative.
        different_right: Pairs of two people, judged negative.
        different_wrong: Pairs of two people, judged positive: a wrong person named.
        unsure: Pairs judged unsure, which is neither right nor wrong.
    """

    operator: str
    same_right: int
    same_wrong: int
    different_right: int
    different_wrong: int
    unsure: int

    @property
    def right(self) -> Share:
        """Of the pairs decided, those decided rightly."""
        right = self.same_right + self.different_right
        return share_of(right, right + self.same_wrong + self.different_wrong)

    def precision(self, expected_ppm: int | None) -> Share:
        """How many of this person's positives are right, if that share of the links they are given is.

        By Bayes' rule, from how often pairs of one person and pairs of two were judged positive; the bounds take both
        at their worst and at their best.

        Args:
            expected_ppm: Share of the links given that are right, as the model expects; None where it is not known.
        """
        found = share_of(self.same_right, self.same_right + self.same_wrong)
        false = share_of(self.different_wrong, self.different_right + self.different_wrong)
        if expected_ppm is None:
            return Share()
        return Share(
            ppm=_positives_right(found.ppm, false.ppm, expected_ppm),
            least_ppm=_positives_right(found.least_ppm, false.most_ppm, expected_ppm),
            most_ppm=_positives_right(found.most_ppm, false.least_ppm, expected_ppm),
        )


def _positives_right(found_ppm: int | None, false_ppm: int | None, expected_ppm: int) -> int | None:
    if found_ppm is None or false_ppm is None:
        return None
    right, wrong = found_ppm * expected_ppm, false_ppm * (_MILLION - expected_ppm)
    return None if right + wrong == 0 else round(Fraction(_MILLION * right, right + wrong))


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How two judgements of each of several pairs go together.

    Attributes:
        operator: Who gave the first.
        other: Who gave the second; the same person for pairs that came again.
        pairs: How many.
        agreed: In how many both said the same word.
        kappa_ppm: Cohen's kappa, in parts per million: agreement beyond what chance would give; None where there is
            none to be had, because all said one word or there is no pair.
    """

    operator: str
    other: str
    pairs: int
    agreed: int
    kappa_ppm: int | None


def known_answers(judgements: Iterable[Judgement], answers: Mapping[Subject, str]) -> list[KnownAnswers]:
    """For each person who judged pairs of known answer, how that went; in order of name.

    Args:
        judgements: All of them, in order.
        answers: same or different, by the subject of the judgement.
    """
    first: dict[tuple[str, Subject], Judgement] = {}
    for judgement in judgements:
        if judgement.claim == KNOWN_CLAIM and judgement.subject in answers:
            first.setdefault((judgement.person, judgement.subject), judgement)
    counts: dict[str, Counter[tuple[str, str]]] = {}
    names: dict[str, str] = {}
    for (person, subject), judgement in first.items():
        names.setdefault(person, judgement.operator)
        answer = answers[subject]
        word = "unsure" if judgement.verdict == "unsure" else str(judgement.verdict == _RIGHT[answer])
        counts.setdefault(person, Counter())[answer, word] += 1
    return [
        KnownAnswers(
            operator=names[person],
            same_right=counted["same", "True"],
            same_wrong=counted["same", "False"],
            different_right=counted["different", "True"],
            different_wrong=counted["different", "False"],
            unsure=counted["same", "unsure"] + counted["different", "unsure"],
        )
        for person, counted in sorted(counts.items())
    ]


def agreement_with_self(judgements: Iterable[Judgement]) -> list[Agreement]:
    """For each person who was shown a pair again, whether they said the same as before; in order of name.

    Only what the queue showed again counts: who takes a judgement back disagrees with nobody.
    """
    before: dict[tuple[str, Subject], str] = {}
    pairs: dict[str, list[VerdictPair]] = {}
    names: dict[str, str] = {}
    for judgement in judgements:
        if not is_about_link(judgement):
            continue
        names.setdefault(judgement.person, judgement.operator)
        key = (judgement.person, judgement.subject)
        if judgement.shown_as == AS_REPEATED and key in before:
            pairs.setdefault(judgement.person, []).append((before[key], judgement.verdict))
        before[key] = judgement.verdict
    return [_agreement(names[person], names[person], pairs[person]) for person in sorted(pairs)]


def agreement_with_others(judgements: Iterable[Judgement]) -> list[Agreement]:
    """For each two people, the links that both judged; of each what they said first, before they could talk."""
    first: dict[str, dict[Subject, str]] = {}
    names: dict[str, str] = {}
    for judgement in judgements:
        if is_about_link(judgement):
            names.setdefault(judgement.person, judgement.operator)
            first.setdefault(judgement.person, {}).setdefault(judgement.subject, judgement.verdict)
    found = []
    people = sorted(first)
    for place, one in enumerate(people):
        for other in people[place + 1 :]:
            both = sorted(first[one].keys() & first[other].keys())
            if both:
                verdicts = [(first[one][subject], first[other][subject]) for subject in both]
                found.append(_agreement(names[one], names[other], verdicts))
    return found


def _agreement(operator: str, other: str, verdicts: Sequence[VerdictPair]) -> Agreement:
    return Agreement(
        operator=operator,
        other=other,
        pairs=len(verdicts),
        agreed=sum(one == two for one, two in verdicts),
        kappa_ppm=kappa_ppm(verdicts),
    )


def kappa_ppm(verdicts: Sequence[VerdictPair]) -> int | None:
    """Cohen's kappa of two judgements of each pair, in parts per million; None where chance alone would agree in all.

    Example:
        >>> kappa_ppm([("positive", "positive"), ("negative", "negative"), ("positive", "negative")])
        400000
        >>> kappa_ppm([("positive", "positive")]) is None
        True

    References:
        Cohen (1960), A Coefficient of Agreement for Nominal Scales.
    """
    count = len(verdicts)
    if not count:
        return None
    ours, theirs = Counter(one for one, _ in verdicts), Counter(two for _, two in verdicts)
    chance = Fraction(sum(ours[word] * theirs[word] for word in ours), count * count)
    if chance == 1:
        return None
    agreed = Fraction(sum(one == two for one, two in verdicts), count)
    return round(_MILLION * (agreed - chance) / (1 - chance))
