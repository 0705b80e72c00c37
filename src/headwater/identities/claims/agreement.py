"""What two rows' identifiers say of each other: weighed by how rare a shared value is in the case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headwater.identities.claims.bars import NO_COUNT, NOT_MADE, Bar, RuleCount
from headwater.identities.claims.identifiers import Identified, Vocabulary
from headwater.identities.linkage.linkage_model import IDENTIFIERS, IdentifierModel, LinkageModel
from headwater.identities.linkage.weighed import I32, I64, mbits

__all__ = ["BARRED", "MADE_OF", "OTHERS", "SHARED", "Agreement"]

SHARED, OTHERS, BARRED, MADE_OF = range(4)
LEVELS = (
    "shared",
    "other values",
    "shared, but it does not tell people apart",
    "shared, but the e-mail address is made of it",
)
FEW_ROWS = 10_000
"""A case with fewer rows is filled up with rows as the model expects: what three rows share is not thereby frequent."""
_MODEL_VALUES = 200
"""Values that the model's `again_ppm` counts for."""
_PART_PAIRS = 200_000
Bars = Callable[[str, str], str | None]
"""From a kind and a value to why it tells nobody apart; None where it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rarity:
    """How frequent the values of a vocabulary are on two sides.

    Attributes:
        rows_with_value: For each value, rows of both sides that have it.
        most_on_a_side: For each value, rows of the side that has it more often.
        of_rows: For each kind, rows of both sides that have any value of it.
        u_mbits: For each value, log2 of how likely a stranger has it too.
    """

    rows_with_value: I64
    most_on_a_side: I64
    of_rows: I64
    u_mbits: I64


class Agreement:
    """The identifiers of two sides.

    Args:
        vocabulary: All values.
        left: Those of the left rows.
        right: Those of the right rows.
        model: How each kind weighs.
        barred: Says why a value tells nobody apart.
        itself: Whether both sides are the same rows, which then count once.
    """

    def __init__(
        self, vocabulary: Vocabulary, left: Identified, right: Identified, model: LinkageModel, barred: Bars, *,
        itself: bool = False,
    ) -> None:  # fmt: skip
        self._counted = (left,) if itself else (left, right)
        self._vocabulary, self._left, self._right, self._model, self._barred = vocabulary, left, right, model, barred
        self._kinds = vocabulary.kind_of(np.arange(len(vocabulary.texts), dtype=np.int32))
        self.rarity = self._rarity()
        most = np.array([model.identifiers[kind].most_rows for kind in IDENTIFIERS], np.int64)
        self._frequent = self.rarity.most_on_a_side > (most[self._kinds] if len(self._kinds) else 0)
        self._reasons: dict[int, str | None] = {}

    def _rarity(self) -> Rarity:
        values = len(self._vocabulary.texts)
        counts = [side.rows_with_value(values) for side in self._counted]
        both = np.sum(counts, axis=0)
        u, of_rows = np.zeros(values, np.int64), np.zeros(len(IDENTIFIERS), np.int64)
        for n, kind in enumerate(IDENTIFIERS):
            begin, end = self._vocabulary.begins[n : n + 2]
            of_rows[n] = sum(_rows_of_kind(side, begin, end) for side in self._counted)
            again = _again([c[begin:end] for c in counts], self._model.identifiers[kind])
            seen, inverse = np.unique(both[begin:end], return_inverse=True)
            each = [self._u_mbits(kind, int(count), again, int(of_rows[n])) for count in seen]
            u[begin:end] = np.array(each, np.int64)[inverse] if len(seen) else 0
        return Rarity(rows_with_value=both, most_on_a_side=np.max(counts, axis=0), of_rows=of_rows, u_mbits=u)

    def _u_mbits(self, kind: str, rows_with_value: int, again: float, rows: int) -> int:
        few = max(0, FEW_ROWS - rows) * self._model.identifiers[kind].usual_ppb / 1_000_000_000
        # The pair's own two rows are no sign that anybody else has the value; how often one more would, `again` says.
        others = max(0, rows_with_value - 2)
        return mbits(min(1.0, (others + again + few) / max(rows, FEW_ROWS)), 1.0)

    def candidates(self) -> tuple[I32, tuple[RuleCount, ...]]:
        """The pairs of rows that share a value which may tell people apart, each once, and what each kind came to."""
        left, right = (_by_value(side, ~self._frequent) for side in (self._left, self._right))
        found, rules = np.zeros(0, np.int64), []
        skipped = self._pairs_left_out()
        for n, kind in enumerate(IDENTIFIERS):
            begin, end = self._vocabulary.begins[n : n + 2]
            pairs = _crossed(_between(left, begin, end), _between(right, begin, end))
            new = np.setdiff1d(np.unique((pairs[:, 0].astype(np.int64) << 32) | pairs[:, 1]), found)
            found = np.concatenate([found, new])
            rules.append(RuleCount(rule=kind, pairs_compared=len(new), pairs_left_out=int(skipped[n])))
        found = np.sort(found)
        both = np.stack([found >> 32, found & 0xFFFFFFFF], axis=1).astype(np.int32)
        return both, tuple(rule for rule in rules if rule.pairs_compared or rule.pairs_left_out)

    def _pairs_left_out(self) -> I64:
        values = len(self._vocabulary.texts)
        each = self._left.rows_with_value(values) * self._right.rows_with_value(values) * self._frequent
        return np.bincount(self._kinds, weights=each, minlength=len(IDENTIFIERS)).astype(np.int64)

    def bars(self, left: I32, right: I32, *, told: Mapping[str, npt.NDArray[np.bool_]] | None = None) -> list[Bar]:
        """What each kind says of these pairs; kinds that say nothing of any are left out.

        Args:
            left: Left row of each pair.
            right: Right row.
            told: For kinds that are compared elsewhere too, which pairs agree there: nothing counts twice. Of such a
                kind only agreement counts.
        """
        level, best = self._compared(left, right)
        bars = []
        for n, kind in enumerate(IDENTIFIERS):
            here = level[:, n].copy()
            if told is not None and kind in told:
                here[told[kind] | (here == OTHERS)] = NOT_MADE
            if (here != NOT_MADE).any():
                bars.append(self._bar(n, kind, here, best[:, n]))
        return _without_made_of(bars)

    def household_mbits(self, bars: list[Bar]) -> I64:
        """For each pair, by how much its identifiers raise the odds of a household against strangers, as log2."""
        raised = np.zeros(len(bars[0].level) if bars else 0, np.int64)
        for bar in bars:
            model = self._model.identifiers[bar.field]
            u = mbits(model.m_ppm, 1_000_000) - bar.weight_mbits
            h = np.maximum(mbits(model.h_ppm, 1_000_000), u)
            raised += np.where(bar.level == SHARED, h - u, 0)
        return raised

    def _compared(self, left: I32, right: I32) -> tuple[I32, I32]:
        """For each pair and kind the level, and the rarest value that both have; -1 without."""
        level = np.full((len(left), len(IDENTIFIERS)), NOT_MADE, np.int32)
        best = np.full((len(left), len(IDENTIFIERS)), -1, np.int32)
        for at in range(0, len(left), _PART_PAIRS):
            part = slice(at, at + _PART_PAIRS)
            self._compare_part(left[part], right[part], level[part], best[part])
        return level, best

    def _compare_part(self, left: I32, right: I32, level: I32, best: I32) -> None:
        mine, theirs = (_kinds_of(side, self._kinds, rows) for side, rows in ((self._left, left), (self._right, right)))
        level[mine & theirs] = OTHERS
        pair, value = _expanded(self._left, left)
        theirs_too = _has(self._right, right[pair], value)
        pair, value = pair[theirs_too], value[theirs_too]
        barred = self._is_barred(value)
        # Of each pair and kind the rarest value, what is barred last; of equally rare ones the first in order.
        order = np.lexsort((value, self.rarity.u_mbits[value], barred))
        pair, value, barred = pair[order], value[order], barred[order]
        kind = self._kinds[value]
        _, first = np.unique(pair * len(IDENTIFIERS) + kind, return_index=True)
        pair, value, kind = pair[first], value[first], kind[first]
        level[pair, kind] = np.where(barred[first], BARRED, SHARED)
        best[pair, kind] = value

    def _is_barred(self, values: I32) -> npt.NDArray[np.bool_]:
        for value in np.unique(values).tolist():
            if value not in self._reasons:
                self._reasons[value] = self._why_barred(value)
        return np.array([self._reasons[value] is not None for value in values.tolist()], np.bool_)

    def _why_barred(self, value: int) -> str | None:
        if self._frequent[value]:
            return f"{self.rarity.most_on_a_side[value]:,} rows of one side have it"
        return self._barred(IDENTIFIERS[self._kinds[value]], str(self._vocabulary.texts[value]))

    def _bar(self, n: int, kind: str, level: I32, best: I32) -> Bar:
        model, has = self._model.identifiers[kind], best >= 0
        value = np.where(has, best, 0)
        gained = np.maximum(0, mbits(model.m_ppm, 1_000_000) - self.rarity.u_mbits[value])
        lost = mbits(1_000_000 - model.m_ppm, 1_000_000)
        weight = np.select([level == SHARED, level == OTHERS], [gained, lost], 0)
        shown = (level == SHARED) | (level == BARRED)
        reasons = [
            self._reasons[v] if lv == BARRED else None for v, lv in zip(best.tolist(), level.tolist(), strict=True)
        ]
        return Bar(
            field=kind,
            levels=LEVELS,
            level=level,
            weight_mbits=weight.astype(np.int64),
            rows_with_value=np.where(shown, self.rarity.rows_with_value[value], NO_COUNT),
            of_rows=int(self.rarity.of_rows[n]),
            values=self._vocabulary.texts.take(pa.array(value, mask=~shown)),
            reasons=pa.array(reasons, pa.string()),
        )


def _again(counts: list[I64], model: IdentifierModel) -> float:
    """Of values that one row of a side has, how many a second row has too.

    References:
        Good (1953), The population frequencies of species, section 2: what was seen once is about as frequent as twice
        the number seen twice over the number seen once, in rows.
    """
    once = sum(int(np.count_nonzero(side == 1)) for side in counts)
    twice = sum(int(np.count_nonzero(side == 2)) for side in counts)
    return (2 * twice + _MODEL_VALUES * model.again_ppm / 1_000_000) / (once + _MODEL_VALUES)


def _rows_of_kind(side: Identified, begin: int, end: int) -> int:
    rows = side.row[(side.value >= begin) & (side.value < end)]
    return int(np.count_nonzero(np.diff(rows, prepend=-1)))


def _by_value(side: Identified, keep: npt.NDArray[np.bool_]) -> tuple[I32, I32]:
    """The side's values in order, with the row of each, but for those that are not kept."""
    wanted = keep[side.value] if len(keep) else np.zeros(0, np.bool_)
    row, value = side.row[wanted], side.value[wanted]
    order = np.lexsort((row, value))
    return value[order], row[order]


