"""The one way from a request to a response: rule, view, record, headers. No view can go round it."""

from __future__ import annotations

import contextlib
import hmac
import traceback
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from headwater.errors import ConfigError, HeadwaterError, InputError, IntegrityError, RefusedError
from headwater.workflow import Actor
from headwater_web.answers import Answer, Download, File, Page, Problem, Redirect, StillMadeError
from headwater_web.ask import Ask
from headwater_web.cases import OpenCase
from headwater_web.forms import Sent, sent_form
from headwater_web.headers import headers_of
from headwater_web.render import rendered
from headwater_web.rules import Role, Route
from headwater_web.state import Membership, Person
from headwater_web.text import Seized
from headwater_web.words import chosen_language
from headwater_web.workbench import Workbench

__all__ = ["BEGUN_COOKIE", "COOKIE", "LEAST_REASON", "answered"]

log = structlog.get_logger()

COOKIE: Final = "__Host-headwater"
BEGUN_COOKIE: Final = "__Host-headwater-begun"
_COOKIES: Final = {"session": COOKIE, "begun": BEGUN_COOKIE}
LEAST_REASON: Final = 10
"""Characters of a reason for a bulk reading."""
_ASKED_AGAIN_S: Final = 2
_LOGGED_ADDRESS: Final = 1_000
_ALLOWED_MEDIA: Final = frozenset(
    {
        "text/html",
        "application/json",
        "text/css",
        "text/javascript",
        "image/svg+xml",
        "text/csv",
        "text/plain",
        # What only its recipient can open; nobody takes it for anything that is shown.
        "application/vnd.headwater.sealed",
        # Reports and request sheets, whose streams were looked through for pictures when they were set.
        "application/pdf",
    },
)


class _NoRecordError(Exception):
    """The access could not be recorded, so that nothing leaves."""


async def answered(workbench: Workbench, route: Route, request: Request) -> Response:
    """The response to one request, whatever happens on the way."""
    with contextlib.ExitStack() as kept:
        try:
            if request.method == "POST" and route.upload_bytes:
                # Nobody fills our disk who could not send the form in the end: the rule is asked first.
                await run_in_threadpool(_require_let_in, _bare_ask(workbench, route, request), request)
            sent = await sent_form(route, request, kept) if request.method == "POST" else Sent()
        except Problem as problem:
            return await run_in_threadpool(_problem, _bare_ask(workbench, route, request), problem)
        return await run_in_threadpool(_answered, workbench, route, request, sent)


def _require_let_in(ask: Ask, request: Request) -> None:
    """Nothing, if the route would let this person in; of the form's token nothing is known yet."""
    if request.headers.get("host", "") not in ask.workbench.hosts:
        raise Problem(HTTPStatus.BAD_REQUEST, "problem.host")
    if Role.NOBODY not in ask.route.roles and not _signed_in(ask):
        raise Problem(HTTPStatus.UNAUTHORIZED, "problem.sign_in")
    _require_own_origin(ask, request)
    if ask.route.in_case:
        _enter_case(ask)


def _bare_ask(workbench: Workbench, route: Route, request: Request) -> Ask:
    query: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        query.setdefault(name, []).append(value)
    cookie = request.cookies.get(COOKIE, "")
    session = workbench.sessions.of(cookie)
    person = workbench.people.of_id(session.person_id) if session is not None else None
    if (person is not None and person.disabled) or route.foreign:
        session = person = None
    accepted = request.headers.get("accept", "")
    address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return Ask(
        workbench=workbench,
        route=route,
        path=dict(request.path_params),
        query=query,
        form={},
        person=person,
        session=session,
        memberships=(),
        opened=None,
        language=chosen_language(person.language if person else "", request.headers.get("accept-language", "")),
        for_program="application/json" in accepted and "text/html" not in accepted,
        for_part=request.headers.get("hx-request") == "true",
        address=address,
        cookie=cookie,
        begun=request.cookies.get(BEGUN_COOKIE, ""),
    )


def _answered(workbench: Workbench, route: Route, request: Request, sent: Sent) -> Response:
    ask = _bare_ask(workbench, route, request)
    try:
        return _kept_to_the_rule(ask, request, sent)
    except Problem as problem:
        return _problem(ask, problem)
    except (RefusedError, IntegrityError) as error:
        return _problem(ask, _refused_or_altered(error))
    except (InputError, ConfigError) as error:
        why = error.reason if isinstance(error, InputError) else str(error)
        return _problem(ask, Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "problem.input", why=why))
    except _NoRecordError:
        return _problem(ask, Problem(HTTPStatus.SERVICE_UNAVAILABLE, "problem.no_record"))
    except Exception as error:  # noqa: BLE001 - the last line before the person: no page tells whoever asks what broke
        where = traceback.extract_tb(error.__traceback__)[-1]
        # No message and no locals: they may hold what was read, or a session's token.
        log.warning("request.failed", route=route.name, error=type(error).__name__, at=f"{where.name}:{where.lineno}")
        return _problem(ask, Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "problem.defect"))


