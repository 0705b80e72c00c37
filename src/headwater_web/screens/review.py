"""The review queue: one pair, what speaks against it first, and a decision that knows what was shown."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from headwater.errors import ConfigError, InputError
from headwater.workflow import Case, DeskPair, JudgedMeanwhileError, ReviewDesk, ReviewTables, cut_preview, judge_link
from headwater_web.answers import NotThereError, Page, Redirect, WrongInputError
from headwater_web.ask import Ask
from headwater_web.cases import OpenCase
from headwater_web.rules import CASE_READERS, DECIDERS, Route
from headwater_web.screens.review_pair import CLAIMS, pair_values
from headwater_web.shown import json_value
from headwater_web.text import Seized

__all__ = ["BEGUN", "OWN_WORDS", "REASONS", "ROUTES", "VERDICTS"]

VERDICTS: Final = ("positive", "negative", "unsure")
REASONS: Final = ("1", "2", "3")
OWN_WORDS: Final = "own"
"""The reason that says nothing of itself, so that the person's own words are asked for."""
_MEMORY: Final = "review"


def _desk(ask: Ask) -> ReviewDesk:
    """What reviewing keeps of this case between pairs."""
    opened = ask.case
    # Before the desk is asked, which one person does at a time: nobody waits there for what is still made.
    _review_tables(opened)
    kept: dict[str, ReviewDesk] = ask.workbench.memory.setdefault(_MEMORY, {})
    if opened.key not in kept:
        desk = ReviewDesk(opened.reading, lambda: _review_tables(opened))
        kept.setdefault(opened.key, desk)
    return kept[opened.key]


def _review_tables(case: OpenCase) -> ReviewTables:
    return case.derived("review tables", lambda tables: ReviewTables.of(tables))  # noqa: PLW0108 - found when called


def _claim(ask: Ask) -> str | None:
    claim = ask.one("claim") or ask.form.get("claim", "")
    if claim and claim not in CLAIMS:
        raise WrongInputError("problem.no_claim")
    return claim or None


def _hides(ask: Ask) -> bool:
    """Whether scores are hidden: the case says so for everybody, and a person may for themselves."""
    by_case = ask.case.reading.settings.hide_score_until_judged
    return by_case or ask.one("hide") == "1" or ask.form.get("hide") == "1"


def _asked(ask: Ask) -> dict[str, str]:
    """What every address of the queue carries on."""
    claim = _claim(ask)
    hide = ask.one("hide") == "1" or ask.form.get("hide") == "1"
    return {**({"claim": claim} if claim else {}), **({"hide": "1"} if hide else {})}


def review(ask: Ask) -> Page | Redirect:
    """The pair that waits for this person."""
    link = _desk(ask).first(ask.who.name, _claim(ask))
    if link is not None:
        return Redirect(to=ask.url("review_pair", link=link, **_asked(ask)))
    values = {"claims": CLAIMS, "asked": _asked(ask)}
    return Page(template="review_empty.html", values=values, as_json={"pair": None})


def review_pair(ask: Ask) -> Page:
    """One pair, contrary evidence first."""
    shown = _shown(ask, ask.path["link"])
    return Page(template="review.html", values=_values(ask, shown), as_json=lambda: _as_json(shown))


def _shown(ask: Ask, link: str) -> DeskPair:
    try:
        shown = _desk(ask).show(ask.who.name, link, hide_score=_hides(ask), claim=_claim(ask))
    except InputError:
        raise NotThereError("problem.no_pair", link=Seized(link)) from None
    row = shown.row
    ids = [row["link_id"], row["left_id"], row["right_id"], *(other["right_id"] for other in row["candidates"])]
    ask.reads("score:hidden" if row["score_hidden"] else "score:shown", *map(str, ids))
    return shown


def _values(ask: Ask, shown: DeskPair) -> dict[str, Any]:
    asked = _asked(ask)

    def at(link: str | None) -> str | None:
        return None if link is None else ask.url("review_pair", link=link, **asked)

    return {
        **pair_values(ask, shown, at),
        "asked": asked,
        "version": shown.version,
        "before": at(shown.before),
        "after": at(shown.after),
        "proposed": shown.proposed,
        "judged_links": shown.judged,
        "choices": VERDICTS,
        "reasons": REASONS,
        "own_words": OWN_WORDS,
        "hide_on": ask.url("review_pair", link=shown.row["link_id"], **{**asked, "hide": "1"}),
        "may_hide": "hide" not in asked and not shown.row["score_hidden"],
        "told": _told(ask),
        "told_of": [],
    }