def _between(side: tuple[I32, I32], begin: int, end: int) -> tuple[I32, I32]:
    first, last = np.searchsorted(side[0], [begin, end])
    return side[0][first:last], side[1][first:last]


def _crossed(left: tuple[I32, I32], right: tuple[I32, I32]) -> I32:
    """Every pair of a left and a right row with one value."""
    first = np.searchsorted(right[0], left[0], side="left")
    many = np.searchsorted(right[0], left[0], side="right") - first
    lefts = np.repeat(left[1], many)
    within = np.arange(len(lefts)) - np.repeat(np.cumsum(many) - many, many)
    return np.stack([lefts, right[1][np.repeat(first, many) + within]], axis=1).astype(np.int32)


def _expanded(side: Identified, rows: I32) -> tuple[I64, I32]:
    """All values of the rows: for each the place of its row among these, and the value."""
    first = np.searchsorted(side.row, rows, side="left")
    many = np.searchsorted(side.row, rows, side="right") - first
    pair = np.repeat(np.arange(len(rows)), many)
    within = np.arange(len(pair)) - np.repeat(np.cumsum(many) - many, many)
    return pair, side.value[np.repeat(first, many) + within]


def _has(side: Identified, rows: I32, values: I32) -> npt.NDArray[np.bool_]:
    """Whether each row has the value beside it."""
    if not len(side.row):
        return np.zeros(len(rows), np.bool_)
    there = (side.row.astype(np.int64) << 32) | side.value
    wanted = (rows.astype(np.int64) << 32) | values
    at = np.minimum(np.searchsorted(there, wanted), len(there) - 1)
    found: npt.NDArray[np.bool_] = there[at] == wanted
    return found


