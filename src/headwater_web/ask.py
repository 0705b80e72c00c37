"""What a view is given: who asks, for what, in which case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from headwater.workflow import Actor
from headwater_web.answers import WrongInputError
from headwater_web.cases import OpenCase
from headwater_web.forms import Upload
from headwater_web.rules import Role, Route
from headwater_web.state import Membership, Person, Session
from headwater_web.words import worded

if TYPE_CHECKING:
    from headwater_web.workbench import Workbench

__all__ = ["Ask"]


@dataclass(slots=True, kw_only=True)
class Ask:
    """One request, after its rule was kept.

    Attributes:
        workbench: What is served.
        route: Which was asked for.
        path: Values of the path's parameters.
        query: What follows the question mark.
        form: What was sent; empty for GET.
        person: Who asks; None on pages for anyone.
        session: Theirs.
        memberships: Theirs in this case; empty outside of cases.
        opened: The case; None outside of cases.
        language: In which the page speaks.
        for_program: Whether JSON is wanted.
        for_part: Whether htmx asks, and a part of the page is enough.
        reason: Why, for a bulk reading.
        address: Path and query as they were asked for.
        read_ids: What is shown, for the access log; a view adds to it by `reads`.
        cookie: The session cookie, for the views that sign in and out.
        files: What was chosen in fields for files, by their names; empty on routes that take none.
        begun: The cookie of a sign-in that was begun at an identity provider.
    """

    workbench: Workbench
    route: Route
    path: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    form: Mapping[str, str]
    person: Person | None
    session: Session | None
    memberships: Sequence[Membership]
    opened: OpenCase | None
    language: str
    for_program: bool = False
    for_part: bool = False
    reason: str = ""
    address: str = ""
    read_ids: list[str] = field(default_factory=list)
    cookie: str = ""
    files: Mapping[str, Upload] = field(default_factory=dict)
    begun: str = ""

    @property
    def case(self) -> OpenCase:
        """The case; only on routes of a case."""
        assert self.opened is not None, self.route.name
        return self.opened

    @property
    def who(self) -> Person:
        """Who asks; only on routes for those who have signed in."""
        assert self.person is not None, self.route.name
        return self.person

    @property
    def roles(self) -> frozenset[Role]:
        """What the person is here."""
        held = {membership.role for membership in self.memberships}
        if self.person is not None:
            held |= {Role.PERSON, Role.ADMINISTRATOR} if self.person.administrator else {Role.PERSON}
        return frozenset(held)

    @property
    def actor(self) -> Actor:
        """Who acts, for whatever of the workflow writes to the case."""
        return self.actor_for(self.reason)

    def actor_for(self, why: str) -> Actor:
        """Who acts, in the role that the route asks for, and why: the reason given, or the membership's purpose."""
        fitting = [m for m in self.memberships if m.role in self.route.roles] or list(self.memberships)
        role = fitting[0].role.value if fitting else "none"
        purpose = fitting[0].purpose if fitting else ""
        return Actor(name=self.who.name, role=role, justification=why or purpose)

    def reads(self, *ids: str) -> None:
        """Note for the access log what the answer shows: ids, never content."""
        self.read_ids.extend(ids)

    def one(self, name: str, default: str = "") -> str:
        """The first value of a parameter after the question mark."""
        return next(iter(self.query.get(name, ())), default)

    def number(self, name: str, default: int = 0, *, most: int = 2**53) -> int:
        """A parameter that is a whole number of 0 or more.

        Raises:
            WrongInputError: It is none.
        """
        text = self.one(name)
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 17 and int(text) <= most):
            raise WrongInputError("problem.no_number", name=name)
        return int(text)

    def word(self, key: str, **values: object) -> str:
        """The words of a key, in the language of the page."""
        return worded(self.language, key, **values)

    def url(self, route: str, /, **values: object) -> str:
        """The address of a route; the case is this one unless another is given, other values become the query.

        Raises:
            KeyError: There is no such route, or its path has a parameter without a value.
        """
        path = self.workbench.route(route).path
        given = {"case": self.opened.key if self.opened else "", **values}
        query = []
        for name, value in given.items():
            mark = "{" + name + "}"
            if mark in path:
                path = path.replace(mark, quote(str(value), safe=""))
            elif name != "case" and value is not None:
                several = value if isinstance(value, list | tuple) else [value]
                query += [(name, str(one)) for one in several]
        if "{" in path:
            raise KeyError(f"{route}: {path} has no value for a parameter")
        return path + (f"?{urlencode(query)}" if query else "")

    def may(self, route: str) -> bool:
        """Whether this person may ask for that route, so that no page offers what is refused."""
        return bool(self.workbench.route(route).roles & (self.roles | {Role.NOBODY}))
