"""Signing in at an identity provider: the browser alone goes there and brings its word back.

The word is brought by a form of the provider's page, which is a stranger to us: it comes without our cookies, and
whoever can make a person's browser send a form could have written it. So it opens nothing. It leaves a handle on a page
of ours, and the handle opens a session in the one browser that began.

References:
    OpenID Connect Core 1.0, section 3.2; OAuth 2.0 Form Post Response Mode; RFC 9700, sections 2.1 and 4.7.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from headwater_web.answers import Answer, Page, Problem, Redirect, WrongInputError
from headwater_web.ask import Ask
from headwater_web.id_tokens import TokenRefusedError, checked_token
from headwater_web.identity_provider import IdentityProvider
from headwater_web.rules import ANYONE, Route
from headwater_web.screens.sign_in import entered, own_address, stepped
from headwater_web.state import Person
from headwater_web.state.bindings import sub_digest

__all__ = ["RETURN_PATH", "ROUTES"]

RETURN_PATH: Final = "/oidc/return"
_UNKNOWN: Final = "no such sign-in, or used before"
_UNBOUND: Final = "subject is bound to nobody"
_TOLD_ERRORS: Final = frozenset(
    {
        "access_denied",
        "account_selection_required",
        "consent_required",
        "interaction_required",
        "invalid_request",
        "invalid_scope",
        "login_required",
        "server_error",
        "temporarily_unavailable",
        "unauthorized_client",
        "unsupported_response_type",
    }
)
"""Source: RFC 6749, section 4.2.2.1; OpenID Connect Core 1.0, section 3.1.2.6. Other texts are not logged."""


def _provider(ask: Ask) -> IdentityProvider:
    if ask.workbench.provider is None:
        raise WrongInputError("provider.none")
    return ask.workbench.provider


def begin(ask: Ask) -> Answer:
    """A page that leads to the provider. No redirect: the policy on forms would have to name the provider."""
    provider = _provider(ask)
    if ask.session is not None and ask.session.stage == "full":
        return Redirect(to="/")
    if ask.session is not None:
        ask.workbench.sessions.end(ask.session)
    sent = ask.workbench.begun.begin(provider.issuer, own_address(ask.form.get("next", "/")))
    to = provider.request_address(ask.workbench.return_address, sent.state, sent.nonce)
    values = {"to": to, "provider": provider.name}
    cookies = {"begun": sent.cookie, "session": ""}
    return Page(template="provider_begin.html", values=values, as_json={"to": to}, cookies=cookies)


def returned(ask: Ask) -> Page:
    """What the provider's page sent by the browser: a token that is checked, or why there is none."""
    provider, bench = _provider(ask), ask.workbench
    known = bench.begun.returned(provider.issuer, ask.form.get("state", ""))
    if known is None:
        raise _refusal_of_unknown(ask, provider)
    error = ask.form.get("error", "")
    if error:
        named = error if error in _TOLD_ERRORS else "an error without a known name"
        problem = Problem(HTTPStatus.UNAUTHORIZED, "provider.told_error", provider=provider.name)
        raise _refusal(ask, provider, f"provider told {named}", problem=problem)
    token, now_s = ask.form.get("id_token", ""), bench.store.clock().timestamp()
    try:
        vouched = checked_token(token, provider, nonce_sha256=known.nonce_sha256, now_s=now_s)
    except TokenRefusedError as refused:
        raise _refusal(ask, provider, refused.why, sub=refused.sub) from None
    counted = f"{sub_digest(vouched.sub)} at {provider.issuer}"
    if bench.throttle.must_wait(counted):
        raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "sign_in.wait")
    bench.throttle.failed(counted)
    person = _bound(ask, provider, vouched.sub)
    if person is None:
        words = {"provider": provider.name, "sub": vouched.sub, "name": vouched.name or vouched.sub}
        problem = Problem(HTTPStatus.FORBIDDEN, "provider.unbound", **words)
        raise _refusal(ask, provider, _UNBOUND, sub=vouched.sub, problem=problem)
    if person.disabled:
        raise _refusal(ask, provider, "person is disabled", sub=vouched.sub, person=person)
    bench.throttle.succeeded(counted)
    handle = bench.begun.vouched(known, person.person_id)
    values = {"handle": handle, "name": person.name, "their_name": vouched.name, "provider": provider.name}
    return Page(template="provider_returned.html", values=values, as_json={"handle": handle, "name": person.name})


