"""The queue: what one person is given to judge, with everything that a decision needs, and what is kept of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.errors import ConfigError, InputError
from headwater.identities import KNOWN_LEFT_TABLES, known_rows
from headwater.judgements import (
    AS_KNOWN,
    AS_LINK,
    KNOWN_CLAIM,
    REPEAT_GAP,
    Judgement,
    Shares,
    ShownLink,
    add_shown,
    bars_digest,
    is_about_link,
    last_shown,
    same_person,
    woven,
)
from headwater.packages import NAMED_BY
from headwater.schema import table_named
from headwater.workflow.case import Actor, Case
from headwater.workflow.views import consult

__all__ = ["CLAIMS", "NAMING_CLAIM", "ShownQueue", "pairs_shown_as", "queued_hubs", "reviewed_pairs", "show_queue"]

CLAIMS: Final = ("used", "paid", "held")
NAMING_CLAIM: Final = "used"
"""The claim by which a lead names a record, which takes two people."""

# What a person needs to see of a row to decide; ids and sources are one `explain` away.
_PERSON = ("full_name", "date_of_birth", "street_address", "suburb", "country", "phone", "email")
_SHOWN = {
    "accounts": ("account_id", "platform_key", "nickname", "email", "phone", "registered_at_utc"),
    "payments": ("payment_id", "platform_key", "account_id", "txid", "amount_sat", "at_utc"),
    "customers": ("customer_id", "actor", *_PERSON),
    "records": ("record_id", *_PERSON, "nickname"),
}
_OF_MODEL: Final = ("comparisons", "match_weight_mbits", "probability_ppm", "because")
"""What a person who is not to be led by the model does not see before they have judged."""

_OF_LINK: Final = ("link_id", "claim", "left_table", "left_id", "right_table", "right_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownQueue:
    """What the queue shows.

    Attributes:
        rows: The pairs, or the hubs, as they are shown.
        left: How many wait besides.
        hubs: Listed hashes that are set aside.
        unordered: Proposed links that have no place in the order of review, which is of another run; they come last.
    """

    rows: list[dict[str, Any]]
    left: int
    hubs: int
    unordered: int = 0


def show_queue(
    case: Case,
    actor: Actor,
    *,
    limit: int = 0,
    claim: str | None = None,
    link_id: str | None = None,
    judged: bool = False,
    hide_score: bool = False,
) -> ShownQueue:
    """What waits for this person, in the order of review, and a record of what they were shown.

    Args:
        case: The case.
        actor: Who looks; what they have judged does not wait for them.
        limit: At most so many; 0 for all.
        claim: used, paid, held or hub; None for all links.
        link_id: This one alone, whether it waits or not.
        judged: Every proposed link instead, with the judgement that stands on it.
        hide_score: Weights, probability and bars are left out of pairs that this person has not judged.

    Raises:
        ConfigError: There is no such claim.
        InputError: There is no such link.
    """
    if claim not in {None, "hub", *CLAIMS}:
        raise ConfigError(f"--claim '{claim}': known are {', '.join(CLAIMS)}, hub")
    with consult(case, actor, "queue", () if link_id is None else (link_id,)) as tables:
        hubs = queued_hubs(tables, judged=judged)
        if claim == "hub":
            return ShownQueue(rows=hubs[: limit or None], left=_beyond(hubs, limit), hubs=len(hubs))
        review = _Review(case, tables, actor.name)
        if link_id is not None:
            chosen = [(link_id, review.shown_as(link_id))]
        elif judged:
            chosen = [(link, AS_LINK) for link in review.order(claim)]
        else:
            chosen = list(review.given(claim))
        left, chosen = _beyond(chosen, limit), chosen[: limit or None]
        pairs = reviewed_pairs(tables, [link for link, _ in chosen])
        if link_id is not None and not pairs:
            raise InputError(link_id, "no such link", remedy="copy the id from 'headwater queue'")
        rows, shown = [], []
        for pair, (link, shown_as) in zip(pairs, chosen, strict=True):
            # What is given again is hidden again, or it could be told from what is new.
            hidden = hide_score and (link not in review.mine or not (judged or link_id))
            verdict = review.stands.get(link) if judged or (link in review.mine and link_id) else None
            rows.append(_without_score(pair) if hidden else {**pair, "score_hidden": False, "judged": verdict})
            shown.append(
                ShownLink(
                    link_id=link,
                    operator=actor.name,
                    bars_sha256="" if hidden else bars_digest(pair),
                    score_hidden=hidden,
                    shown_as=shown_as,
                    at_utc=case.now(),
                )
            )
    with case.database.begin() as connection:
        add_shown(connection, shown)
    return ShownQueue(rows=rows, left=left, hubs=len(hubs), unordered=review.unordered)


def _beyond(rows: Sequence[object], limit: int) -> int:
    return max(0, len(rows) - limit) if limit else 0


def _without_score(pair: Mapping[str, Any]) -> dict[str, Any]:
    """The pair without anything that the model made of it; candidates in an order that says nothing."""
    candidates = [
        {name: value for name, value in candidate.items() if name in {"link_id", "right_id", "right"}}
        for candidate in sorted(pair["candidates"], key=lambda candidate: str(candidate["right_id"]))
    ]
    kept = {name: value for name, value in pair.items() if name not in _OF_MODEL}
    return {**kept, "candidates": candidates, "score_hidden": True, "judged": None}


class _Review:
    """What one person has judged, and what waits for them."""

    def __init__(self, case: Case, tables: Session, operator: str) -> None:
        self._tables = tables
        self._person = same_person(operator)
        self._settings = case.settings
        self._case_id = case.case_id
        judgements = tables.arrow("judgements").to_pylist()
        self.stands: dict[str, str] = {row["link_id"]: row["verdict"] for row in judgements}
        self._ordered, self.unordered = _order_of_review(tables, self.stands)
        self._people = {row["link_id"]: row["positive_operators"] for row in judgements}
        now = {(row["claim"], row["left_id"], row["right_id"]): row["link_id"] for row in judgements}
        self._own: list[tuple[str, Judgement]] = [
            (now.get(judgement.subject, judgement.link_id), judgement)
            for judgement in case.judgements()
            if judgement.person == self._person and (is_about_link(judgement) or judgement.claim == KNOWN_CLAIM)
        ]
        self.mine = {link for link, _ in self._own}
        with case.database.connect() as connection:
            self._shown = last_shown(connection, operator)

    def order(self, claim: str | None) -> list[str]:
        """Every link that is proposed or judged, in the order of review."""
        return [link for link, of_claim in self._ordered if claim in {None, of_claim}]

    def given(self, claim: str | None) -> Iterator[tuple[str, str]]:
        """What waits for this person, and among it what measures them; each with how it comes to be shown."""
        order = self.order(claim)
        naming = order if claim == NAMING_CLAIM else self.order(NAMING_CLAIM)
        second = {link for link in naming if self._needs_second(link)}
        waiting = [link for link in order if link not in self.stands or link in second]
        lately = {link for link, _ in self._own[-REPEAT_GAP:]}
        return woven(
            waiting,
            known=self._known(claim) - self.mine,
            repeated=[link for link in order if link in self.stands and link not in second and link not in lately],
            case_id=self._case_id,
            person=self._person,
            judged=len(self._own),
            shares=Shares(known_ppm=self._settings.known_pairs_ppm, repeated_ppm=self._settings.repeated_pairs_ppm),
        )

    def shown_as(self, link: str) -> str:
        """How a pair that is asked for by its id comes to be shown: as in the queue, until it is judged."""
        shown = self._shown.get(link)
        judged_at = max((judgement.at_utc for own, judgement in self._own if own == link), default="")
        if shown is not None and shown.at_utc > judged_at:
            return shown.shown_as
        return AS_KNOWN if link in self._known(None) else AS_LINK

    def _needs_second(self, link: str) -> bool:
        """Whether one other person has judged it positive, so that it takes a second to name anybody."""
        return self.stands.get(link) == "positive" and self._people[link] < NAMED_BY and link not in self.mine

    def _known(self, claim: str | None) -> set[str]:
        """Pairs of known answer that would be proposed if they were links: others would be told by their weight."""
        known = self._tables.arrow("known_links")
        chosen = known.filter(pc.and_(known["proposed"], pc.is_valid(known["known_pair_id"])))
        if claim is not None:
            chosen = chosen.filter(pc.equal(chosen["claim"], claim))
        return set(chosen["link_id"].to_pylist())


def _order_of_review(tables: Session, judged: Collection[str]) -> tuple[list[tuple[str, str]], int]:
    """Every link that is proposed or judged, with its claim, and how many that are proposed have no place.

    These come after those that have one, and what was judged and is not proposed any more comes last.
    """
    links = tables.columns("links", ["link_id", "claim", "proposed"])
    is_judged = pc.is_in(links["link_id"], value_set=pa.array(sorted(judged), pa.string()))
    links = links.filter(pc.or_(links["proposed"], is_judged))
    claims = dict(zip(links["link_id"].to_pylist(), links["claim"].to_pylist(), strict=True))
    ordered = [link for link in tables.columns("review_queue", ["link_id"])["link_id"].to_pylist() if link in claims]
    proposed = set(links.filter(links["proposed"])["link_id"].to_pylist())
    unordered = sorted(proposed - set(ordered))
    last = sorted(claims.keys() - proposed - set(ordered))
    return [(link, claims[link]) for link in (*ordered, *unordered, *last)], len(unordered)


def pairs_shown_as(case: Case, operator: str) -> dict[str, ShownLink]:
    """For each pair that the queue showed this person since they last judged it, how it did so."""
    with case.database.connect() as connection:
        shown = last_shown(connection, operator)
    judged: dict[str, str] = {}
    for judgement in case.judgements():
        if judgement.person == same_person(operator):
            judged[judgement.link_id] = judgement.at_utc
    return {link: one for link, one in shown.items() if one.at_utc > judged.get(link, "")}


def reviewed_pairs(tables: Session, link_ids: Sequence[str]) -> list[dict[str, Any]]:
    """The pairs of these ids in that order, each with both rows, what speaks against it, its bars and its rivals.

    Links of the case and pairs of known answer alike; an id of neither is left out.
    """
    wanted = pa.array(sorted(set(link_ids)), pa.string())
    links = _with_rivals(tables, "links", wanted) + _with_rivals(tables, "known_links", wanted)
    rows = _rows_of(tables, links)
    against = _contrary(tables, links)
    beside: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for rival in _chosen(tables, "rival_hypotheses", "link_id", set(link_ids)):
        beside[rival["link_id"]].append(rival)
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for link in links:
        groups[link["claim"], link["left_id"]].append(link)
    found = {link["link_id"]: link for link in links}
    return [
        _pair(found[link_id], groups[found[link_id]["claim"], found[link_id]["left_id"]], rows, against)
        | {"beside": beside[link_id]}
        for link_id in link_ids
        if link_id in found
    ]


def _with_rivals(tables: Session, name: str, wanted: pa.Array) -> list[dict[str, Any]]:
    """The rows of these ids and of the other candidates of their left rows, as rows of `links`."""
    lefts = tables.chosen(
        name, lambda part: pc.is_in(part["link_id"], value_set=wanted), columns=["link_id", "left_id"]
    )
    values = pa.array(sorted(set(lefts["left_id"].to_pylist())), pa.string())
    rows: list[dict[str, Any]] = tables.chosen(
        name, lambda part: pc.is_in(part["left_id"], value_set=values)
    ).to_pylist()
    if name == "links":
        return rows
    return [{**row, "left_table": KNOWN_LEFT_TABLES[row["claim"]], "right_table": "records"} for row in rows]


def _rows_of(tables: Session, links: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """What is shown of each row that a link names, by table and id."""
    ids: dict[str, set[str]] = defaultdict(set)
    for link in links:
        for side in ("left", "right"):
            ids[link[f"{side}_table"]].add(link[f"{side}_id"])
    known = known_rows(tables.arrow("known_pairs"))
    found = {}
    for table, wanted in ids.items():
        key, *_ = table_named(table).key
        for row in _chosen(tables, table, key, wanted, _SHOWN[table]):
            found[table, row[key]] = row
        for row_id in wanted & known.get(table, {}).keys():
            found[table, row_id] = {name: known[table][row_id].get(name) for name in _SHOWN[table]}
    return found


def _chosen(
    tables: Session, table: str, key: str, wanted: Collection[str], columns: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    values = pa.array(sorted(wanted), pa.string())
    rows: list[dict[str, Any]] = tables.chosen(
        table, lambda part: pc.is_in(part[key], value_set=values), columns=columns
    ).to_pylist()
    return rows


def _contrary(tables: Session, links: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """What speaks against a link, or against who used an account, by the id of either."""
    against: dict[str, list[str]] = defaultdict(list)
    ids = {link["link_id"] for link in links}
    for fact in _chosen(tables, "contrary_facts", "link_id", ids):
        against[fact["link_id"]].append(fact["statement"])
    lefts = {link["left_id"] for link in links}
    for fact in _chosen(tables, "contrary_facts", "account_id", lefts):
        if not fact["link_id"]:
            against[fact["account_id"]].append(fact["statement"])
    return against


def _pair(
    link: Mapping[str, Any],
    candidates: Sequence[Mapping[str, Any]],
    rows: Mapping[tuple[str, str], Mapping[str, Any]],
    against: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    sums = accumulate(bar["weight_mbits"] for bar in link["comparisons"])
    others = sorted(
        (other for other in candidates if other["link_id"] != link["link_id"]),
        key=lambda other: (-other["match_weight_mbits"], other["link_id"]),
    )
    contrary = link.get("contrary")
    if contrary is None:
        contrary = [*against.get(link["link_id"], ()), *against.get(link["left_id"], ())]
    return {
        **{name: link[name] for name in _OF_LINK},
        "contrary": list(contrary),
        "left": dict(rows[link["left_table"], link["left_id"]]),
        "right": dict(rows[link["right_table"], link["right_id"]]),
        "candidates": [_candidate(link, other, rows) for other in others],
        "comparisons": [{**bar, "sum_mbits": total} for bar, total in zip(link["comparisons"], sums, strict=True)],
        "match_weight_mbits": link["match_weight_mbits"],
        "probability_ppm": link["probability_ppm"],
        "because": link["because"],
        "model_id": link["model_id"],
    }


def _candidate(
    link: Mapping[str, Any], other: Mapping[str, Any], rows: Mapping[tuple[str, str], Mapping[str, Any]]
) -> dict[str, Any]:
    """Another candidate for the same left row, with each field in which it stands better or worse."""
    here = {bar["field"]: bar for bar in link["comparisons"]}
    there = {bar["field"]: bar for bar in other["comparisons"]}
    differs = []
    for field in dict.fromkeys((*here, *there)):
        weights = [bars[field]["weight_mbits"] if field in bars else 0 for bars in (here, there)]
        if weights[0] != weights[1]:
            level = there[field]["level"] if field in there else "not compared"
            differs.append({"field": field, "level": level, "better_by_mbits": weights[1] - weights[0]})
    return {
        "link_id": other["link_id"],
        "right_id": other["right_id"],
        "right": dict(rows[other["right_table"], other["right_id"]]),
        "match_weight_mbits": other["match_weight_mbits"],
        "probability_ppm": other["probability_ppm"],
        "differs": differs,
    }


def queued_hubs(tables: Session, *, judged: bool = False) -> list[dict[str, Any]]:
    """The listed hashes that are set aside, those near most items first, each with the lists it is on.

    Args:
        tables: The case's tables.
        judged: Whether to include those that somebody has decided about.
    """
    hubs = [row for row in tables.arrow("media_hubs").to_pylist() if judged or row["standing"] == "undecided"]
    wanted = {hub["entry_id"] for hub in hubs}
    shown = ("reference_name", "reference_version", "category", "series", "victim_identified")
    entries = tables.columns("hash_list_entries", ("entry_id", *shown))
    entries = entries.filter(pc.is_in(entries["entry_id"], value_set=pa.array(sorted(wanted), pa.string())))
    listed = {row["entry_id"]: row for row in entries.to_pylist()}
    found = [{**hub, **{name: listed[hub["entry_id"]][name] for name in shown}} for hub in hubs]
    return sorted(found, key=lambda hub: (-hub["items"], hub["media_hub_id"]))
