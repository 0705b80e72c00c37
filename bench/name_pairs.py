"""How often two names are rightly said to be one person's, and how fast, beside what others use.

Three kinds of pairs:

- drawn, of invented people (headwater_synth.name_pairs), half of them one person's; no name of one half is in the
  other;
- written by hand, of invented people too (written_name_pairs.tsv), for what a draw does not think of; and those that
  were written when the rules stood (written_name_pairs_after.tsv);
- of other origin, from files that are not in the repository: lines of `1` or `0`, a name, another name, with tabs
  between them.

What is written or of other origin is split by the hash of the first name (`half_of`). What is held out was not looked
at while the rules were made.

Beside ours: Jaro-Winkler on lower-case text at its usual line, and the published matchers of nomenklatura at the line
that its services use, if there is an environment with it (requirements/nomenklatura.txt; scripts/bench makes it).

Prints one JSON object a line. Processor time a pair is of the first pass, over names not seen before and with caches
empty, and of a second pass over the same names. No time counts the reading of tables at the start.

    bench/name_pairs.py                          what is drawn and what is written
    bench/name_pairs.py --pairs FILE ...         and pairs of other origin
    bench/name_pairs.py --write                  and write docs/explanation/name-error-rates.md and its golden figures
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from rapidfuzz.distance import JaroWinkler

from headwater.identities import name_probability
from headwater_synth.name_pairs import HALVES, NamePair, name_pairs

ROOT = Path(__file__).resolve().parent.parent
PEERS = Path(__file__).with_name("name_pairs_peers.py")
WRITTEN = Path(__file__).with_name("written_name_pairs.tsv")
WRITTEN_AFTER = Path(__file__).with_name("written_name_pairs_after.tsv")
GOLDEN = ROOT / "tests/golden/name_pairs.json"
PAGE = ROOT / "docs/explanation/name-error-rates.md"
LINE = 0.5
LINE_JARO_WINKLER = 0.85
LINE_PEERS = 0.7  # the default threshold of a match in yente, which serves nomenklatura's matchers
PAIRS = 3000
SEED = 20_261


def counted(pairs: Sequence[NamePair], said: Sequence[bool]) -> dict[str, Any]:
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
    return answers, round((time.process_time() - start) / len(pairs) * 1e6, 1)


def half_of(name: str) -> str:
    """Whether a pair is for tuning or held out, by its first name."""
    return HALVES[hashlib.sha256(name.encode()).digest()[0] % 2]


def written(path: Path) -> list[NamePair]:
    """Pairs of one of the files beside this program."""
    lines = (line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    rows = (line.split("\t") for line in lines)
    return [NamePair(left=r[3], right=r[4], same=r[0] == "1", kind=r[2], origin=r[1]) for r in rows]


def external(path: Path) -> list[NamePair]:
    """Pairs of a file of other origin."""
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return [NamePair(left=r[1], right=r[2], same=r[0] == "1", kind=path.stem, origin=path.stem) for r in rows]


def halves(name: str, pairs: Sequence[NamePair]) -> dict[str, list[NamePair]]:
    """The pairs for tuning and those held out."""
    return {f"{name}_{half}": [p for p in pairs if half_of(p.left) == half] for half in HALVES}


def by_group(pairs: Sequence[NamePair], said: Sequence[bool], axis: str) -> dict[str, list[int]]:
    """Of each kind or origin, how many pairs, and how many answers were right."""
    groups: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for pair, answer in zip(pairs, said, strict=True):
        groups[getattr(pair, axis)][0] += 1
        groups[getattr(pair, axis)][1] += answer == pair.same
    return dict(sorted(groups.items()))


def by_probability(pairs: Sequence[NamePair], answers: Sequence[float]) -> dict[str, list[int]]:
    """Of each tenth of probability, how many pairs, and how many are one person's."""
    groups: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for pair, answer in zip(pairs, answers, strict=True):
        tenth = min(9, int(answer * 10))
        groups[f"0.{tenth}"][0] += 1
        groups[f"0.{tenth}"][1] += pair.same
    return dict(sorted(groups.items()))


