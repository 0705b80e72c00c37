"""What the case's retention clocks say is over: listed, proposed by one person, erased by another."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headwater.custody import Entry, utc_text
from headwater.errors import InputError, RefusedError
from headwater.schema import content_id
from headwater.workflow.case import Actor, Case
from headwater.workflow.confirm import same_operator
from headwater.workflow.custody_acts import erase_texts
from headwater.workflow.folders import require_reason
from headwater.workflow.intake import recorded

__all__ = ["Due", "confirm_erasure", "due_now", "erasures_by_one", "propose_erasure"]

_EVENT: Final = "judged"
_PROPOSED: Final = re.compile(r"due-(0|[1-9][0-9]*)", re.ASCII)
_PREFIX: Final = "ers-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Something that has been kept as long as it may be.

    Attributes:
        what: texts, of an entry of the custody log; or case, all of it.
        entry: Number of the entry; None for the case.
        event: Of the entry.
        since_utc: When it began.
        due_utc: When its time was over.
    """

    what: str
    entry: int | None
    event: str
    since_utc: str
    due_utc: str


def due_now(case: Case, actor: Actor) -> list[Due]:
    """What is over by the clocks of `case.toml`, the case first, after the reading has been recorded."""
    case.record("consulted", actor, params={"read": "what is due for erasure"})
    return _due(case)


def propose_erasure(case: Case, actor: Actor) -> tuple[str, list[Due]]:
    """The id of a proposal to erase the texts that are due, and what they are; a second person carries it out.

    Raises:
        ConfigError: No name or reason is given.
        InputError: Nothing is due.
    """
    with recorded(case, _EVENT, actor, proposes="erasure"):
        require_reason(actor)
        due = [one for one in _due(case) if one.entry is not None]
        if not due:
            raise InputError(case.path, "no text is due for erasure", remedy="see 'retention_texts_days' in case.toml")
    numbers = [one.entry for one in due if one.entry is not None]
    proposal = content_id("ers", case.case_id, *numbers)
    case.register(actor)
    ids = (proposal, *(f"due-{number}" for number in numbers))
    case.record(_EVENT, actor, object_ids=ids, params={"proposes": "erasure"})
    return proposal, due


def confirm_erasure(case: Case, actor: Actor, proposal: str, receipt: Path) -> tuple[int, list[int]]:
    """The number of the entry that recorded an erasure, and those whose texts went; the receipt is a new file.

    Raises:
        InputError: There is no such proposal, or all of it was erased.
        RefusedError: Whoever confirms proposed it, or the clocks say now that something of it is not due.
    """
    with recorded(case, "erased", actor, proposal=proposal):
        entries = list(case.custody.entries())
        proposed = [e for e in entries if e.event == _EVENT and e.outcome == "done" and proposal in e.object_ids]
        if not proposed or not proposal.startswith(_PREFIX):
            raise InputError(proposal, "no such proposal", remedy="propose it with 'headwater custody due --propose'")
        if not any(not same_operator(entry.actor, actor.name) for entry in proposed):
            raise RefusedError(f"{proposal}: {proposed[0].actor} proposed it and may not carry it out; a second must")
        due = {one.entry for one in _due(case)}
        gone = {entry.seq for entry in entries if entry.payload_sha256 and entry.justification is None}
        numbers = [number for number in _numbers(proposed[-1]) if number not in gone]
        if not numbers:
            raise InputError(proposal, "was carried out before", remedy="nothing is to be done")
        if not set(numbers) <= due:
            early = min(set(numbers) - due)
            raise RefusedError(
                f"{proposal}: entry {early} is not due any more by the clocks of case.toml; propose anew"
            )
    return erase_texts(case, actor, numbers, receipt, object_ids=(proposal,)), numbers


def erasures_by_one(case: Case) -> str | None:
    """The first erasure on a proposal that no other person made, in words; None if there is none."""
    proposed: dict[str, list[Entry]] = {}
    for entry in case.custody.entries():
        if entry.outcome != "done":
            continue
        for name in entry.object_ids:
            if not name.startswith(_PREFIX):
                continue
            if entry.event == _EVENT:
                proposed.setdefault(name, []).append(entry)
            elif entry.event == "erased" and all(same_operator(p.actor, entry.actor) for p in proposed.get(name, ())):
                return f"entry {entry.seq}: {entry.actor} erased on a proposal that nobody else made"
    return None


def _due(case: Case) -> list[Due]:
    now, found = case.clock(), []
    entries = list(case.custody.entries())
    of_case, of_texts = (
        dt.timedelta(days=days) for days in (case.settings.retention_days, case.settings.retention_texts_days)
    )
    if of_case and entries[0].at_utc + of_case <= now:
        found.append(_one("case", None, entries[0], of_case))
    for entry in entries if of_texts else ():
        held = entry.payload_sha256 and entry.justification is not None
        if held and entry.at_utc + of_texts <= now:
            found.append(_one("texts", entry.seq, entry, of_texts))
    return found


def _one(what: str, number: int | None, entry: Entry, days: dt.timedelta) -> Due:
    due_utc = utc_text(entry.at_utc + days)
    return Due(what=what, entry=number, event=entry.event, since_utc=utc_text(entry.at_utc), due_utc=due_utc)


def _numbers(entry: Entry) -> Sequence[int]:
    return [int(found[1]) for name in entry.object_ids if (found := _PROPOSED.fullmatch(name))]