def finish(ask: Ask) -> Answer:
    """The session, in the browser that began; a second factor where the provider does not vouch for one."""
    provider, bench = _provider(ask), ask.workbench
    ended = bench.begun.ended(provider.issuer, ask.form.get("handle", ""), ask.begun)
    if ended is None:
        raise _refusal_of_unknown(ask, provider)
    person = bench.people.of_id(ended.person_id)
    bound = bench.bindings.at(person, provider.issuer) if person is not None else None
    if person is None or bound is None:
        raise _refusal(ask, provider, _UNBOUND, person=person)
    if not ended.same_browser:
        problem = Problem(HTTPStatus.FORBIDDEN, "provider.other_browser")
        raise _refusal(ask, provider, "another browser began", sub=bound.sub, person=person, problem=problem)
    if person.disabled:
        raise _refusal(ask, provider, "person is disabled", sub=bound.sub, person=person)
    how = f"oidc at {provider.issuer}, {sub_digest(bound.sub)}"
    if provider.vouches_for_second_factor or (person.single and not person.has_second_factor):
        gone_on = entered(ask, person, ended.next, how)
    elif person.has_second_factor:
        bench.store.record("opened", person.name, f"second factor asked: {how}", object_ids=(person.person_id,))
        gone_on = stepped(ask, person, "password", f"/second-factor?next={ended.next}")
    else:
        problem = Problem(HTTPStatus.FORBIDDEN, "sign_in.no_second_factor")
        raise _refusal(ask, provider, "no second factor", sub=bound.sub, person=person, problem=problem)
    return Redirect(to=gone_on.to, cookies={**gone_on.cookies, "begun": ""})


def _bound(ask: Ask, provider: IdentityProvider, sub: str) -> Person | None:
    person_id = ask.workbench.bindings.person_id_of(provider.issuer, sub)
    return ask.workbench.people.of_id(person_id) if person_id else None


def _refusal(
    ask: Ask, provider: IdentityProvider, why: str, *, sub: str = "", person: Person | None = None,
    problem: Problem | None = None,
) -> Problem:  # fmt: skip
    """The answer to a sign-in that failed, once it is on record."""
    ids = (*((person.person_id,) if person is not None else ()), *((sub_digest(sub),) if sub else ()))
    name = person.name if person is not None else ""
    told = f"sign-in: oidc at {provider.issuer}"
    ask.workbench.store.record("failed", name, told, object_ids=ids, outcome=f"refused: {why}")
    return problem or Problem(HTTPStatus.UNAUTHORIZED, "provider.refused", provider=provider.name)


def _refusal_of_unknown(ask: Ask, provider: IdentityProvider) -> Problem:
    """Anybody can send what belongs to no sign-in, so that the log takes a few of them and no flood."""
    throttle, counted = ask.workbench.throttle, f"{_UNKNOWN} at {provider.issuer}"
    if throttle.must_wait(counted):
        return Problem(HTTPStatus.UNAUTHORIZED, "provider.refused", provider=provider.name)
    throttle.failed(counted)
    return _refusal(ask, provider, _UNKNOWN)


def _step(name: str, path: str, about: str, view: Any, *, foreign: bool = False) -> Route:  # noqa: ANN401 - a view
    return Route(
        name=name, path=path, about=about, view=view, roles=ANYONE, in_case=False, reads="", methods=("POST",),
        foreign=foreign,
    )  # fmt: skip


ROUTES = (
    _step("oidc_begin", "/oidc/begin", "Leads the browser to the identity provider.", begin),
    _step(
        "oidc_return",
        RETURN_PATH,
        "Takes the provider's word from the browser; opens nothing.",
        returned,
        foreign=True,
    ),
    _step("oidc_finish", "/oidc/finish", "Opens the session, in the browser that began.", finish),
)
