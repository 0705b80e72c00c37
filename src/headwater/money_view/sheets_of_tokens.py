"""Request sheets about tokens: what a service or an issuer is asked, the way there, and what would make it false."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from headwater.engine import Session
from headwater.money import token_proof_path, token_text
from headwater.money_view.doubts import kept_until
from headwater.money_view.sheets import Basis, Sheet
from headwater.money_view.sums import services_by_id
from headwater.money_view.written import written_sheet
from headwater.packages import plain, redacted

__all__ = ["TOKEN_SHEET_COLUMNS", "token_sheet_files", "token_sheets"]

Row = Mapping[str, Any]

_FORMAT: Final = "headwater token request sheet"
_VERSION: Final = 1
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
_WAYS_SHOWN: Final = 4
_ENDS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "withdrawal": ("backward", ("service", "bridge")),
    "deposit": ("forward", ("service", "bridge")),
    "issued": ("backward", ("mint",)),
    "redeemed": ("forward", ("burn",)),
    "destroyed": ("forward", ("destroyed",)),
    "freeze": ("forward", ("unspent",)),
}
"""By kind of question, the direction and stop reasons of the endpoints that it is asked about."""

TOKEN_SHEET_COLUMNS: Final = (
    "request_id",
    "actor",
    "service",
    "country",
    "legal_contact",
    "question_kind",
    "question",
    "chain",
    "token_contract",
    "token_symbol",
    "txid",
    "address",
    "asked_units",
    "asked_tokens",
    "traced_units",
    "traced_tokens",
    "at_utc",
    "kept_until",
    "tag_id",
    "what_would_make_it_false",
)


def token_sheets(tables: Session, basis: Basis, actors: Sequence[str] | None) -> list[Sheet]:
    """A sheet for each service or issuer that something is asked about tokens, in order of actor.

    Args:
        tables: The case's tables.
        basis: What they rest on.
        actors: Those to be asked, by their name in tags or lists of issuers; None for all.
    """
    by_actor: dict[str, list[Row]] = {}
    for row in tables.arrow("token_requests").to_pylist():
        if actors is None or row["actor"] in actors:
            by_actor.setdefault(row["actor"], []).append(row)
    if not by_actor:
        return []
    services = services_by_id(tables)
    ways = _Ways(tables)
    tags = {row["tag_id"]: row for row in tables.arrow("tags").to_pylist()}
    holdings = {
        (row["chain"], row["token_contract"], row["address"]): row for row in tables.arrow("token_holdings").to_pylist()
    }
    assumed = {
        row["reason"].split(":")[0]
        for row in tables.arrow("defects").to_pylist()
        if row["code"] == "token_order_assumed"
    }
    sheets = []
    for actor, rows in sorted(by_actor.items()):
        service = services.get(rows[0]["service_id"] or "", {})
        requests = []
        for row in rows:
            found = ways.of(row)
            holding = holdings.get((row["chain"], row["token_contract"], row["address"]))
            requests.append(
                {
                    # A sheet is about tokens; how many accounts of the platform are concerned is not on it.
                    **{name: value for name, value in row.items() if name != "accounts"},
                    "asked_tokens": token_text(int(row["asked_units"]), row["decimals"], row["token_symbol"]),
                    "traced_tokens": token_text(int(row["traced_units"]), row["decimals"], row["token_symbol"]),
                    "kept_until": kept_until(row["at_utc"], service.get("retention_days")),
                    "tag": tags.get(row["tag_id"] or ""),
                    "holding": holding if row["question_kind"] == "freeze" else None,
                    "ways": found,
                    "what_would_make_it_false": list(_doubts(row, found, tags, holding, assumed)),
                }
            )
        document = {
            "format": _FORMAT,
            "version": _VERSION,
            "asked": {
                "actor": actor,
                "service_id": rows[0]["service_id"],
                "name": service.get("name"),
                "kind": service.get("kind"),
                "country": service.get("country"),
                "legal_contact": service.get("legal_contact"),
                "records_held": service.get("records_held"),
                "retention_days": service.get("retention_days"),
            },
            "case": {"case_id": basis.case_id, "authority_ref": basis.authority_ref, "purpose": basis.purpose},
            "requests": requests,
            "basis": {
                "custody_entry": basis.custody_seq,
                "custody_entry_sha256": basis.custody_sha256,
                "custody_entry_at_utc": basis.custody_at_utc,
                "custody_head": basis.custody_head,
                "tables": dict(basis.tables),
                "references": dict(basis.references),
                "tool": f"headwater {basis.version}",
                "tool_sha256": basis.program_sha256,
            },
        }
        safe, withheld = redacted(plain(document))
        assert isinstance(safe, Mapping)
        words = _NOT_IN_NAMES.sub("-", actor.lower()).strip("-")[:40] or "actor"
        country = _NOT_IN_NAMES.sub("", str(service.get("country") or "xx").lower())[:4]
        ending = str(rows[0]["service_id"] or rows[0]["request_id"])[-8:]
        sheets.append(Sheet(name=f"{country}_{words}_{ending}_tokens", document=safe, withheld=withheld))
    return sheets


class _Ways:
    """The ways from the platform to where a request is about, transfer by transfer."""

    def __init__(self, tables: Session) -> None:
        self._traces = {row["trace_id"]: row for row in tables.arrow("token_traces").to_pylist()}
        self._transfers = {row["transfer_id"]: row for row in tables.arrow("token_transfers").to_pylist()}
        self._ends: dict[tuple[str, str], list[Row]] = {}
        for row in tables.arrow("token_endpoints").to_pylist():
            self._ends.setdefault(("move", row["move_id"]), []).append(row)
            if row["stop_reason"] == "unspent":
                self._ends.setdefault(("held", row["address"]), []).append(row)
        self._flows: dict[str, list[Row]] = {}
        for row in tables.arrow("token_flows").to_pylist():
            self._flows.setdefault(row["trace_id"], []).append(row)

    def of(self, request: Row) -> list[dict[str, Any]]:
        """For each trace that ends there, the way that carries most."""
        key = ("held", request["address"]) if request["move_id"] is None else ("move", request["move_id"])
        found = []
        direction, reasons = _ENDS[request["question_kind"]]
        for end in self._ends.get(key, []):
            trace = self._traces[end["trace_id"]]
            token = (trace["chain"], trace["token_contract"], trace["direction"])
            if token != (request["chain"], request["token_contract"], direction) or end["stop_reason"] not in reasons:
                continue
            way = token_proof_path(self._flows.get(end["trace_id"], []), end["move_id"])
            moves = [trace["transfer_id"], *(step["to_move_id"] for step in way)]
            found.append(
                {
                    "direction": trace["direction"],
                    "origin_units": trace["origin_units"],
                    "amount_units": end["amount_units"],
                    "hops": [self._hop(move) for move in moves if move in self._transfers],
                }
            )
        return sorted(found, key=lambda way: (-int(way["amount_units"]), str(way["hops"])))

    def _hop(self, transfer_id: str) -> dict[str, Any]:
        row = self._transfers[transfer_id]
        names = ("txid", "from_address", "to_address", "amount_units", "at_utc")
        return {name: row[name] for name in names}


def _doubts(
    request: Row, ways: Sequence[Row], tags: Mapping[str, Row], holding: Row | None, assumed: set[str]
) -> Iterator[str]:
    """What would make the attribution false, said of this request."""
    tag = tags.get(request["tag_id"] or "")
    if tag is not None:
        yield "That the address is the service's rests on a tag; if its publisher erred, the service knows nothing."
        if request["tag_is_later"] is not False:
            dated = tag["last_modified"] or "has no date"
            yield f"The tag is not older than the transfers ({dated}): the address may have been another's then."
    if int(request["traced_units"]) < int(request["asked_units"]):
        rest = token_text(
            int(request["asked_units"]) - int(request["traced_units"]), request["decimals"], request["token_symbol"]
        )
        yield f"{rest} of it have nothing to do with the platform, by the rule used."
    hops = max((len(way["hops"]) for way in ways), default=1)
    if hops > 1:
        yield (
            f"Up to {hops} transfers lie on the way. At each, an account paid with what it had held longest (FIFO): a "
            "rule, and not a fact of the chain; tokens may also have changed hands there."
        )
    if f"{request['chain']} {request['token_contract']}" in assumed:
        yield "No table states the order of some transfers within their blocks; it was taken from the tables."
    if request["question_kind"] == "freeze":
        as_of = "not stated" if holding is None else holding["as_of_block"]
        yield f"It holds that much as of block {as_of}; it may hold less now."
        yield "The address may be a contract or a wallet shared by many, whose other holders have done nothing."
    else:
        yield "Whoever the records name may have acted for somebody else, or as one signer of a shared wallet."


def token_sheet_files(sheet: Sheet) -> dict[str, bytes]:
    """The sheet as JSON, CSV and PDF, each guarded as what leaves in a package is.

    Raises:
        RefusedError: Media or key material would leave.
    """
    rows = (_csv_row(sheet.document, row) for row in sheet.document["requests"])
    return written_sheet(sheet, TOKEN_SHEET_COLUMNS, rows, "token_request.typ", _for_reading(sheet.document))


def _csv_row(document: Mapping[str, Any], request: Row) -> dict[str, object]:
    asked = document["asked"]
    return {
        **{name: request.get(name) for name in TOKEN_SHEET_COLUMNS},
        "service": asked["name"],
        "country": asked["country"],
        "legal_contact": asked["legal_contact"],
        "what_would_make_it_false": " ".join(request["what_would_make_it_false"]),
    }


def _for_reading(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as the page shows it: text, so that typesetting decides nothing."""
    asked, basis = document["asked"], document["basis"]
    absent = "no register names it: complete the register before asking"
    terms = (
        ("Asked", asked["name"] or asked["actor"]),
        ("Name in tags or lists", asked["actor"]),
        ("Country of establishment", asked["country"] or absent),
        ("Lawful requests go to", asked["legal_contact"] or absent),
        ("Records that it holds", asked["records_held"] or "the register does not say"),
        ("Case", document["case"]["case_id"]),
        ("Authority", document["case"]["authority_ref"]),
        ("Purpose", document["case"]["purpose"]),
    )
    return {
        "service": asked["name"] or asked["actor"],
        "country": asked["country"] or "country not known",
        "case_id": document["case"]["case_id"],
        "terms": [[name, value] for name, value in terms],
        "requests": [_shown(number, row) for number, row in enumerate(document["requests"], start=1)],
        "custody": [
            ["Custody entry", f"{basis['custody_entry']}, of {_time(basis['custody_entry_at_utc'])}"],
            ["Its SHA-256", basis["custody_entry_sha256"]],
        ],
        "custody_head": basis["custody_head"],
        "digests": [
            *([f"table {name}", digest] for name, digest in sorted(basis["tables"].items())),
            *([f"reference {name}", digest] for name, digest in sorted(basis["references"].items())),
        ],
        "tool": basis["tool"],
        "tool_sha256": basis["tool_sha256"],
    }


