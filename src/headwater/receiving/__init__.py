"""The other side: a small store of what was received, which refuses what must not be trusted, and answers."""

from headwater.receiving.accepting import Accepted, accept
from headwater.receiving.answers import write_outcomes
from headwater.receiving.shown import held_documents, held_lead, held_package
from headwater.receiving.store import Held, ReceivingStore
from headwater.receiving.trust import TrustedSender, TrustList, read_trust

__all__ = [
    "Accepted",
    "Held",
    "ReceivingStore",
    "TrustList",
    "TrustedSender",
    "accept",
    "held_documents",
    "held_lead",
    "held_package",
    "read_trust",
    "write_outcomes",
]
