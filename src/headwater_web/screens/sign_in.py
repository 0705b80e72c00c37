"""Signing in, in two steps; setting up one's own sign-in; signing out."""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import Any

import segno

from headwater_web.answers import Answer, Page, Problem, Redirect
from headwater_web.ask import Ask
from headwater_web.passkeys import asked_to_register, asked_to_sign, proved, registered
from headwater_web.passwords import LEAST_CHARACTERS, WeakPasswordError
from headwater_web.rules import ANYONE, SIGNED_IN, Route
from headwater_web.state import Person
from headwater_web.totp import enrolment_uri, fresh_secret, secret_text, step_of_code

__all__ = ["ROUTES", "entered", "own_address", "stepped"]

_COOKIE = "session"


def own_address(address: str) -> str:
    """The address if it is one of this server, else the list of cases: nobody is led elsewhere after signing in."""
    plain = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if plain else "/"


def sign_in_form(ask: Ask) -> Answer:
    """The form."""
    if ask.person is not None and ask.session is not None and ask.session.stage == "full":
        return Redirect(to="/")
    return _sign_in_page(ask, "", HTTPStatus.OK)


def _sign_in_page(ask: Ask, told: str, status: int) -> Page:
    back = ask.form.get("next") or ask.one("next", "/")
    provider = ask.workbench.provider.name if ask.workbench.provider is not None else ""
    values = {"next": own_address(back), "told": told, "provider": provider}
    return Page(template="sign_in.html", values=values, status=status)


def sign_in(ask: Ask) -> Answer:
    """Name and password; then the second factor."""
    name, password = ask.form.get("name", "").strip(), ask.form.get("password", "")
    bench = ask.workbench
    if bench.throttle.must_wait(name):
        return _sign_in_page(ask, ask.word("sign_in.wait"), HTTPStatus.TOO_MANY_REQUESTS)
    person = bench.people.named(name)
    bench.throttle.failed(name)  # before the answer is known: many at once are counted, too
    if not bench.people.password_holds(person, password) or person is None:
        bench.store.record("failed", "", "sign-in", outcome="refused: name or password")
        return _sign_in_page(ask, ask.word("sign_in.wrong"), HTTPStatus.UNAUTHORIZED)
    bench.throttle.succeeded(name)
    _require_not_at_provider_alone(ask, person)
    back = own_address(ask.form.get("next", "/"))
    if person.has_second_factor:
        return stepped(ask, person, "password", f"/second-factor?next={back}")
    if not person.single:
        raise Problem(HTTPStatus.FORBIDDEN, "sign_in.no_second_factor")
    return entered(ask, person, back)


def stepped(ask: Ask, person: Person, stage: str, to: str, *, challenge: str = "") -> Redirect:
    """A session of its own for each step: what somebody planted or saw before is worth nothing after it."""
    if ask.session is not None:
        ask.workbench.sessions.end(ask.session)
    cookie = ask.workbench.sessions.begin(person, stage, challenge=challenge)
    return Redirect(to=to, cookies={_COOKIE: cookie})


def entered(ask: Ask, person: Person, back: str, how: str = "") -> Redirect:
    """The session in which the person works; `how` goes into the log where it was another way than the usual."""
    told = f"signed in: {how}" if how else "signed in"
    ask.workbench.store.record("opened", person.name, told, object_ids=(person.person_id,))
    return stepped(ask, person, "full", back)


def _half_way(ask: Ask, stage: str) -> Person:
    if ask.person is None or ask.session is None or ask.session.stage != stage:
        raise Problem(HTTPStatus.UNAUTHORIZED, "problem.sign_in")
    _require_not_at_provider_alone(ask, ask.person)
    return ask.person


def _require_not_at_provider_alone(ask: Ask, person: Person) -> None:
    """Where the unit wants the provider to be the only way, no password, code or setup code is another."""
    provider = ask.workbench.provider
    if provider is not None and provider.only and ask.workbench.bindings.at(person, provider.issuer) is not None:
        ask.workbench.store.record("failed", person.name, "sign-in", outcome="refused: at the identity provider alone")
        raise Problem(HTTPStatus.FORBIDDEN, "provider.alone", provider=provider.name)


def second_factor_form(ask: Ask) -> Answer:
    """The form for the code, or the button for a key."""
    person = _half_way(ask, "password")
    return _second_page(ask, person, "", HTTPStatus.OK)


