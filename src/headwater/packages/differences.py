"""What is different from the last package to a country: leads new, changed field by field, gone, recalled."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from headwater.errors import IntegrityError
from headwater.packages.documents import RECORD_FOLDER
from headwater.packages.rows import json_lines
from headwater.packages.sent import Sent, last_package
from headwater.schema import canonical_json

__all__ = [
    "CHANGES_NAME",
    "STATES",
    "FieldChange",
    "LeadChange",
    "SinceLast",
    "lead_changes",
    "leads_of_record",
    "recalled_leads",
    "since_last",
    "standing_recalls",
]

CHANGES_NAME: Final = "changes.jsonl"
STATES: Final = ("new", "reissued", "changed", "gone", "recalled")

_NOT_COMPARED: Final = frozenset({"lead_id", "rank"})
"""A rank says how many leads stand before, of other countries too; it changes with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field of a lead that is not as it was.

    Attributes:
        field: Its name; a part of an object is written `account.email`.
        before: What it was; None for a list.
        after: What it is; None for a list.
        added: Of a list: what is in it and was not.
        removed: Of a list: what was in it and is not.
    """

    field: str
    before: Any = None
    after: Any = None
    added: tuple[Any, ...] = ()
    removed: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadChange:
    """What became of a lead since the last package.

    Attributes:
        lead_id: The lead.
        state: One of `STATES`.
        fields: What changed, by name of field; empty unless the lead was in the last package and is in this one.
    """

    lead_id: str
    state: str
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SinceLast:
    """What is different from the last package to a country.

    Attributes:
        last: That package; None if this is the first.
        to_this_recipient: Whether the last one went to this recipient's key.
        changes: Of each lead that is not just as it was.
        unchanged: How many are.
    """

    last: Sent | None
    to_this_recipient: bool
    changes: tuple[LeadChange, ...]
    unchanged: int

    def summary(self) -> dict[str, Any]:
        """What the manifest says of it."""
        states = Counter(change.state for change in self.changes)
        since: dict[str, Any] | None = None
        if self.last is not None:
            since = {
                "package_id": self.last.sent_id,
                "manifest_sha256": self.last.sha256,
                "number": self.last.number,
                "to_this_recipient": self.to_this_recipient,
            }
        return {"since": since, **{state: states[state] for state in STATES}, "unchanged": self.unchanged}

    def file(self) -> bytes:
        """The content of `changes.jsonl`.

        What a field was is not repeated: the recipient has it, and where it was a name that proved wrong, saying it
        again would do harm again.
        """
        return json_lines(
            {
                "lead_id": change.lead_id,
                "state": change.state,
                "fields": [
                    {"field": one.field, "added": list(one.added), "removed": len(one.removed)}
                    if one.added or one.removed
                    else {"field": one.field, "after": one.after}
                    for one in change.fields
                ],
            }
            for change in self.changes
        )


def since_last(sent: Sequence[Sent], country: str, recipient: str, leads: Sequence[Mapping[str, Any]]) -> SinceLast:
    """What is different in these leads from the last package to the country.

    Args:
        sent: What was sent, to anybody.
        country: For whom the leads are.
        recipient: Whose public key they are for.
        leads: As the package will hold them.
    """
    last = last_package(sent, country, recipient)
    before = [] if last is None else leads_of_record(last.folder / RECORD_FOLDER)
    earlier = recalled_leads(sent, country=country)
    later = recalled_leads(sent, country=country, after_utc="" if last is None else last.sent_at_utc)
    changes = lead_changes(before, leads, recalled_before=earlier, recalled_since=later)
    shown = {change.lead_id for change in changes}
    return SinceLast(
        last=last,
        to_this_recipient=last is not None and last.recipient == recipient,
        changes=tuple(changes),
        unchanged=sum(lead["lead_id"] not in shown for lead in leads),
    )


def lead_changes(
    before: Sequence[Mapping[str, Any]],
    now: Sequence[Mapping[str, Any]],
    *,
    recalled_before: Collection[str] = (),
    recalled_since: Collection[str] = (),
) -> list[LeadChange]:
    """What became of each lead that is not just as it was: first those that are there, in their order, then the others.

    Args:
        before: The leads of the last package.
        now: The leads of this one.
        recalled_before: Ids of leads that were recalled at any time.
        recalled_since: Ids of those that were recalled since the last package.
    """
    earlier = {lead["lead_id"]: lead for lead in before}
    changes: list[LeadChange] = []
    for lead in now:
        lead_id, old = lead["lead_id"], earlier.get(lead["lead_id"])
        fields = () if old is None else tuple(_field_changes(old, lead))
        again = lead_id in recalled_since or (old is None and lead_id in recalled_before)
        if again or old is None or fields:
            state = "reissued" if again else "new" if old is None else "changed"
            changes.append(LeadChange(lead_id=lead_id, state=state, fields=fields))
    there = {lead["lead_id"] for lead in now}
    left = [lead_id for lead_id in earlier if lead_id not in there]
    return changes + [
        LeadChange(lead_id=lead_id, state="recalled" if lead_id in recalled_since else "gone") for lead_id in left
    ]


def recalled_leads(sent: Sequence[Sent], *, country: str | None = None, after_utc: str = "") -> set[str]:
    """Ids of leads that were recalled as such, and not only with the package that they were in.

    Args:
        sent: What was sent.
        country: Only by notices to this one.
        after_utc: Only later than this, as documents write times.
    """
    return {
        lead_id
        for one in sent
        if one.scope == "lead" and country in {None, one.country} and one.sent_at_utc > after_utc
        for lead_id in one.lead_ids
    }


def standing_recalls(sent: Sequence[Sent]) -> set[str]:
    """Ids of leads that were recalled as such, and went to nobody again after that."""
    last_sent: dict[str, str] = {}
    for one in sent:
        if one.kind == "package":
            for lead_id in one.lead_ids:
                last_sent[lead_id] = max(one.sent_at_utc, last_sent.get(lead_id, ""))
    recalls = [one for one in sent if one.scope == "lead"]
    return {lead for one in recalls for lead in one.lead_ids if one.sent_at_utc >= last_sent.get(lead, "")}


def leads_of_record(folder: Path) -> list[dict[str, Any]]:
    """The leads in a package's plaintext.

    Raises:
        IntegrityError: The file is gone or damaged.
    """
    try:
        return [dict(json.loads(line)) for line in (folder / "leads.jsonl").read_bytes().splitlines()]
    except (OSError, ValueError, TypeError) as error:
        raise IntegrityError(f"{folder}: leads.jsonl cannot be read: {error}; restore it from a backup") from None


def _field_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[FieldChange]:
    changes = []
    for name in sorted((before.keys() | now.keys()) - _NOT_COMPARED):
        old, new = before.get(name), now.get(name)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            parts = sorted(part for part in old.keys() | new.keys() if old.get(part) != new.get(part))
            changes += [
                FieldChange(field=f"{name}.{part}", before=old.get(part), after=new.get(part)) for part in parts
            ]
        elif isinstance(old, list) and isinstance(new, list):
            changes.append(_list_change(name, old, new))
        else:
            changes.append(FieldChange(field=name, before=old, after=new))
    return changes


def _list_change(name: str, old: Sequence[Any], new: Sequence[Any]) -> FieldChange:
    left, right = (Counter(canonical_json(item) for item in items) for items in (old, new))
    added, removed = (
        tuple(json.loads(item) for item in sorted(more.elements())) for more in (right - left, left - right)
    )
    if not added and not removed:  # the same, in another order
        return FieldChange(field=name, before=list(old), after=list(new))
    return FieldChange(field=name, added=added, removed=removed)
