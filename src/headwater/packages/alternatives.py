"""Who else it could have been, and what was rejected: beside each lead, with weights and with what speaks against."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.engine import Session
from headwater.judgements import MERGE_CLAIM, Judgement
from headwater.packages.foreign import rows_where
from headwater.packages.own import Own

__all__ = ["Beside", "Decided", "beside"]

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What the custody log says of a judgement.

    Attributes:
        entry: Number of its entry.
        role: In which role it was given.
        why: In that person's words; None where they are withheld or erased.
    """

    entry: int
    role: str
    why: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What stands beside the leads of a package.

    Attributes:
        alternatives: Candidates and rivals, one row each.
        rejected: Links and merges that were refused, doubted or decided otherwise before, one row each.
        withheld_ids: Rows in them of people of other leads; their ids are not given.
    """

    alternatives: tuple[Row, ...]
    rejected: tuple[Row, ...]
    withheld_ids: int


def beside(tables: Session, own: Own, history: Sequence[Judgement], decided: Mapping[str, Decided]) -> Beside:
    """Alternatives and rejected candidates of the leads.

    Args:
        tables: The tables of the case.
        own: What is this country's.
        history: Every judgement, in the order they were given.
        decided: What the custody log says of each, by its id.
    """
    standing = {row["link_id"]: row for row in rows_where(tables, "judgements", "link_id", own.link_ids)}
    verdicts = {link: row["verdict"] for link, row in standing.items()}
    lead_of: dict[str, list[str]] = defaultdict(list)
    for lead, account in own.account_of.items():
        lead_of[account].append(lead)
    alternatives = [*_candidates(own, verdicts, lead_of), *_rivals(own, lead_of)]
    told = _decisions(own, history, decided)
    links = {(row["claim"], row["left_id"], row["right_id"]): row for row in own.links}
    rejected = [row for subject in links if (row := _rejected(own, links[subject], verdicts, told[subject], lead_of))]
    rejected += [_cut(own, row, told) for row in own.cuts]
    others = [row["other_id"] is None for row in (*alternatives, *rejected) if "other_id" in row]
    return Beside(alternatives=tuple(alternatives), rejected=tuple(rejected), withheld_ids=sum(others))


def _candidates(own: Own, verdicts: Mapping[str, str], lead_of: Mapping[str, Sequence[str]]) -> Iterator[Row]:
    """Every candidate for the user of an account, the payer of a payment or the holder of a service's record."""
    for row in own.links:
        yield {
            "kind": "candidate",
            "lead_ids": _leads(own, row["left_id"], lead_of),
            **_link(own, row),
            "verdict": verdicts.get(row["link_id"], "not judged"),
            "speaks_against": [_fact(fact) for fact in own.facts.get(row["link_id"], ())],
        }


def _rivals(own: Own, lead_of: Mapping[str, Sequence[str]]) -> Iterator[Row]:
    """The people beside a payer; what fits either and what does not is told without the rows of others' people."""
    for account in sorted(own.rivals):
        for row in own.rivals[account]:
            told = ("payer_support", "payer_contradiction", "other_support", "other_contradiction")
            yield {
                "kind": "beside a payer",
                "lead_ids": sorted(lead_of[account]),
                "rival_id": row["rival_id"],
                "link_id": row["link_id"],
                "payer_id": _given(own, row["payer_id"]),
                "other_table": row["other_table"],
                "other_id": _given(own, row["other_id"]),
                "shared": sorted({one["shared_kind"] for one in row["shared"]}),
                **{name: [_statement(own, one) for one in row[name]] for name in told},
            }


def _rejected(
    own: Own,
    row: Row,
    verdicts: Mapping[str, str],
    decisions: Sequence[Row],
    lead_of: Mapping[str, Sequence[str]],
) -> Row | None:
    verdict = verdicts.get(row["link_id"])
    earlier = any(not one["stands"] for one in decisions)
    if verdict == "negative":
        state = "rejected"
    elif verdict == "unsure":
        state = "doubted"
    elif row["barred_by"] is not None:
        state = "barred by a rejection"
    elif earlier:
        state = "decided otherwise before"
    else:
        return None
    against = [_fact(fact) for fact in own.facts.get(row["link_id"], ())]
    told = {"state": state, "lead_ids": _leads(own, row["left_id"], lead_of)}
    return {"kind": "link", **told, **_link(own, row), "speaks_against": against, "decisions": list(decisions)}


def _cut(own: Own, row: Row, told: Mapping[tuple[str, str, str], Sequence[Row]]) -> Row:
    return {
        "kind": "merge",
        "state": "cut",
        "lead_ids": sorted(own.account_of),
        "txid": row["txid"],
        "decisions": list(told[MERGE_CLAIM, row["txid"], ""]),
    }


def _decisions(
    own: Own, history: Iterable[Judgement], decided: Mapping[str, Decided]
) -> dict[tuple[str, str, str], list[Row]]:
    """Every judgement on what is this country's, with who gave it as a role and a number, and whether it stands."""
    about: dict[tuple[str, str, str], list[Judgement]] = defaultdict(list)
    cuts = {row["txid"] for row in own.cuts}
    for judgement in history:
        if judgement.left_id in (cuts if judgement.claim == MERGE_CLAIM else own.lefts):
            about[judgement.subject].append(judgement)
    told: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for subject, given in about.items():
        people = list(dict.fromkeys(judgement.person for judgement in given))
        last = {judgement.person: judgement for judgement in given}
        for judgement in given:
            act = decided.get(judgement.judgement_id)
            told[subject].append(
                {
                    "judgement_id": judgement.judgement_id,
                    "verdict": judgement.verdict,
                    "at_utc": judgement.at_utc,
                    "person": people.index(judgement.person) + 1,
                    "role": None if act is None else act.role,
                    "custody_entry": None if act is None else act.entry,
                    "why": None if act is None else act.why,
                    "stands": last[judgement.person] is judgement,
                }
            )
    return told


def _link(own: Own, row: Row) -> Row:
    compared = ("field", "level", "weight_mbits", "rows_with_value")
    return {
        **{name: row[name] for name in ("link_id", "claim", "left_table", "left_id")},
        "other_table": row["right_table"],
        "other_id": _given(own, row["right_id"]),
        **{name: row[name] for name in ("proposed", "match_weight_mbits", "probability_ppm", "model_id")},
        "barred_by": row["barred_by"] if row["barred_by"] in own.link_ids else None,
        # The sentences are left out: they may repeat what a register says of somebody whom nobody confirmed.
        "comparisons": [{name: one[name] for name in compared} for one in row["comparisons"]],
    }


def _given(own: Own, row_id: str) -> str | None:
    return None if row_id in own.foreign else row_id


def _statement(own: Own, told: Mapping[str, Any]) -> Row:
    return {"statement": told["statement"], "table": told["table"], "row_id": _given(own, told["row_id"])}


def _fact(row: Mapping[str, Any]) -> Row:
    return {name: row[name] for name in ("fact_id", "fact_kind", "statement")}


def _leads(own: Own, left_id: str, lead_of: Mapping[str, Sequence[str]]) -> list[str]:
    return sorted({lead for account in own.lefts[left_id] for lead in lead_of[account]})