def _second_page(ask: Ask, person: Person, told: str, status: int) -> Page:
    back = own_address(ask.form.get("next") or ask.one("next", "/"))
    values = {"next": back, "told": told, "by_code": person.has_totp, "by_key": person.passkeys > 0}
    return Page(template="second_factor.html", values=values, status=status)


def second_factor(ask: Ask) -> Answer:
    """The code of now."""
    person = _half_way(ask, "password")
    bench, counted = ask.workbench, f"{person.person_id}/second"
    if bench.throttle.must_wait(counted):
        return _second_page(ask, person, ask.word("sign_in.wait"), HTTPStatus.TOO_MANY_REQUESTS)
    bench.throttle.failed(counted)
    if not bench.people.totp_holds(person, ask.form.get("code", "")):
        bench.store.record("failed", person.name, "sign-in", outcome="refused: code")
        return _second_page(ask, person, ask.word("sign_in.wrong_code"), HTTPStatus.UNAUTHORIZED)
    bench.throttle.succeeded(counted)
    return entered(ask, person, own_address(ask.form.get("next", "/")))


def second_key_options(ask: Ask) -> Page:
    """What the browser is to let a key sign."""
    person = _half_way(ask, "password")
    assert ask.session is not None
    challenge, options = asked_to_sign(ask.workbench.people.passkeys(person), ask.workbench.rp_id)
    ask.workbench.sessions.challenge(ask.session, challenge)
    return Page(template="", as_json={"options": options})


def second_key(ask: Ask) -> Page:
    """Whether a key of this person signed."""
    person = _half_way(ask, "password")
    assert ask.session is not None
    bench = ask.workbench
    known = bench.people.passkeys(person)
    challenge = ask.session.challenge
    bench.sessions.challenge(ask.session, "")
    signed = proved(ask.form.get("credential", ""), challenge, bench.rp_id, sorted(bench.origins), known)
    if not challenge or signed is None:
        bench.store.record("failed", person.name, "sign-in", outcome="refused: key")
        raise Problem(HTTPStatus.UNAUTHORIZED, "sign_in.wrong_key")
    bench.people.counted(*signed)
    gone_on = entered(ask, person, own_address(ask.form.get("next", "/")))
    return Page(template="", as_json={"to": gone_on.to}, cookies=gone_on.cookies)


def sign_out(ask: Ask) -> Redirect:
    """The session is over."""
    if ask.session is not None and ask.person is not None:
        ask.workbench.store.record("opened", ask.person.name, "signed out", object_ids=(ask.person.person_id,))
        ask.workbench.sessions.end(ask.session)
    return Redirect(to="/sign-in", cookies={_COOKIE: ""})


def setup_form(_: Ask) -> Page:
    """Asks for the name and the code that the administrator gave."""
    return Page(template="setup.html", values={"told": ""})


def setup(ask: Ask) -> Answer:
    """Takes the code; then the person chooses a password."""
    name, bench = ask.form.get("name", "").strip(), ask.workbench
    counted = f"{name}/setup"
    if bench.throttle.must_wait(counted):
        values = {"told": ask.word("sign_in.wait")}
        return Page(template="setup.html", values=values, status=HTTPStatus.TOO_MANY_REQUESTS)
    bench.throttle.failed(counted)
    person = bench.people.named(name)
    if person is None or not bench.people.setup_code_holds(person, ask.form.get("code", "")):
        values = {"told": ask.word("sign_in.wrong_setup")}
        return Page(template="setup.html", values=values, status=HTTPStatus.UNAUTHORIZED)
    bench.throttle.succeeded(counted)
    _require_not_at_provider_alone(ask, person)
    secret = base64.b64encode(bench.store.sealed(fresh_secret(), person.person_id)).decode()
    return stepped(ask, person, "setup", "/setup/password", challenge=secret)


def password_form(ask: Ask) -> Page:
    """Asks for a password and shows the second factor's secret."""
    return _password_page(ask, _half_way(ask, "setup"), "", HTTPStatus.OK)


def _setup_secret(ask: Ask, person: Person) -> bytes:
    assert ask.session is not None
    return ask.workbench.store.unsealed(base64.b64decode(ask.session.challenge), person.person_id)


def _password_page(ask: Ask, person: Person, told: str, status: int) -> Page:
    secret = _setup_secret(ask, person)
    squares = [bytes(row) for row in segno.make(enrolment_uri(secret, person.name), micro=False).matrix]
    values: dict[str, Any] = {
        "told": told,
        "person": person,
        "secret": secret_text(secret),
        "least": LEAST_CHARACTERS,
        "side": len(squares),
        "squares": [(x, y) for y, row in enumerate(squares) for x, dark in enumerate(row) if dark],
    }
    return Page(template="setup_password.html", values=values, status=status)


