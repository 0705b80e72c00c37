"""Accounts, payers and people: proposed links with their reasons, and what speaks against them."""

from headwater.identities.link import link_records
from headwater.identities.linkage import LinkOptions, LinkReport, link_files
from headwater.identities.model import LinkModel, read_model
from headwater.identities.names import NameReason, name_probability, name_reasons
from headwater.identities.networks import AddressesLookedUp, NetworkRange, Networks, plain_address

__all__ = [
    "AddressesLookedUp",
    "LinkModel",
    "LinkOptions",
    "LinkReport",
    "NameReason",
    "NetworkRange",
    "Networks",
    "link_files",
    "link_records",
    "name_probability",
    "name_reasons",
    "plain_address",
    "read_model",
]
