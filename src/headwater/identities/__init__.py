"""Accounts, payers and people: proposed links with their reasons, and what speaks against them."""

from headwater.identities.link import link_records
from headwater.identities.linkage import LinkOptions, LinkReport, link_files
from headwater.identities.model import LinkModel, read_model
from headwater.identities.names import NameReason, name_probability, name_reasons
from headwater.identities.networks import NetworkRange, Networks
from headwater.identities.rivals import rival_hypotheses

__all__ = [
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
    "read_model",
    "rival_hypotheses",
]
