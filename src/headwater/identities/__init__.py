"""Accounts, payers and people: proposed links with their reasons, and what speaks against them."""

from headwater.identities.claims import blocked_pairs
from headwater.identities.identifier_forms import IDENTIFIER_FORMS, typed_identifier
from headwater.identities.known import KNOWN_LEFT_TABLES, known_rows, weighed_known_pairs
from headwater.identities.link import link_records
from headwater.identities.linkage import LinkageModel, LinkOptions, LinkReport, link_files, read_linkage_model
from headwater.identities.names import NameReason, name_probability, name_reasons
from headwater.identities.networks import AddressesLookedUp, NetworkRange, Networks, plain_address
from headwater.identities.rivals import rival_hypotheses

__all__ = [
    "IDENTIFIER_FORMS",
    "KNOWN_LEFT_TABLES",
    "AddressesLookedUp",
    "LinkOptions",
    "LinkReport",
    "LinkageModel",
    "NameReason",
    "NetworkRange",
    "Networks",
    "blocked_pairs",
    "known_rows",
    "link_files",
    "link_records",
    "name_probability",
    "name_reasons",
    "plain_address",
    "read_linkage_model",
    "rival_hypotheses",
    "typed_identifier",
    "weighed_known_pairs",
]
