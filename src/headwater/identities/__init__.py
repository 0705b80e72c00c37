"""Accounts, payers and people: proposed links with their reasons, and what speaks against them."""

from headwater.identities.identifier_forms import IDENTIFIER_FORMS, typed_identifier
from headwater.identities.known import KNOWN_LEFT_TABLES, known_rows, weighed_known_pairs
from headwater.identities.link import link_records
from headwater.identities.linkage import LinkOptions, LinkReport, link_files
from headwater.identities.model import LinkModel, read_model
from headwater.identities.names import NameReason, name_probability, name_reasons
from headwater.identities.networks import AddressesLookedUp, NetworkRange, Networks, plain_address
from headwater.identities.rivals import rival_hypotheses

__all__ = [
    "IDENTIFIER_FORMS",
    "KNOWN_LEFT_TABLES",
    "AddressesLookedUp",
    "LinkModel",
    "LinkOptions",
    "LinkReport",
    "NameReason",
    "NetworkRange",
    "Networks",
    "known_rows",
    "link_files",
    "link_records",
    "name_probability",
    "name_reasons",
    "plain_address",
    "read_model",
    "rival_hypotheses",
    "typed_identifier",
    "weighed_known_pairs",
]