_KINDS: Final = {
    "withdrawal": "Whose withdrawal was this?",
    "deposit": "Whose deposit was this?",
    "freeze": "Can this be frozen?",
    "issued": "For whom was this issued?",
    "redeemed": "For whom was this redeemed?",
    "destroyed": "On whose order was this destroyed?",
}


def _shown(number: int, row: Row) -> dict[str, Any]:
    decimals, symbol = row["decimals"], row["token_symbol"]
    holding = row["holding"]
    terms = [
        ["Token", f"{symbol or 'no symbol'}, contract {row['token_contract']}"],
        ["Chain", row["chain"]],
        *([["Transaction", row["txid"]]] if row["txid"] else []),
        ["Address", row["address"]],
        ["Amount asked about", row["asked_tokens"]],
        ["Of it, followed", row["traced_tokens"]],
        ["Time of the block", _time(row["at_utc"])],
        *([["Records kept until", row["kept_until"]]] if row["kept_until"] else []),
        *([["Tag relied upon", f"{row['tag']['label']}, {row['tag']['source'] or 'no source'}"]] if row["tag"] else []),
    ]
    if holding:
        terms += [
            ["Can be frozen", f"{holding['can_freeze']} ({holding['issuer_source']}, {holding['issuer_as_of']})"],
            ["Frozen", holding["freeze_state"].replace("_", " ") + " by the events imported"],
        ]
    return {
        "number": number,
        "what": _KINDS.get(row["question_kind"], row["question_kind"]),
        "question": row["question"],
        "amount": row["asked_tokens"],
        "followed": row["traced_tokens"],
        "terms": terms,
        "doubts": row["what_would_make_it_false"],
        "ways": [
            {
                "words": (
                    f"{'back from the receipt' if way['direction'] == 'backward' else 'on from the payout'}: "
                    f"{token_text(int(way['amount_units']), decimals, symbol)} of "
                    f"{token_text(int(way['origin_units']), decimals, symbol)}"
                ),
                "hops": [
                    [
                        hop["txid"],
                        hop["from_address"],
                        hop["to_address"],
                        token_text(int(hop["amount_units"]), decimals, symbol),
                        _time(hop["at_utc"]).removesuffix(" UTC"),
                    ]
                    for hop in way["hops"]
                ],
            }
            for way in row["ways"][:_WAYS_SHOWN]
        ],
        "ways_total": len(row["ways"]),
        "request_id": row["request_id"],
    }


def _time(text: str) -> str:
    return f"{text[:10]} {text[11:19]} UTC"
