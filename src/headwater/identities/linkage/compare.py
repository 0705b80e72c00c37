"""Weights of the pairs of two files under a model: its tables in whole numbers, the estimate of its priors, the pairs kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from headwater.identities.linkage.blocks import Blocks
from headwater.identities.linkage.features import I32, I64, Features
from headwater.identities.linkage.linkage_model import LEVELS, LinkageModel, ModelLevel

__all__ = ["SUMS", "Comparer", "Priors", "WeighedPairs"]

SUMS = ("moved", "shared_by_household")
"""What a pair's weight has besides its comparisons: an address that changed counts once, and so does a household."""
_PART_ROWS = 4096
_SAMPLE_ROWS = 20_000
_ROUNDS = 30
_SAMPLE_LEAST_MBITS = -12_000
_SHARED_MBITS = -300
_NEVER_MBITS = -(1 << 30)
_BIRTH_COLUMN = 4
_BIRTH_PLACES = 4_000_000
_UNSAID = -1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Priors:
    """What is expected of a pair before anything is compared.

    Attributes:
        same_mbits: log2 of the odds that its rows are of one person.
        household_mbits: log2 of the odds that they are of two members of one household.
    """

    same_mbits: int
    household_mbits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WeighedPairs:
    """Pairs with all that was found of them.

    Attributes:
        pairs: Left and right row of each.
        levels: For each comparison its level; -1 where it could not be made.
        weights_mbits: For each comparison, and each of SUMS, what it adds.
        total_mbits: The weight, with the prior.
    """

    pairs: I32
    levels: I32
    weights_mbits: I32
    total_mbits: I64

    def chosen(self, keep: npt.NDArray[np.bool_] | I64) -> WeighedPairs:
        """These of them."""
        return WeighedPairs(
            pairs=self.pairs[keep], levels=self.levels[keep], weights_mbits=self.weights_mbits[keep],
            total_mbits=self.total_mbits[keep],
        )  # fmt: skip


def _mbits(numerator: float, denominator: float) -> int:
    return round(1000 * math.log2(numerator / denominator))


def _best_below_equal(levels: Sequence[ModelLevel]) -> int:
    """The most that a comparison adds where its values are not equal."""
    return max(_mbits(level.m_ppm, level.u_ppm) for level in levels if level.u_ppm is not None)