def _as_json(shown: DeskPair) -> dict[str, Any]:
    return {
        "pair": json_value(shown.row),
        "version": shown.version,
        "before": shown.before,
        "after": shown.after,
        "proposed": shown.proposed,
    }


def _told(ask: Ask) -> dict[str, str] | None:
    """What was decided last, for whoever comes from there."""
    verdict = ask.one("decided")
    return {"verdict": verdict, "link": ask.one("of")} if verdict in VERDICTS else None


def _decision(ask: Ask) -> tuple[str, str]:
    """Verdict and reason that a form says.

    Raises:
        WrongInputError: It says no verdict, or no reason.
    """
    verdict, _, reason = ask.form.get("decision", "").partition(".")
    if verdict not in VERDICTS:
        raise WrongInputError("problem.no_verdict")
    own = ask.form.get("why", "").strip()
    if reason in REASONS:
        told = ask.word(f"review.why_{verdict}_{reason}")
        return verdict, f"{told}; {own}" if own else told
    if not own:
        raise WrongInputError("problem.no_reason")
    return verdict, own


def review_judge(ask: Ask) -> Page | Redirect:
    """A person's decision on the pair as it was shown to them; or what somebody else said meanwhile."""
    link, (verdict, why) = ask.path["link"], _decision(ask)
    version = ask.form.get("version", "")
    if not (version.isascii() and version.isdigit()):
        raise WrongInputError("problem.no_version")
    told_of = tuple(one for one in ask.form.get("told_of", "").split(" ") if one)
    desk = _desk(ask)
    with ask.case.acting() as case:
        try:
            judged = judge_link(
                case, ask.actor_for(why), link, verdict,
                why=why, found_by=desk.rows(), version=int(version), told_of=told_of,
            )  # fmt: skip
        except JudgedMeanwhileError as error:
            return _conflict(ask, case, error, verdict=verdict, why=ask.form.get("why", ""))
        except (InputError, ConfigError):
            raise NotThereError("problem.no_pair", link=Seized(link)) from None
    # The custody log has the judgement's id: to say it again in the access log would cost one more flush.
    if ask.for_program:
        after = {"judgement_id": judged.judgement.judgement_id, "changes": list(judged.changes)}
        return Page(template="", as_json=after)
    following = desk.first(ask.who.name, _claim(ask))
    told = {**_asked(ask), "decided": verdict, "of": link}
    return Redirect(to=ask.url("review_pair", link=following, **told) if following else ask.url("review", **told))


def _conflict(ask: Ask, case: Case, error: JudgedMeanwhileError, *, verdict: str, why: str) -> Page:
    """What others said meanwhile, above the pair; nothing was recorded, and whoever decides now knows of it."""
    del case
    shown = _shown(ask, error.link_id)
    ask.reads(*(str(told["judgement_id"]) for told in error.judgements))
    own = ask.who.name
    values = _values(ask, shown) | {
        "version": error.version,
        "meanwhile": [
            {**told, "why": Seized(told["why"]), "own": told["operator"] == own} for told in error.judgements
        ],
        "told_of": [told["judgement_id"] for told in error.judgements],
        "yours": verdict,
        "yours_choice": ask.form.get("decision", ""),
        "yours_why": why,
    }

    def as_json() -> object:
        return {"conflict": [json_value(dict(told)) for told in error.judgements], "version": error.version}

    return Page(template="review_conflict.html", values=values, as_json=as_json, status=HTTPStatus.CONFLICT)


def review_undo_form(ask: Ask) -> Page:
    """What this person judged last, and what taking it back would say."""
    last = _desk(ask).last(ask.who.name)
    if last is None:
        raise NotThereError("problem.nothing_judged")
    ask.reads(last.judgement.judgement_id, last.link_id)
    values = {
        "last": last,
        "why": Seized(last.why),
        "href": ask.url("review_pair", link=last.link_id, **_asked(ask)),
        "asked": _asked(ask),
        "reasons": REASONS,
        "own_words": OWN_WORDS,
    }
    told = {"link_id": last.link_id, "verdict": last.judgement.verdict, "becomes": last.becomes}
    return Page(template="review_undo.html", values=values, as_json=told)


