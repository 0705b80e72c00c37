"""What was seized: exhibits taken in, digested, and read by sealed workers into entries and rows."""

from headwater.evidence.doctor import doctor_report
from headwater.evidence.intake import (
    EXHIBIT_KINDS,
    Acquired,
    Stamp,
    acquire,
    image_segments,
    recognise,
    stamp_of,
    whole_digest,
)
from headwater.evidence.mapping import PlatformMapping, read_mapping
from headwater.evidence.read import read_evidence
from headwater.evidence.sealed import Failure, Limits, SealedPool, sandbox_report

__all__ = [
    "EXHIBIT_KINDS",
    "Acquired",
    "Failure",
    "Limits",
    "PlatformMapping",
    "SealedPool",
    "Stamp",
    "acquire",
    "doctor_report",
    "image_segments",
    "read_evidence",
    "read_mapping",
    "recognise",
    "sandbox_report",
    "stamp_of",
    "whole_digest",
]
