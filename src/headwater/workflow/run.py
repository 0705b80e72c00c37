"""Run the stages: do only what changed, write once, record every output."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import sqlalchemy as sa

from headwater import __version__
from headwater.engine import (
    Derived,
    Exhibit,
    Progress,
    Session,
    StageContext,
    StoredTable,
    file_sha256,
    silent,
    sync_folder,
    unsaid,
    write_parquet,
)
from headwater.errors import ConfigError, DigestMismatchError, HeadwaterError, IntegrityError
from headwater.evidence import MONERO_KIND, stamp_of
from headwater.schema import TABLES, content_id
from headwater.schema.state import OUTPUTS, RUNS
from headwater.workflow.case import Actor, Case, PlacedExhibit
from headwater.workflow.confirm import unlogged_confirmation
from headwater.workflow.intake import digest_again, recorded
from headwater.workflow.refused import attempts_that_read
from headwater.workflow.running import reported_run
from headwater.workflow.scratch import scratch_folder
from headwater.workflow.seals import check_references
from headwater.workflow.stages import STAGES, Stage, reads_lists

__all__ = ["StageResult", "run_stages"]

Watch = Callable[[str], Progress]
"""From the name of a stage to where its progress goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """What a stage did.

    Attributes:
        stage: Its name.
        run_id: Digest of everything it depends on.
        changed: Whether it ran; False where the same run is there already.
        rows: Rows of each of its tables.
    """

    stage: str
    run_id: str
    changed: bool
    rows: Mapping[str, int]


def run_stages(
    case: Case,
    actor: Actor,
    *,
    until: str | None = None,
    workers: int = 1,
    engine: str = "duckdb",
    allow_unsealed: bool = False,
    secrets: Mapping[str, Path] | None = None,
    watch: Watch = lambda _: silent,
    finished: Callable[[StageResult], None] = lambda _: None,
    say: Callable[[str], None] = unsaid,
) -> list[StageResult]:
    """Run every stage whose inputs changed, in order.

    Args:
        case: The case.
        actor: Who asks for it.
        until: Last stage to run; None for all.
        workers: Processes at once; results do not depend on it.
        engine: duckdb or spark.
        allow_unsealed: Go on where the sandbox is missing; recorded.
        secrets: By exhibit, a file that holds the passphrase of an image or a view key; it is not kept.
        watch: Gives each stage somewhere to report progress.
        finished: Told of each stage as it ends.
        say: Told, in a line, what the operator should know about how a stage does its work.

    Raises:
        ConfigError: There is no such stage, or nothing to run on.
        IntegrityError: The evidence or a reference changed since it was taken in.
    """
    names = [stage.name for stage in STAGES]
    with recorded(case, "opened", actor, what="run"):
        if until is not None and until not in names:
            raise ConfigError(f"--until '{until}': no such stage; known are {', '.join(names)}")
        exhibits = case.exhibits()
        if not exhibits:
            raise ConfigError(f"{case.path}: no exhibit yet; begin with 'headwater evidence add'")
        _unchanged_exhibits(exhibits)
        check_references(case)
        if (unlogged := unlogged_confirmation(case)) is not None:
            raise IntegrityError(f"{unlogged}; find out who wrote into the case's database")
    results = []
    with reported_run(case.path, case.now) as reported:
        for stage in STAGES[: names.index(until) + 1 if until else None]:
            result = _run(
                case,
                actor,
                stage,
                exhibits,
                workers,
                engine,
                reported(stage.name, watch(stage.name)),
                allow_unsealed=allow_unsealed,
                secrets=secrets or {},
                say=say,
            )
            finished(result)
            results.append(result)
    return results


def _unchanged_exhibits(exhibits: Sequence[PlacedExhibit]) -> None:
    for exhibit in exhibits:
        if stamp_of(exhibit.path, exhibit.exhibit_kind) == exhibit.stamp:
            continue
        # The stamp is cheap and may differ for innocent reasons, such as a copy: only the digest decides.
        found = digest_again(exhibit)
        if found != exhibit.row["sha256"]:
            raise DigestMismatchError(f"exhibit {exhibit.exhibit_id}", expected=str(exhibit.row["sha256"]), found=found)