def _kinds_of(side: Identified, kinds: I32, rows: I32) -> npt.NDArray[np.bool_]:
    """For each of the rows, which kinds it has values of."""
    has = np.zeros((len(rows), len(IDENTIFIERS)), np.bool_)
    pair, value = _expanded(side, rows)
    has[pair, kinds[value]] = True
    return has


def _without_made_of(bars: list[Bar]) -> list[Bar]:
    """A nickname that the shared e-mail address is made of says nothing besides that address."""
    by_field = {bar.field: bar for bar in bars}
    email, nickname = by_field.get("email"), by_field.get("nickname")
    if email is None or nickname is None or email.values is None or nickname.values is None:
        return bars
    level, weight = nickname.level.copy(), nickname.weight_mbits.copy()
    for at in np.flatnonzero((email.level == SHARED) & (nickname.level == SHARED)).tolist():
        local = str(email.values[at]).partition("@")[0]
        if "".join(filter(str.isalnum, local)) == str(nickname.values[at]):
            level[at], weight[at] = MADE_OF, 0
    told = Bar(
        field=nickname.field, levels=nickname.levels, level=level, weight_mbits=weight, of_rows=nickname.of_rows,
        rows_with_value=nickname.rows_with_value, values=nickname.values, reasons=nickname.reasons,
    )  # fmt: skip
    return [told if bar is nickname else bar for bar in bars]
