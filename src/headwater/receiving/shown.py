"""What a store holds, as people read it: documents in their order, and leads with what was recalled."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from headwater.errors import InputError
from headwater.receiving.store import Held, ReceivingStore

__all__ = ["held_documents", "held_lead", "held_package"]


def held_documents(store: ReceivingStore) -> list[dict[str, Any]]:
    """One row for each document, in the order in which they came."""
    held, trust = store.held(), store.trust()
    return [
        {
            "kind": one.kind,
            "id": one.held_id,
            "number": one.number or None,
            "sender": _name(one, trust.senders),
            "sender_key": one.sender_key,
            "leads": len(one.lead_ids),
            "recalled_leads": 0 if one.kind == "recall" else len(_recalled(one, held)),
            "handling_code": one.document["handling_code"],
        }
        for one in held
    ]


def held_package(store: ReceivingStore, held_id: str) -> dict[str, Any]:
    """A package or notice in full: its terms, its leads in short, what changed since the one before.

    Raises:
        InputError: There is none of that id.
    """
    held = store.held()
    one = _of_id(held, held_id)
    if one.kind == "recall":
        return {"kind": "recall", **one.document}
    recalled = _recalled(one, held)
    terms = (
        *("package_id", "version", "case", "contact", "country", "purpose", "legal_basis", "handling_code"),
        *("onward_transfer", "sequence", "changes", "withheld", "tool", "tool_version", "tool_sha256"),
    )
    return {
        "kind": "package",
        "sender": _name(one, store.trust().senders),
        **{name: one.document[name] for name in terms if name in one.document},
        "leads": [_short(lead, recalled) for lead in _leads(one)],
        "changed": _changes(one),
        "files": [{"name": file["name"], "about": file["about"]} for file in one.document["files"]],
        "folder": str(one.folder / "opened"),
    }


def held_lead(store: ReceivingStore, lead_id: str) -> tuple[Held, dict[str, Any]]:
    """The newest package that holds a lead, and the lead in full, with the notice that recalls it, if one does.

    Raises:
        InputError: No package here holds it.
    """
    held = store.held()
    holding = [one for one in held if one.kind == "package" and lead_id in one.lead_ids]
    if not holding:
        raise InputError(lead_id, "is in no package that was received", remedy="see 'headwater receive list'")
    newest = holding[-1]
    lead = next(lead for lead in _leads(newest) if lead["lead_id"] == lead_id)
    return newest, {**lead, "package_id": newest.held_id, "recalled": _recalled(newest, held).get(lead_id)}


def _recalled(package: Held, held: Sequence[Held]) -> dict[str, dict[str, Any]]:
    """For each lead of a package that is recalled, the notice: when, why and by which."""
    found: dict[str, dict[str, Any]] = {}
    for notice in held:
        same = notice.sender_key == package.sender_key and notice.recipient == package.recipient
        # What was sent again after a recall stands; a package without a number is older than any notice.
        if notice.kind != "recall" or not same or notice.number < package.number:
            continue
        document = notice.document
        whole = document["scope"] == "package"
        if whole and package.held_id not in document["packages"]:
            continue
        told = {"recall_id": notice.held_id, "at_utc": document["recalled_at_utc"], "why": document["why"]}
        found |= dict.fromkeys(package.lead_ids if whole else set(package.lead_ids) & set(document["leads"]), told)
    return found


def _of_id(held: Sequence[Held], held_id: str) -> Held:
    for one in held:
        if one.held_id == held_id:
            return one
    raise InputError(held_id, "was not received", remedy="see 'headwater receive list'")


def _leads(one: Held) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (one.folder / "opened" / "leads.jsonl").read_bytes().splitlines()]


def _changes(one: Held) -> list[dict[str, Any]]:
    path = one.folder / "opened" / "changes.jsonl"
    rows = [json.loads(line) for line in path.read_bytes().splitlines()] if path.is_file() else []
    return [{**row, "fields": [field["field"] for field in row["fields"]]} for row in rows]


def _short(lead: dict[str, Any], recalled: dict[str, dict[str, Any]]) -> dict[str, Any]:
    shown = ("lead_id", "rank", "risk_tier", "why_now", "lead_country", "shared_with", "volatile_until_utc")
    account = {name: lead["account"].get(name) for name in ("platform_key", "nickname")}
    return {**{name: lead[name] for name in shown}, **account, "recalled": recalled.get(lead["lead_id"])}


def _name(one: Held, senders: Any) -> str:  # noqa: ANN401 - the mapping of a list of trusted keys
    sender = senders.get(one.sender_key)
    return sender.name if sender is not None else "a sender who is trusted no more"