def _refused_or_altered(error: RefusedError | IntegrityError) -> Problem:
    if isinstance(error, RefusedError):
        return Problem(HTTPStatus.FORBIDDEN, "problem.refused", why=Seized(str(error)))
    return Problem(HTTPStatus.CONFLICT, "problem.altered", why=Seized(str(error)))


def _kept_to_the_rule(ask: Ask, request: Request, sent: Sent) -> Response:
    workbench, route = ask.workbench, ask.route
    if request.headers.get("host", "") not in workbench.hosts:
        raise Problem(HTTPStatus.BAD_REQUEST, "problem.host")
    if Role.NOBODY not in route.roles and not _signed_in(ask):
        return _to_sign_in(ask)
    if request.method == "POST":
        _require_own_form(ask, request, sent.fields)
        ask.form, ask.files = sent.fields, sent.files
    if route.in_case:
        _enter_case(ask)
    elif not route.roles & (ask.roles | {Role.NOBODY}):
        raise Problem(HTTPStatus.NOT_FOUND, "problem.not_there")
    if route.bulk and request.method == "POST":
        ask.reason = ask.form.get("reason", "").strip()
        if len(ask.reason) < LEAST_REASON:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "problem.reason", least=LEAST_REASON)
    return _seen(ask, writes=request.method == "POST")


def _seen(ask: Ask, *, writes: bool) -> Response:
    """The view's answer, with what it shows on record before any of it leaves."""
    in_case = ask.route.in_case
    if in_case and not writes and ask.case.is_being_made(ask.route.name):
        return _still_made(ask, writes=False)
    if in_case and writes:
        _record(ask)  # before the act: what cannot be recorded does not happen
    try:
        answer = ask.route.view(ask)
    except StillMadeError:
        return _still_made(ask, writes=writes)
    if writes and ask.session is not None:
        ask.workbench.sessions.used(ask.session)
    if in_case and (not writes or ask.read_ids):
        _record(ask)
    return _response(ask, answer)


def _signed_in(ask: Ask) -> bool:
    return ask.person is not None and ask.session is not None and ask.session.stage == "full"


def _to_sign_in(ask: Ask) -> Response:
    if ask.for_program or ask.for_part:
        response = _problem(ask, Problem(HTTPStatus.UNAUTHORIZED, "problem.sign_in"))
        response.headers["HX-Redirect"] = "/sign-in"
        return response
    back = f"?next={quote(ask.address, safe='')}" if ask.address != "/" else ""
    return _with_headers(RedirectResponse(f"/sign-in{back}", HTTPStatus.SEE_OTHER))


def _require_own_form(ask: Ask, request: Request, form: Mapping[str, str]) -> None:
    """Three independent signs that the form is one of ours: where it came from twice, and the session's token."""
    if ask.route.foreign:
        return  # without any of the three; the view takes it from a stranger
    _require_own_origin(ask, request)
    if ask.session is None:
        return  # nobody is signed in: there is nothing that a foreign form could use
    token = form.get("token", "") or request.headers.get("x-form-token", "")
    if not hmac.compare_digest(token.encode(), ask.session.form_token.encode()):
        raise Problem(HTTPStatus.FORBIDDEN, "problem.stale_form")


def _require_own_origin(ask: Ask, request: Request) -> None:
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if origin is not None and origin not in ask.workbench.origins:
        raise Problem(HTTPStatus.FORBIDDEN, "problem.foreign_form")
    if site is not None and site != "same-origin":
        raise Problem(HTTPStatus.FORBIDDEN, "problem.foreign_form")
    if origin is None and site is None:
        raise Problem(HTTPStatus.FORBIDDEN, "problem.foreign_form")


def _enter_case(ask: Ask) -> None:
    """The case, if the person may know of it; what is refused is recorded where the case is real."""
    opened = ask.workbench.cases.get(ask.path["case"])
    person = ask.who
    if opened is None:
        raise Problem(HTTPStatus.NOT_FOUND, "problem.not_there")
    held: list[Membership] = [m for m in ask.workbench.members.of(person) if m.case_id == opened.case_id]
    if not held:
        _refused(ask, opened, person, "not a member of the case")
        raise Problem(HTTPStatus.NOT_FOUND, "problem.not_there")
    ask.memberships = held
    if not ask.route.roles & ask.roles:
        _refused(ask, opened, person, "not in this role")
        ask.opened = opened
        raise Problem(HTTPStatus.FORBIDDEN, "problem.role")
    ask.opened = opened