def grouped(pairs: Sequence[NamePair], said: Sequence[bool]) -> dict[str, Any]:
    """F1, precision and recall, and what was right by kind and by origin."""
    return {**counted(pairs, said), **{f"{axis}s": by_group(pairs, said, axis) for axis in ("kind", "origin")}}


def ours(pairs: Sequence[NamePair]) -> dict[str, Any]:
    """What does not depend on the machine."""
    answers = [name_probability(p.left, p.right) for p in pairs]
    said = [answer >= LINE for answer in answers]
    return {
        "headwater": counted(pairs, said),
        "kinds": by_group(pairs, said, "kind"),
        "origins": by_group(pairs, said, "origin"),
        "probabilities": by_probability(pairs, answers),
    }


_Others = dict[str, tuple[dict[str, Any], float | None]]


def others(sets: Mapping[str, Sequence[NamePair]], python: Path) -> dict[str, _Others]:
    """For each set, each other way with its figures and its microseconds a pair; published matchers' over all sets."""
    found: dict[str, _Others] = {}
    for what, pairs in sets.items():
        jaro, us = timed(lambda a, b: JaroWinkler.similarity(a.lower(), b.lower()), pairs)
        said = [similar >= LINE_JARO_WINKLER for similar in jaro]
        found[what] = {"Jaro-Winkler": (grouped(pairs, said), us)}
        found[what]["yes to everything"] = (counted(pairs, [True] * len(pairs)), None)
    if not python.exists():
        print(f"bench/name_pairs.py: no {python}: the published matchers are not measured", file=sys.stderr)
        return found
    asked = json.dumps([(p.left, p.right) for pairs in sets.values() for p in pairs])
    done = subprocess.run([python, PEERS], input=asked, capture_output=True, text=True, check=True)
    for name, answer in json.loads(done.stdout).items():
        scores = iter(answer["scores"])
        for what, pairs in sets.items():
            said = [score >= LINE_PEERS for score in islice(scores, len(pairs))]
            found[what][name] = (grouped(pairs, said), round(answer["us_a_pair"], 1))
    return found


def golden_of(
    sets: Mapping[str, Sequence[NamePair]], beside: Mapping[str, _Others], before: Mapping[str, Any]
) -> dict[str, Any]:
    """All figures of these sets; those of others stay as they were where their environment is not there."""
    found = {}
    for what, pairs in sets.items():
        measured = {name: figures for name, (figures, _) in beside[what].items()}
        found[what] = {**ours(pairs), "others": {**before.get(what, {}).get("others", {}), **measured}}
    return found


def invented() -> dict[str, list[NamePair]]:
    """The drawn pairs of both halves."""
    return {half: name_pairs(SEED, half, PAIRS) for half in HALVES}


def own() -> dict[str, list[NamePair]]:
    """All pairs that are in the repository."""
    return {**invented(), **halves("written", written(WRITTEN)), "written_after": written(WRITTEN_AFTER)}


def percent(share: float | None) -> str:
    """For the page."""
    return "-" if share is None else f"{100 * share:.1f} %"


INTRODUCTION = f"""# Names: measured error rates

<!-- Written by bench/name_pairs.py --write from tests/golden/name_pairs.json; do not edit. -->

How often [names](names.md) are rightly said to be one person's. Four kinds of pairs, each with a half for *tuning* and
a half that was *held out*: it was not looked at while the rules were made.

- *tuning* and *held_out* are drawn: half of the pairs are one invented person's in two spellings, half are two people's
  that look alike; no name of one half is in the other.
- *written* are pairs of invented people in 27 groups of languages, written by hand before any matcher was run on them.
- *written_after* were written when the rules stood, and run on them afterwards. They are held out as a whole.
- *published* are not in the repository: [names](names.md) says what they are.

Others are measured at the lines that they are used with: Jaro-Winkler {LINE_JARO_WINKLER}, the matchers of nomenklatura
{LINE_PEERS}.

**What these figures are not.** The people are ours, and so are the errors; who wrote the pairs made the rules too. On a
real register the share of pairs that are one person's is far smaller, so precision is lower there. A test fails if this
page and what is measured differ.

| pairs | by | F1 | precision | recall | n |
|---|---|---:|---:|---:|---:|
"""
BESIDE = ("Jaro-Winkler", "logic-v2")


