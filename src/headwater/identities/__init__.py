"""Accounts, payers and people: proposed links with their reasons, and what speaks against them."""

from headwater.identities.claims import blocked_pairs
from headwater.identities.link import link_records
from headwater.identities.linkage import LinkageModel, LinkOptions, LinkReport, link_files, read_linkage_model
from headwater.identities.names import NameReason, name_probability, name_reasons
from headwater.identities.networks import NetworkRange, Networks

__all__ = [
    "LinkOptions",
    "LinkReport",
    "LinkageModel",
    "NameReason",
    "NetworkRange",
    "Networks",
    "blocked_pairs",
    "link_files",
    "link_records",
    "name_probability",
    "name_reasons",
    "read_linkage_model",
]