def _run(
    case: Case,
    actor: Actor,
    stage: Stage,
    exhibits: Sequence[PlacedExhibit],
    workers: int,
    engine: str,
    progress: Progress,
    *,
    allow_unsealed: bool,
    secrets: Mapping[str, Path],
    say: Callable[[str], None],
) -> StageResult:
    inputs = _inputs(case, stage, exhibits)
    run_id = content_id("run", stage.name, __version__, *(part for pair in sorted(inputs.items()) for part in pair))
    kept = _kept_outputs(case, run_id)
    if kept is not None:
        if _newest_run(case, stage.name) != run_id:
            _make_current(case, stage.name, run_id)
            case.record(stage.event, actor, object_ids=(run_id,), params={"stage": stage.name, "kept": True})
        return StageResult(stage=stage.name, run_id=run_id, changed=False, rows=kept)
    if stage.reads_evidence:
        _require_secrets(stage, exhibits, secrets)
    try:
        with (
            scratch_folder(case.path / "tables") as scratch,
            case.tables(engine=engine, threads=max(1, workers), scratch=scratch, with_withheld=True) as session,
        ):
            notes: dict[str, bytes] = {}
            produced = _derive(
                case, stage, session, exhibits, workers, progress, allow_unsealed=allow_unsealed, secrets=secrets,
                notes=notes, scratch=scratch, say=say,
            )  # fmt: skip
            outputs = _write(case, run_id, produced) | _write_notes(case, run_id, notes)
    except BaseException as error:
        # Whatever stopped it, a full disk or the operator: evidence was read, and the log is to say so.
        told = str(error) if isinstance(error, HeadwaterError | OSError) else type(error).__name__
        case.record(
            "failed",
            actor,
            object_ids=(run_id,),
            params={"stage": stage.name},
            outcome=f"failed: {told}",
            attempted=stage.event,
        )
        raise
    params: dict[str, object] = {"stage": stage.name, "workers": workers, "engine": engine}
    params |= {"unsealed_allowed": allow_unsealed, "version": __version__}
    case.record(stage.event, actor, object_ids=(run_id,), params=params, inputs=inputs, outputs=outputs)
    rows = {name: table.num_rows for name, table in sorted(produced.items())}
    with case.database.begin() as connection:
        connection.execute(
            RUNS.insert().values(run_id=run_id, stage=stage.name, version=__version__, at_utc=case.now())
        )
        for name, count in rows.items():
            connection.execute(
                OUTPUTS.insert().values(run_id=run_id, table_name=name, sha256=outputs[f"{name}.parquet"], rows=count),
            )
    return StageResult(stage=stage.name, run_id=run_id, changed=True, rows=rows)


def _require_secrets(stage: Stage, exhibits: Sequence[PlacedExhibit], secrets: Mapping[str, Path]) -> None:
    """Without its secret an encrypted exhibit looks empty, which must never look like nothing found."""
    for exhibit in exhibits:
        if not exhibit.row.get("encrypted") or exhibit.exhibit_id in secrets:
            continue
        if exhibit.exhibit_kind != MONERO_KIND:
            told = "is encrypted and its passphrase is not kept"
        elif stage.name == STAGES[0].name:
            told = "is looked through with a private view key, which is not kept"
        else:
            continue  # no later stage looks into it
        raise ConfigError(
            f"exhibit {exhibit.exhibit_id} {told}; give it again with --passphrase-fd {exhibit.exhibit_id}=FD"
        )


def _derive(
    case: Case,
    stage: Stage,
    session: Session,
    exhibits: Sequence[PlacedExhibit],
    workers: int,
    progress: Progress,
    *,
    allow_unsealed: bool,
    secrets: Mapping[str, Path],
    notes: dict[str, bytes],
    scratch: Path,
    say: Callable[[str], None],
) -> dict[str, Derived]:
    if stage.name == STAGES[0].name:
        session.put("exhibits", TABLE_OF["exhibits"].rows(exhibit.row for exhibit in exhibits))
    context = StageContext(
        tables=session,
        exhibits=tuple(
            Exhibit(
                exhibit_id=e.exhibit_id,
                exhibit_kind=e.exhibit_kind,
                path=e.path,
                secret=secrets.get(e.exhibit_id),
            )
            for e in exhibits
        ),
        parameters=asdict(case.settings.parameters),
        mapping=case.mapping(),
        workers=workers,
        allow_unsealed=allow_unsealed,
        progress=progress,
        unconfirmed=case.unconfirmed_lists() if reads_lists(stage) else (),
        notes=notes,
        scratch=scratch,
        chain_memory_bytes=case.settings.chain_memory_bytes,
        say=say,
    )
    derived = stage.derive(context)
    return {name: t if isinstance(t, StoredTable) else TABLE_OF[name].checked(t) for name, t in derived.items()}


TABLE_OF = {table.name: table for table in TABLES}


