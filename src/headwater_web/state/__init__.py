"""What the workbench keeps of its own: people, memberships, sessions, and what was tried and failed."""

from headwater_web.state.begun import BegunSignIns
from headwater_web.state.bindings import Binding, Bindings
from headwater_web.state.members import Membership, Memberships
from headwater_web.state.people import People, Person
from headwater_web.state.saved import SavedView, SavedViews
from headwater_web.state.sessions import Session, Sessions
from headwater_web.state.store import Store, open_state
from headwater_web.state.throttle import Throttle

__all__ = [
    "BegunSignIns",
    "Binding",
    "Bindings",
    "Membership",
    "Memberships",
    "People",
    "Person",
    "SavedView",
    "SavedViews",
    "Session",
    "Sessions",
    "Store",
    "Throttle",
    "open_state",
]
