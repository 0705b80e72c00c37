"""What one program serves: its cases, its people, its routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from headwater_web.cases import OpenCase
from headwater_web.identity_provider import IdentityProvider
from headwater_web.rules import Route
from headwater_web.state import BegunSignIns, Bindings, Memberships, People, SavedViews, Sessions, Store, Throttle

__all__ = ["Workbench"]


@dataclass(slots=True, kw_only=True)
class Workbench:
    """Everything that the gate and the views share.

    Attributes:
        cases: By the key that stands in addresses.
        store: The workbench's own state.
        routes: All of them, each with its rule.
        hosts: What the `Host` of a request may say; anything else is somebody who points a name of theirs at us.
        origins: What the `Origin` of a request that writes may say.
        secure_transport: Whether it is served over TLS.
        rp_id: Name that WebAuthn keys are bound to; empty where the address is a number and they cannot be.
        provider: Identity provider at which people may sign in; None for none.
        return_address: Where the provider's page sends browsers back to.
        memory: What screens keep between requests and may lose at any time, by the screen's name.
        at_close: What is done when serving ends, such as removing files that wait for somebody to fetch them.
    """

    cases: Mapping[str, OpenCase]
    store: Store
    routes: Sequence[Route]
    hosts: frozenset[str]
    origins: frozenset[str]
    secure_transport: bool = False
    rp_id: str = "localhost"
    provider: IdentityProvider | None = None
    return_address: str = ""
    memory: dict[str, Any] = field(default_factory=dict)
    at_close: ExitStack = field(default_factory=ExitStack)
    people: People = field(init=False)
    members: Memberships = field(init=False)
    saved: SavedViews = field(init=False)
    bindings: Bindings = field(init=False)
    begun: BegunSignIns = field(init=False)
    sessions: Sessions = field(init=False)
    throttle: Throttle = field(init=False)
    _by_name: dict[str, Route] = field(init=False)

    def __post_init__(self) -> None:
        self.people = People(self.store)
        self.members = Memberships(self.store)
        self.saved = SavedViews(self.store)
        self.bindings = Bindings(self.store)
        self.begun = BegunSignIns(self.store)
        self.sessions = Sessions(self.store)
        self.throttle = Throttle(self.store)
        self._by_name = {route.name: route for route in self.routes}

    def route(self, name: str) -> Route:
        """The route of that name.

        Raises:
            KeyError: There is none.
        """
        return self._by_name[name]

    def close(self) -> None:
        """End the serving: every access log anchored, every database let go."""
        self.at_close.close()
        for case in self.cases.values():
            case.close()
        self.store.close()
