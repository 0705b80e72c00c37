"""Lists out to the accredited viewer, grades back in: each is a disclosure or a decision, and an entry in the log."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from headwater import __version__
from headwater.engine import Progress, silent, sync_folder
from headwater.errors import ConfigError, InputError, IntegrityError
from headwater.judgements import (
    Grade,
    GradedFile,
    graded_files,
    grades_digest,
    grades_on,
    is_applied,
)
from headwater.media import VERDICT_GROUPS
from headwater.schema import content_id
from headwater.viewer import (
    EXPORTED_GROUPS,
    FORMATS,
    MANIFEST_NAME,
    Comparison,
    Defaults,
    Exported,
    ExportWishes,
    GradedSource,
    Recogniser,
    Said,
    compared,
    grader_of,
    stated_rows,
    write_export,
)
from headwater.workflow.case import Actor, Case, recordable
from headwater.workflow.folders import new_folder, require_apart, require_reason
from headwater.workflow.intake import recorded
from headwater.workflow.unfinished import judging_alone, put_grades_ready, store_grades

__all__ = ["GradedFileStanding", "GradesRead", "export_media", "graded_file_list", "read_grades", "withdraw_grades"]

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


def export_media(
    case: Case,
    actor: Actor,
    folder: Path,
    *,
    formats: Sequence[str] = ("vics",),
    groups: Sequence[str] = (),
    exhibit_id: str | None = None,
    progress: Progress = silent,
) -> Exported:
    """Write digests, verdicts and paths of media for the accredited viewer into a new folder; no media.

    Args:
        case: The case.
        actor: Who discloses it, and why.
        folder: A folder that is not there yet.
        formats: vics, csv or both.
        groups: Verdict groups; none for all but benign.
        exhibit_id: Only this exhibit.
        progress: Told of media written.

    Raises:
        ConfigError: A format, group or exhibit is unknown, no reason is given, or the media stage has not run.
        InputError: The folder is there already, or its parent is not.
        RefusedError: Media or key material would leave.
    """
    chosen = tuple(group for group in VERDICT_GROUPS if group in (groups or EXPORTED_GROUPS))
    with recorded(case, "exported", actor, folder=folder.name):
        require_reason(actor)
        _require_known("--format", formats, FORMATS)
        _require_known("--group", groups, VERDICT_GROUPS)
        if exhibit_id is not None and all(exhibit.exhibit_id != exhibit_id for exhibit in case.exhibits()):
            raise ConfigError(f"--exhibit '{exhibit_id}': no such exhibit in this case")
        if not any(output["stage"] == "media" for output in case.current_outputs()):
            raise ConfigError(f"{case.path}: the media stage has not run; begin with 'headwater run'")
        require_apart(case, folder)
        with new_folder(folder) as beside:
            case.register(actor)
            wishes = ExportWishes(
                formats=tuple(name for name in FORMATS if name in formats),
                groups=chosen,
                exhibit_id=exhibit_id,
                case_id=case.case_id,
                case_number=case.settings.authority_ref,
                version=__version__,
            )
            with case.tables() as tables, case.database.connect() as connection:
                exported = write_export(
                    tables, beside, wishes, lambda sha256s: grades_on(connection, sha256s, with_rows=True), progress
                )
            # Before the folder is there: what has left is in the log, whatever happens next.
            case.record(
                "exported",
                actor,
                object_ids=(content_id("vex", exported.outputs[MANIFEST_NAME]),),
                recipient="the accredited viewer",
                params={
                    "to": "accredited viewer",
                    "groups": {group: dict(count) for group, count in exported.groups.items()},
                    "exhibit_id": exhibit_id,
                    "paths_withheld": exported.paths_withheld,
                    "graded": exported.graded,
                    "without_digest": exported.without_digest,
                },
                outputs=exported.outputs,
            )
            beside.rename(folder)
            sync_folder(folder.absolute().parent)
    return exported


def _require_known(option: str, given: Sequence[str], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            raise ConfigError(f"{option} '{name}' is unknown; known are {', '.join(known)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class GradesRead:
    """What reading a graded file came to.

    Attributes:
        comparison: What it changes.
        source_sha256: The file.
        graded_by: Who graded, where the file or the operator says so for all rows.
        state: shown, applied, or there-already.
    """

    comparison: Comparison
    source_sha256: str
    graded_by: str
    state: str


def read_grades(
    case: Case, actor: Actor, path: Path, *, apply: bool, scheme: str = "", country: str = "", graded_by: str = ""
) -> GradesRead:
    """What a graded file says against what stands; with `apply`, its grades are added.

    Args:
        case: The case.
        actor: Who imports it, and why.
        path: VICS-like JSON or our CSV.
        apply: Add the grades; without it nothing changes.
        scheme: Whose categories, where the file does not say.
        country: Whose law, where the file does not say.
        graded_by: Who graded, where the file does not say.

    Raises:
        InputError: There is no such file, it is cut short or damaged, or it is none.
        RefusedError: It holds media or key material.
    """
    with recorded(case, "received", actor, kind="graded file", file=path.name):
        require_reason(actor)
        if not path.is_file():
            raise InputError(path, "no such file", remedy="check the path")
        source, unknown = GradedSource(path=path), Counter[str]()
        rows = list(stated_rows(source, unknown))
        defaults = Defaults(*(recordable(text.strip()) for text in (scheme, country, graded_by)))
        if found := grader_of(source.envelope):
            defaults = defaults._replace(graded_by=found)
        with case.tables() as tables, case.database.connect() as connection:
            recogniser = Recogniser(tables, rows)
            comparison = compared(
                rows, recogniser, lambda part: grades_on(connection, part, with_rows=True), defaults, unknown
            )
            there = is_applied(connection, source.sha256)
        if apply and not there:
            there = not _applied(case, actor, source, comparison)
    state = "there-already" if there else "applied" if apply else "shown"
    if state != "applied":
        case.record(
            "consulted", actor, params={"read": "graded file", "state": state}, inputs={path.name: source.sha256}
        )
    return GradesRead(comparison=comparison, source_sha256=source.sha256, graded_by=defaults.graded_by, state=state)


def _applied(case: Case, actor: Actor, source: GradedSource, comparison: Comparison) -> bool:
    """Whether its grades were added: not if somebody else did so while it was read."""
    case.register(actor)
    at_utc = case.now()
    grades = [_grade(actor, at_utc, source.sha256, number, comparison) for number in sorted(comparison.stored)]
    act = GradedFile(
        act="applied",
        source_sha256=source.sha256,
        file_name=recordable(source.path.name),
        grades_sha256=grades_digest(grades),
        operator=actor.name,
        why=actor.justification,
        at_utc=at_utc,
    )
    with judging_alone(case.path):
        with case.database.connect() as connection:
            if is_applied(connection, source.sha256):
                return False
        with put_grades_ready(case.path, act, _with_rows(source, grades)) as ready:
            case.record(
                "received",
                actor,
                object_ids=(content_id("grf", source.sha256), act.act_id),
                params={
                    "kind": "graded file",
                    "rows": comparison.rows,
                    "counts": dict(sorted(comparison.counts.items())),
                    "conflicts": comparison.conflicts,
                    "unrecognised": len(comparison.unrecognised),
                },
                inputs={source.path.name: source.sha256},
                outputs={"grades": act.grades_sha256},
            )
            with case.database.begin() as connection:
                store_grades(connection, ready)
    return True


def _grade(actor: Actor, at_utc: str, source_sha256: str, number: int, comparison: Comparison) -> Grade:
    stored = comparison.stored[number]
    said: Said = stored.said
    return Grade(
        sha256=stored.content.sha256,
        sha1=stored.content.sha1,
        md5=stored.content.md5,
        scheme=stored.scheme,
        country=stored.country,
        category=said.category,
        series=said.series,
        victim_identified=said.victim_identified,
        tags=said.tags,
        graded_by=stored.graded_by,
        operator=actor.name,
        at_utc=at_utc,
        source_sha256=source_sha256,
        source_row=number,
        row_sha256=stored.row_sha256,
    )


def _with_rows(source: GradedSource, grades: Sequence[Grade]) -> Iterator[Grade]:
    """The grades with their rows, which are read a second time so that they are never all in memory."""
    by_number = {grade.source_row: grade for grade in grades}
    again = GradedSource(path=source.path)
    for raw in again.rows():
        if grade := by_number.get(raw.number):
            yield replace(grade, row_bytes=raw.text.encode("utf-8"))
    if again.sha256 != source.sha256:
        raise IntegrityError(f"{source.path}: it changed while it was read; nothing was applied")


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedFileStanding:
    """A graded file, and whether its grades count.

    Attributes:
        source_sha256: The file.
        file_name: Its name when it was applied.
        counts: Whether it is applied, and not withdrawn since.
        operator: Who did the last of both.
        why: In that person's words.
        at_utc: When.
    """

    source_sha256: str
    file_name: str
    counts: bool
    operator: str
    why: str
    at_utc: str


def graded_file_list(case: Case) -> list[GradedFileStanding]:
    """Every graded file that was ever applied, the newest act first."""
    with case.database.connect() as connection:
        acts = [act for _, act in graded_files(connection)]
    newest = {act.source_sha256: act for act in acts}
    found = [
        GradedFileStanding(
            source_sha256=act.source_sha256, file_name=act.file_name, counts=act.act == "applied",
            operator=act.operator, why=act.why, at_utc=act.at_utc,
        )
        for act in newest.values()
    ]  # fmt: skip
    return sorted(found, key=lambda one: one.at_utc, reverse=True)


def withdraw_grades(case: Case, actor: Actor, source_sha256: str) -> GradedFile:
    """Take back all that a graded file brought; nothing is removed, and what stood before it stands again.

    Raises:
        ConfigError: No reason is given.
        InputError: No such file is applied.
    """
    with recorded(case, "corrected", actor, kind="graded file", source_sha256=source_sha256):
        require_reason(actor)
        wanted = source_sha256.strip().lower()
        with judging_alone(case.path):
            with case.database.connect() as connection:
                acts = [act for _, act in graded_files(connection) if act.source_sha256 == wanted]
            if not _SHA256.fullmatch(wanted) or not acts or acts[-1].act != "applied":
                why_not = "was withdrawn before" if acts else "no graded file of this SHA-256 was applied"
                raise InputError(
                    source_sha256, why_not, remedy="copy the SHA-256 that 'headwater viewer import' printed"
                )
            act = replace(acts[-1], act="withdrawn", operator=actor.name, why=actor.justification, at_utc=case.now())
            case.register(actor)
            with put_grades_ready(case.path, act, ()) as ready:
                case.record(
                    "corrected",
                    actor,
                    object_ids=(content_id("grf", wanted), act.act_id),
                    params={"kind": "graded file", "act": "withdrawn"},
                    inputs={act.file_name: wanted, "grades": act.grades_sha256},
                )
                with case.database.begin() as connection:
                    store_grades(connection, ready)
    return act