def set_password(ask: Ask) -> Answer:
    """Keeps the password and the second factor, once both were typed rightly."""
    person = _half_way(ask, "setup")
    secret, code = _setup_secret(ask, person), ask.form.get("code", "").strip()
    if ask.form.get("password") != ask.form.get("again"):
        return _password_page(ask, person, ask.word("sign_in.not_same"), HTTPStatus.UNPROCESSABLE_ENTITY)
    left_out = person.single and not code
    if not left_out and step_of_code(secret, code, ask.workbench.store.clock().timestamp()) is None:
        return _password_page(ask, person, ask.word("sign_in.wrong_code"), HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        ask.workbench.people.set_up(person, ask.form.get("password", ""), b"" if left_out else secret)
    except WeakPasswordError:
        told = ask.word("sign_in.weak", least=LEAST_CHARACTERS)
        return _password_page(ask, person, told, HTTPStatus.UNPROCESSABLE_ENTITY)
    return entered(ask, person, "/")


def account(ask: Ask) -> Page:
    """The person's own sign-in: keys, a way to add one, and who they are said to be at an identity provider."""
    keys = [{"label": key.label} for key in ask.workbench.people.passkeys(ask.who)]
    by_key = bool(ask.workbench.rp_id)
    bound = [
        {"issuer": b.issuer, "sub": b.sub, "by": b.bound_by, "at_utc": b.at_utc}
        for b in ask.workbench.bindings.of(ask.who)
    ]
    values = {"keys": keys, "by_key": by_key, "bound": bound}
    return Page(template="account.html", values=values, as_json={"keys": keys, "bound": bound})


def key_options(ask: Ask) -> Page:
    """What the browser is to make a key with."""
    assert ask.session is not None
    known = ask.workbench.people.passkeys(ask.who)
    challenge, options = asked_to_register(ask.who, known, ask.workbench.rp_id)
    ask.workbench.sessions.challenge(ask.session, challenge)
    return Page(template="", as_json={"options": options})


def add_key(ask: Ask) -> Page:
    """Keeps a key that the browser made."""
    assert ask.session is not None
    bench, challenge = ask.workbench, ask.session.challenge
    bench.sessions.challenge(ask.session, "")
    label = ask.form.get("label", "").strip()[:40] or "1"
    made = registered(ask.form.get("credential", ""), challenge, bench.rp_id, sorted(bench.origins), label)
    if not challenge or made is None:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "sign_in.wrong_key")
    bench.people.add_passkey(ask.who, made)
    return Page(template="", as_json={"to": "/account"})


def _open(name: str, path: str, about: str, view: Any, *methods: str) -> Route:  # noqa: ANN401 - a view
    return Route(
        name=name, path=path, about=about, view=view, roles=ANYONE, in_case=False, reads="", methods=methods or ("GET",)
    )


def _own(name: str, path: str, about: str, view: Any, *methods: str) -> Route:  # noqa: ANN401 - a view
    return Route(
        name=name, path=path, about=about, view=view, roles=SIGNED_IN, in_case=False, reads="",
        methods=methods or ("GET",),
    )  # fmt: skip


ROUTES = (
    _open("sign_in_form", "/sign-in", "The form for name and password.", sign_in_form),
    _open("sign_in", "/sign-in", "Takes name and password; slower after failures.", sign_in, "POST"),
    _open("second_factor_form", "/second-factor", "The form for the second factor.", second_factor_form),
    _open("second_factor", "/second-factor", "Takes a code; each code once.", second_factor, "POST"),
    _open("second_key_options", "/second-factor/key/options", "What a key is to sign.", second_key_options, "POST"),
    _open("second_key", "/second-factor/key", "Takes what a key signed.", second_key, "POST"),
    _open("sign_out", "/sign-out", "Ends the session.", sign_out, "POST"),
    _open("setup_form", "/setup", "The form for a setup code.", setup_form),
    _open("setup", "/setup", "Takes a setup code.", setup, "POST"),
    _open("password_form", "/setup/password", "The form for one's own password and second factor.", password_form),
    _open("set_password", "/setup/password", "Keeps one's own password and second factor.", set_password, "POST"),
    _own("account", "/account", "One's own keys.", account),
    _own("key_options", "/account/key/options", "What a new key is to be made with.", key_options, "POST"),
    _own("add_key", "/account/key", "Keeps a new key.", add_key, "POST"),
)
