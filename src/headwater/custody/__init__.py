"""The tamper-evident record of acts on evidence; it verifies with no database installed."""

from headwater.custody.entry import EVENTS, OPERATIONS, Entry, Head, utc_text
from headwater.custody.keys import (
    create_case_key,
    create_operator_key,
    fingerprint,
    load_case_key,
    load_case_public_key,
    load_operator_key,
    load_operator_public_key,
    load_public_key,
    raw_public_key,
)
from headwater.custody.log import Clock, CustodyLog
from headwater.custody.machine import clock_source, program_sha256
from headwater.custody.payloads import PAYLOADS_NAME
from headwater.custody.proofs import consistency_proof, inclusion_proof, verify_proof
from headwater.custody.signed import signed_document, signed_from, spelled_document
from headwater.custody.state import HEADS_NAME, LOG_NAME, TORN_NAME, Interruption
from headwater.custody.verify import Check, verify_log
from headwater.custody.witnesses import WITNESSES_NAME, add_receipt, add_timestamp, kept_receipts, timestamp_request

__all__ = [
    "EVENTS",
    "HEADS_NAME",
    "LOG_NAME",
    "OPERATIONS",
    "PAYLOADS_NAME",
    "TORN_NAME",
    "WITNESSES_NAME",
    "Check",
    "Clock",
    "CustodyLog",
    "Entry",
    "Head",
    "Interruption",
    "add_receipt",
    "add_timestamp",
    "clock_source",
    "consistency_proof",
    "create_case_key",
    "create_operator_key",
    "fingerprint",
    "inclusion_proof",
    "kept_receipts",
    "load_case_key",
    "load_case_public_key",
    "load_operator_key",
    "load_operator_public_key",
    "load_public_key",
    "program_sha256",
    "raw_public_key",
    "signed_document",
    "signed_from",
    "spelled_document",
    "timestamp_request",
    "utc_text",
    "verify_log",
    "verify_proof",
]
