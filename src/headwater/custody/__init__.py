"""The tamper-evident record of acts on evidence; it verifies with no database installed."""

from headwater.custody.disk import new_file
from headwater.custody.entry import EVENTS, OPERATIONS, Entry, Head, utc_text
from headwater.custody.erasures import (
    ERASURES_NAME,
    ErasedSubject,
    add_erased,
    bad_erasures,
    body_digest,
    erased_subjects,
    erasure_receipt,
    new_salt,
    subject_commitment,
    verify_document,
)
from headwater.custody.extract import (
    EXTRACT_CHECKS,
    Chosen,
    Extract,
    RecordedAct,
    custody_extract,
    extract_checks,
)
from headwater.custody.keys import (
    create_case_key,
    create_operator_key,
    fingerprint,
    load_case_key,
    load_case_public_key,
    load_operator_key,
    load_operator_public_key,
    load_public_key,
    operator_key,
    raw_public_key,
)
from headwater.custody.log import Clock, CustodyLog
from headwater.custody.machine import clock_source, program_sha256
from headwater.custody.payloads import PAYLOADS_NAME
from headwater.custody.proofs import consistency_proof, head_of, inclusion_proof, verify_proof
from headwater.custody.signed import signed_document, signed_from, spelled_document
from headwater.custody.state import HEADS_NAME, LOG_NAME, TORN_NAME, Interruption
from headwater.custody.subjects import KEYS_FOLDER, SUBJECT_PREFIXES, SubjectKeys, subjects_among
from headwater.custody.verify import LOG_CHECKS, Check, bad_seals, verify_log
from headwater.custody.witnesses import WITNESSES_NAME, add_receipt, add_timestamp, kept_receipts, timestamp_request

__all__ = [
    "ERASURES_NAME",
    "EVENTS",
    "EXTRACT_CHECKS",
    "HEADS_NAME",
    "KEYS_FOLDER",
    "LOG_CHECKS",
    "LOG_NAME",
    "OPERATIONS",
    "PAYLOADS_NAME",
    "SUBJECT_PREFIXES",
    "TORN_NAME",
    "WITNESSES_NAME",
    "Check",
    "Chosen",
    "Clock",
    "CustodyLog",
    "Entry",
    "ErasedSubject",
    "Extract",
    "Head",
    "Interruption",
    "RecordedAct",
    "SubjectKeys",
    "add_erased",
    "add_receipt",
    "add_timestamp",
    "bad_erasures",
    "bad_seals",
    "body_digest",
    "clock_source",
    "consistency_proof",
    "create_case_key",
    "create_operator_key",
    "custody_extract",
    "erased_subjects",
    "erasure_receipt",
    "extract_checks",
    "fingerprint",
    "head_of",
    "inclusion_proof",
    "kept_receipts",
    "load_case_key",
    "load_case_public_key",
    "load_operator_key",
    "load_operator_public_key",
    "load_public_key",
    "new_file",
    "new_salt",
    "operator_key",
    "program_sha256",
    "raw_public_key",
    "signed_document",
    "signed_from",
    "spelled_document",
    "subject_commitment",
    "subjects_among",
    "timestamp_request",
    "utc_text",
    "verify_document",
    "verify_log",
    "verify_proof",
]