def review_undo(ask: Ask) -> Redirect:
    """One more judgement on the pair judged last, which takes the place of that one; both stay on record."""
    last = _desk(ask).last(ask.who.name)
    if last is None or last.judgement.judgement_id != ask.form.get("judgement"):
        raise WrongInputError("problem.not_last")
    reason, own = ask.form.get("reason_code", ""), ask.form.get("why", "").strip()
    why = ask.word(f"review.why_undo_{reason}") if reason in REASONS else own
    if not why:
        raise WrongInputError("problem.no_reason")
    why = f"{why}; {own}" if own and why != own else why
    with ask.case.acting() as case:
        # What the person says of the pair now is what they said before; what others said since does not change that.
        judge_link(case, ask.actor_for(why), last.link_id, last.becomes, why=why, found_by=_desk(ask).rows())
    return Redirect(to=ask.url("review_pair", link=last.link_id, **_asked(ask), decided=last.becomes, of=last.link_id))


def review_cut_form(ask: Ask) -> Page:
    """What a cut of a transaction that joins addresses would part; nothing is changed."""
    txid = ask.one("txid").strip()
    preview = None
    if txid:
        try:
            preview = ask.case.kept("cut preview", lambda tables: cut_preview(tables, txid), txid)
        except InputError as error:
            raise NotThereError("problem.no_merge", why=Seized(error.reason)) from None
        ask.reads("table:transactions", txid)
    values = {"txid": txid, "preview": preview, "asked": _asked(ask)}
    return Page(template="review_cut.html", values=values, as_json=lambda: {"preview": json_value(preview)})


def review_cut(ask: Ask) -> Redirect:
    """The cut, or that it is taken back; the next run draws the clusters anew."""
    txid, why = ask.form.get("txid", "").strip(), ask.form.get("why", "").strip()
    verdict = ask.form.get("verdict", "")
    if verdict not in VERDICTS:
        raise WrongInputError("problem.no_verdict")
    if not why:
        raise WrongInputError("problem.no_reason")
    with ask.case.acting() as case:
        judged = judge_link(case, ask.actor_for(why), txid, verdict, why=why)
    ask.reads(judged.judgement.judgement_id)
    return Redirect(to=ask.url("review_cut_form", txid=txid, **_asked(ask)))


BEGUN = (("review", _review_tables),)

ROUTES = (
    Route(
        name="review",
        path="/case/{case}/review/",
        about="Leads to the pair that waits for whoever asks; `claim` names one claim, `hide=1` hides weights.",
        view=review,
        roles=CASE_READERS,
        in_case=True,
        reads="review queue",
        nav="nav.review",
    ),
    Route(
        name="review_pair",
        path="/case/{case}/review/{link}",
        about="One pair: what speaks against it, rivals, both rows, what its weight is made of; the form to decide.",
        view=review_pair,
        roles=CASE_READERS,
        in_case=True,
        reads="pair",
        sample=(("link", "lnk-none"),),
    ),
    Route(
        name="review_judge",
        path="/case/{case}/review/{link}/judge",
        about="Records a person's judgement on a pair; or shows what somebody said of it meanwhile.",
        view=review_judge,
        roles=DECIDERS,
        in_case=True,
        reads="judgement",
        methods=("POST",),
        sample=(("link", "lnk-none"),),
    ),
    Route(
        name="review_undo_form",
        path="/case/{case}/review/own/undo",
        about="What this person judged last, and what taking it back would say.",
        view=review_undo_form,
        roles=DECIDERS,
        in_case=True,
        reads="own judgement",
    ),
    Route(
        name="review_undo",
        path="/case/{case}/review/own/undo",
        about="Takes the last own judgement back by one more; both stay on record.",
        view=review_undo,
        roles=DECIDERS,
        in_case=True,
        reads="own judgement",
        methods=("POST",),
    ),
    Route(
        name="review_cut_form",
        path="/case/{case}/review/merge/cut",
        about="What falls apart if the transaction `txid` joins addresses no more.",
        view=review_cut_form,
        roles=CASE_READERS,
        in_case=True,
        reads="merge",
    ),
    Route(
        name="review_cut",
        path="/case/{case}/review/merge/cut",
        about="Cuts a merge, or takes the cut back.",
        view=review_cut,
        roles=DECIDERS,
        in_case=True,
        reads="merge",
        methods=("POST",),
    ),
)
