"""What a route is: its address, who may ask for it, and what is recorded when somebody does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from headwater.errors import HeadwaterError

if TYPE_CHECKING:
    from headwater_web.answers import Answer
    from headwater_web.ask import Ask

__all__ = [
    "ADMINISTRATOR_ONLY",
    "ANYONE",
    "AUDITORS",
    "CASE_READERS",
    "DECIDERS",
    "SIGNED_IN",
    "VICTIM_READERS",
    "Role",
    "Route",
    "RouteWithoutRuleError",
    "View",
    "checked_routes",
]


class Role(StrEnum):
    """What somebody may be; all but the last two come from a membership of one case."""

    ANALYST = "analyst"
    VICTIM_ANALYST = "victim-data analyst"
    APPROVER = "approver"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
    """Of the server: makes people and memberships, and reads no case."""
    PERSON = "person"
    """Whoever has signed in."""
    NOBODY = "nobody"
    """Whoever asks, signed in or not."""


ANYONE: Final = frozenset({Role.NOBODY})
SIGNED_IN: Final = frozenset({Role.PERSON})
ADMINISTRATOR_ONLY: Final = frozenset({Role.ADMINISTRATOR})
CASE_READERS: Final = frozenset({Role.ANALYST, Role.VICTIM_ANALYST, Role.APPROVER})
VICTIM_READERS: Final = frozenset({Role.VICTIM_ANALYST})
DECIDERS: Final = frozenset({Role.ANALYST, Role.VICTIM_ANALYST, Role.APPROVER})
AUDITORS: Final = frozenset({Role.AUDITOR})

View = Callable[["Ask"], "Answer"]
"""From what was asked to the answer; it runs in a thread of its own and may block."""

_CASE_PREFIX: Final = "/case/{case}/"


class RouteWithoutRuleError(HeadwaterError):
    """A route says not who may use it, or what it reads; the workbench does not start with one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One address of the workbench and its rule. Every field without a value here must be given.

    Attributes:
        name: Unique; templates and tests refer to the route by it.
        path: From `/`; parameters in braces. Routes of a case begin with `/case/{case}/`.
        about: What it shows or does, in a sentence, for the reference page.
        view: Makes the answer.
        roles: Who may; membership of the case is asked for besides. Never empty.
        in_case: Whether it belongs to a case; whoever may not see that case gets a 404.
        reads: What the access log calls the reading, such as `leads`; empty only outside of cases.
        methods: `GET` decides nothing, and adds records of reading alone; what writes is `POST`.
        bulk: Gives out many rows at once; asks for a reason, which goes into the log.
        exports: Hands out rows to keep: the log says to whom.
        foreign: Takes forms from elsewhere, such as a browser's reports: nobody's session counts there.
        sample: Values of the path's parameters with which tests call it; `case` is given by the tests.
        upload_bytes: The largest file that its form may send; 0 where it takes none. The template's form has
            `enctype="multipart/form-data"`.
        nav: Key of the words under which the navigation of the case names it; empty for not there.
    """

    name: str
    path: str
    about: str
    view: View
    roles: frozenset[Role]
    in_case: bool
    reads: str
    methods: tuple[str, ...] = ("GET",)
    bulk: bool = False
    exports: bool = False
    foreign: bool = False
    sample: tuple[tuple[str, str], ...] = ()
    nav: str = ""
    upload_bytes: int = 0


def checked_routes(routes: Iterable[Route]) -> tuple[Route, ...]:
    """The routes, each of which has a rule.

    Raises:
        RouteWithoutRuleError: One has none, or two have one name or address.
    """
    found: dict[str, Route] = {}
    places: set[tuple[str, str]] = set()
    for route in routes:
        _check(route)
        if route.name in found:
            raise RouteWithoutRuleError(f"route '{route.name}' is declared twice")
        for method in route.methods:
            if (method, route.path) in places:
                raise RouteWithoutRuleError(f"route '{route.name}': {method} {route.path} is declared twice")
            places.add((method, route.path))
        found[route.name] = route
    return tuple(found.values())


def _check(route: Route) -> None:
    def require(holds: bool, reason: str) -> None:  # noqa: FBT001 - reads as an assertion
        if not holds:
            raise RouteWithoutRuleError(f"route '{route.name}': {reason}")

    require(bool(route.roles), "no role may use it; say who")
    require(bool(route.about.strip()), "says not what it does")
    require(route.in_case == route.path.startswith(_CASE_PREFIX), f"a route of a case begins with {_CASE_PREFIX}")
    require(bool(route.methods) and set(route.methods) <= {"GET", "POST"}, "methods are GET and POST")
    outside = {Role.PERSON, Role.NOBODY, Role.ADMINISTRATOR}
    if route.in_case:
        require(bool(route.reads.strip()), "belongs to a case and says not what it reads")
        require(not route.roles & outside, "a route of a case is for roles that a membership gives")
    else:
        require(route.roles <= outside, "only a route of a case can ask for a role that a membership gives")
        require(not route.reads, "reads nothing of a case, so that no log would have it")
    require(not route.upload_bytes or "POST" in route.methods, "takes a file, so that it is a POST")
    require(not route.foreign or route.roles == ANYONE, "takes forms from elsewhere, which can be for anyone alone")
    require(not route.bulk or "POST" in route.methods, "a bulk reading carries a reason, so that it is a POST")
