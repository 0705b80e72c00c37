"""Intake: where everything that was seized went, folder by folder; what was refused; what holds each byte of a disk."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from headwater.errors import InputError
from headwater.workflow import (
    ACCOUNTED,
    FolderEntries,
    FolderLine,
    FolderSums,
    RangeSum,
    Strip,
    folder_entries,
    folder_sums,
    mapping_draft,
    medium_strip,
    read_again,
    refusals,
)
from headwater_web.answers import NotThereError, Page, Redirect, WrongInputError
from headwater_web.ask import Ask
from headwater_web.cases import OpenCase
from headwater_web.rules import CASE_READERS, DECIDERS, Route
from headwater_web.text import Seized

__all__ = ["BEGUN", "ROUTES"]

_ROWS: Final = 50
_FOLDERS: Final = 50
"""Folders of one level that are shown at once, the largest first."""
_MOST_FILES: Final = 200
"""Files that are tried again while somebody waits for the page; more of them take the command line."""
_MEMORY: Final = "read again"
_BAR: Final = 1000
_FIRST_REFUSALS: Final = 5


def _sums(ask: Ask) -> FolderSums:
    return _sums_of(ask.case)


def _sums_of(case: OpenCase) -> FolderSums:
    return case.derived("folder sums", folder_sums)


def _entries_of(case: OpenCase) -> FolderEntries:
    return case.derived("folder entries", folder_entries)


def intake(ask: Ask) -> Page:
    """The exhibits, or one folder of one of them, each part with a bar of where it went."""
    by = "entries" if ask.one("by") == "entries" else "bytes"
    exhibit, volume, folder = ask.one("exhibit"), ask.number("volume"), ask.one("folder")
    first = ask.number("first")
    if exhibit:
        try:
            level = _sums(ask).level(exhibit, volume, folder)
        except InputError:
            raise NotThereError("problem.no_folder", folder=Seized(folder or exhibit)) from None
        parts, whole = list(level.parts), level.whole
    else:
        parts, whole = _sums(ask).exhibits(), None
    ask.reads("tree", *([exhibit] if exhibit else [line.exhibit_id for line in parts]))
    shown = parts[first : first + _FOLDERS]

    def at(number: int) -> str:
        return _at(ask, exhibit, volume, folder, by, first=number)

    refused = ask.case.derived("refusals", refusals)
    strips = [one for one in dict.fromkeys(line.exhibit_id for line in parts) if _strip(ask, one) is not None]
    most = max((_amount(line, by) for line in parts), default=0)
    values: dict[str, Any] = {
        "lines": [_shown(ask, line, by, most) for line in shown],
        "first": first,
        "in_all": len(parts),
        "before": _at(ask, exhibit, volume, folder, by, first=max(0, first - _FOLDERS)) if first else None,
        "next": _at(ask, exhibit, volume, folder, by, first=first + _FOLDERS)
        if first + _FOLDERS < len(parts)
        else None,
        "whole": None if whole is None else _shown(ask, whole, by, _amount(whole, by)),
        "crumbs": _crumbs(ask, exhibit, volume, folder, by) if exhibit else [],
        "by": by,
        "other_way": _at(ask, exhibit, volume, folder, "bytes" if by == "entries" else "entries"),
        "accounts": ACCOUNTED,
        "refused": {
            "entries": sum(one.entries for one in refused),
            "reasons": len(refused),
            "first": [{"entries": one.entries, "reason": Seized(one.reason)} for one in refused[:_FIRST_REFUSALS]],
        },
        "strips": [{"exhibit_id": one, "href": ask.url("intake_ranges", exhibit=one)} for one in strips],
        "mapping": _mapping(ask),
    }

    def as_json() -> object:
        return {"lines": [asdict(line) for line in parts], "whole": None if whole is None else asdict(whole)}

    return Page(template="intake.html", values=values, as_json=as_json)


def _amount(line: FolderLine, by: str) -> int:
    return line.entries if by == "entries" else line.size_bytes


def _shown(ask: Ask, line: FolderLine, by: str, most: int) -> dict[str, Any]:
    place = {"exhibit": line.exhibit_id, "volume": line.volume_index, "folder": line.folder}
    here = {"here": "yes"} if line.is_here else {}
    bar, at = [], 0.0
    for one in line.lines:
        amount = one.entries if by == "entries" else one.size_bytes
        wide = _BAR * amount / most if most else 0.0
        if wide:
            bar.append((one.account, round(at, 2), round(wide, 2)))
        at += wide
    return {
        "name": Seized(line.name if line.folder else line.exhibit_id),
        "volume": line.volume_index,
        "is_here": line.is_here,
        "href": "" if line.is_here else _at(ask, line.exhibit_id, line.volume_index, line.folder, by),
        "entries": line.entries,
        "size_bytes": line.size_bytes,
        "rows": ask.url("intake_entries", **place, **here),
        "bar": bar,
        "lines": [
            {
                "account": one.account,
                "entries": one.entries,
                "size_bytes": one.size_bytes,
                "href": ask.url("intake_entries", **place, **here, account=one.account) if one.entries else "",
            }
            for one in line.lines
        ],
        "unaccounted_entries": line.unaccounted_entries,
        "unaccounted_bytes": line.unaccounted_bytes,
    }


def _at(ask: Ask, exhibit: str, volume: int, folder: str, by: str, *, first: int = 0) -> str:
    asked: dict[str, object] = ({"by": by} if by == "entries" else {}) | ({"first": first} if first else {})
    if exhibit:
        asked |= {"exhibit": exhibit, "volume": volume, "folder": folder}
    return ask.url("intake", **asked)


def _crumbs(ask: Ask, exhibit: str, volume: int, folder: str, by: str) -> list[dict[str, Any]]:
    found = [{"name": Seized(exhibit), "href": _at(ask, exhibit, volume, "", by)}]
    parts = folder.split("/") if folder else []
    for number, name in enumerate(parts, start=1):
        found.append({"name": Seized(name), "href": _at(ask, exhibit, volume, "/".join(parts[:number]), by)})
    return found


def _mapping(ask: Ask) -> dict[str, Any]:
    case = ask.case.reading
    draft, approved = mapping_draft(case), case.mapping() is not None
    return {
        "approved": approved,
        "bindings": 0 if draft is None else len(draft.bindings),
        "unconfirmed": 0 if draft is None else draft.unconfirmed,
        "there": draft is not None,
    }


def entries_shown(ask: Ask) -> Page:
    """The entries behind a number of the tree, in order of path."""
    exhibit, volume, folder = ask.one("exhibit"), ask.number("volume"), ask.one("folder")
    account, first, here = ask.one("account"), ask.number("first"), ask.one("here") == "yes"
    if account and account not in ACCOUNTED:
        raise WrongInputError("problem.no_account", account=account)
    if not exhibit:
        raise WrongInputError("problem.no_exhibit")
    found = _entries_of(ask.case).under(exhibit, volume, folder, account=account, is_here=here, first=first, rows=_ROWS)
    ask.reads("table:items", *(str(row["item_id"]) for row in found.rows))
    asked = {"exhibit": exhibit, "volume": volume, "folder": folder}
    asked |= {"account": account} if account else {}
    asked |= {"here": "yes"} if here else {}
    values = {
        "rows": [
            {
                **row,
                "path": Seized(row["path"]),
                "reason": Seized(row["reason"] or ""),
                "href": ask.url("row", table="items", **{"is.item_id": row["item_id"]}),
            }
            for row in found.rows
        ],
        "first": first,
        "fitting": found.fitting,
        "account": account,
        "here": here,
        "folder": Seized(f"{exhibit}/{folder}".rstrip("/")),
        "back": _at(ask, exhibit, volume, folder, "bytes"),
        "before": ask.url("intake_entries", **asked, first=max(0, first - _ROWS)) if first else None,
        "next": ask.url("intake_entries", **asked, first=first + _ROWS) if first + _ROWS < found.fitting else None,
    }

    def as_json() -> object:
        return {"first": first, "fitting": found.fitting, "rows": found.rows}

    return Page(template="intake_entries.html", values=values, as_json=as_json)


def refused(ask: Ask) -> Page:
    """What was refused, grouped by reason, and what came of trying again."""
    found = ask.case.derived("refusals", refusals)
    ask.reads("refusals", *(one.refusal_id for one in found))
    tried = ask.workbench.memory.setdefault(_MEMORY, {})
    rows = []
    for one in found:
        told = tried.get((ask.case.key, ask.case.version(), one.refusal_id))
        where = {"exhibit_id": one.exhibit_id, "disposition": one.disposition, "reason": one.reason}
        rows.append(
            {
                **asdict(one),
                "reason": Seized(one.reason),
                "examples": [Seized(path) for path in one.examples],
                "href": ask.url("table", table="items", **{f"is.{name}": value for name, value in where.items()}),
                "told": told,
                "too_many": one.files > _MOST_FILES,
            }
        )
    values = {"rows": rows, "most": _MOST_FILES}

    def as_json() -> object:
        return {"refusals": [asdict(one) for one in found]}

    return Page(template="intake_refused.html", values=values, as_json=as_json)


def retry(ask: Ask) -> Redirect:
    """Try the files of one refusal again; where one can be read, the next run reads the evidence anew."""
    refusal = ask.path["refusal"]
    with ask.case.acting() as case:
        told = read_again(case, ask.actor, refusal, at_most=_MOST_FILES)
    ask.reads(refusal, f"tried:{told.tried}", f"read:{told.read_now}")
    tried = ask.workbench.memory.setdefault(_MEMORY, {})
    tried[ask.case.key, ask.case.version(), refusal] = {
        "tried": told.tried,
        "read_now": told.read_now,
        "still": [{"reason": Seized(reason), "count": count} for reason, count in told.still.items()],
    }
    return Redirect(to=ask.url("intake_refused"))


def _strip(ask: Ask, exhibit: str) -> Strip | None:
    return ask.case.derived("medium strip", lambda tables: medium_strip(tables, exhibit), exhibit)


def ranges(ask: Ask) -> Page:
    """What holds each byte of an image's medium, as a strip and a table."""
    exhibit = ask.one("exhibit")
    images = [line.exhibit_id for line in _sums(ask).exhibits()]
    drawn = [one for one in dict.fromkeys(images) if _strip(ask, one) is not None]
    if not exhibit and drawn:
        exhibit = drawn[0]
    strip = _strip(ask, exhibit) if exhibit in drawn else None
    if exhibit and strip is None:
        raise NotThereError("problem.no_image", exhibit=Seized(exhibit))
    ask.reads("table:medium_ranges", *([exhibit] if exhibit else []))
    where = {"is.exhibit_id": exhibit}
    sums = [] if strip is None else [_range_sum(ask, strip, one) for one in strip.sums]
    values = {
        "exhibit": exhibit,
        "strip": strip,
        "sums": sums,
        "all": ask.url("table", table="medium_ranges", **where),
        "volumes": ask.url("table", table="volumes", **where),
        "images": [{"name": one, "href": ask.url("intake_ranges", exhibit=one)} for one in drawn],
    }
    as_json = None if strip is None else asdict(strip)
    return Page(template="intake_ranges.html", values=values, as_json=as_json or {"sums": []})


