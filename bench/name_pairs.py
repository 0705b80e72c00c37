"""How often two names are rightly said to be one person's, and how fast, beside what others use.

The pairs are of invented people (headwater_synth.name_pairs), half of them one person's; the half of the names that is
held out was never looked at while the weights were fixed. Pairs of other origin are measured by the same rule: a file
of lines `1` or `0`, a name, another name, separated by tabs.

Beside ours: Jaro-Winkler on lower-case text (line 0.85), and the published matchers of nomenklatura at the line that
its authors use (0.7), if there is an environment with it (requirements/nomenklatura.txt).

Prints one JSON object a line. Processor time a pair is of the first pass, over names not seen before and with caches
empty, and of a second pass over the same names. No time counts the reading of tables at the start.

    bench/name_pairs.py                          the names for tuning, and those held out
    bench/name_pairs.py --pairs FILE ...         and pairs of other origin
    bench/name_pairs.py --by-kind                and what was done to the names
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rapidfuzz.distance import JaroWinkler

from headwater.identities import name_probability
from headwater_synth.name_pairs import HALVES, NamePair, name_pairs

ROOT = Path(__file__).resolve().parent.parent
PEERS = Path(__file__).with_name("name_pairs_peers.py")
LINE_JARO_WINKLER = 0.85
LINE_PEERS = 0.7  # nomenklatura and yente: the default threshold of a match
PAIRS = 3000
SEED = 20_261


def counted(pairs: Sequence[NamePair], said: Sequence[bool]) -> dict[str, object]:
    """F1, precision and recall."""
    right = sum(s and p.same for p, s in zip(pairs, said, strict=True))
    yes, true = sum(said), sum(p.same for p in pairs)
    return {
        "pairs": len(pairs),
        "f1": round(2 * right / (yes + true), 4) if yes + true else None,
        "precision": round(right / yes, 4) if yes else None,
        "recall": round(right / true, 4) if true else None,
    }


def timed(function: Callable[[str, str], float], pairs: Sequence[NamePair]) -> tuple[list[float], float]:
    """The answers, and microseconds of processor time a pair."""
    start = time.process_time()
    answers = [function(p.left, p.right) for p in pairs]
    return answers, (time.process_time() - start) / len(pairs) * 1e6


def external(path: Path) -> list[NamePair]:
    """Pairs of a file."""
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return [NamePair(left=r[1], right=r[2], same=r[0] == "1", kind=path.stem, origin=path.stem) for r in rows]


def say(what: str, name: str, figures: Mapping[str, object], **more: object) -> None:
    """One line of results."""
    print(json.dumps({"measure": f"names.{what}", "by": name, **figures, **more}), flush=True)


def peers(python: Path, pairs: Sequence[NamePair], what: str) -> None:
    """The published matchers, in their own environment."""
    if not python.exists():
        print(f"bench/name_pairs.py: no {python}: the published matchers are not measured", file=sys.stderr)
        return
    asked = json.dumps([(p.left, p.right) for p in pairs])
    done = subprocess.run([python, PEERS], input=asked, capture_output=True, text=True, check=True)
    for name, answer in json.loads(done.stdout).items():
        scores = answer["scores"]
        say(what, name, counted(pairs, [s >= LINE_PEERS for s in scores]), us_a_pair=round(answer["us_a_pair"], 1))
        best = max({*scores, 1.0}, key=lambda line: _f1(pairs, scores, line))
        at_best = counted(pairs, [s >= best for s in scores])
        say(what, f"{name}, line set on these very pairs", at_best, line=round(best, 3))


def _f1(pairs: Sequence[NamePair], scores: Sequence[float], line: float) -> float:
    right = sum(s >= line and p.same for p, s in zip(pairs, scores, strict=True))
    return 2 * right / (sum(s >= line for s in scores) + sum(p.same for p in pairs))


def measure(what: str, pairs: Sequence[NamePair], python: Path, *, by_kind: bool) -> None:
    """All figures of a set."""
    name_probability("warm", "up")
    ours, first_us = timed(name_probability, pairs)
    _, second_us = timed(name_probability, pairs)
    said = [p >= 0.5 for p in ours]
    say(what, "headwater", counted(pairs, said), us_a_pair=round(first_us, 1), us_a_pair_again=round(second_us, 1))
    for axis in ("kind", "origin") if by_kind else ():
        groups: defaultdict[str, list[tuple[NamePair, bool]]] = defaultdict(list)
        for pair, answer in zip(pairs, said, strict=True):
            groups[getattr(pair, axis)].append((pair, answer))
        for name, members in sorted(groups.items()):
            right = sum(p.same == s for p, s in members)
            print(json.dumps({"measure": f"names.{what}.{axis}.{name}", "pairs": len(members), "right": right}))
    jaro, jaro_us = timed(lambda a, b: JaroWinkler.similarity(a.lower(), b.lower()), pairs)
    say(what, "jaro_winkler", counted(pairs, [s >= LINE_JARO_WINKLER for s in jaro]), us_a_pair=round(jaro_us, 1))
    say(what, "yes to everything", counted(pairs, [True] * len(pairs)))
    peers(python, pairs, what)


def main() -> int:
    """0."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--pairs", type=Path, nargs="*", default=[], help="files of pairs of other origin")
    arguments.add_argument("--by-kind", action="store_true")
    arguments.add_argument("--only-external", action="store_true", help="leave the invented people out")
    arguments.add_argument("--peers", type=Path, default=ROOT / "build/nomenklatura/bin/python")
    given = arguments.parse_args()
    for half in () if given.only_external else HALVES:
        measure(half, name_pairs(SEED, half, PAIRS), given.peers, by_kind=given.by_kind)
    for path in given.pairs:
        measure(path.stem, external(path), given.peers, by_kind=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
