"""Weights of the pairs of two files under a model: its tables in whole numbers, and the pairs that are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np

from headwater.identities.linkage.blocks import Blocks
from headwater.identities.linkage.features import FEATURES, I32, I64, KINDS, Features
from headwater.identities.linkage.fit import fitted
from headwater.identities.linkage.linkage_model import LEVELS, MOST_LEVELS, OTHER_WRITING, LinkageModel, ModelLevel, Use
from headwater.identities.linkage.name_levels import OtherWritings
from headwater.identities.linkage.weighed import SUMS, UNSAID, Priors, WeighedPairs, joined, mbits

__all__ = ["Comparer"]

_PART_ROWS = 4096
_SAMPLE_ROWS = 20_000
_SAMPLE_LEAST_MBITS = -12_000
_SHARED_MBITS = -300
_NEVER_MBITS = -(1 << 30)
_BIRTH_COLUMN = FEATURES.index("date_of_birth")
_BIRTH_PLACES = 4_000_000
FEW_ROWS = 1_000
"""Files with fewer rows are filled up as the model expects: what three rows share is not thereby frequent."""
_FIELD_OF = {
    "name": "surname", "number": "street_number", "phone_end": "phone", "email_local": "email",
}  # fmt: skip


def _best_below_equal(levels: Sequence[ModelLevel]) -> int:
    """The most that a comparison adds where its values are not equal; another writing is told afterwards."""
    told = (level for level in levels if level.level != OTHER_WRITING)
    return max(mbits(level.m_ppm, level.u_ppm) for level in told if level.u_ppm is not None)


class Comparer:
    """Both files under a model.

    Args:
        features: Both files.
        blocks: Their blocks.
        model: The model.
        use: What is expected of these rows.
        threads: Threads at once; results do not depend on it.
        names: The names as they are written, for pairs whose levels may come of another writing; None without.
    """

    def __init__(
        self, features: Features, blocks: Blocks, model: LinkageModel, use: Use, threads: int,
        names: OtherWritings | None = None,
    ) -> None:  # fmt: skip
        self._features, self._blocks, self._model, self._threads = features, blocks, model, threads
        self._use, self._names = use, names
        self.itself = features.left is features.right
        self.rows = len(features.left) + (0 if self.itself else len(features.right))
        self._m, self._u, self._h = (np.full((len(LEVELS), MOST_LEVELS), UNSAID, np.int32) for _ in range(3))
        for n, levels in enumerate(model.comparisons.values()):
            for k, level in enumerate(levels):
                self._m[n, k] = mbits(level.m_ppm, 1_000_000)
                self._u[n, k] = mbits(level.u_ppm or 1, 1_000_000)
                if level.h_ppm is not None:
                    self._h[n, k] = mbits(level.h_ppm, 1_000_000)
        self._best = np.array([_best_below_equal(levels) for levels in model.comparisons.values()], np.int32)
        self._rarity = self._value_rarity()
        self._births = self._logs(self._birth_counts(), self._usual("date_of_birth"))
        self._letters = np.zeros(len(features.values.starts) - 1, np.uint32)
        self._table = np.array([mbits(1 + 2 ** (-k / 1000), 1) for k in range(12_000)], np.int32)
        from headwater.identities.linkage.level_kernels import letters_of

        letters_of(features.values.text, features.values.starts, self._letters)
        self.compared = np.zeros(len(model.rules), np.int64)

    def _logs(self, counts: I32, usual_ppm: int) -> I32:
        """For each value, log2 of how frequent it is among other rows than the one that has it."""
        few = max(0, FEW_ROWS - self.rows) * usual_ppm / 1_000_000
        seen, inverse = np.unique(counts, return_inverse=True)
        logs = np.array([mbits(max(1, int(c) - 1) + few, max(FEW_ROWS, self.rows)) for c in seen], np.int32)
        found: I32 = logs[inverse].reshape(counts.shape) if len(seen) else np.zeros(counts.shape, np.int32)
        return found

    def _value_rarity(self) -> I32:
        values = self._features.values
        found = np.zeros(values.counts.shape, np.int32)
        for kind, first, last in zip(KINDS, values.begins[:-1], values.begins[1:], strict=True):
            found[first:last] = self._logs(values.counts[first:last], self._usual(_FIELD_OF.get(kind, kind)))
        # Names count as given names in one column and as surnames in the other.
        names = slice(int(values.begins[0]), int(values.begins[1]))
        found[names, 0] = self._logs(values.counts[names, 0], self._usual("given_name"))
        return found

    def _usual(self, field: str) -> int:
        return next(level.usual_ppm for level in self._model.comparisons[field] if level.usual_ppm is not None)

    def _birth_counts(self) -> I32:
        counts = np.zeros(_BIRTH_PLACES, np.int32)
        sides = (self._features.left,) if self.itself else (self._features.left, self._features.right)
        for side in sides:
            dates = side[:, _BIRTH_COLUMN]
            counts += np.bincount(dates[dates > 0] % _BIRTH_PLACES, minlength=_BIRTH_PLACES).astype(np.int32)
        return counts

    def first_priors(self) -> Priors:
        """The model's own, spread over these files."""
        left, right = len(self._features.left), len(self._features.right)
        return Priors(
            same_mbits=mbits(self._use.expected_share_ppm * min(left, right), 1_000_000 * left * right),
            household_mbits=mbits(self._use.household_members_ppm, 1_000_000 * right),
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
        times = self._use.fit_most_times
        found = fitted(sample, self._m, self._h, priors, float(max(pairs, 1)), len(rows), self._model, times)
        self._m = found.m
        for n, levels in enumerate(self._model.comparisons.values()):
            told = [k for k, level in enumerate(levels) if level.u_ppm is not None and level.level != OTHER_WRITING]
            self._best[n] = max(int(self._m[n, k] - self._u[n, k]) for k in told)
        return found.priors

    def pairs(self, priors: Priors, *, least_mbits: int, progress: Callable[[int], None]) -> WeighedPairs:
        """All pairs of at least this weight, in order of left and right row."""
        self.compared[:] = 0
        rows = np.arange(len(self._features.left), dtype=np.int32)
        kept, done = [], 0
        names = self._names
        least = least_mbits if names is None else least_mbits - names.reach_mbits(self._m, self._u)
        for part in self._parts(priors, rows, least=least, shared=_NEVER_MBITS):
            kept.append(part if names is None else self._renamed(names, part, least_mbits))
            done = min(len(rows), done + _PART_ROWS)
            progress(done)
        return joined(kept)

    def weighed(self, priors: Priors, pairs: I32) -> WeighedPairs:
        """These pairs, whatever their weight, whether a rule brings them together or not.

        Args:
            priors: Of pairs.
            pairs: Left and right row of each.
        """
        from headwater.identities.linkage.kernels import compare_pairs

        levels = np.zeros((len(pairs), len(LEVELS)), np.int32)
        weights, totals = np.zeros((len(pairs), len(LEVELS) + len(SUMS)), np.int32), np.zeros(len(pairs), np.int64)
        features = self._features
        compare_pairs(
            features.left, features.right, features.values.text, features.values.starts, self._letters,
            features.folded, features.long_form, self._rarity, self._births, self._m, self._u, self._h, self._best,
            self._constants(priors), self._table, pairs, levels, weights, totals,
        )  # fmt: skip
        weighed = WeighedPairs(pairs=pairs, levels=levels, weights_mbits=weights, total_mbits=totals)
        return weighed if self._names is None else self._renamed(self._names, weighed, _NEVER_MBITS)

    def agreed_rows(self, weighed: WeighedPairs) -> I32:
        """For each pair and comparison, how many rows of both files have the value agreed on; -1 without one."""
        from headwater.identities.linkage.kernels import rows_agreed_on

        features = self._features
        found = np.full(weighed.levels.shape, -1, np.int32)
        crossed = weighed.weights_mbits[:, len(LEVELS) + SUMS.index("names_exchanged")] != 0
        births = self._birth_counts()
        rows_agreed_on(features.left, weighed.pairs, weighed.levels, crossed, features.values.counts, births, found)
        return found

    def _renamed(self, names: OtherWritings, part: WeighedPairs, least: int) -> WeighedPairs:
        told = names.told(part, self._m, self._u, self._h, least)
        return told.chosen(told.total_mbits >= least)

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
