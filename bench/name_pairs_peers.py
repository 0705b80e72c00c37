"""The published matchers of nomenklatura on pairs of names; runs in an environment that has it, without headwater.

Reads a JSON list of pairs from standard input and writes, for each matcher, its scores and microseconds a pair.
bench/name_pairs.py calls it.
"""

from __future__ import annotations

import json
import sys
import time

from followthemoney import model
from nomenklatura.matching import get_algorithm
from nomenklatura.matching.types import ScoringConfig

MATCHERS = ("logic-v2", "logic-v1", "name-based")


def person(key: str, name: str) -> object:
    """An entity of which nothing but the name is known."""
    return model.get_proxy({"id": key, "schema": "Person", "properties": {"name": [name]}})


def main() -> int:
    """0."""
    pairs = json.load(sys.stdin)
    answers = {}
    for name in MATCHERS:
        matcher = get_algorithm(name)
        config = ScoringConfig.defaults()
        matcher.compare(person("a", "Warm Up"), person("b", "Warm Upp"), config)
        start = time.process_time()
        # An id of its own for each: what was read of an entity is kept under its id.
        scores = [
            matcher.compare(person(f"{name}-l{n}", a), person(f"{name}-r{n}", b), config).score
            for n, (a, b) in enumerate(pairs)
        ]
        answers[name] = {"scores": scores, "us_a_pair": (time.process_time() - start) / len(pairs) * 1e6}
    json.dump(answers, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
