"""What each address takes and gives, besides what all of them do, for the description that programs read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from headwater.media import VERDICT_GROUPS
from headwater.workflow import FACETS

__all__ = ["INTERFACES", "Interface"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """The names that one route understands, others being passed over, and what it answers with.

    Attributes:
        texts: After the question mark: any text.
        numbers: After the question mark: a whole number of 0 or more; anything else is answered with 422.
        fields: In the form: any text; what is missing or makes no sense is answered with 422 and changes nothing.
        files: In the form: a file. Only a route with `upload_bytes` takes one.
        gives: Media types of its files, for a route that gives out files; empty for one that answers with JSON.
        statuses: Of HTTP, besides those that every route of its kind may have.
    """

    texts: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()


_ROWS: Final = ("is.COLUMN", "has.COLUMN")
"""`COLUMN` stands for any column of the table."""
_FACETS: Final = tuple(f"{kind}.{name}" for kind in ("is", "not") for name in FACETS)
_REVIEW: Final = ("claim", "hide")

INTERFACES: Final[Mapping[str, Interface]] = {
    "description": Interface(gives=("application/json",)),
    "own_file": Interface(gives=("text/css", "text/javascript", "image/svg+xml")),
    "reports": Interface(gives=("text/plain",)),
    "viewer_file": Interface(gives=("application/json", "text/csv")),
    "sign_in_form": Interface(texts=("next",)),
    "sign_in": Interface(texts=("next",), fields=("name", "password", "next"), statuses=(429,)),
    "second_factor_form": Interface(texts=("next",), statuses=(401,)),
    "second_factor": Interface(texts=("next",), fields=("code", "next"), statuses=(429,)),
    "second_key": Interface(fields=("credential", "next")),
    "setup": Interface(fields=("name", "code"), statuses=(429,)),
    "password_form": Interface(statuses=(401,)),
    "set_password": Interface(fields=("password", "again", "code")),
    "add_key": Interface(fields=("credential", "label")),
    "speak": Interface(fields=("language", "back")),
    "oidc_begin": Interface(fields=("next",), statuses=(429,)),
    "oidc_return": Interface(fields=("state", "id_token", "error"), statuses=(429,)),
    "oidc_finish": Interface(fields=("handle",), statuses=(429,)),
    "bind_person": Interface(fields=("person", "sub")),
    "end_binding": Interface(fields=("person",)),
    "add_person": Interface(fields=("name", "administrator")),
    "reset_person": Interface(fields=("person",)),
    "disable_person": Interface(fields=("person",)),
    "add_member": Interface(fields=("person", "in_case", "role", "purpose", "until")),
    "end_member": Interface(fields=("person", "in_case")),
    "intake": Interface(texts=("exhibit", "folder", "by"), numbers=("volume", "first")),
    "intake_entries": Interface(texts=("exhibit", "folder", "account", "here"), numbers=("volume", "first")),
    "intake_ranges": Interface(texts=("exhibit",)),
    "mapping_decide": Interface(fields=("draft", "verdict", "column.NAME")),
    "mapping_edit": Interface(fields=("draft", "content")),
    "mapping_approve": Interface(fields=("draft",)),
    "catalogue": Interface(texts=("each", *_FACETS), numbers=("first",)),
    "viewer_export": Interface(fields=("exhibit", "format", *(f"group.{name}" for name in VERDICT_GROUPS))),
    "grades_upload": Interface(fields=("scheme", "country", "graded_by"), files=("file",)),
    "grades_shown": Interface(texts=("kind",), numbers=("first",)),
    "grades_withdraw": Interface(fields=("source_sha256",)),
    "review": Interface(texts=_REVIEW),
    "review_pair": Interface(texts=(*_REVIEW, "decided", "of")),
    "review_judge": Interface(
        texts=(*_REVIEW, "decided", "of"), fields=("decision", "why", "version", "told_of", *_REVIEW), statuses=(409,)
    ),
    "review_undo_form": Interface(texts=_REVIEW),
    "review_undo": Interface(texts=_REVIEW, fields=("judgement", "reason_code", "why", *_REVIEW)),
    "review_cut_form": Interface(texts=("txid", *_REVIEW)),
    "judge_hub": Interface(fields=("verdict", "why")),
    "review_cut": Interface(texts=_REVIEW, fields=("txid", "verdict", "why", *_REVIEW)),
    "lead_timeline": Interface(texts=("from", "until", "lane", "zone"), numbers=("first",)),
    "leads": Interface(texts=("tier", "country", "outcome"), numbers=("first",)),
    "lead": Interface(texts=("zone",)),
    "money": Interface(texts=("coins", "policy")),
    "money_token_ends": Interface(texts=("coins", "direction", "end"), numbers=("first",)),
    "money_ends": Interface(texts=("policy", "direction", "end", "hops"), numbers=("first",)),
    "money_service": Interface(texts=("month", "direction"), numbers=("first",)),
    "money_sheet": Interface(texts=("about",), numbers=("first",)),
    "money_sheet_export": Interface(
        fields=("format", "about"), gives=("application/pdf", "text/csv", "application/json")
    ),
    "money_cluster": Interface(texts=("one", "other", "cut"), numbers=("first", "hops", "cap")),
    "releases": Interface(texts=("done", "what"), statuses=(409,)),
    "release_open": Interface(fields=("sample", "lead"), statuses=(409,)),
    "release_make": Interface(
        fields=("country", "recipient", "legal_basis", "handling_code", "onward_transfer", "why", "reissue"),
        files=("certificate",),
    ),
    "release_draft": Interface(statuses=(409,)),
    "release_do": Interface(fields=("sample", "why"), statuses=(409,)),
    "release_file": Interface(
        fields=("part",), gives=("application/json", "application/vnd.headwater.sealed"), statuses=(409,)
    ),
    "release_answer": Interface(fields=("kind", "why"), files=("answer", "key"), statuses=(409,)),
    "release_recall": Interface(fields=("ids", "why")),
    "remarks": Interface(texts=("mine", "kind", "text", "all"), numbers=("first",)),
    "add_remark": Interface(fields=("kind", "text")),
    "end_remark": Interface(fields=("remark", "why")),
    "search": Interface(texts=("q",), statuses=(202,)),
    "save_view": Interface(fields=("name", "address", "shared")),
    "remove_view": Interface(fields=("view",)),
    "go_to": Interface(texts=("q",)),
    "table": Interface(texts=("column", "kind", "value", *_ROWS), numbers=("first", "rows")),
    "row": Interface(texts=_ROWS),
    "opened": Interface(texts=_ROWS),
    "export_form": Interface(texts=_ROWS),
    "export": Interface(texts=_ROWS, fields=("format",), gives=("text/csv", "application/json")),
    "audit": Interface(texts=("log", "person", "kind"), numbers=("first",)),
}
"""By name of the route; a route that is not here takes nothing."""
