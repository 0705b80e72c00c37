"""Packages, their leads and their changes as a person reads them at a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from headwater.cli.output import printable

__all__ = ["changes_text", "draft_text", "package_lead_text", "received_text"]

_FIRST: Final = ("lead_id", "rank", "risk_tier", "why_now", "recalled", "package_id")
_WIDTH_CHARACTERS: Final = 160


def package_lead_text(lead: Mapping[str, Any]) -> str:
    """A lead of a package in full: every field that holds something, what is in a list on lines of its own."""
    lines = [f"lead {lead['lead_id']}  rank {lead['rank']}  tier {lead['risk_tier']}  {printable(lead['why_now'])}"]
    if lead.get("recalled"):
        told = lead["recalled"]
        lines.insert(0, f"RECALLED at {told['at_utc']} by {told['recall_id']}: {printable(told['why'])}")
    names = [name for name in lead if name not in _FIRST]
    for name in sorted(names):
        lines += _field(name, lead[name], "  ")
    return "\n".join(lines)


def changes_text(row: Mapping[str, Any]) -> Iterator[str]:
    """What is different from the last package, for whoever drafts: a line for all, and one for each lead."""
    since = row["since"]
    if since is None:
        yield "the first package for this country: every lead is new"
        return
    states = ("new", "reissued", "changed", "gone", "recalled", "unchanged")
    other = "" if since["to_this_recipient"] else " (to another key)"
    yield f"since {since['package_id']}{other}: " + ", ".join(f"{row[state]} {state}" for state in states)
    for change in row["changed_leads"]:
        yield f"  {change['state']:<8}  {change['lead_id']}" + "".join(f"  {_change(f)}" for f in change["fields"])


def draft_text(told: Mapping[str, Any], checked: Mapping[str, Any]) -> str:
    """A draft for whoever releases it: recipient, terms, contents, what is withheld, and each check."""
    lines = [
        f"draft {told['package_id']} for {told['country']}, number {told['number']}",
        f"  key: {told['key']}",
        f"  by {printable(told['author'])} at {told['drafted_at_utc']}: {printable(told['why'])}",
    ]
    lines += [f"  {name.replace('_', ' ')}: {printable(value)}" for name, value in told["terms"].items()]
    lines += [f"  withheld: {w['count']} {printable(w['what'])} ({printable(w['why'])})" for w in told["withheld"]]
    lines += [f"  {f['sha256']}  {f['size_bytes']:>9,}  {printable(f['name'])}" for f in told["files"]]
    for lead in told["leads"]:
        mark = "opened" if lead["lead_id"] in checked["shown"] else "not opened"
        lines.append(f"  {lead['rank']:>4}  tier {lead['risk_tier']}  {lead['lead_id']}  {mark}")
        lines += [f"        because: {printable(because)}" for because in lead["because"]]
    for check in checked["checks"]:
        state = "not yet" if check["fault"] else "ok"
        lines.append(f"  {state:<7}  {check['check']}  {printable(check['fault'])}".rstrip())
    return "\n".join(lines)


def received_text(row: Mapping[str, Any]) -> str:
    """A package or a notice that was received: its terms, what changed, and its leads in short."""
    if row["kind"] == "recall":
        lines = [f"recall {row['recall_id']} of {row['recalled_at_utc']}: {printable(row['why'])}"]
        lines += [f"  {row['what_to_do']}", *(f"  recalled: {printable(lead)}" for lead in row["leads"])]
        return "\n".join([*lines, *(f"  sent in: {printable(package)}" for package in row["packages"])])
    lines = [f"package {row['package_id']} from {printable(row['sender'])}, handling code {row['handling_code']}"]
    terms = ("purpose", "legal_basis", "onward_transfer", "contact")
    lines += [f"  {name.replace('_', ' ')}: {printable(row[name]) or 'not stated'}" for name in terms]
    lines += [f"  withheld: {w['count']} {w['what']} ({w['why']})" for w in row["withheld"]]
    for lead in row["leads"]:
        mark = f"  RECALLED: {lead['recalled']['why']}" if lead["recalled"] else ""
        account = printable(lead["nickname"] or lead["platform_key"])
        lines.append(f"  {lead['rank']:>4}  tier {lead['risk_tier']}  {lead['lead_id']}  {account}{mark}")
    for change in row["changed"]:
        lines.append(f"  {change['state']}: {change['lead_id']}  {', '.join(change['fields'])}".rstrip())
    return "\n".join([*lines, f"  files in {printable(row['folder'])}"])


def _change(field: Mapping[str, Any]) -> str:
    if "added" in field:
        return f"{field['field']} +{field['added']} -{field['removed']}"
    before, after = (_short(field[name]) for name in ("before", "after"))
    return f"{field['field']}: {before} -> {after}"


def _short(value: object) -> str:
    text = printable(value) or "nothing"
    return text if len(text) <= 40 else f"{text[:37]}..."


def _field(name: str, value: object, indent: str) -> list[str]:
    if value is None or value in ("", [], {}):
        return []
    if isinstance(value, Mapping):
        inner = [line for part in value for line in _field(part, value[part], f"{indent}  ")]
        return [f"{indent}{name}:", *inner] if inner else []
    if isinstance(value, Sequence) and not isinstance(value, str):
        if all(isinstance(item, str | int) for item in value):
            return [f"{indent}{name}: {', '.join(map(printable, value))}"]
        return [f"{indent}{name}:", *(f"{indent}  - {_one_line(item)}" for item in value)]
    return [f"{indent}{name}: {printable(value)}"]


def _one_line(item: object) -> str:
    if isinstance(item, Mapping):
        pairs = [f"{name} {_one_line(value)}" for name, value in item.items() if value not in (None, "", [], {})]
        return "; ".join(pairs)
    return printable(json.dumps(item, ensure_ascii=False) if isinstance(item, list) else item)
