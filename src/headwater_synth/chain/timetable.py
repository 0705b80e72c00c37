"""Steps of trading: the block in which something happens, and when."""

from __future__ import annotations

import random
from bisect import bisect_left

from headwater.errors import ConfigError
from headwater_synth.chain.plan import MIN_BLOCKS, ChainPlan
from headwater_synth.seeds import stream

__all__ = ["PREPARATION_STEPS", "Timetable"]

_MATURING_BLOCKS = 100
PREPARATION_STEPS = 12  # after the first coins may be spent, before the platform's first invoice can be paid
_WARM_UP_SPACING_S = 600


class Timetable:
    """Times of all blocks. Step 0 is the first block after the plan's start; preparation has negative steps.

    Attributes:
        steps: Blocks after the start.
        warm_up: Blocks in which nobody has coins to spend yet.
    """

    def __init__(self, plan: ChainPlan) -> None:
        if plan.blocks < MIN_BLOCKS:
            raise ConfigError(f"synthetic chain: {plan.blocks} blocks are too few; ask for at least {MIN_BLOCKS}")
        self.warm_up = _MATURING_BLOCKS
        self.steps = plan.blocks - _MATURING_BLOCKS - PREPARATION_STEPS
        jitter = stream(plan.seed, "chain", "times")
        period_s = plan.blocks * plan.spacing_s
        if period_s < 60 * self.steps:
            raise ConfigError(f"synthetic chain: {plan.spacing_s} s between blocks are too few")
        self._start_s = plan.start_s
        self._spacing_s = period_s // self.steps
        self._times_s = [
            plan.start_s + period_s * (step + 1) // self.steps - jitter.randrange(self._spacing_s // 3)
            for step in range(self.steps)
        ]

    def at_s(self, step: int) -> int:
        """Time of a step's block, seconds since 1970 UTC.

        Args:
            step: From `-warm_up - PREPARATION_STEPS`; past the last one where blocks had to be added.
        """
        if step < 0:
            return self._start_s + (step + 1) * _WARM_UP_SPACING_S - 1
        if step >= self.steps:
            return self._times_s[-1] + (step - self.steps + 1) * _WARM_UP_SPACING_S
        return self._times_s[step]

    def step_of(self, at_s: int) -> int:
        """The first step whose block is not before a time; the last one for anything later."""
        return min(bisect_left(self._times_s, at_s), self.steps - 1)

    def moment(self, step: int, before_s: int, chance: random.Random) -> int:
        """A time within a step, before its block and before something else.

        Args:
            step: The step.
            before_s: The time returned is at least a second earlier.
            chance: Where it comes from.
        """
        earliest_s = self.at_s(step - 1) + 1
        latest_s = max(earliest_s, min(self.at_s(step), before_s) - 1)
        return chance.randint(max(earliest_s, latest_s - 6 * 3600), latest_s)