def _refused(ask: Ask, opened: OpenCase, person: Person, why: str) -> None:
    actor = Actor(name=person.name, role="none", justification=f"asked for {ask.address[:_LOGGED_ADDRESS]}")
    _append(opened, "failed", actor, (f"screen:{ask.route.name}",), outcome=f"refused: {why}", attempted="consultation")


def _record(ask: Ask) -> None:
    actor = ask.actor
    asked = f"{actor.justification} | {ask.address[:_LOGGED_ADDRESS]}"
    ids = (f"reading:{ask.route.reads}", *dict.fromkeys(ask.read_ids))
    ask.read_ids.clear()
    _append(
        ask.case,
        "exported" if ask.route.exports else "consulted",
        Actor(name=actor.name, role=actor.role, justification=asked),
        ids,
        recipient=f"{actor.name}, who keeps the file" if ask.route.exports else "",
    )


def _append(
    opened: OpenCase, event: str, actor: Actor, ids: tuple[str, ...], *, outcome: str = "done", attempted: str = "",
    recipient: str = "",
) -> None:  # fmt: skip
    try:
        opened.access.append(event, actor, object_ids=ids, outcome=outcome, attempted=attempted, recipient=recipient)
    except (HeadwaterError, OSError) as error:
        log.warning("access.unrecorded", case=opened.key, error=type(error).__name__)
        raise _NoRecordError from error


def _response(ask: Ask, answer: Answer) -> Response:
    response: Response
    if isinstance(answer, Redirect):
        response = RedirectResponse(answer.to, HTTPStatus.SEE_OTHER)
        if ask.for_part:
            response = Response(status_code=HTTPStatus.NO_CONTENT, headers={"HX-Redirect": answer.to})
    elif isinstance(answer, Download):
        _require_harmless(answer.media_type)
        disposition = {"Content-Disposition": f'attachment; filename="{answer.file_name}"'}
        response = StreamingResponse(iter(answer.parts), media_type=answer.media_type, headers=disposition)
    elif isinstance(answer, File):
        _require_harmless(answer.media_type)
        response = Response(answer.content, media_type=answer.media_type)
        if answer.kept:
            response.headers["Cache-Control"] = "public, max-age=3600"
    elif ask.for_program:
        if answer.as_json is None:
            raise Problem(HTTPStatus.NOT_ACCEPTABLE, "problem.no_json")
        response = JSONResponse(answer.as_json() if callable(answer.as_json) else answer.as_json, answer.status)
    elif not answer.template:
        raise Problem(HTTPStatus.NOT_ACCEPTABLE, "problem.no_page")
    else:
        response = Response(rendered(ask, answer), answer.status, media_type="text/html")
    for name, value in getattr(answer, "cookies", {}).items():
        _set_cookie(response, _COOKIES[name], value)
    return _with_headers(response)


def _require_harmless(media_type: str) -> None:
    if media_type.partition(";")[0] not in _ALLOWED_MEDIA:
        raise RefusedError(f"nothing of type {media_type} leaves the workbench")


def _set_cookie(response: Response, name: str, value: str) -> None:
    # `__Host-` asks for Secure, Path=/ and no Domain. Browsers take a Secure cookie from http://localhost, too.
    response.set_cookie(
        name, value, secure=True, httponly=True, samesite="strict", path="/", max_age=None if value else 0
    )


def _problem(ask: Ask, problem: Problem) -> Response:
    told = ask.word(problem.key, **problem.words)
    if ask.for_program:
        return _with_headers(JSONResponse({"error": told}, problem.status))
    page = Page(
        template="problem.html",
        part="problem_part.html",
        values={"status": problem.status, "told": told},
        status=problem.status,
    )
    return _with_headers(Response(rendered(ask, page), problem.status, media_type="text/html"))


def _still_made(ask: Ask, *, writes: bool) -> Response:
    """A page that asks again by itself, also without scripts. What was sent by a form is not sent again by itself."""
    if writes:
        return _problem(ask, Problem(HTTPStatus.SERVICE_UNAVAILABLE, "problem.still_made"))
    if ask.for_program:
        response: Response = JSONResponse({"made": False}, HTTPStatus.ACCEPTED)
    else:
        page = Page(template="still_made.html", part="still_made_part.html", values={"here": ask.address})
        response = Response(rendered(ask, page), HTTPStatus.ACCEPTED, media_type="text/html")
        response.headers["Refresh"] = str(_ASKED_AGAIN_S)
    response.headers["Retry-After"] = str(_ASKED_AGAIN_S)
    return _with_headers(response)


def _with_headers(response: Response) -> Response:
    for name, value in headers_of(response).items():
        response.headers[name] = value
    return response
