"""Judging: what is recorded of a person's decision, what it changes, and the record of all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow.compute as pc

from headwater import __version__
from headwater.custody import SubjectKeys, subjects_among
from headwater.engine import Session
from headwater.errors import ConfigError, InputError, RefusedError
from headwater.judgements import (
    HUB_CLAIM,
    KNOWN_CLAIM,
    MERGE_CLAIM,
    VERDICTS,
    Judgement,
    ShownLink,
    Subject,
    append,
    bars_digest,
    history,
    newest,
    same_person,
    snapshot,
    standing,
)
from headwater.packages import NAMED_BY
from headwater.workflow.case import Actor, Case, recordable
from headwater.workflow.intake import recorded
from headwater.workflow.judged_pairs import NAMING_CLAIM
from headwater.workflow.queue import pair_shown_as
from headwater.workflow.review_rows import ReviewRows, ScannedRows
from headwater.workflow.subject_texts import opened_text, sealed_text
from headwater.workflow.unfinished import judging_alone, put_ready

__all__ = ["Judged", "JudgedMeanwhileError", "judge_link", "judgement_history", "reason_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A judgement that was recorded, and what it did.

    Attributes:
        judgement: As it stands on record.
        changes: What follows from it, a sentence each.
    """

    judgement: Judgement
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judgeable:
    """What may be judged: a link, a pair of known answer, a hub, or a transaction that merges."""

    claim: str
    left_id: str
    right_id: str
    shown_claim: str  # what whoever judges takes it for
    weight_mbits: int = 0
    model_id: str = ""
    bars_sha256: str = ""

    @property
    def subject(self) -> Subject:
        """As that of a judgement on it."""
        return self.claim, self.left_id, "" if self.claim == HUB_CLAIM else self.right_id


class JudgedMeanwhileError(RefusedError):
    """Somebody judged the pair after it was shown to whoever judges it now; nothing was recorded.

    Attributes:
        link_id: The pair.
        judgements: What was said meanwhile, in order, as `judgement_history` tells it.
        version: Number of the newest judgement now.
    """

    def __init__(self, link_id: str, judgements: Sequence[Mapping[str, Any]], version: int) -> None:
        self.link_id = link_id
        self.judgements = judgements
        self.version = version
        names = ", ".join(dict.fromkeys(str(told["operator"]) for told in judgements))
        super().__init__(f"{link_id}: judged by {names} since you were shown it; read that, then judge")


def judge_link(
    case: Case,
    actor: Actor,
    link_id: str,
    verdict: str,
    *,
    why: str,
    found_by: ReviewRows | None = None,
    version: int | None = None,
    told_of: Sequence[str] = (),
) -> Judged:
    """Append a person's judgement on a link, on a listed hash that is set aside, or on a transaction that merges.

    Args:
        case: The case.
        actor: Who judges.
        link_id: What.
        verdict: positive, negative or unsure.
        why: In that person's words.
        found_by: Finds links by an index; None to read the case's tables.
        version: Number of the newest judgement when the pair was shown, against which it is compared; None where
            nothing says when that was.
        told_of: Ids of other people's judgements on it that this person was told of before; the custody log names them
            beside this one. An id of nothing such is left out.

    Raises:
        ConfigError: The verdict is none of the three, or no reason is given.
        InputError: There is no such link, hub or transaction.
        JudgedMeanwhileError: Somebody judged it after `version`.
        RefusedError: The link's weights are not those that this person was shown.
    """
    # First, because an id of nothing is about nobody: a refusal of it needs no subject's key.
    with recorded(case, "judged", actor, link=link_id, verdict=verdict):
        judged = None if found_by is None else _pair(found_by, link_id)
        if judged is None:
            with case.tables() as tables:
                judged = _judgeable(tables, link_id)
        if judged is None:
            remedy = "copy the id from 'headwater queue', or a txid from 'headwater explain CASE A B'"
            raise InputError(link_id, "no such link or hub, nor a transaction that merges", remedy=remedy)
    with judging_alone(case.path):
        with recorded(case, "judged", actor, about=subjects_among([link_id]), link=link_id, verdict=verdict):
            if verdict not in VERDICTS:
                raise ConfigError(f"'{verdict}' is no judgement; known are {', '.join(VERDICTS)}")
            if not why.strip():
                raise ConfigError("--why must not be empty; a judgement without a reason cannot be defended")
            with case.database.connect() as connection:
                before = history(connection, left_id=judged.left_id)
            _require_unjudged_since(case, link_id, judged, version)
            known = {
                j.judgement_id for j in before if j.subject == judged.subject and j.person != same_person(actor.name)
            }
            own = [j for j in before if j.link_id == link_id and j.person == same_person(actor.name)]
            shown = pair_shown_as(case, actor.name, link_id, own)
            if shown is not None and shown.bars_sha256 and shown.bars_sha256 != judged.bars_sha256:
                raise RefusedError(
                    f"{link_id}: its weights have changed since you were shown it on {shown.at_utc[:10]}; look at it "
                    f"again ('headwater queue CASE --link {link_id}'), then judge"
                )
        told = [one for one in dict.fromkeys(told_of) if one in known]
        judgement = _appended(case, actor, link_id, judged, verdict=verdict, why=why, shown=shown, told_of=told)
    return Judged(judgement=judgement, changes=tuple(_changes(before, judgement, judged.shown_claim, shown)))


