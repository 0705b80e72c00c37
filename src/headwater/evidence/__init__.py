"""What was seized: exhibits taken in, digested, and read by sealed workers into entries and rows."""

from headwater.evidence.archives import member_reasons
from headwater.evidence.doctor import doctor_report
from headwater.evidence.image_files import image_parameters, image_sources
from headwater.evidence.intake import (
    EXHIBIT_KINDS,
    Acquired,
    Stamp,
    acquire,
    recognise,
    stamp_of,
    whole_digest,
)
from headwater.evidence.mapping import PlatformMapping, read_mapping
from headwater.evidence.mapping_draft import UNCONFIRMED, draft_mapping
from headwater.evidence.members import entry_of, file_and_members, named_place
from headwater.evidence.monero import MONERO_KIND
from headwater.evidence.profile import PlatformProfile, profile_of
from headwater.evidence.read import read_evidence
from headwater.evidence.row_files import LOG_SUFFIX, row_batches
from headwater.evidence.sealed import Failure, Limits, SealedPool, sandbox_report
from headwater.evidence.shapes import PLAUSIBLE_WINDOW, TimeWindow
from headwater.evidence.suggest import likeliest, suggestions
from headwater.evidence.suggest_grounds import KnownFiles
from headwater.evidence.suggestion import Suggestion, TableSuggestion
from headwater.evidence.templates import recognised, template_mapping
from headwater.evidence.tried import RowSource, TriedMapping, tried_mapping
from headwater.evidence.zones import zone_named

__all__ = [
    "EXHIBIT_KINDS",
    "LOG_SUFFIX",
    "MONERO_KIND",
    "PLAUSIBLE_WINDOW",
    "UNCONFIRMED",
    "Acquired",
    "Failure",
    "KnownFiles",
    "Limits",
    "PlatformMapping",
    "PlatformProfile",
    "RowSource",
    "SealedPool",
    "Stamp",
    "Suggestion",
    "TableSuggestion",
    "TimeWindow",
    "TriedMapping",
    "acquire",
    "doctor_report",
    "draft_mapping",
    "entry_of",
    "file_and_members",
    "image_parameters",
    "image_sources",
    "likeliest",
    "member_reasons",
    "named_place",
    "profile_of",
    "read_evidence",
    "read_mapping",
    "recognise",
    "recognised",
    "row_batches",
    "sandbox_report",
    "stamp_of",
    "suggestions",
    "template_mapping",
    "tried_mapping",
    "whole_digest",
    "zone_named",
]
