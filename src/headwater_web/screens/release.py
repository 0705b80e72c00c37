"""Release: for whom, what is in it, what is withheld and why, what is checked, a second person, and what comes back."""

from __future__ import annotations

from typing import Any, Final

from headwater.errors import InputError
from headwater.workflow import (
    REVIEWER_ROLE,
    Actor,
    checked_draft,
    draft_list,
    draft_package,
    draft_told,
    import_outcomes,
    import_receipt,
    recall_sent,
    release_package,
    review_draft,
    sealed_file,
    sent_list,
)
from headwater_web.answers import Download, NotThereError, Page, Redirect, WrongInputError
from headwater_web.ask import Ask
from headwater_web.rules import CASE_READERS, DECIDERS, Role, Route
from headwater_web.shown import json_value, shown_text
from headwater_web.text import Seized

__all__ = ["CHECKS", "ROUTES", "STATES"]

CHECKS: Final = ("logged", "signed", "place", "names", "media", "second_person", "opened")
STATES: Final = ("new", "reissued", "changed", "gone", "recalled", "unchanged")
_APPROVERS: Final = frozenset({Role.APPROVER})
_ANSWER_BYTES: Final = 4_000_000
"""Of a receipt, a file of outcomes, a key or a certificate."""
_TERMS: Final = ("legal_basis", "handling_code", "onward_transfer")
_DONE: Final = frozenset({"released", "receipt", "outcomes", "recalled"})
_SEALED: Final = {"envelope": "application/json", "sealed": "application/vnd.headwater.sealed"}


def releases(ask: Ask) -> Page:
    """Drafts that wait for a second person, and what was sent, with what came back for it."""
    drafts, sent = draft_list(ask.case.reading), sent_list(ask.case.reading)
    sent = [{name: value for name, value in row.items() if name != "folder"} for row in sent]
    ask.reads(*(str(row["package_id"]) for row in drafts), *(str(row["id"]) for row in sent))
    values: dict[str, Any] = {
        "drafts": [{**row, "href": ask.url("release_draft", package=row["package_id"])} for row in drafts],
        "sent": sent,
        "missing": sum(row["receipt_id"] is None for row in sent),
        "done": ask.one("done") if ask.one("done") in _DONE else "",
        "what": Seized(ask.one("what")),
    }
    return Page(template="releases.html", values=values, as_json=lambda: {"drafts": json_value(drafts), "sent": sent})


def release_draft(ask: Ask) -> Page:
    """One draft, as the second person reads it before anything else."""
    return _draft_page(ask, ask.path["package"])


def _draft_page(ask: Ask, package: str) -> Page:
    told, checked = _told(ask, package)
    shown = set(checked["shown"])
    values = {
        "draft": told,
        "author": Seized(told["author"]),
        "why": Seized(told["why"]),
        "terms": [(name, Seized(value)) for name, value in told["terms"].items()],
        "leads": [
            {**lead, "because": [Seized(one) for one in lead["because"]], "shown": lead["lead_id"] in shown}
            for lead in told["leads"]
        ],
        "withheld": [{**one, "what": Seized(one["what"]), "why": Seized(one["why"])} for one in told["withheld"]],
        "changed": [{**one, "fields": ", ".join(field["field"] for field in one["fields"])} for one in told["changed"]],
        "states": STATES,
        "checks": [{**check, "fault": Seized(check["fault"])} for check in checked["checks"]],
        "ready": not any(check["fault"] for check in checked["checks"]),
        "shown": len(shown),
        "sample": Seized(checked["sample"]),
        "is_author": any(one["check"] == "second_person" and one["fault"] for one in checked["checks"]),
    }
    return Page(
        template="release_draft.html",
        values=values,
        as_json=lambda: json_value({**told, **checked, "leads": told["leads"]}),
    )


def _told(ask: Ask, package: str) -> tuple[dict[str, Any], dict[str, Any]]:
    case = ask.case.reading
    try:
        told = draft_told(case, package)
        checked = checked_draft(case, package, ask.who.name)
    except InputError:
        raise NotThereError("problem.no_draft", package=Seized(package)) from None
    ask.reads(package, *(str(lead["lead_id"]) for lead in told["leads"]))
    return told, checked


