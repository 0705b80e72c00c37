"""Per-country packages: what leaves, for whom, by whose two decisions; signed, then encrypted to the recipient."""

from headwater.packages.answers import (
    age_identity,
    create_age_identity,
    outcomes_file,
    outcomes_from,
    receipt_file,
    receipt_from,
)
from headwater.packages.contents import Contents
from headwater.packages.differences import STATES, FieldChange, LeadChange, SinceLast, lead_changes, leads_of_record
from headwater.packages.disclosure import CaseRecord
from headwater.packages.drafting import CaseInfo, Draft, draft
from headwater.packages.guards import check_no_media, redacted
from headwater.packages.head_mark import qr_svg
from headwater.packages.money_pages import MoneyPages, MoneyPicture
from headwater.packages.naming import NAMED_BY, UnsupportedName, check_names, package_leads, unsupported_names
from headwater.packages.opened import (
    OpenedPackage,
    check_contents,
    check_envelope,
    folder_files,
    open_package,
    verify_package,
)
from headwater.packages.placing import finish_drafts, unfinished_drafts, write_folder
from headwater.packages.recalling import (
    RECALL_CIPHERTEXT,
    OpenedRecall,
    Recall,
    open_recall,
    recall_checks,
    recall_notices,
    verify_recall,
    write_recall,
)
from headwater.packages.released import Released, released_as_it_lies
from headwater.packages.releasing import (
    DraftCheck,
    LeadDecision,
    Release,
    draft_checks,
    draft_documents,
    lead_decisions,
    release,
)
from headwater.packages.rows import formula_safe, plain, spreadsheet
from headwater.packages.sent import RECALLS_FOLDER, Sent, sent_documents
from headwater.packages.typesetting import printable, set_pdf

__all__ = [
    "NAMED_BY",
    "RECALLS_FOLDER",
    "RECALL_CIPHERTEXT",
    "STATES",
    "CaseInfo",
    "CaseRecord",
    "Contents",
    "Draft",
    "DraftCheck",
    "FieldChange",
    "LeadChange",
    "LeadDecision",
    "MoneyPages",
    "MoneyPicture",
    "OpenedPackage",
    "OpenedRecall",
    "Recall",
    "Release",
    "Released",
    "Sent",
    "SinceLast",
    "UnsupportedName",
    "age_identity",
    "check_contents",
    "check_envelope",
    "check_names",
    "check_no_media",
    "create_age_identity",
    "draft",
    "draft_checks",
    "draft_documents",
    "finish_drafts",
    "folder_files",
    "formula_safe",
    "lead_changes",
    "lead_decisions",
    "leads_of_record",
    "open_package",
    "open_recall",
    "outcomes_file",
    "outcomes_from",
    "package_leads",
    "plain",
    "printable",
    "qr_svg",
    "recall_checks",
    "recall_notices",
    "receipt_file",
    "receipt_from",
    "redacted",
    "release",
    "released_as_it_lies",
    "sent_documents",
    "set_pdf",
    "spreadsheet",
    "unfinished_drafts",
    "unsupported_names",
    "verify_package",
    "verify_recall",
    "write_folder",
    "write_recall",
]
