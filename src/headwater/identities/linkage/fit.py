"""The model's m and priors fitted to two files: from what the model says, as far as the files say otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headwater.identities.linkage.linkage_model import LEVELS, MOST_LEVELS, LinkageModel
from headwater.identities.linkage.weighed import UNSAID, Priors, WeighedPairs, mbits

__all__ = ["Fitted", "fitted"]

F64 = npt.NDArray[np.float64]
_ROUNDS = 40
_MODEL_PAIRS = 60.0
"""Pairs of one person that the model's m count for: with fewer in a sample the model prevails, with more the files."""
_LEAST_SHARE = 0.0005
_MODEL_ROWS = 5.0
"""Left rows that the model's priors count for."""
_TELLS_NAMESAKES_APART = "date_of_birth"
_FEWEST_PAIRS = 0.5
_GROUPS: dict[str, tuple[tuple[int, ...], ...]] = {
    # Levels that are each other's alternatives; those of other fields all are. Another writing of a name is told of few
    # pairs, so that how often it occurs is not for these files to say.
    "given_name": (tuple(range(10)),),
    "surname": (tuple(range(7)),),
    "date_of_birth": ((0, 1, 2, 3, 4, 7, 8, 9),),
    "postcode": ((0, 1, 2), (3, 4)),
    "state": ((0, 1), (2, 3)),
}
_ADDRESS = slice(3, 8)
_BY_VALUE = {(0, 1), (9, 1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What was fitted.

    Attributes:
        m: log2 of m for each comparison and level, in thousandths of a bit.
        priors: Of pairs.
    """

    m: npt.NDArray[np.int32]
    priors: Priors


def _within(share: F64, before: F64, times: int) -> F64:
    """The share, no further from the model's than so many times.

    In large files namesakes outnumber pairs of one person, and a fit left to itself takes them for people whose dates
    of birth and addresses all differ.
    """
    held: F64 = np.clip(share, before / times, before * times)
    return held


def fitted(
    sample: WeighedPairs, m: npt.NDArray[np.int32], h: npt.NDArray[np.int32], priors: Priors, universe: float,
    rows: int, model: LinkageModel, most_times: int,
) -> Fitted:  # fmt: skip
    """The m and the priors, by expectation and maximisation over pairs of one person, one household, and strangers.

    u and h stay as they are. The model's m stand for so many pairs seen before (`_MODEL_PAIRS`), so that a few odd
    pairs do not overturn them; its priors stand for `_MODEL_ROWS` left rows.

    Args:
        sample: Pairs of a sample of left rows, weighed by the model as it stands.
        m: log2 of the model's m, in thousandths of a bit.
        h: Likewise of members of one household.
        priors: The model's.
        universe: Pairs there are of the sampled rows, compared or not.
        rows: Sampled left rows; the model's priors count for `_MODEL_ROWS` besides.
        model: The model.
        most_times: How far m of dates of birth, and the share of people who moved, may come from the model's; other m
            may come twice as far.

    References:
        Dempster, Laird and Rubin (1977), Maximum Likelihood from Incomplete Data via the EM Algorithm, section 4.3.
    """
    levels = sample.levels
    made = levels >= 0
    at = np.where(made, levels, 0)
    fields = np.arange(len(LEVELS))
    weights = sample.weights_mbits[:, : len(LEVELS)] / 1000
    exchanged = sample.weights_mbits[:, len(LEVELS)] / 1000
    rarest = np.where(made, m[fields, at] / 1000 - weights, 0.0)
    likely = h[fields, at] / 1000
    by_value = made & (levels == 0)
    for field, level in sorted(_BY_VALUE):
        by_value[:, field] |= levels[:, field] == level
    likely = np.where(by_value, np.maximum(likely, rarest), likely)
    of_household = np.where(made & (h[fields, at] > UNSAID), likely - rarest, 0.0)
    of_household[:, _ADDRESS] = 0
    household_sum = of_household.sum(axis=1)
    addressed = made[:, _ADDRESS].any(axis=1)
    before = np.zeros((len(LEVELS), MOST_LEVELS))
    for n, listed in enumerate(model.comparisons.values()):
        before[n, : len(listed)] = [level.m_ppm / 1_000_000 for level in listed]
    share = before.copy()
    before_same, before_household = 2.0 ** (priors.same_mbits / 1000), 2.0 ** (priors.household_mbits / 1000)
    same_prior, household_prior, held = before_same, before_household, _MODEL_ROWS / max(rows, 1)
    moved = priors.moved_ppm / 1_000_000
    person = np.ones(len(LEVELS), bool)
    person[_ADDRESS] = False
    for _ in range(_ROUNDS):
        gains = np.where(made, np.log2(np.maximum(share[fields, at], 1e-9)) - rarest, 0.0)
        stayed = (1 - moved) * np.exp2(gains[:, _ADDRESS].sum(axis=1))
        address = np.where(addressed, stayed + moved, 1.0)
        same = same_prior * np.exp2(gains[:, person].sum(axis=1) + exchanged) * address
        household = household_prior * np.exp2(household_sum) * address
        whole = 1 + same + household
        is_same, is_household = same / whole, household / whole
        same_prior = (max(float(is_same.sum()), _FEWEST_PAIRS) / universe + held * before_same) / (1 + held)
        found_household = max(float(is_household.sum()), _FEWEST_PAIRS) / universe
        household_prior = (found_household + held * before_household) / (1 + held)
        at_home = np.where(addressed, is_same * stayed / address, 0.0)
        seen = float(is_same[addressed].sum())
        moved = (seen - float(at_home.sum()) + _MODEL_PAIRS * priors.moved_ppm / 1_000_000) / (seen + _MODEL_PAIRS)
        moved = float(_within(np.array(moved), np.array(priors.moved_ppm / 1_000_000), most_times))
        for n, name in enumerate(LEVELS):
            counts = np.bincount(
                at[:, n], weights=(is_same if person[n] else at_home) * made[:, n], minlength=MOST_LEVELS
            )
            for group in _GROUPS.get(name, (tuple(range(len(LEVELS[name]))),)):
                chosen = list(group)
                total = counts[chosen] + _MODEL_PAIRS * before[n, chosen]
                share[n, chosen] = np.maximum(total / total.sum(), _LEAST_SHARE)
                times = most_times if name == _TELLS_NAMESAKES_APART else 2 * most_times
                share[n, chosen] = _within(share[n, chosen], before[n, chosen], times)
    logs = m.copy()
    for n, listed in enumerate(model.comparisons.values()):
        for k in range(len(listed)):
            logs[n, k] = mbits(float(share[n, k]), 1.0)
    return Fitted(
        m=logs,
        priors=Priors(
            same_mbits=mbits(same_prior, 1.0),
            household_mbits=mbits(household_prior, 1.0),
            moved_ppm=round(moved * 1_000_000),
        ),
    )
