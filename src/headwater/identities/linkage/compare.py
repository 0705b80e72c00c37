"""Weights of the pairs of two files under a model: its tables in whole numbers, and the pairs that are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np

from headwater.identities.linkage.blocks import Blocks
from headwater.identities.linkage.features import I32, I64, Features
from headwater.identities.linkage.fit import fitted
from headwater.identities.linkage.linkage_model import LEVELS, LinkageModel, ModelLevel
from headwater.identities.linkage.weighed import SUMS, UNSAID, Priors, WeighedPairs, joined, mbits

__all__ = ["Comparer"]

_PART_ROWS = 4096
_SAMPLE_ROWS = 20_000
_SAMPLE_LEAST_MBITS = -12_000
_SHARED_MBITS = -300
_NEVER_MBITS = -(1 << 30)
_BIRTH_COLUMN = 4
_BIRTH_PLACES = 4_000_000


def _best_below_equal(levels: Sequence[ModelLevel]) -> int:
    """The most that a comparison adds where its values are not equal."""
    return max(mbits(level.m_ppm, level.u_ppm) for level in levels if level.u_ppm is not None)


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
        self._m, self._u, self._h = (np.full((len(LEVELS), 10), UNSAID, np.int32) for _ in range(3))
        for n, levels in enumerate(model.comparisons.values()):
            for k, level in enumerate(levels):
                self._m[n, k] = mbits(level.m_ppm, 1_000_000)
                self._u[n, k] = mbits(level.u_ppm or 1, 1_000_000)
                if level.h_ppm is not None:
                    self._h[n, k] = mbits(level.h_ppm, 1_000_000)
        self._best = np.array([_best_below_equal(levels) for levels in model.comparisons.values()], np.int32)
        self._rarity = self._logs(features.values.counts)
        self._births = self._birth_rarity()
        self._letters = np.zeros(len(features.values.starts) - 1, np.uint32)
        self._table = np.array([mbits(1 + 2 ** (-k / 1000), 1) for k in range(12_000)], np.int32)
        from headwater.identities.linkage.level_kernels import letters_of

        letters_of(features.values.text, features.values.starts, self._letters)
        self.compared = np.zeros(len(model.rules), np.int64)

    def _logs(self, counts: I32) -> I32:
        """For each value, log2 of how frequent it is among other rows than the one that has it."""
        seen, inverse = np.unique(counts, return_inverse=True)
        logs = np.array([mbits(max(1, int(c) - 1), max(2, self.rows)) for c in seen], np.int32)
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
            same_mbits=mbits(self._model.expected_share_ppm * min(left, right), 1_000_000 * left * right),
            household_mbits=mbits(self._model.household_members_ppm, 1_000_000 * right),
            moved_ppm=self._model.moved_ppm,
        )

    def fit(self) -> Priors:
        """Fits priors and m to these files, from the model's on; from then on the comparer weighs by them."""
        priors = self.first_priors()
        count = len(self._features.left)
        rows = np.arange(0, count, max(1, count // _SAMPLE_ROWS), dtype=np.int32)
        parts = list(self._parts(priors, rows, least=_SAMPLE_LEAST_MBITS, shared=_SHARED_MBITS))
        self.compared[:] = 0
        sample = joined(parts)
        pairs = sum(count - 1 - int(r) for r in rows) if self.itself else len(rows) * len(self._features.right)
        found = fitted(sample, self._m, self._h, priors, float(max(pairs, 1)), self._model)
        self._m = found.m
        for n, levels in enumerate(self._model.comparisons.values()):
            gains = [int(self._m[n, k] - self._u[n, k]) for k, level in enumerate(levels) if level.u_ppm is not None]
            self._best[n] = max(gains)
        return found.priors

    def pairs(self, priors: Priors, *, least_mbits: int, progress: Callable[[int], None]) -> WeighedPairs:
        """All pairs of at least this weight, in order of left and right row."""
        self.compared[:] = 0
        rows = np.arange(len(self._features.left), dtype=np.int32)
        kept, done = [], 0
        for part in self._parts(priors, rows, least=least_mbits, shared=_NEVER_MBITS):
            kept.append(part)
            done = min(len(rows), done + _PART_ROWS)
            progress(done)
        return joined(kept)

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
                mbits(priors.moved_ppm, 1_000_000),
                mbits(1_000_000 - priors.moved_ppm, 1_000_000),
                mbits(model.exchanged_ppm, 1_000_000),
                mbits(model.email_of_name_ppm, 1_000_000),
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
                found_pairs = pairs[:found]
                # In which order a block's rows lie is the sort's affair; from here on it no longer shows.
                ordered = np.lexsort((found_pairs[:, 1], found_pairs[:, 0]))
                weighed = WeighedPairs(pairs=pairs, levels=levels, weights_mbits=weights, total_mbits=totals)
                return weighed.chosen(ordered), compared
            room = found
