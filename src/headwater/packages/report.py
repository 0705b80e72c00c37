"""The report for reading: the package's content set as PDF/A by typst, the same bytes for the same content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from importlib.resources import files
from typing import Any

from headwater.custody import Head
from headwater.packages.contents import Contents
from headwater.packages.differences import STATES
from headwater.packages.documents import REPORT_NAME
from headwater.packages.head_mark import qr_svg
from headwater.packages.lead_charts import LeadChart
from headwater.packages.methods import LIMITS
from headwater.packages.money_pages import MoneyPages
from headwater.packages.rows import other_person, shared_with
from headwater.packages.typesetting import set_pdf

__all__ = ["report_pdf"]

_ACTS_SHOWN = 8


def report_pdf(
    contents: Contents,
    pages: MoneyPages,
    manifest: Mapping[str, Any],
    drafted_at: datetime,
    custody_head: Head | None = None,
    charts: Mapping[str, tuple[LeadChart, LeadChart]] | None = None,
) -> bytes:
    """The report.

    Text from evidence reaches the typesetter as JSON strings, never as its markup, so nothing in it can be a command.

    Args:
        contents: What the package holds.
        pages: Pictures and table of money.
        manifest: The manifest without the report's own digest.
        drafted_at: The date on the report and inside the file; no clock is read.
        custody_head: The custody log's head when it was drafted, printed as text and as QR.
        charts: For each lead, by its id, its timeline and its link chart.
    """
    head = "" if custody_head is None else f"{custody_head.entries}:{custody_head.root}"
    pictures = [picture.svg for picture in pages.pictures]
    document = _document(contents, pages, manifest)
    for lead in document["leads"]:
        timeline, links = (charts or {}).get(lead["lead_id"], (None, None))
        lead["timeline"], lead["link_chart"] = _placed(timeline, pictures), _placed(links, pictures)
    return set_pdf(
        files("headwater.packages").joinpath("report.typ").read_bytes(),
        {**document, "custody_head": head},
        at_utc=drafted_at,
        name=REPORT_NAME,
        pictures=[*pictures, qr_svg(head)] if head else pictures,
    )


def _placed(chart: LeadChart | None, pictures: list[str]) -> dict[str, Any] | None:
    """Which of the pictures a chart is, which is put there, and its words; None for no chart."""
    if chart is None:
        return None
    pictures.append(chart.svg)
    at, width = len(pictures) - 1, chart.width_tenths_mm
    rows = [list(row) for row in chart.rows]
    return {"at": at, "about": chart.about, "sentences": list(chart.sentences), "width": width, "rows": rows}


def _document(contents: Contents, pages: MoneyPages, manifest: Mapping[str, Any]) -> dict[str, Any]:
    tiers = Counter(lead["risk_tier"] for lead in contents.leads)
    terms = (
        ("Case", manifest["case"]["case_id"]),
        ("Authority", manifest["case"]["authority_ref"]),
        ("Sent by", manifest["case"]["agency"]),
        ("Contact", manifest["contact"]),
        ("For", manifest["country"]),
        ("Recipient's key", manifest["recipient"]),
        ("Purpose", manifest["purpose"]),
        ("Legal basis", manifest["legal_basis"]),
        ("Onward transfer", manifest["onward_transfer"]),
        ("Drafted by", manifest["author"]["operator"]),
        ("Drafted", _time(manifest["drafted_at_utc"])),
        ("Package", manifest["package_id"]),
        ("Number for this recipient", str(manifest["sequence"]["number"])),
        ("Since the last package", _since(manifest["changes"])),
    )
    return {
        "country": manifest["country"],
        "case_id": manifest["case"]["case_id"],
        "handling_code": manifest["handling_code"],
        "package_id": manifest["package_id"],
        "terms": [[name, value or "not stated"] for name, value in terms],
        "why": manifest["decisions"][0]["why"],
        "tiers": [[tier, tiers[tier]] for tier in sorted(tiers)],
        "requests": [_request(row) for row in contents.requests],
        "pictures": [f"Flows of money by {_policy(picture.policy)}" for picture in pages.pictures],
        "months": _months(pages),
        "leads": [_lead(lead) for lead in contents.leads],
        "withheld": [{"what": w.what, "count": w.count, "why": w.why} for w in contents.withheld],
        "limits": [list(limit) for limit in LIMITS],
        "references": [
            [row["table"], row["reference_name"], row["reference_version"], row["rows"]] for row in contents.references
        ],
        "files": [[file["name"], file["about"], file["size_bytes"], file["sha256"]] for file in manifest["files"]],
        "tool": f"headwater {manifest['tool_version']}",
        "tool_sha256": manifest["tool_sha256"],
        "disclosed": [list(row) for row in contents.disclosed],
    }


def _since(changes: Mapping[str, Any]) -> str:
    if changes["since"] is None:
        return "this is the first"
    return ", ".join(f"{changes[state]} {state}" for state in (*STATES, "unchanged"))


def _lead(lead: Mapping[str, Any]) -> dict[str, Any]:
    account, record = lead["account"], lead["named_record"]
    names = (
        ("Platform's number", "platform_key"),
        ("Nickname", "nickname"),
        ("E-mail", "email"),
        ("Telephone", "phone"),
        ("PGP", "pgp_fingerprint"),
        ("Role", "role"),
        ("Registered", "registered_at_utc"),
        ("Last seen", "last_seen_at_utc"),
    )
    return {
        "rank": lead["rank"],
        "tier": lead["risk_tier"],
        "lead_id": lead["lead_id"],
        "account_id": lead["account_id"],
        "why_now": lead["why_now"],
        "account": [[label, _time(account[name])] for label, name in names if account.get(name)],
        "source": _source(account),
        "because": [
            {"tier": r["tier"], "rule": r["rule"], "because": r["because"], "see": [r["table"], r["example_id"]]}
            for r in sorted(lead["rules_fired"], key=lambda r: (r["tier"], r["rule"]))
        ],
        "not_fired": list(lead["rules_not_fired"]),
        "jurisdiction": [
            [j["country"], j["evidence"], j["weight"], j["observed"], [j["table"], j["example_id"]]]
            for j in lead["jurisdiction"]
        ],
        "lead_country": lead["lead_country"] or "unattributed",
        "margin": lead["lead_country_margin"],
        "shared_with": list(lead["shared_with"]),
        "contrary": list(_contrary(lead)),
        # Of several payments by one payer the rows say the same.
        "rivals": [_rival(one) for one in _each_once(lead["rivals"])],
        "completeness": {
            state: [field["field"] for field in lead["completeness"] if field["state"] == state]
            for state in ("present", "absent", "not_collected")
        },
        "steps": [[step["holder"], step["country"], step["step"]] for step in lead["next_lawful_steps"]],
        "volatile_until": _time(lead["volatile_until_utc"]) if lead["volatile_until_utc"] else "",
        "acts": [
            [_time(act["at_utc"]), act["act"], act["network_address"] or "not noted", _proxy(act["proxy"])]
            for act in sorted(lead["acts"], key=lambda act: (act["at_utc"], act["act"], act["act_id"]))[-_ACTS_SHOWN:]
        ],
        "acts_total": len(lead["acts"]),
        "media": [
            [group, lead["media"].get(group, 0)] for group in ("known", "near", "none", "not_comparable", "benign")
        ],
        "origins": sum(1 for origin in lead["origins"] if origin["verdict_group"] == "none"),
        "links": [[link["claim"], _bits(link), link["because"], link["right_id"]] for link in lead["links"]],
        "named": _person(record) if record else [],
        "requests": len(lead["request_ids"]),
        "category": lead["data_subject_category"],
        "assertion": lead["assertion_kind"],
        "deconfliction_key": lead["deconfliction_key"],
    }


def _contrary(lead: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What speaks against, each fact once: those that travel with the lead, then those of its links besides."""
    seen = set()
    for fact in (*lead["contrary"], *lead["contrary_facts"]):
        if fact["fact_id"] not in seen:
            seen.add(fact["fact_id"])
            see = [fact["source_table"], fact["source_id"]]
            yield {"statement": fact["statement"], "kind": fact["fact_kind"], "see": see}