class Comparer:
    """Both files under a model.

    Args:
        features: Both files.
        blocks: Their blocks.
        model: The model.
        threads: Threads at once; results do not depend on it.
    """

    def __init__(self, features: Features, blocks: Blocks, model: LinkageModel, threads: int) -> None:
        self._features, self._blocks, self._model, self._threads = features, blocks, model, threads
        self.itself = features.left is features.right
        self.rows = len(features.left) + (0 if self.itself else len(features.right))
        self._m, self._u, self._h = (np.full((len(LEVELS), 10), _UNSAID, np.int32) for _ in range(3))
        for n, levels in enumerate(model.comparisons.values()):
            for k, level in enumerate(levels):
                self._m[n, k] = _mbits(level.m_ppm, 1_000_000)
                self._u[n, k] = _mbits(level.u_ppm or 1, 1_000_000)
                if level.h_ppm is not None:
                    self._h[n, k] = _mbits(level.h_ppm, 1_000_000)
        self._best = np.array([_best_below_equal(levels) for levels in model.comparisons.values()], np.int32)
        self._rarity = self._logs(features.values.counts)
        self._births = self._birth_rarity()
        self._letters = np.zeros(len(features.values.starts) - 1, np.uint32)
        self._table = np.array([_mbits(1 + 2 ** (-k / 1000), 1) for k in range(12_000)], np.int32)
        from headwater.identities.linkage.kernels import letters_of

        letters_of(features.values.text, features.values.starts, self._letters)
        self.compared = np.zeros(len(model.rules), np.int64)

    def _logs(self, counts: I32) -> I32:
        """For each value, log2 of how frequent it is among other rows than the one that has it."""
        seen, inverse = np.unique(counts, return_inverse=True)
        logs = np.array([_mbits(max(1, int(c) - 1), max(2, self.rows)) for c in seen], np.int32)
        found: I32 = logs[inverse].reshape(counts.shape) if len(seen) else np.zeros(counts.shape, np.int32)
        return found

    def _birth_rarity(self) -> I32:
        counts = np.zeros(_BIRTH_PLACES, np.int32)
        sides = (self._features.left,) if self.itself else (self._features.left, self._features.right)
        for side in sides:
            dates = side[:, _BIRTH_COLUMN]
            counts += np.bincount(dates[dates > 0] % _BIRTH_PLACES, minlength=_BIRTH_PLACES).astype(np.int32)
        return self._logs(counts)

    def first_priors(self) -> Priors:
        """The model's own, spread over these files."""
        left, right = len(self._features.left), len(self._features.right)
        return Priors(
            same_mbits=_mbits(self._model.expected_share_ppm * min(left, right), 1_000_000 * left * right),
            household_mbits=_mbits(self._model.household_members_ppm, 1_000_000 * right),
        )

    def estimated_priors(self) -> Priors:
        """Shares of pairs of one person and of one household, as a sample of left rows tells them.

        Expectation and maximisation over three kinds of pairs, with all that the model says of levels held fast.

        References:
            Dempster, Laird and Rubin (1977), Maximum Likelihood from Incomplete Data via the EM Algorithm, section 4.3.
        """
        priors = self.first_priors()
        count = len(self._features.left)
        rows = np.arange(0, count, max(1, count // _SAMPLE_ROWS), dtype=np.int32)
        parts = list(self._parts(priors, rows, least=_SAMPLE_LEAST_MBITS, shared=_SHARED_MBITS))
        self.compared[:] = 0
        total = np.concatenate([p.total_mbits for p in parts])
        shared = np.concatenate([p.weights_mbits[:, -1] for p in parts])
        universe = float(sum(count - 1 - int(r) for r in rows) if self.itself else len(rows) * len(self._features.right))
        # Odds beside strangers, of one person and of one household, at the first priors.
        same = np.exp2((total - shared) / 1000)
        household = np.exp2(-shared / 1000) - 1
        scale_same = scale_household = 1.0
        first = 2.0 ** (priors.same_mbits / 1000), 2.0 ** (priors.household_mbits / 1000)
        for _ in range(_ROUNDS):
            a, b = same * scale_same, household * scale_household
            whole = 1 + a + b
            scale_same = max(float((a / whole).sum()), 0.5) / universe / first[0]
            scale_household = max(float((b / whole).sum()), 0.5) / universe / first[1]
        return Priors(
            same_mbits=priors.same_mbits + _mbits(scale_same, 1),
            household_mbits=priors.household_mbits + _mbits(scale_household, 1),
        )

    def pairs(self, priors: Priors, *, least_mbits: int, progress: Callable[[int], None]) -> WeighedPairs:
        """All pairs of at least this weight, in order of left and right row."""
        self.compared[:] = 0
        rows = np.arange(len(self._features.left), dtype=np.int32)
        kept, done = [], 0
        for part in self._parts(priors, rows, least=least_mbits, shared=_NEVER_MBITS):
            order = np.lexsort((part.pairs[:, 1], part.pairs[:, 0]))
            kept.append(part.chosen(order))
            done = min(len(rows), done + _PART_ROWS)
            progress(done)
        return WeighedPairs(
            pairs=np.concatenate([p.pairs for p in kept]),
            levels=np.concatenate([p.levels for p in kept]),
            weights_mbits=np.concatenate([p.weights_mbits for p in kept]),
            total_mbits=np.concatenate([p.total_mbits for p in kept]),
        )

    def _parts(self, priors: Priors, rows: I32, *, least: int, shared: int) -> Iterator[WeighedPairs]:
        """Part after part of the left rows, in order; a few at once."""
        cut = [rows[at : at + _PART_ROWS] for at in range(0, len(rows), _PART_ROWS)]
        constants = self._constants(priors)
        with ThreadPoolExecutor(self._threads) as pool:
            waiting = iter(cut)
            ahead = [pool.submit(self._part, constants, r, least, shared) for r in islice(waiting, 2 * self._threads)]
            while ahead:
                part, compared = ahead.pop(0).result()
                self.compared += compared
                ahead += [pool.submit(self._part, constants, r, least, shared) for r in islice(waiting, 1)]
                yield part

    def _constants(self, priors: Priors) -> I64:
        model = self._model
        return np.array(
            [
                priors.same_mbits,
                priors.household_mbits,
                _mbits(model.moved_ppm, 1_000_000),
                _mbits(1_000_000 - model.moved_ppm, 1_000_000),
                _mbits(model.exchanged_ppm, 1_000_000),
            ],
            np.int64,
        )

    def _part(self, constants: I64, rows: I32, least: int, shared: int) -> tuple[WeighedPairs, I64]:
        from headwater.identities.linkage.kernels import compare_blocks

        features, blocks, room = self._features, self._blocks, 8 * len(rows)
        while True:
            pairs, levels = np.zeros((room, 2), np.int32), np.zeros((room, len(LEVELS)), np.int32)
            weights, totals = np.zeros((room, len(LEVELS) + len(SUMS)), np.int32), np.zeros(room, np.int64)
            compared = np.zeros(len(self._model.rules), np.int64)
            found = compare_blocks(
                features.left, features.right, rows, int(self.itself), blocks.left_keys, blocks.right_keys,
                blocks.order, blocks.first, blocks.last, features.values.text, features.values.starts, self._letters,
                features.folded, features.long_form, self._rarity, self._births, self._m, self._u, self._h, self._best,
                constants, self._table, least, shared, pairs, levels, weights, totals, compared,
            )  # fmt: skip
            if found <= room:
                cut = slice(0, found)
                return WeighedPairs(
                    pairs=pairs[cut].copy(), levels=levels[cut].copy(), weights_mbits=weights[cut].copy(),
                    total_mbits=totals[cut].copy(),
                ), compared  # fmt: skip
            room = found


