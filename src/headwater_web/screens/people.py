"""The people of this workbench, for an administrator: who may sign in, and who works on which case until when."""

from __future__ import annotations

import datetime as dt
from typing import Any

from headwater.errors import ConfigError
from headwater_web.answers import Page, Redirect, WrongInputError
from headwater_web.ask import Ask
from headwater_web.rules import ADMINISTRATOR_ONLY, Role, Route
from headwater_web.state.members import MEMBER_ROLES
from headwater_web.state.people import SETUP_HOURS, Person

__all__ = ["ROUTES"]


def people(ask: Ask) -> Page:
    """Everybody, with what they may do."""
    return _page(ask)


def _page(ask: Ask, **more: object) -> Page:
    names = {case.case_id: case.name for case in ask.workbench.cases.values()}
    rows: list[dict[str, Any]] = [
        {
            "name": person.name,
            "person_id": person.person_id,
            "administrator": person.administrator,
            "disabled": person.disabled,
            "ready": person.has_password or bool(ask.workbench.bindings.of(person)),
            "bound": _bound(ask, person),
            "members": [
                {
                    "case": names.get(m.case_id, m.case_id),
                    "role": m.role.value,
                    "purpose": m.purpose,
                    "until_utc": m.until_utc,
                }
                for m in ask.workbench.members.of(person)
            ],
        }
        for person in ask.workbench.people.listed()
    ]
    values = {
        "people": rows,
        "cases": [(case.key, case.name) for case in ask.workbench.cases.values()],
        "roles": [role.value for role in MEMBER_ROLES],
        "provider": ask.workbench.provider.name if ask.workbench.provider is not None else "",
        "hours": SETUP_HOURS,
        "code": "",
        "code_of": "",
        **more,
    }
    return Page(template="people.html", values=values, as_json={"people": rows})


def _bound(ask: Ask, person: Person) -> dict[str, str] | None:
    """Who the person is at the identity provider; None where they are nobody there."""
    provider = ask.workbench.provider
    binding = ask.workbench.bindings.at(person, provider.issuer) if provider is not None else None
    return {"sub": binding.sub, "by": binding.bound_by, "at_utc": binding.at_utc} if binding is not None else None


def add_person(ask: Ask) -> Page:
    """Add somebody, and show the code with which they set up their sign-in, once."""
    name = ask.form.get("name", "")
    try:
        code = ask.workbench.people.add(name, by=ask.who.name, administrator=ask.form.get("administrator", "") == "yes")
    except ConfigError as error:
        raise WrongInputError("problem.input", why=str(error)) from None
    return _page(ask, code=code, code_of=name)


def _person(ask: Ask) -> Person:
    person = ask.workbench.people.of_id(ask.form.get("person", ""))
    if person is None:
        raise WrongInputError("problem.no_person")
    return person


def reset_person(ask: Ask) -> Page:
    """Give somebody a new code, after they lost password or second factor; whoever is signed in as them is not."""
    person = _person(ask)
    code = ask.workbench.people.reset(person, by=ask.who.name)
    ask.workbench.sessions.end_all(person)
    return _page(ask, code=code, code_of=person.name)


def disable_person(ask: Ask) -> Redirect:
    """Let nobody sign in as them any more."""
    person = _person(ask)
    if person.person_id == ask.who.person_id:
        raise WrongInputError("problem.not_yourself")
    ask.workbench.people.disable(person, by=ask.who.name)
    ask.workbench.sessions.end_all(person)
    return Redirect(to=ask.url("people"))


def add_member(ask: Ask) -> Redirect:
    """Let somebody work on a case, in a role, for a purpose, until a day."""
    case = ask.workbench.cases.get(ask.form.get("in_case", ""))
    if case is None:
        raise WrongInputError("problem.no_case")
    try:
        role = Role(ask.form.get("role", ""))
        until = dt.datetime.fromisoformat(ask.form.get("until", "")).replace(hour=23, minute=59, tzinfo=dt.UTC)
    except ValueError:
        raise WrongInputError("problem.bad_form") from None
    try:
        ask.workbench.members.grant(
            _person(ask), case.case_id, role, purpose=ask.form.get("purpose", ""), until=until, by=ask.who.name
        )
    except ConfigError as error:
        raise WrongInputError("problem.input", why=str(error)) from None
    return Redirect(to=ask.url("people"))


def end_member(ask: Ask) -> Redirect:
    """End every membership of somebody in a case."""
    case = ask.workbench.cases.get(ask.form.get("in_case", ""))
    if case is None:
        raise WrongInputError("problem.no_case")
    ask.workbench.members.end(_person(ask), case.case_id, by=ask.who.name)
    return Redirect(to=ask.url("people"))


def _issuer(ask: Ask) -> str:
    if ask.workbench.provider is None:
        raise WrongInputError("provider.none")
    return ask.workbench.provider.issuer


def bind_person(ask: Ask) -> Redirect:
    """State who somebody is at the identity provider."""
    person, issuer = _person(ask), _issuer(ask)
    try:
        ask.workbench.bindings.bind(person, issuer, ask.form.get("sub", "").strip(), by=ask.who.name)
    except ConfigError as error:
        raise WrongInputError("problem.input", why=str(error)) from None
    return Redirect(to=ask.url("people"))


def end_binding(ask: Ask) -> Redirect:
    """Let somebody sign in at the identity provider no more; whoever is signed in as them is not."""
    person, issuer = _person(ask), _issuer(ask)
    if ask.workbench.bindings.end(person, issuer, by=ask.who.name):
        ask.workbench.sessions.end_all(person)
    return Redirect(to=ask.url("people"))


def _act(name: str, path: str, about: str, view: Any) -> Route:  # noqa: ANN401 - a view; all of them are alike here
    return Route(
        name=name, path=path, about=about, view=view, roles=ADMINISTRATOR_ONLY, in_case=False, reads="",
        methods=("POST",),
    )  # fmt: skip


ROUTES = (
    Route(
        name="people",
        path="/people/",
        about="Who may sign in, and who works on which case.",
        view=people,
        roles=ADMINISTRATOR_ONLY,
        in_case=False,
        reads="",
    ),
    _act("add_person", "/people/add", "Adds a person; the answer shows their setup code once.", add_person),
    _act("reset_person", "/people/reset", "Gives a person a new setup code, and ends their sessions.", reset_person),
    _act("disable_person", "/people/disable", "Lets nobody sign in as a person any more.", disable_person),
    _act("add_member", "/people/member", "Lets a person work on a case, in a role and until a day.", add_member),
    _act("bind_person", "/people/bind", "States who a person is at the identity provider.", bind_person),
    _act("end_binding", "/people/bind/end", "Ends that, and the person's sessions.", end_binding),
    _act("end_member", "/people/member/end", "Ends a person's memberships of a case.", end_member),
)
