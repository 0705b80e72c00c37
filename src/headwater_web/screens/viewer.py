"""The accredited viewer: digests, verdicts and paths out to it; its grades back, as a difference before they count."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from headwater.media import VERDICT_GROUPS
from headwater.viewer import EXPORTED_GROUPS, Change, Exported, Said
from headwater.workflow import GradesRead, export_media, graded_file_list, read_grades, withdraw_grades
from headwater_web.answers import Answer, Download, NotThereError, Page, Redirect, WrongInputError
from headwater_web.ask import Ask
from headwater_web.rules import CASE_READERS, DECIDERS, Route
from headwater_web.text import Seized

__all__ = ["MOST_GRADED_BYTES", "ROUTES"]

MOST_GRADED_BYTES: Final = 256 * 1024 * 1024
"""Of a graded file that the workbench takes; the command line takes larger ones."""
_ROWS: Final = 100
_EXPORTS: Final = "viewer exports"
_GRADED: Final = "graded files"
_CHUNK: Final = 1 << 20
_MOST_NAME: Final = 100
_TYPES: Final = {".json": "application/json", ".csv": "text/csv"}


@dataclass(slots=True, kw_only=True)
class _Kept:
    """Files of one person, which lie beside the case until that person makes others or the server ends.

    Attributes:
        person_id: Who made them.
        case: Key of the case.
        folder: Where they lie; removed with this.
        exported: What an export holds.
        read: What a graded file would change.
        version: What the case held when that was found out.
        file: The graded file.
        told: What the person said of all rows of it.
    """

    person_id: str
    case: str
    folder: tempfile.TemporaryDirectory[str]
    exported: Exported | None = None
    read: GradesRead | None = None
    version: tuple[object, ...] = ()
    file: Path = Path()
    told: Mapping[str, str] = field(default_factory=dict)


def _keep(ask: Ask, what: str, kept: _Kept) -> str:
    """The id under which it can be asked for; what this person had of that sort goes."""
    there: dict[str, _Kept] = ask.workbench.memory.setdefault(what, {})
    for key in [key for key, one in there.items() if (one.person_id, one.case) == (kept.person_id, kept.case)]:
        there.pop(key).folder.cleanup()
    made = secrets.token_hex(8)
    there[made] = kept
    ask.workbench.at_close.callback(kept.folder.cleanup)
    return made


def _kept(ask: Ask, what: str, key: str) -> _Kept:
    found: _Kept | None = ask.workbench.memory.setdefault(what, {}).get(key)
    if found is None or (found.person_id, found.case) != (ask.who.person_id, ask.case.key):
        raise NotThereError("problem.no_longer_kept")
    return found


def viewer(ask: Ask) -> Page:
    """What goes to the viewer, and the graded files that came back."""
    exhibits = [exhibit.exhibit_id for exhibit in ask.case.reading.exhibits()]
    graded = graded_file_list(ask.case.reading)
    ask.reads("graded files", *(one.source_sha256 for one in graded))
    values = {
        "groups": [{"name": name, "chosen": name in EXPORTED_GROUPS} for name in VERDICT_GROUPS],
        "exhibits": exhibits,
        "graded": [
            {
                "file_name": Seized(one.file_name),
                "why": Seized(one.why),
                "counts": one.counts,
                "operator": one.operator,
                "at_utc": one.at_utc,
                "source_sha256": one.source_sha256,
            }
            for one in graded
        ],
        "most": MOST_GRADED_BYTES,
    }

    def as_json() -> object:
        return {"graded": [{"source_sha256": one.source_sha256, "counts": one.counts} for one in graded]}

    return Page(template="viewer.html", values=values, as_json=as_json)


def export(ask: Ask) -> Redirect:
    """Make the files for the viewer; they are handed out one by one."""
    groups = [name for name in VERDICT_GROUPS if ask.form.get(f"group.{name}")]
    formats = ("vics", "csv") if ask.form.get("format") == "both" else (ask.form.get("format") or "vics",)
    folder = tempfile.TemporaryDirectory(prefix="headwater-viewer-")
    try:
        with ask.case.acting() as case:
            exported = export_media(
                case, ask.actor, Path(folder.name) / "export", formats=formats, groups=groups,
                exhibit_id=ask.form.get("exhibit") or None,
            )  # fmt: skip
    except BaseException:
        folder.cleanup()
        raise
    ask.reads(*(f"sha256:{digest}" for digest in exported.outputs.values()))
    kept = _Kept(person_id=ask.who.person_id, case=ask.case.key, folder=folder, exported=exported)
    return Redirect(to=ask.url("viewer_exported", made=_keep(ask, _EXPORTS, kept)))


def exported_files(ask: Ask) -> Page:
    """The files of an export, with their digests."""
    made = ask.path["made"]
    exported = _kept(ask, _EXPORTS, made).exported
    assert exported is not None
    ask.reads(*(f"sha256:{digest}" for digest in exported.outputs.values()))
    files = [
        {"name": name, "sha256": digest, "href": ask.url("viewer_file", made=made, name=name)}
        for name, digest in exported.outputs.items()
    ]
    groups = [{"name": name, **count} for name, count in exported.groups.items()]
    values = {"files": files, "groups": groups, "exported": exported}

    def as_json() -> object:
        return {"files": dict(exported.outputs), "groups": {name: dict(n) for name, n in exported.groups.items()}}

    return Page(template="viewer_exported.html", values=values, as_json=as_json)


def exported_file(ask: Ask) -> Answer:
    """One file of an export."""
    kept, name = _kept(ask, _EXPORTS, ask.path["made"]), ask.path["name"]
    assert kept.exported is not None
    kind = _TYPES.get(Path(name).suffix)
    if name not in kept.exported.outputs or kind is None:
        raise NotThereError
    ask.reads(f"file:{name}", f"sha256:{kept.exported.outputs[name]}")
    return Download(parts=_parts(Path(kept.folder.name) / "export" / name), media_type=kind, file_name=name)


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def upload(ask: Ask) -> Redirect:
    """Take a graded file in and find out what it would change; nothing counts yet."""
    if "file" not in ask.files:
        raise WrongInputError("problem.no_file")
    given, at = ask.files["file"].name, ask.files["file"].path
    folder = tempfile.TemporaryDirectory(prefix="headwater-graded-")
    try:
        path = Path(folder.name) / _file_name(given)
        at.rename(path)
        kept = _Kept(
            person_id=ask.who.person_id, case=ask.case.key, folder=folder, file=path,
            told={name: ask.form.get(name, "") for name in ("scheme", "country", "graded_by")},
        )  # fmt: skip
        _compare(ask, kept)
    except BaseException:
        # Whatever was sent that is no graded file, such as a picture, is gone at once.
        folder.cleanup()
        raise
    return Redirect(to=ask.url("grades_shown", made=_keep(ask, _GRADED, kept)))


def _file_name(given: str) -> str:
    """The name as the log may have it: the last part, of plain characters."""
    last = given.replace("\\", "/").rpartition("/")[2]
    plain = "".join(c if c.isalnum() or c in "-_. " else "_" for c in last)[-_MOST_NAME:].lstrip(". ")
    return plain or "graded"


def _compare(ask: Ask, kept: _Kept) -> GradesRead:
    with ask.case.acting() as case:
        kept.read = read_grades(case, ask.actor, kept.file, apply=False, **kept.told)
    kept.version = ask.case.version()
    return kept.read


def grades_shown(ask: Ask) -> Page:
    """What a graded file would change, change by change."""
    made = ask.path["made"]
    kept = _kept(ask, _GRADED, made)
    read = kept.read
    assert read is not None
    comparison, first = read.comparison, ask.number("first")
    kind = ask.one("kind")
    changes = [one for one in comparison.changes if not kind or one.kind == kind]
    shown = changes[first : first + _ROWS]
    ask.reads(f"graded file:{read.source_sha256}", *(one.content.item_id for one in shown))
    asked = {"kind": kind} if kind else {}
    values: dict[str, Any] = {
        "made": made,
        "file_name": Seized(kept.file.name),
        "read": read,
        "rows": comparison.rows,
        "conflicts": comparison.conflicts,
        "counts": [
            {
                "kind": name,
                "count": count,
                "href": ask.url("grades_shown", made=made, kind=name) if name != "unchanged" else "",
            }
            for name, count in sorted(comparison.counts.items())
        ],
        "kind": kind,
        "changes": [_change(ask, one) for one in shown],
        "first": first,
        "fitting": len(changes),
        "unrecognised": [{"row": n + 1, "reason": Seized(why)} for n, why in comparison.unrecognised[:_ROWS]],
        "unrecognised_in_all": len(comparison.unrecognised),
        "unknown": [{"name": Seized(name), "rows": n} for name, n in sorted(comparison.unknown_fields.items())],
        "outdated": kept.version != ask.case.version(),
        "all": ask.url("grades_shown", made=made),
        "before": ask.url("grades_shown", made=made, first=max(0, first - _ROWS), **asked) if first else None,
        "next": ask.url("grades_shown", made=made, first=first + _ROWS, **asked)
        if first + _ROWS < len(changes)
        else None,
    }

    def as_json() -> object:
        return {
            "source_sha256": read.source_sha256,
            "state": read.state,
            "rows": comparison.rows,
            "counts": dict(comparison.counts),
            "conflicts": comparison.conflicts,
            "unrecognised": [[number, reason] for number, reason in comparison.unrecognised],
            "changes": [
                {
                    "kind": one.kind,
                    "row": one.row,
                    "sha256": one.content.sha256,
                    "old": one.old._asdict(),
                    "new": one.new._asdict(),
                }
                for one in changes
            ],
        }

    return Page(template="grades_shown.html", values=values, as_json=as_json)


def _change(ask: Ask, one: Change) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "row": one.row + 1,
        "digits": one.content.sha256[:16],
        "href": ask.url("content", content=one.content.sha256),
        "by": Seized(one.graded_by),
        "law": Seized(" ".join(filter(None, (one.scheme, one.country)))),
        "fields": _differences(one.old, one.new),
        "against": [{"by": Seized(name), "category": Seized(said.category or "")} for name, said in one.against],
    }


def _differences(old: Said, new: Said) -> list[dict[str, Any]]:
    """The fields of a grade, before and after; those that are equal are left out."""
    before, after = old._asdict(), new._asdict()
    return [
        {"field": name, "old": Seized(str(before[name] or "")), "new": Seized(str(after[name] or ""))}
        for name in before
        if before[name] != after[name]
    ]


def apply(ask: Ask) -> Redirect:
    """Add the grades that were shown; where the case has changed since, show them anew instead."""
    made = ask.path["made"]
    kept = _kept(ask, _GRADED, made)
    if kept.version != ask.case.version():
        _compare(ask, kept)
        raise WrongInputError("problem.changed_since")
    with ask.case.acting() as case:
        kept.read = read_grades(case, ask.actor, kept.file, apply=True, **kept.told)
    kept.version = ask.case.version()
    ask.reads(f"graded file:{kept.read.source_sha256}")
    return Redirect(to=ask.url("grades_shown", made=made))


def withdraw(ask: Ask) -> Redirect:
    """Take back all that a graded file brought."""
    with ask.case.acting() as case:
        act = withdraw_grades(case, ask.actor, ask.form.get("source_sha256", ""))
    ask.reads(f"graded file:{act.source_sha256}")
    return Redirect(to=ask.url("viewer"))


ROUTES = (
    Route(
        name="viewer",
        path="/case/{case}/catalogue/viewer/",
        about="What goes to the accredited viewer, and the graded files that came back.",
        view=viewer,
        roles=CASE_READERS,
        in_case=True,
        reads="graded files",
    ),
    Route(
        name="viewer_export",
        path="/case/{case}/catalogue/viewer/export",
        about="Makes the files for the accredited viewer: digests, verdicts and paths, no media; asks for a reason.",
        view=export,
        roles=DECIDERS,
        in_case=True,
        reads="export to the viewer",
        methods=("POST",),
        bulk=True,
        exports=True,
    ),
    Route(
        name="viewer_exported",
        path="/case/{case}/catalogue/viewer/export/{made}/",
        about="The files of an export to the viewer, with their digests.",
        view=exported_files,
        roles=DECIDERS,
        in_case=True,
        reads="export to the viewer, its files",
        sample=(("made", "0" * 16),),
    ),
    Route(
        name="viewer_file",
        path="/case/{case}/catalogue/viewer/export/{made}/{name}",
        about="One file of an export to the viewer, to keep.",
        view=exported_file,
        roles=DECIDERS,
        in_case=True,
        reads="export to the viewer",
        exports=True,
        sample=(("made", "0" * 16), ("name", "manifest.json")),
    ),
    Route(
        name="grades_upload",
        path="/case/{case}/catalogue/viewer/grades",
        about="Takes in a graded file and finds out what it would change; asks for a reason, and nothing counts yet.",
        view=upload,
        roles=DECIDERS,
        in_case=True,
        reads="graded file",
        methods=("POST",),
        bulk=True,
        upload_bytes=MOST_GRADED_BYTES,
    ),
    Route(
        name="grades_shown",
        path="/case/{case}/catalogue/viewer/grades/{made}/",
        about="What a graded file would change: new, changed and withdrawn grades, and what fits nothing.",
        view=grades_shown,
        roles=DECIDERS,
        in_case=True,
        reads="graded file",
        sample=(("made", "0" * 16),),
    ),
    Route(
        name="grades_apply",
        path="/case/{case}/catalogue/viewer/grades/{made}/apply",
        about="Adds the grades that were shown; asks for a reason.",
        view=apply,
        roles=DECIDERS,
        in_case=True,
        reads="graded file",
        methods=("POST",),
        bulk=True,
        sample=(("made", "0" * 16),),
    ),
    Route(
        name="grades_withdraw",
        path="/case/{case}/catalogue/viewer/withdraw",
        about="Takes back all that a graded file brought; asks for a reason.",
        view=withdraw,
        roles=DECIDERS,
        in_case=True,
        reads="graded file",
        methods=("POST",),
        bulk=True,
    ),
)