def _inputs(case: Case, stage: Stage, exhibits: Sequence[PlacedExhibit]) -> dict[str, str]:
    """Name and digest of everything the stage depends on."""
    inputs = {"parameters": case.settings.parameters_sha256()}
    if stage.reads_evidence:
        inputs |= {f"exhibit {e.exhibit_id}": str(e.row["sha256"]) for e in exhibits}
    if stage.name == STAGES[0].name:
        mapping = case.mapping()
        inputs["mapping"] = hashlib.sha256(mapping if mapping is not None else b"").hexdigest()
        # Where an exhibit lies does not matter, but what it is called and taken for does.
        listed = "".join(f"{e.exhibit_id}\0{e.exhibit_kind}\0" for e in exhibits)
        inputs["exhibits"] = hashlib.sha256(listed.encode("utf-8", "surrogateescape")).hexdigest()
        if attempts := attempts_that_read(case):
            # What another attempt has read is worth a run of its own, though nothing that was seized has changed.
            inputs["attempts at what was refused"] = hashlib.sha256(str(attempts).encode()).hexdigest()
    for output in case.current_outputs():
        if output["table_name"] in stage.reads and not _is_own(stage, str(output["stage"])):
            inputs[f"{output['stage']}.{output['table_name']}"] = str(output["sha256"])
    for name, paths in case.reference_files().items():
        if name in stage.reads:
            inputs |= {f"{path.parent.name}.{name}": file_sha256(path) for path in paths}
    if reads_lists(stage):
        # A list that is left out is told of in a defect, so that the run depends on which these are.
        listed = "\0".join(case.unconfirmed_lists())
        inputs["unconfirmed hash lists"] = hashlib.sha256(listed.encode()).hexdigest()
    for name in {"judgements", "hub_judgements", "merge_cuts", "settled_links"} & set(stage.reads):
        with case.tables(with_withheld=True) as session:
            rows = session.arrow(name).to_pylist()
        inputs[name] = hashlib.sha256(repr(rows).encode("utf-8", "surrogateescape")).hexdigest()
    return inputs


def _is_own(stage: Stage, producer: str) -> bool:
    return stage.name == producer


def _kept_outputs(case: Case, run_id: str) -> dict[str, int] | None:
    """Rows of each table of a run that is recorded and whole on disk; None if there is none.

    Raises:
        IntegrityError: A recorded file was altered.
    """
    with case.database.connect() as connection:
        if connection.execute(sa.select(RUNS.c.seq).where(RUNS.c.run_id == run_id)).first() is None:
            return None
        rows = connection.execute(sa.select(OUTPUTS).where(OUTPUTS.c.run_id == run_id)).mappings().all()
    for row in rows:
        path = case.table_file(row["table_name"], run_id)
        if not path.is_file():
            raise IntegrityError(f"{path}: a recorded table is gone; restore it, or find out who removed it")
        found = file_sha256(path)
        if found != row["sha256"]:
            raise DigestMismatchError(path, expected=row["sha256"], found=found)
    return {row["table_name"]: row["rows"] for row in rows}


def _newest_run(case: Case, stage: str) -> str | None:
    query = sa.select(RUNS.c.run_id).where(RUNS.c.stage == stage).order_by(RUNS.c.seq.desc()).limit(1)
    with case.database.connect() as connection:
        row = connection.execute(query).first()
    return None if row is None else str(row[0])


def _make_current(case: Case, stage: str, run_id: str) -> None:
    with case.database.begin() as connection:
        connection.execute(RUNS.insert().values(run_id=run_id, stage=stage, version=__version__, at_utc=case.now()))


def _write_notes(case: Case, run_id: str, notes: Mapping[str, bytes]) -> dict[str, str]:
    """Write what is kept beside the tables and return its digests."""
    outputs = {}
    for name, content in sorted(notes.items()):
        path = case.path / "notes" / run_id / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        outputs[f"notes/{name}"] = hashlib.sha256(content).hexdigest()
    return outputs


def _write(case: Case, run_id: str, produced: Mapping[str, Derived]) -> dict[str, str]:
    """Write each table and return its digest. A file of the same run that a crash left behind is replaced."""
    outputs = {}
    for name, table in sorted(produced.items()):
        path: Path = case.table_file(name, run_id)
        path.parent.mkdir(exist_ok=True)
        if isinstance(table, StoredTable):
            table.path.rename(path)
            sync_folder(path.parent)
            outputs[f"{name}.parquet"] = table.sha256
        else:
            outputs[f"{name}.parquet"] = write_parquet(table, path)
    sync_folder(case.path / "tables")
    return outputs