def _appended(
    case: Case,
    actor: Actor,
    link_id: str,
    judged: _Judgeable,
    *,
    verdict: str,
    why: str,
    shown: ShownLink | None,
    told_of: Sequence[str],
) -> Judgement:
    """The judgement, on record."""
    subjects, at_utc = subjects_among((link_id, judged.left_id, judged.right_id)), case.now()
    judgement = Judgement(
        link_id=link_id,
        claim=judged.claim,
        left_id=judged.left_id,
        right_id=judged.right_id,
        verdict=verdict,
        operator=actor.name,
        why=sealed_text(case.custody.subject_keys, recordable(why), subjects, _place(link_id, at_utc)),
        seen_weight_mbits=judged.weight_mbits,
        model_id=judged.model_id,
        at_utc=at_utc,
        headwater_version=__version__,
        links_sha256=_links_sha256(case) if judged.model_id else "",
        **_as_shown(shown),
    )
    case.register(actor)
    ids = (link_id, judgement.judgement_id, *told_of)
    with put_ready(case.path, judgement):
        case.record("judged", actor, object_ids=ids, params={"verdict": verdict}, about=subjects)
        with case.database.begin() as connection:
            append(connection, judgement)
    return judgement


def _require_unjudged_since(case: Case, link_id: str, judged: _Judgeable, version: int | None) -> None:
    if version is None:
        return
    with case.database.connect() as connection:
        since = history(connection, after=version, left_id=judged.left_id)
        now = newest(connection)
    about = [judgement for judgement in since if judgement.subject == judged.subject]
    if about:
        claims = {judgement.link_id: judged.shown_claim for judgement in about}
        raise JudgedMeanwhileError(
            link_id, [_told(case.custody.subject_keys, judgement, claims) for judgement in about], now
        )


def _as_shown(shown: ShownLink | None) -> dict[str, Any]:
    if shown is None:
        return {}
    return {"bars_sha256": shown.bars_sha256, "score_hidden": shown.score_hidden, "shown_as": shown.shown_as}


def _links_sha256(case: Case) -> str:
    return next((str(o["sha256"]) for o in case.current_outputs() if o["table_name"] == "links"), "")


def _pair(found_by: ReviewRows, wanted: str) -> _Judgeable | None:
    for name in ("links", "known_links"):
        for link in found_by.rows(name, "link_id", {wanted}):
            return _Judgeable(
                claim=link["claim"] if name == "links" else KNOWN_CLAIM,
                left_id=link["left_id"],
                right_id=link["right_id"],
                shown_claim=link["claim"],
                weight_mbits=link["match_weight_mbits"],
                model_id=link["model_id"],
                bars_sha256=bars_digest(link),
            )
    return None


def _judgeable(tables: Session, wanted: str) -> _Judgeable | None:
    pair = _pair(ScannedRows(tables), wanted)
    if pair is not None:
        return pair
    hub = next((row for row in tables.arrow("media_hubs").to_pylist() if row["media_hub_id"] == wanted), None)
    if hub is not None:
        return _Judgeable(claim=HUB_CLAIM, left_id=hub["pdq"], right_id=hub["entry_id"], shown_claim=HUB_CLAIM)
    if _joins_scripts(tables, wanted):
        return _Judgeable(claim=MERGE_CLAIM, left_id=wanted, right_id="", shown_claim=MERGE_CLAIM)
    return None