def _range_sum(ask: Ask, strip: Strip, one: RangeSum) -> dict[str, Any]:
    where = {"is.exhibit_id": strip.exhibit_id, "is.range_kind": one.range_kind}
    share = 100 * one.range_bytes / strip.medium_bytes
    return {**asdict(one), "share": share, "href": ask.url("table", table="medium_ranges", **where)}


BEGUN = (("intake", _sums_of), ("intake_entries", _entries_of))

ROUTES = (
    Route(
        name="intake",
        path="/case/{case}/intake/",
        about="Exhibits and their folders, a level at a time, each with a bar of where it went: `exhibit`, `volume` "
        "and `folder` say which, `by` what the bar measures.",
        view=intake,
        roles=CASE_READERS,
        in_case=True,
        reads="intake",
        nav="nav.intake",
    ),
    Route(
        name="intake_entries",
        path="/case/{case}/intake/entries",
        about="The entries behind a number of the folder tree: `exhibit`, `volume`, `folder`, `account` and `here`.",
        view=entries_shown,
        roles=CASE_READERS,
        in_case=True,
        reads="entries of a folder",
    ),
    Route(
        name="intake_refused",
        path="/case/{case}/intake/refused",
        about="What was refused, grouped by why, with examples and what came of trying again.",
        view=refused,
        roles=CASE_READERS,
        in_case=True,
        reads="refused entries",
    ),
    Route(
        name="intake_retry",
        path="/case/{case}/intake/refused/{refusal}/retry",
        about="Tries to read the files of one refusal again; asks for a reason.",
        view=retry,
        roles=DECIDERS,
        in_case=True,
        reads="refused entries, tried again",
        methods=("POST",),
        bulk=True,
        sample=(("refusal", "rfs-none"),),
    ),
    Route(
        name="intake_ranges",
        path="/case/{case}/intake/ranges",
        about="What holds each byte of an image's medium, as a strip and as sums; `exhibit` says of which image.",
        view=ranges,
        roles=CASE_READERS,
        in_case=True,
        reads="ranges of a medium",
    ),
)
