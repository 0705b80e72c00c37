"""Per-country packages: what leaves, for whom, by whose two decisions; signed, then encrypted to the recipient."""

from headwater.packages.contents import Contents
from headwater.packages.drafting import CaseInfo, Draft, draft
from headwater.packages.guards import check_no_media, redacted
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
from headwater.packages.released import Released, released_as_it_lies
from headwater.packages.releasing import LeadDecision, Release, lead_decisions, release
from headwater.packages.rows import formula_safe, plain, spreadsheet
from headwater.packages.typesetting import printable, set_pdf

__all__ = [
    "NAMED_BY",
    "CaseInfo",
    "Contents",
    "Draft",
    "LeadDecision",
    "MoneyPages",
    "MoneyPicture",
    "OpenedPackage",
    "Release",
    "Released",
    "UnsupportedName",
    "check_contents",
    "check_envelope",
    "check_names",
    "check_no_media",
    "draft",
    "folder_files",
    "formula_safe",
    "lead_decisions",
    "open_package",
    "package_leads",
    "plain",
    "printable",
    "redacted",
    "release",
    "released_as_it_lies",
    "set_pdf",
    "spreadsheet",
    "unsupported_names",
    "verify_package",
]