def _joins_scripts(tables: Session, txid: str) -> bool:
    """Whether a transaction spends from two scripts or more, so that it can merge, or could before it was cut."""
    inputs = tables.arrow("tx_inputs")
    return len(inputs.filter(pc.equal(inputs["txid"], txid))["script_hex"].unique()) > 1


def _changes(before: Sequence[Judgement], judgement: Judgement, claim: str, shown: ShownLink | None) -> Iterator[str]:
    """What a judgement did, in sentences; the same for a link and for a pair that only measures who judges."""
    earlier = [j for j in before if j.subject == judgement.subject]
    own = [j for j in earlier if j.person == judgement.person]
    if own:
        yield f"it replaces your {own[-1].verdict} of {own[-1].at_utc[:10]}; both stay on record"
    after = [*earlier, judgement]
    stands = standing(after)[judgement.subject]
    if stands.verdict != judgement.verdict:
        yield f"{stands.operator}'s {stands.verdict} stands before it"
    elif judgement.verdict == "negative":
        yield "it stands, whatever others say later, until you judge otherwise; nothing follows from the pair any more"
    elif judgement.verdict == "unsure":
        yield "nothing follows from the pair until somebody decides"
    elif claim == NAMING_CLAIM:
        [row] = snapshot(replace(j, claim=claim) for j in after).to_pylist()
        yield _naming(row["positive_operators"])
    if shown is None and claim not in {HUB_CLAIM, MERGE_CLAIM}:
        yield "the queue has not shown you this pair since your last judgement on it; that is recorded with it"


def _naming(people: int) -> str:
    if people >= NAMED_BY:
        return f"{people} people say so: a lead may name this person, and leave"
    return f"{people} of {NAMED_BY} people say so: a lead that names this person leaves once a second operator agrees"


def judgement_history(case: Case, tables: Session, link_id: str | None = None) -> list[dict[str, Any]]:
    """Every judgement in the order they were given, or those about one pair, whatever id it had.

    Args:
        case: The case.
        tables: Its tables.
        link_id: A link, hub or transaction; None for all.

    Raises:
        InputError: Nobody has judged that link, hub or transaction.
    """
    judgements = case.judgements()
    if link_id is not None:
        now = {row["link_id"]: (row["claim"], row["left_id"], row["right_id"]) for row in _rows(tables, "judgements")}
        about = {judgement.subject for judgement in judgements if judgement.link_id == link_id} | {now.get(link_id)}
        judgements = [judgement for judgement in judgements if judgement.subject in about]
        if not judgements:
            raise InputError(link_id, "nobody has judged this", remedy="see 'headwater judge CASE --history' for all")
    known = {row["link_id"]: row["claim"] for row in _rows(tables, "known_links")}
    keys = case.custody.subject_keys.as_now()
    return [_told(keys, judgement, known) for judgement in judgements]


def _rows(tables: Session, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tables.arrow(name).to_pylist()
    return rows


def _place(link_id: str, at_utc: str) -> str:
    """Where the reason of a judgement stands, so that it opens with no other."""
    return f"judgement of {link_id} at {at_utc}"


def reason_of(keys: SubjectKeys, judgement: Judgement) -> str:
    """The reason of a judgement as it was written; what was erased stays unreadable, and says so."""
    return opened_text(keys, judgement.why, _place(judgement.link_id, judgement.at_utc))


def _told(keys: SubjectKeys, judgement: Judgement, known: Mapping[str, str]) -> dict[str, Any]:
    """A judgement as its record is shown; one on a pair of known answer looks like any other."""
    claim = known.get(judgement.link_id, "used") if judgement.claim == KNOWN_CLAIM else judgement.claim
    return {
        "judgement_id": judgement.judgement_id,
        "at_utc": judgement.at_utc,
        "operator": judgement.operator,
        "verdict": judgement.verdict,
        "claim": claim,
        "link_id": judgement.link_id,
        "left_id": judgement.left_id,
        "right_id": judgement.right_id,
        "why": reason_of(keys, judgement),
        "was_shown": bool(judgement.shown_as),
        "score_hidden": judgement.score_hidden,
        "weight_mbits": judgement.seen_weight_mbits,
        "bars_sha256": judgement.bars_sha256,
        "model_id": judgement.model_id,
        "links_sha256": judgement.links_sha256,
        "headwater_version": judgement.headwater_version,
    }