def _each_once(rivals: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of the same two people one row; two who are not told apart here are two."""
    return list({(r["payer_id"] or r["rival_id"], r["other_id"] or r["rival_id"]): r for r in rivals}.values())


def _rival(rival: Mapping[str, Any]) -> dict[str, Any]:
    """Another person beside the payer: both hypotheses, each with what fits and what does not."""
    return {
        "payer": rival["payer_id"] or "a person of another lead",
        "other": other_person(rival),
        "shared": shared_with(rival),
        "hypotheses": [
            [
                f"The {words} used the account",
                *(
                    [
                        [told["statement"], [told["table"], told["row_id"] or "of another lead"]]
                        for told in rival[f"{who}_{side}"]
                    ]
                    for side in ("support", "contradiction")
                ),
            ]
            for who, words in (("payer", "payer"), ("other", "other person"))
        ],
    }


def _request(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "service": row["service_name"],
        "country": row["country"],
        "contact": row["legal_contact"],
        "question": row["question"],
        "outpoint": f"{row['txid']}:{row['output_index']}",
        "address": row["address"] or "not shown by the chain",
        "output_sat": _thousands(row["output_sat"]),
        "fifo_sat": _thousands(row["fifo_sat"]),
        "pro_rata_sat": _thousands(row["pro_rata_sat"]),
        "at": _time(row["at_utc"]),
        "leads": len(row["lead_ids"]),
        "tag": f"{row['tag_id']}{_LATER[row['tag_is_later']]}",
        "request_id": row["request_id"],
    }


_LATER: Mapping[bool | None, str] = {
    True: ", dated after the last block of this chain",
    False: "",
    None: ", of which no date can be read",
}


def _months(pages: MoneyPages) -> dict[str, Any]:
    """The table as text, each policy's satoshis under its name."""
    return {
        "columns": list(pages.month_columns),
        "rows": [[_cell(row.get(column), column) for column in pages.month_columns] for row in pages.months],
    }


def _cell(value: object, column: str) -> str:
    if isinstance(value, int):
        return _thousands(value)
    text = "" if value is None else str(value)
    return text or ("all" if column == "month" else "")


def _policy(policy: str) -> str:
    return {"fifo": "FIFO"}.get(policy, policy.replace("_", " "))


def _person(record: Mapping[str, Any]) -> list[list[str]]:
    names = (
        ("Name", "full_name"),
        ("Date of birth", "date_of_birth"),
        ("Address", "street_address"),
        ("Town", "suburb"),
        ("Postcode", "postcode"),
        ("Country", "country"),
        ("Register", "reference_name"),
        ("Number in it", "source_key"),
    )
    return [[label, str(record[name])] for label, name in names if record.get(name)]


def _source(account: Mapping[str, Any]) -> str:
    if not account:
        return "the account's row is not in the tables of the case"
    first = account["source_offset_bytes"]
    return (
        f"exhibit {account['exhibit_id']}, table {account['source_table']}, row {account['source_row']}, "
        f"bytes {first} to {first + account['source_length_bytes'] - 1}"
    )


def _bits(link: Mapping[str, Any]) -> str:
    thousandths = link["match_weight_mbits"]
    sign = "\u2212" if thousandths < 0 else ""
    return f"{sign}{abs(thousandths) // 1000}.{abs(thousandths) % 1000 // 100}"


def _proxy(flag: bool | None) -> str:  # noqa: FBT001 - a column's value
    return {True: "proxy", False: "no", None: "no list says"}[flag]


def _time(text: str) -> str:
    """A time as the files write it, to the second, for reading; other text as it is."""
    if len(text) == 27 and text.endswith("Z") and text[10] == "T":
        return f"{text[:10]} {text[11:19]} UTC"
    return text


def _thousands(number: int) -> str:
    return f"{number:,}".replace(",", "\u00a0")