def release_open(ask: Ask) -> Page:
    """Leads of a draft in full, once it is on record that this person opened them."""
    package, sample, lead = ask.path["package"], ask.form.get("sample", ""), ask.form.get("lead", "")
    if sample and not (sample.isascii() and sample.isdigit() and int(sample[:6]) > 0 and len(sample) < 7):
        raise WrongInputError("problem.no_number", name="sample")
    actor = ask.actor
    with ask.case.acting() as case:
        reader = Actor(name=actor.name, role=REVIEWER_ROLE, justification=actor.justification)
        try:
            leads = review_draft(
                case, reader, package, lead_ids=(lead,) if lead else (), sample=int(sample) if sample else None
            )
        except InputError:
            raise NotThereError("problem.no_draft", package=Seized(package)) from None
        checked = checked_draft(case, package, actor.name)
    ask.reads(package, *(str(one["lead_id"]) for one in leads))
    left = [one for one in checked["leads"] if one not in set(checked["shown"])]
    values = {
        "package": package,
        "leads": [{"lead_id": one["lead_id"], "rank": one["rank"], "fields": _fields(one)} for one in leads],
        "back": ask.url("release_draft", package=package),
        "following": left[0] if left and not sample else None,
        "shown": len(checked["shown"]),
        "of": len(checked["leads"]),
    }
    return Page(template="release_leads.html", values=values, as_json=lambda: {"leads": json_value(leads)})


def _fields(lead: dict[str, Any]) -> list[dict[str, Any]]:
    """Every field that holds something; a list of structures is a small table."""
    first = ("why_now", "contrary", "rivals", "rules_fired", "named_record", "lead_country", "jurisdiction")
    names = [*(name for name in first if name in lead), *sorted(name for name in lead if name not in first)]
    found = []
    for name in names:
        value = lead[name]
        if value in (None, "", [], {}) or name in {"lead_id", "rank"}:
            continue
        entry: dict[str, Any] = {"name": name.replace("_", " "), "text": None, "columns": [], "rows": []}
        if isinstance(value, list) and all(isinstance(part, dict) for part in value):
            entry["columns"] = list(dict.fromkeys(column for part in value for column in part))
            entry["rows"] = [[Seized(shown_text(part.get(column))) for column in entry["columns"]] for part in value]
        elif isinstance(value, list):
            entry["text"] = Seized(", ".join(map(shown_text, value)))
        else:
            entry["text"] = Seized(shown_text(value))
        found.append(entry)
    return found


def release_make(ask: Ask) -> Redirect:
    """A new draft for a country."""
    why = ask.form.get("why", "").strip()
    given = {name: ask.form.get(name, "").strip() for name in (*_TERMS, "country", "recipient")}
    certificate = ask.files.get("certificate")
    # A recipient is a key or what was chosen; never the name of a file on this machine.
    if not why or not all(given[name] for name in (*_TERMS, "country")):
        raise WrongInputError("problem.draft_lacks")
    if certificate is None and not given["recipient"].startswith("age1"):
        raise WrongInputError("problem.no_key")
    reissue = tuple(ask.form.get("reissue", "").split())
    with ask.case.acting() as case:
        recipient = given.pop("recipient") if certificate is None else str(certificate.path)
        given.pop("recipient", None)
        made = draft_package(case, ask.actor_for(why), recipient=recipient, reissue=reissue, **given)
    ask.reads(str(made["package_id"]))
    return Redirect(to=ask.url("release_draft", package=made["package_id"]))


def release_do(ask: Ask) -> Redirect:
    """The second person lets a draft go."""
    package, why = ask.path["package"], ask.form.get("why", "").strip()
    if not why:
        raise WrongInputError("problem.no_reason")
    with ask.case.acting() as case:
        # Only what headwater showed counts here: nothing is signed that a person merely says of themselves.
        release_package(
            case, ask.actor_for(why), package,
            why=why, leads_opened=(), all_opened=False, sample=ask.form.get("sample", ""),
        )  # fmt: skip
    ask.reads(package)
    return Redirect(to=ask.url("releases", done="released", what=package))


