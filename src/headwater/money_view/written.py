"""A request sheet written down: JSON in full, CSV for the service's own tools, PDF for whoever signs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

from headwater.money_view.amounts import share_text
from headwater.money_view.sheets import Sheet
from headwater.packages import check_no_media, qr_svg, set_pdf, spreadsheet
from headwater.schema import canonical_json

__all__ = ["SHEET_COLUMNS", "sheet_files", "written_sheet"]

Row = Mapping[str, Any]

SHEET_COLUMNS: Final = (
    "request_id",
    "actor",
    "service",
    "country",
    "legal_contact",
    "direction",
    "question",
    "txid",
    "output_index",
    "address",
    "output_sat",
    "output_btc",
    "attributed",
    "least_sat",
    "most_sat",
    "bound_sat",
    "at_utc",
    "kept_until",
    "value",
    "value_is",
    "receipts",
    "hops",
    "tag_id",
    "tagged_address",
    "tag_source",
    "tag_is_later",
    "merges",
    "proof",
    "what_would_make_it_false",
)


def sheet_files(sheet: Sheet) -> dict[str, bytes]:
    """The sheet as JSON, CSV and PDF, each guarded as what leaves in a package is.

    Raises:
        RefusedError: Media or key material would leave.
    """
    rows = (_csv_row(sheet.document, row) for row in sheet.document["requests"])
    return written_sheet(sheet, SHEET_COLUMNS, rows, "request.typ", _for_reading(sheet.document))


def written_sheet(
    sheet: Sheet, columns: Sequence[str], rows: Iterable[Row], template: str, shown: Mapping[str, object]
) -> dict[str, bytes]:
    """A sheet in its three forms, by name of file.

    Args:
        sheet: The sheet; its JSON is all of it.
        columns: Of its CSV.
        rows: Of its CSV.
        template: File of this package that its PDF is set by.
        shown: What that template shows.

    Raises:
        RefusedError: Media or key material would leave.
    """
    names = {ending: f"{sheet.name}.{ending}" for ending in ("json", "csv", "pdf")}
    written = {
        names["json"]: canonical_json(sheet.document) + b"\n",
        names["csv"]: spreadsheet(columns, rows),
        names["pdf"]: set_pdf(
            files("headwater.money_view").joinpath(template).read_bytes(),
            shown,
            at_utc=dt.datetime.fromisoformat(sheet.document["basis"]["custody_entry_at_utc"]),
            name=names["pdf"],
            pictures=[qr_svg(sheet.document["basis"]["custody_head"])],
        ),
    }
    check_no_media(written, leaving="request sheet", reports=(names["pdf"],))
    return written


def _csv_row(document: Mapping[str, Any], request: Row) -> dict[str, object]:
    service, tag = document["service"], request["tag"]
    return {
        **{name: request.get(name) for name in SHEET_COLUMNS},
        "actor": service["actor"],
        "service": service["name"],
        "country": service["country"],
        "legal_contact": service["legal_contact"],
        "attributed": [f"{policy} {sat}" for policy, sat in request["by_policy"].items()],
        "value_is": document["prices"]["what"] if request["value"] else None,
        "receipts": len(request["receipts"]),
        "hops": _hops_text(request["paths"]),
        "tag_id": tag["tag_id"],
        "tagged_address": tag["address"],
        "tag_source": tag["source"],
        "tag_is_later": tag["is_later"],
        "proof": [f"{hop['txid']}:{hop['output_index']}" for hop in _longest_first(request["paths"])[0]["hops"]],
        "what_would_make_it_false": " ".join(request["what_would_make_it_false"]),
    }


def _longest_first(paths: Iterable[Row]) -> list[Row]:
    """The ways with most satoshis first."""
    return sorted(paths, key=lambda path: (-path["amount_sat"], path["policy"], path["hops"][0]["txid"]))


def _hops_text(paths: Iterable[Row]) -> str:
    counts = sorted({len(path["hops"]) - 1 for path in paths})
    return f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def _for_reading(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as the page shows it: text, so that typesetting decides nothing."""
    service = document["service"]
    basis = document["basis"]
    kept = service["retention_days"]
    registered = f"{service['reference_name']}@{service['reference_version']}"
    terms = (
        ("Service", service["name"]),
        ("Name in tags", service["actor"]),
        ("Kind", service["kind"]),
        ("Country of establishment", service["country"]),
        ("Lawful requests go to", service["legal_contact"]),
        ("Records kept", f"{kept} days" if kept else "the register does not say how long"),
        ("Register", f"{registered}, valid from {service['valid_from'] or 'not stated'}"),
        ("Source of that entry", service["source"] or "not stated"),
        ("Case", document["case"]["case_id"]),
        ("Authority", document["case"]["authority_ref"]),
        ("Purpose", document["case"]["purpose"]),
    )
    return {
        "service": service["name"],
        "country": service["country"],
        "case_id": document["case"]["case_id"],
        "terms": [[name, value or "not stated"] for name, value in terms],
        "records": document["records_to_ask_for"],
        "shares": [
            [
                _direction(share["direction"]),
                _policy(share["policy"]),
                _thousands(share["reaches_sat"]),
                _thousands(share["followed_sat"]),
                share_text(share["reaches_sat"], share["followed_sat"]),
            ]
            for share in document["shares"]
        ],
        "prices": document["prices"]["what"] if document["prices"] else "",
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


def _shown(number: int, row: Row) -> dict[str, Any]:
    paths = _distinct(_longest_first(row["paths"]))
    tag = row["tag"]
    tag_terms = (
        ("Tagged address", tag["address"]),
        ("Label", tag["label"]),
        ("Published by", tag["source"]),
        ("Its confidence", tag["confidence"]),
        ("Dated", _dated(tag)),
        ("Tag pack", f"{tag['pack']}, {tag['tag_id']}"),
    )
    return {
        "number": number,
        "direction": row["direction"],
        "what": _WANTED.get(row["direction"], row["direction"]),
        "question": row["question"],
        "txid": row["txid"],
        "output_index": row["output_index"],
        "address": row["address"] or "a script without an address",
        "output": f"{_thousands(row['output_sat'])} satoshis, {row['output_btc']} BTC",
        "value": row["value"] or "",
        "at": _time(row["at_utc"]),
        "kept_until": row["kept_until"] or "",
        "by_policy": [
            [_policy(policy), _thousands(sat), share_text(sat, row["output_sat"])]
            for policy, sat in row["by_policy"].items()
        ],
        "bounds": (
            f"between {_thousands(row['least_sat'])} and {_thousands(row['most_sat'])} satoshis by these rules; by any "
            f"rule at most {_thousands(row['bound_sat'])}"
        ),
        "tag": [[label, value] for label, value in tag_terms if value],
        "relied_on_for": tag["relied_on_for"] or "a script without an address",
        "is_direct": tag["is_direct"],
        "merges": row["merges"],
        "paths": [
            {
                "words": (
                    f"{' and '.join(map(_policy, policies))}: {_thousands(path['amount_sat'])} of the receipt's "
                    f"{_thousands(path['receipt_sat'])} satoshis"
                ),
                "hops": [
                    [
                        _place(at, len(path["hops"]), row["direction"]),
                        f"{hop['txid']}:{hop['output_index']}",
                        _thousands(hop["amount_sat"]),
                        _time(hop["at_utc"]).removesuffix(" UTC"),
                    ]
                    for at, hop in enumerate(path["hops"])
                ],
            }
            for policies, path in _first_of_policies(paths)
        ],
        "paths_total": len(paths),
        "receipts": len(row["receipts"]),
        "doubts": row["what_would_make_it_false"],
        "request_id": row["request_id"],
    }


_WANTED: Final = {
    "backward": "Which customer's account was debited for this withdrawal?",
    "forward": "Which customer's account was credited with this deposit?",
}


def _distinct(paths: Iterable[Row]) -> list[tuple[list[str], Row]]:
    """The ways, those of several policies that are the same to the satoshi as one."""
    same: dict[bytes, tuple[list[str], Row]] = {}
    for path in paths:
        key = canonical_json([path["amount_sat"], path["hops"]])
        same.setdefault(key, ([], path))[0].append(path["policy"])
    return list(same.values())


def _first_of_policies(paths: Iterable[tuple[list[str], Row]]) -> list[tuple[list[str], Row]]:
    """For each policy the way that carries most; one that several policies share is there once."""
    seen: set[str] = set()
    first = []
    for policies, path in paths:
        if not seen.issuperset(policies):
            first.append((policies, path))
        seen.update(policies)
    return first


def _place(at: int, count: int, direction: str) -> str:
    if at == 0:
        return "platform's receipt"
    if at < count - 1:
        return f"hop {at}"
    return "service's coins" if direction == "backward" else "service's deposit"


def _direction(direction: str) -> str:
    return {"backward": "from the service", "forward": "to the service"}.get(direction, direction)


def _policy(policy: str) -> str:
    return {"fifo": "FIFO"}.get(policy, policy.replace("_", " "))


def _dated(tag: Row) -> str:
    return (
        f"{tag['last_modified']}, after the last block of this chain" if tag["is_later"] else tag["last_modified"] or ""
    )


def _time(text: str) -> str:
    return f"{text[:10]} {text[11:19]} UTC"


def _thousands(number: int) -> str:
    return f"{number:,}".replace(",", "\u00a0")
