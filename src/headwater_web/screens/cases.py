"""The cases that somebody may work on."""

from __future__ import annotations

from headwater_web.answers import Page, Redirect
from headwater_web.ask import Ask
from headwater_web.rules import SIGNED_IN, Role, Route

__all__ = ["ROUTES"]


def listed_cases(ask: Ask) -> Page:
    """The cases that this person is a member of, each with role, purpose and end."""
    rows = []
    memberships = ask.workbench.members.of(ask.who)
    for key, case in ask.workbench.cases.items():
        held = [m for m in memberships if m.case_id == case.case_id]
        if held:
            audits_only = {m.role for m in held} == {Role.AUDITOR}
            rows.append(
                {
                    "key": key,
                    "name": case.name,
                    "route": "audit" if audits_only else "home",
                    "roles": [m.role.value for m in held],
                    "purpose": held[0].purpose,
                    "until_utc": min(m.until_utc for m in held),
                }
            )
    return Page(template="cases.html", values={"cases": rows}, as_json={"cases": rows})


def speak(ask: Ask) -> Redirect:
    """Keep the language of the pages."""
    language = ask.form.get("language", "")
    if language:
        ask.workbench.people.speak(ask.who, language)
    back = ask.form.get("back", "/")
    return Redirect(to=back if back.startswith("/") and not back.startswith("//") else "/")


ROUTES = (
    Route(
        name="cases",
        path="/",
        about="The cases that the person who asks is a member of.",
        view=listed_cases,
        roles=SIGNED_IN,
        in_case=False,
        reads="",
    ),
    Route(
        name="speak",
        path="/language",
        about="Keeps the language in which the pages speak to this person.",
        view=speak,
        roles=SIGNED_IN,
        in_case=False,
        reads="",
        methods=("POST",),
    ),
)
