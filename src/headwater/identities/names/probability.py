"""Whether two names are one person's: what each finding says, added up."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from headwater.identities.names.pairing import Meeting, met
from headwater.identities.names.parts import Part, Reading, readings
from headwater.identities.names.tables import name_tables

__all__ = ["NameReason", "name_probability", "name_reasons"]

_NOTHING: Final = 0.0
_NEAR: Final = 0.15  # as a share of the sounds: so near, two words across alphabets are surely written as one
_SAYS: Final = {
    "prior": "before anything is compared: two names are seldom one person's",
    "most": "however much agrees, a part that stands against another outweighs it: sisters share three names of four",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NameReason:
    """One thing that speaks for or against, with what it says.

    Attributes:
        left: Parts of the one name; empty where the finding is about the other alone.
        right: Parts of the other.
        rule: Its key in weights.toml.
        weight_mbits: What it adds, in thousandths of a bit.
        sentence: The same in words.
    """

    left: str
    right: str
    rule: str
    weight_mbits: int
    sentence: str


@cache
def _weights() -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads(Path(__file__).with_name("weights.toml").read_text(encoding="utf-8"))


def name_probability(left: str, right: str) -> float:
    """How probable it is that two names are one person's: 0.5 is the line, 0.0 where there is nothing to compare.

    Args:
        left: A name, as somebody wrote it, in any script; only its first `LONGEST_NAME` letters are read.
        right: Another.

    Returns:
        From 0 to 1; the same for both orders. A text without a name in it gives 0.0: what cannot be compared never
        agrees.
    """
    best = _best(left, right)
    return _NOTHING if best is None else 1.0 / (1.0 + 2.0 ** (-_weight(best) / 1000))


def name_reasons(left: str, right: str) -> tuple[NameReason, ...]:
    """What `name_probability` adds up, in the order of the first name's parts, then what is left over, then the rest.

    The weights sum to log2 of the odds, in thousandths of a bit. Where there is nothing to compare, one reason without
    a weight says so.
    """
    best = _best(left, right)
    if best is None:
        sides = [side for side, text in (("first", left), ("second", right)) if not readings(text)]
        sentence = f"there is no name in the {' and the '.join(sides)}: nothing to compare"
        return (NameReason(left="", right="", rule="cannot_compare", weight_mbits=0, sentence=sentence),)
    return tuple(_reason(finding, turned=right < left) for finding in best)


@dataclass(frozen=True, slots=True)
class _Finding:
    left: Sequence[Part]
    right: Sequence[Part]
    table: str
    rule: str
    weight_mbits: int


def _best(left: str, right: str) -> list[_Finding] | None:
    """The findings of the two readings that agree most; the same for both orders of the names."""
    if right < left:
        left, right = right, left
    if left == right:  # one way of reading for both, so that the findings are the same from either side
        found = [_findings(reading, reading) for reading in readings(left)]
    else:
        found = [_findings(a, b) for a in readings(left) for b in readings(right)]
    return max(found, key=_weight, default=None)


def _weight(findings: Sequence[_Finding]) -> int:
    return sum(finding.weight_mbits for finding in findings)


def _findings(left: Reading, right: Reading) -> list[_Finding]:
    weights = _weights()
    meetings, free_left, free_right = _without_second_names(*met(left.parts, right.parts))
    names_left, names_right = ([p for p in side.parts if p.kind != "particle"] for side in (left, right))
    one_part = len(names_left) == len(names_right) == 1
    prior = "one_part" if one_part else "names"
    findings = [_Finding((), (), "prior", prior, weights["prior"][prior])]
    findings.extend(_Finding(m.left, m.right, "met", m.rule, _met_weight(m)) for m in meetings)
    findings.extend(_apart(free_left, free_right, by_syllables=_by_syllables(left) or _by_syllables(right)))
    if _is_turned(left, right, meetings):
        findings.append(_Finding((), (), "apart", "turned", weights["apart"]["turned"]["weight"]))
    for side, free, other in ((left, free_left, free_right), (right, free_right, free_left)):
        if (
            not _left_alone(other)
            and len(side.parts) > 2
            and side.parts[0] in free
            and side.parts[1].spelled[0] in name_tables().fathers
        ):
            mine, none = (side.parts[0],), ()
            both = (mine, none) if side is left else (none, mine)
            findings.append(_Finding(both[0], both[1], "apart", "father", weights["apart"]["father"]["weight"]))
    strong = [m for m in meetings if m.rule != "particle"]
    if len(strong) == 1 and not one_part and not (_left_alone(free_left) and _left_alone(free_right)):
        whole = len(strong[0].left) + len(strong[0].right)
        if whole < 3:
            findings.append(_Finding((), (), "apart", "only_one", weights["apart"]["only_one"]["weight"]))
    against = any(f.rule in {"different", "patronymic", "initial", "turned"} and f.table == "apart" for f in findings)
    if against and (over := _weight(findings) - weights["most"]["against"]) > 0:
        findings.append(_Finding((), (), "most", "against", -over))
    if left.generation != right.generation:
        rule = "generation" if left.generation and right.generation else "no_generation"
        findings.append(_Finding((), (), "apart", rule, weights["apart"][rule]["weight"]))
    return findings


def _without_second_names(
    meetings: list[Meeting], free_left: list[Part], free_right: list[Part]
) -> tuple[list[Meeting], list[Part], list[Part]]:
    """Without initials of a second name that met a first name, while the own met none: Jeremy J. and Jeffrey."""
    kept: list[Meeting] = []
    for meeting in meetings:
        a, b = meeting.left[0], meeting.right[0]
        own = free_left if a.kind == "initial" else free_right
        if meeting.rule == "initial" and any(part.kind == "name" for part in own):
            free_left.append(a)
            free_right.append(b)
        else:
            kept.append(meeting)
    return kept, free_left, free_right


def _is_turned(left: Reading, right: Reading, meetings: Sequence[Meeting]) -> bool:
    """Whether each name's first part is the other's father: Ahmad bin Ismail and Ismail bin Ahmad."""
    fathers = _father(left), _father(right)
    if None in fathers:
        return False
    pairs = {(m.left[0], m.right[0]) for m in meetings}
    return (left.parts[0], fathers[1]) in pairs and (fathers[0], right.parts[0]) in pairs


def _father(reading: Reading) -> Part | None:
    """The part after the first word for son or daughter, if it is the second or third."""
    words = name_tables().fathers
    for before, part in list(pairwise(reading.parts))[1:2]:
        if before.kind == "particle" and before.spelled[0] in words:
            return part
    return None


def _by_syllables(reading: Reading) -> bool:
    """Whether the name is in a writing without middle names: a syllable more is another name."""
    return all(part.script in {"han", "hangul"} for part in reading.parts)


def _left_alone(parts: Sequence[Part]) -> bool:
    return any(part.kind != "particle" for part in parts)


def _met_weight(meeting: Meeting) -> int:
    weights = _weights()["met"][meeting.rule]
    frequent = all(part.frequent for part in (*meeting.left, *meeting.right))
    # Parts that the other side writes as one.
    more = 0 if meeting.cost > _NEAR else len(meeting.left) + len(meeting.right) - 2
    weight = int(weights["frequent" if frequent else "weight"]) + more * int(_weights()["run_together"]["weight"])
    return weight - round(meeting.cost * int(weights.get("per_cost", 0)))


def _apart(left: Sequence[Part], right: Sequence[Part], *, by_syllables: bool) -> list[_Finding]:
    """What is left on both sides stands against each other; what is left on one side only has no counterpart."""
    weights = _weights()["apart"]
    findings: list[_Finding] = []
    rest = {side: [p for p in parts if p.kind != "particle"] for side, parts in (("left", left), ("right", right))}
    for kind in ("patronymic", "name", "initial"):
        while True:
            a = next((p for p in rest["left"] if p.kind == kind), None)
            b = next((p for p in rest["right"] if p.kind == kind), None)
            if a is None or b is None:
                break
            rest["left"].remove(a)
            rest["right"].remove(b)
            rule = kind if kind != "name" else "different"
            findings.append(_Finding((a,), (b,), "apart", rule, weights[rule]["weight"]))
    a_rest, b_rest = rest["left"], rest["right"]
    while a_rest and b_rest and "patronymic" not in {a_rest[0].kind, b_rest[0].kind}:
        a, b = a_rest.pop(0), b_rest.pop(0)
        findings.append(_Finding((a,), (b,), "apart", "initial", weights["initial"]["weight"]))
    for part in (*a_rest, *b_rest):
        syllable = by_syllables and (part.script != "latin" or part.spelled[0] in name_tables().characters_of)
        rule = "syllable" if syllable else "extra" if part.kind in {"name", "joined"} else f"extra_{part.kind}"
        mine, none = (part,), ()
        sides = (mine, none) if part in a_rest else (none, mine)
        findings.append(_Finding(sides[0], sides[1], "apart", rule, weights[rule]["weight"]))
    return findings


def _reason(finding: _Finding, *, turned: bool) -> NameReason:
    weights = _weights()
    left, right = (" ".join(part.text for part in side) for side in (finding.left, finding.right))
    if turned:
        left, right = right, left
    says = _SAYS.get(finding.table) or weights[finding.table][finding.rule]["says"]
    told = " and ".join(f"\u2018{side}\u2019" for side in (left, right) if side)
    sentence = f"{told}: {says}" if told else says
    return NameReason(left=left, right=right, rule=finding.rule, weight_mbits=finding.weight_mbits, sentence=sentence)