def table(golden: Mapping[str, Any], what: str, axis: str, title: str) -> list[str]:
    """What was right by one axis, beside what others had right."""
    found = golden[what]
    beside = [name for name in BESIDE if axis in found["others"].get(name, {})]
    heads = "".join(f" | {name}" for name in beside)
    lines = ["", f"## {title}", "", f"{what}: the share that was right.", "", f"| | headwater{heads} | n |"]
    lines.append("|---|" + "---:|" * (len(beside) + 2))
    for key, (n, right) in found[axis].items():
        shares = "".join(f" | {percent(found['others'][name][axis][key][1] / n)}" for name in beside)
        lines.append(f"| {key} | {percent(right / n)}{shares} | {n:,} |")
    return lines


def page(golden: Mapping[str, Any]) -> str:
    """The page of the documentation."""
    lines = INTRODUCTION.splitlines()
    for what, found in golden.items():
        for name, f in (("headwater", found["headwater"]), *found["others"].items()):
            shares = " | ".join(percent(f[key]) for key in ("f1", "precision", "recall"))
            lines.append(f"| {what} | {name} | {shares} | {f['pairs']:,} |")
    lines += table(golden, "held_out", "kinds", "Drawn: by what was done to the names")
    lines += table(golden, "held_out", "origins", "Drawn: by origin of the names")
    lines += table(golden, "written_held_out", "kinds", "Written: by what was done to the names")
    lines += table(golden, "written_held_out", "origins", "Written: by origin of the names")
    lines += [
        "",
        "## What a probability is worth",
        "",
        "held_out: of the pairs with a probability from this to the next tenth, how many are one person's.",
        "",
        "| from | are one person's | n |",
        "|---|---:|---:|",
    ]
    worth = golden["held_out"]["probabilities"].items()
    lines += [f"| {tenth} | {percent(same / n)} | {n:,} |" for tenth, (n, same) in worth]
    return "\n".join(lines) + "\n"


def _packages_too() -> None:
    # Here, because whoever runs this file from elsewhere does not look for modules beside it.
    from error_rates import write_gathered

    write_gathered()


def main() -> int:
    """0."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--pairs", type=Path, nargs="*", default=[], help="files of pairs of other origin")
    arguments.add_argument("--peers", type=Path, default=ROOT / "build/nomenklatura/bin/python")
    arguments.add_argument("--write", action="store_true")
    given = arguments.parse_args()
    sets = own()
    for path in given.pairs:
        sets.update(halves(path.stem, external(path)))
    name_probability("warm", "up")
    beside = others(sets, given.peers)
    for what, pairs in sets.items():
        answers, first_us = timed(name_probability, pairs)
        again_us = timed(name_probability, pairs)[1]
        figures = {**counted(pairs, [a >= LINE for a in answers]), "us_a_pair": first_us, "us_a_pair_again": again_us}
        print(json.dumps({"measure": f"names.{what}", "by": "headwater", **figures}), flush=True)
        for name, (found, us) in beside[what].items():
            shown = {key: value for key, value in found.items() if key not in {"kinds", "origins"}}
            print(json.dumps({"measure": f"names.{what}", "by": name, **shown, "us_a_pair": us}), flush=True)
    if given.write:
        before = json.loads(GOLDEN.read_text("utf-8")) if GOLDEN.exists() else {}
        golden = golden_of(sets, beside, before)
        GOLDEN.write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        PAGE.write_text(page(golden), encoding="utf-8")
        _packages_too()
    return 0


if __name__ == "__main__":
    sys.exit(main())
