"""What speaks against a link, or against one person having used an account: one module for each kind of fact."""

from headwater.identities.facts.addresses import address_facts
from headwater.identities.facts.links import link_facts
from headwater.identities.facts.resold import resold_facts
from headwater.identities.facts.rows import FactRows
from headwater.identities.facts.several import contacts_of_several, given_contacts, lines_of_several
from headwater.identities.facts.times import TRAVEL_MINUTES, time_facts

__all__ = [
    "TRAVEL_MINUTES",
    "FactRows",
    "address_facts",
    "contacts_of_several",
    "given_contacts",
    "lines_of_several",
    "link_facts",
    "resold_facts",
    "time_facts",
]