def release_file(ask: Ask) -> Download:
    """A file to send: the envelope or what is sealed; nothing of it can be read without the recipient's key."""
    part = ask.form.get("part", "")
    if part not in _SEALED:
        raise WrongInputError("problem.no_format")
    with ask.case.acting() as case:
        try:
            name, content = sealed_file(case, ask.path["package"], part)
        except InputError:
            raise NotThereError("problem.no_package", package=Seized(ask.path["package"])) from None
    ask.reads(ask.path["package"], f"file:{part}")
    return Download(parts=[content], media_type=_SEALED[part], file_name=name)


def release_answer(ask: Ask) -> Redirect:
    """A receipt or a file of outcomes that came back, with the key of whoever signed it."""
    answer, key = ask.files.get("answer"), ask.files.get("key")
    kind = ask.form.get("kind", "")
    if answer is None or key is None or kind not in {"receipt", "outcomes"}:
        raise WrongInputError("problem.answer_lacks")
    take = import_receipt if kind == "receipt" else import_outcomes
    with ask.case.acting() as case:
        told = take(case, ask.actor_for(ask.form.get("why", "").strip()), answer.path, key.path)
    what = str(told["receipt_id"] if kind == "receipt" else told["outcomes_id"])
    ask.reads(what)
    return Redirect(to=ask.url("releases", done=kind, what=what))


def release_recall(ask: Ask) -> Redirect:
    """Leads or packages taken back: a notice for every recipient who was sent them."""
    ids, why = ask.form.get("ids", "").split(), ask.form.get("why", "").strip()
    if not ids:
        raise WrongInputError("problem.no_ids")
    if not why:
        raise WrongInputError("problem.no_reason")
    with ask.case.acting() as case:
        notices = recall_sent(case, ask.actor_for(why), ids)
    made = [str(notice["recall_id"]) for notice in notices]
    ask.reads(*ids, *made)
    return Redirect(to=ask.url("releases", done="recalled", what=" ".join(made)))


_PACKAGE: Final = (("package", "pkg-none"),)

ROUTES = (
    Route(
        name="releases",
        path="/case/{case}/release/",
        about="Drafts that wait for a second person; what was sent to whom, with receipts and recalls.",
        view=releases,
        roles=CASE_READERS,
        in_case=True,
        reads="releases",
        nav="nav.release",
    ),
    Route(
        name="release_draft",
        path="/case/{case}/release/draft/{package}",
        about="One draft: recipient and key, contents as text, what is withheld and why, what changed, the checks.",
        view=release_draft,
        roles=CASE_READERS,
        in_case=True,
        reads="draft",
        sample=_PACKAGE,
    ),
    Route(
        name="release_open",
        path="/case/{case}/release/draft/{package}/open",
        about="Leads of a draft in full for whoever will release it; the custody log records which were opened.",
        view=release_open,
        roles=_APPROVERS,
        in_case=True,
        reads="leads of a draft",
        methods=("POST",),
        sample=_PACKAGE,
    ),
    Route(
        name="release_make",
        path="/case/{case}/release/draft",
        about="Drafts a package for a country.",
        view=release_make,
        roles=DECIDERS,
        in_case=True,
        reads="new draft",
        methods=("POST",),
        upload_bytes=_ANSWER_BYTES,
    ),
    Route(
        name="release_do",
        path="/case/{case}/release/draft/{package}/release",
        about="Releases a draft by a second person; its author is refused.",
        view=release_do,
        roles=_APPROVERS,
        in_case=True,
        reads="release",
        methods=("POST",),
        sample=_PACKAGE,
    ),
    Route(
        name="release_file",
        path="/case/{case}/release/sent/{package}/file",
        about="A file to send, envelope or sealed package; asks for a reason.",
        view=release_file,
        roles=DECIDERS,
        in_case=True,
        reads="sealed package",
        methods=("POST",),
        bulk=True,
        exports=True,
        sample=_PACKAGE,
    ),
    Route(
        name="release_answer",
        path="/case/{case}/release/answer",
        about="Takes in a receipt or a file of outcomes with the key of whoever signed it.",
        view=release_answer,
        roles=DECIDERS,
        in_case=True,
        reads="answer of a recipient",
        methods=("POST",),
        upload_bytes=_ANSWER_BYTES,
    ),
    Route(
        name="release_recall",
        path="/case/{case}/release/recall",
        about="Takes leads or packages back; every recipient who was sent them gets a notice, with the reason.",
        view=release_recall,
        roles=DECIDERS,
        in_case=True,
        reads="recall",
        methods=("POST",),
    ),
)
