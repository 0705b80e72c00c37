"""A case as it lies on disk: settings, state, custody log, references, tables."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import sqlalchemy as sa

from headwater.config import CaseSettings, read_settings, write_settings
from headwater.custody import (
    LOG_NAME,
    OPERATIONS,
    CustodyLog,
    clock_source,
    create_case_key,
    erased_subjects,
    fingerprint,
    operator_key,
    utc_text,
)
from headwater.engine import Session, file_sha256, sync_folder
from headwater.errors import ConfigError, InputError
from headwater.evidence import Stamp
from headwater.judgements import Judgement, Remark, all_remarks, history
from headwater.references import HASH_LIST, KINDS, is_outdated, reference_files
from headwater.schema import content_id
from headwater.schema.state import CONFIRMATIONS, EXHIBIT_PLACES, IMPORTS, MAPPINGS, OPERATORS, OUTPUTS, RUNS
from headwater.workflow.database import open_database
from headwater.workflow.decided import Decisions, put_exhibits
from headwater.workflow.subject_texts import case_subject_keys
from headwater.workflow.unfinished import finish_decisions, finish_drafts

__all__ = ["Actor", "Case", "PlacedExhibit", "recordable", "system_clock"]

Clock = Callable[[], dt.datetime]


def system_clock() -> dt.datetime:
    """The time now, in UTC; it goes into the custody log and `case.db` only, never into a derived table."""
    return dt.datetime.now(dt.UTC)


def recordable(text: str) -> str:
    """The text with the bytes of names that are not UTF-8 as escapes, as the log holds text only."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts, in which role, and why.

    Attributes:
        name: The operator.
        role: examiner, analyst, approver, ...
        justification: Why; what the operator wrote, or the purpose of the case.
    """

    name: str
    role: str = "operator"
    justification: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedExhibit:
    """An exhibit and where it lies on this machine.

    Attributes:
        exhibit_id: The agency's number.
        exhibit_kind: disk-image, directory, dump, wallet, blocks or file.
        path: Where.
        row: Its row of `exhibits`.
        stamp: What it looked like when it was digested.
    """

    exhibit_id: str
    exhibit_kind: str
    path: Path
    row: Mapping[str, object]
    stamp: Stamp


class Case:
    """An open case. Use it as a context manager; nothing of it is kept in memory only.

    Args:
        path: The case folder.
        clock: Called for the times of custody entries and decisions.
    """

    def __init__(self, path: Path, *, clock: Clock = system_clock) -> None:
        self.path = path
        self.clock = clock
        self.settings = read_settings(path)
        self.database = open_database(path, self.settings)
        self.custody = CustodyLog.open(path, subject_keys=case_subject_keys(path, self.settings))
        with (path / LOG_NAME).open("rb") as log:
            self._first_line = log.readline()
        finish_decisions(path, self.database, self.custody)
        finish_drafts(path, self.custody)

    @classmethod
    def create(
        cls, path: Path, *, authority_ref: str, operator: str, purpose: str, clock: Clock = system_clock
    ) -> Case:
        """A new case in a folder that does not exist yet, or is empty.

        Raises:
            InputError: Something is there already, or the folder cannot be made.
        """
        if not authority_ref.strip() or not operator.strip():
            raise ConfigError(
                "--authority and --operator must not be empty; a case is opened by someone, under something"
            )
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise InputError(path, "is there already", remedy="give a new folder; a case is never overwritten")
        made = not path.exists()
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                path, f"cannot be made: {error.strerror}", remedy="choose a folder you may write"
            ) from error
        try:
            settings = CaseSettings(authority_ref=authority_ref, operator=operator, purpose=purpose)
            key = create_case_key(path)
            for folder in ("references", "tables", "packages"):
                (path / folder).mkdir()
            open_database(path, settings, create=True).dispose()
            CustodyLog.create(
                path,
                signing_key=key,
                actor=operator,
                role="operator",
                justification=purpose if purpose.strip() else authority_ref,
                authority_ref=authority_ref,
                workstation=platform.node(),
                params={"parameters_sha256": settings.parameters_sha256()},
                clock=clock,
                clock_source=_source_of(clock, settings),
            )
            # Last, because a folder without case.toml is no case: a crash before this line leaves none behind.
            write_settings(path / "case.toml", settings)
            sync_folder(path)
        except BaseException:
            for child in sorted(path.iterdir()):
                if child.is_dir():
                    shutil.rmtree(child)
                else:
                    child.unlink()
            if made:
                path.rmdir()
            raise
        case = cls(path, clock=clock)
        case.register(Actor(name=operator))
        return case

    @property
    def case_id(self) -> str:
        """Digest of the first custody entry: what the case began with, told apart from every other."""
        return content_id("cas", self._first_line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the database go."""
        self.database.dispose()

    def actor(self, name: str | None = None, *, role: str = "operator", why: str = "") -> Actor:
        """Who acts: the named operator, else the one who opened the case."""
        return Actor(name=name or self.settings.operator, role=role, justification=why or self.settings.purpose)

    def record(
        self,
        event: str,
        actor: Actor,
        *,
        object_ids: Sequence[str] = (),
        params: Mapping[str, object] | None = None,
        inputs: Mapping[str, str] | None = None,
        outputs: Mapping[str, str] | None = None,
        outcome: str = "done",
        recipient: str = "",
        attempted: str = "",
        about: Sequence[str] = (),
    ) -> None:
        """Append an act to the custody log; if that fails, the act has not happened.

        An export without `recipient` is to who wrote the files; `attempted` is what a `failed` event would have been;
        `about` names the subjects under whose keys the texts are kept.
        """
        reasons = (actor.justification, self.settings.purpose, self.settings.authority_ref)
        if event == "exported" and not recipient:
            recipient = f"{actor.name}, who wrote the files"
        self.custody.append(
            event=event,
            operation=None if not attempted else OPERATIONS.get(attempted, "") if actor.name.strip() else "",
            recipient=recordable(recipient),
            clock_source=_source_of(self.clock, self.settings),
            actor=recordable(actor.name),
            role=actor.role,
            justification=recordable(next(filter(str.strip, reasons), "")),
            clock=self.clock,
            object_ids=tuple(recordable(name) for name in object_ids),
            params={k: recordable(v) if isinstance(v, str) else v for k, v in (params or {}).items()},
            input_digests={recordable(k): v for k, v in (inputs or {}).items()},
            output_digests=outputs or {},
            outcome=recordable(outcome),
            workstation=platform.node(),
            authority_ref=self.settings.authority_ref,
            about=about,
        )

    def now(self) -> str:
        """The time now as the custody log writes it."""
        return utc_text(self.clock())

    def register(self, actor: Actor) -> None:
        """Make the operator known, with a key of their own, on first use."""
        with self.database.begin() as connection:
            known = connection.execute(sa.select(OPERATORS.c.name).where(OPERATORS.c.name == actor.name)).first()
            if known is not None:
                return
            # A crash may have come between the key and this row: the key is theirs all the same.
            public = fingerprint(operator_key(self.path, actor.name).public_key())
            connection.execute(
                OPERATORS.insert().values(name=actor.name, role=actor.role, public_key=public, at_utc=self.now()),
            )

    # What the case holds

    def exhibits(self) -> list[PlacedExhibit]:
        """The exhibits, in order of their number."""
        with self.database.connect() as connection:
            rows = connection.execute(sa.select(EXHIBIT_PLACES).order_by(EXHIBIT_PLACES.c.exhibit_id)).mappings().all()
        return [
            PlacedExhibit(
                exhibit_id=row["exhibit_id"],
                exhibit_kind=row["exhibit_kind"],
                path=Path(os.fsdecode(bytes.fromhex(row["path"]))),
                row=json.loads(row["row_json"]),
                stamp=Stamp(**json.loads(row["stamp_json"])),
            )
            for row in rows
        ]

    def place(self, exhibit: PlacedExhibit) -> None:
        """Remember where an exhibit lies."""
        with self.database.begin() as connection:
            connection.execute(
                EXHIBIT_PLACES.insert().values(
                    exhibit_id=exhibit.exhibit_id,
                    exhibit_kind=exhibit.exhibit_kind,
                    # Hex, because a path is bytes and a text column is not.
                    path=os.fsencode(exhibit.path).hex(),
                    row_json=json.dumps(dict(exhibit.row), sort_keys=True),
                    stamp_json=json.dumps(asdict(exhibit.stamp), sort_keys=True),
                    at_utc=self.now(),
                ),
            )

    def imports(self) -> list[Mapping[str, object]]:
        """The references that were imported, in order of name and version."""
        order = (IMPORTS.c.reference_name, IMPORTS.c.reference_version)
        with self.database.connect() as connection:
            return [dict(row) for row in connection.execute(sa.select(IMPORTS).order_by(*order)).mappings()]

    def confirmations(self) -> dict[str, Mapping[str, object]]:
        """Who confirmed the polarity of a hash list, by `NAME@VERSION`."""
        with self.database.connect() as connection:
            rows = connection.execute(sa.select(CONFIRMATIONS)).mappings().all()
        return {f"{row['reference_name']}@{row['reference_version']}": dict(row) for row in rows}

    def unconfirmed_lists(self) -> tuple[str, ...]:
        """The hash lists that count for nothing yet, in order of name and version."""
        confirmed = self.confirmations()
        lists = (i for i in self.imports() if i["kind"] == HASH_LIST)
        names = (f"{row['reference_name']}@{row['reference_version']}" for row in lists)
        return tuple(name for name in names if name not in confirmed)

    def reference_files(self, *, with_unconfirmed: bool = False) -> dict[str, list[Path]]:
        """For each table, the files of the references that the case knows of; what a crash left behind is none.

        Args:
            with_unconfirmed: Also entries of hash lists whose polarity nobody has confirmed, which no stage may read.
        """
        known = {f"{row['reference_name']}@{row['reference_version']}" for row in self.imports()}
        waiting = self.unconfirmed_lists()
        if with_unconfirmed:
            # What has other columns cannot be read together with the rest; it can never be confirmed.
            waiting = tuple(name for name in waiting if is_outdated(self.path / "references" / name))
        found = {}
        for table, paths in reference_files(self.path).items():
            left_out = waiting if table == KINDS[HASH_LIST].table else ()
            kept = [path for path in paths if path.parent.name in known and path.parent.name not in left_out]
            if kept:
                found[table] = kept
        return found

    def mapping(self) -> bytes | None:
        """The mapping approved last; None if none is."""
        with self.database.connect() as connection:
            newest = sa.select(MAPPINGS.c.content).order_by(MAPPINGS.c.seq.desc()).limit(1)
            row = connection.execute(newest).first()
        return None if row is None else bytes(row[0])

    def judgements(self) -> list[Judgement]:
        """Every judgement, in the order they were given."""
        with self.database.connect() as connection:
            return history(connection)

    def remarks(self) -> list[Remark]:
        """Every remark and withdrawal, in the order they were given; texts about subjects are sealed."""
        with self.database.connect() as connection:
            return all_remarks(connection)

    def current_outputs(self) -> list[Mapping[str, object]]:
        """Stage, table, digest and rows of each stage's newest run, in order of stage and table name."""
        newest = sa.select(RUNS.c.stage, sa.func.max(RUNS.c.seq).label("seq")).group_by(RUNS.c.stage).subquery()
        query = (
            sa.select(RUNS.c.stage, RUNS.c.run_id, OUTPUTS.c.table_name, OUTPUTS.c.sha256, OUTPUTS.c.rows)
            .join(newest, RUNS.c.seq == newest.c.seq)
            .join(OUTPUTS, OUTPUTS.c.run_id == RUNS.c.run_id)
            .order_by(RUNS.c.stage, OUTPUTS.c.table_name)
        )
        with self.database.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def table_file(self, table: str, run_id: str) -> Path:
        """Where a run's table lies."""
        return self.path / "tables" / table / f"{run_id}.parquet"

    @contextmanager
    def tables(
        self,
        *,
        engine: str = "duckdb",
        threads: int = 2,
        leave_out: Collection[str] = (),
        with_unconfirmed: bool = False,
        scratch: Path | None = None,
        with_withheld: bool = False,
    ) -> Iterator[Session]:
        """A session with every imported and derived table of the case.

        Args:
            engine: duckdb or spark.
            threads: Of the engine.
            leave_out: Stages whose tables are left out.
            with_unconfirmed: Also entries of hash lists that are not confirmed: for reading them, and nothing else.
            scratch: Folder for what the engine cannot hold in memory; None for the system's temporary one.
            with_withheld: Also rows about erased subjects: for deriving and checking, and for nobody's eyes.
        """
        files = self.all_files(leave_out=leave_out, with_unconfirmed=with_unconfirmed)
        withheld = [] if with_withheld else self.erased_ids()
        with Session(files, engine=engine, threads=threads, scratch=scratch, withheld=withheld) as session:
            Decisions(self.database, self.custody.subject_keys).put(session)
            put_exhibits(session, files, self.exhibits)
            yield session

    def all_files(
        self, *, leave_out: Collection[str] = (), with_unconfirmed: bool = False
    ) -> Mapping[str, Sequence[Path]]:
        """For each table, the files of its imported and derived rows; the arguments are those of `tables`."""
        files = self.reference_files(with_unconfirmed=with_unconfirmed)
        for output in self.current_outputs():
            if output["stage"] not in leave_out:
                name = str(output["table_name"])
                files.setdefault(name, []).append(self.table_file(name, str(output["run_id"])))
        return files

    def erased_ids(self) -> list[str]:
        """Ids of all rows about erased subjects: what is derived has them still, and nobody is shown them."""
        return [name for erased in erased_subjects(self.path) for name in erased.ids]

    def digests(self) -> list[tuple[str, str, str, int]]:
        """Stage, table, SHA-256 as it lies on disk, and rows, of every derived table."""
        found = []
        for output in self.current_outputs():
            name = str(output["table_name"])
            digest = file_sha256(self.table_file(name, str(output["run_id"])))
            found.append((str(output["stage"]), name, digest, int(str(output["rows"]))))
        return found


def _source_of(clock: Clock, settings: CaseSettings) -> str:
    """Which clock the times of the log are of."""
    return clock_source(settings.clock_note) if clock is system_clock else "given by the calling program"
