"""The cases that are served: opened once, read by many, written by one at a time."""

from __future__ import annotations

import functools
import gc
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from headwater.engine import RowIndexes, Session, can_name_subjects
from headwater.errors import ConfigError
from headwater.schema import TABLES
from headwater.schema.state import GRADED_FILES, IMPORTS, JUDGEMENTS, REMARKS, RUNS
from headwater.search import SearchIndex, index_at
from headwater.workflow import (
    DECIDED_TABLES,
    AccessLog,
    Case,
    Decisions,
    made_index,
    put_exhibits,
    remarks_shown,
    search_index_name,
)
from headwater_web.answers import StillMadeError

__all__ = ["CASE_DIGITS", "OpenCase", "opened_cases"]

CASE_DIGITS: Final = 12
"""Of the case's id that stand in addresses; two cases that share them are not served together."""
PATIENCE_S: Final = 2.0
_KEPT_OF_ONE_NAME: Final = 64
"""Results that differ in what they are about, such as a lead; what is asked for most takes no room from the others."""

_Made = TypeVar("_Made")
_Readable = tuple[tuple[object, ...], Mapping[str, Sequence[Path]], Sequence[str]]


_IMPORTED: Final = sa.select(sa.func.count()).select_from(IMPORTS).scalar_subquery()


@functools.cache
def _newest_of(*tables: sa.Table) -> sa.Select[Any]:
    """The number of the last run, how many imports there are, and the number of the last row of each table."""
    newest = (sa.select(sa.func.max(table.c.seq)).scalar_subquery() for table in (RUNS, *tables))
    return sa.select(*newest, _IMPORTED)


class OpenCase:
    """One case as the screens see it.

    Args:
        case: The case, open.

    Attributes:
        patience_s: How long a request waits for what is made for it, before its page says that it is still made.
    """

    patience_s = PATIENCE_S

    def __init__(self, case: Case) -> None:
        self._case = case
        self.key = case.case_id.partition("-")[2][:CASE_DIGITS]
        self.access = AccessLog(case)
        self._indexes = RowIndexes()
        self._lock = threading.RLock()
        self._decisions = Decisions(case.database, case.custody.subject_keys)
        self._listing = threading.Lock()
        self._listed: _Readable | None = None
        self._keeping = threading.Lock()
        self._kept: dict[str, OrderedDict[tuple[object, ...], tuple[tuple[object, ...], Future[object]]]] = {}
        self._searching = threading.Lock()
        self._indexer = ThreadPoolExecutor(1, thread_name_prefix="index")
        self._making: Future[None] | None = None
        self._ending = threading.Event()
        self._beginning = threading.Lock()
        self._begun: dict[str, Future[object]] = {}
        self._steps: Sequence[tuple[str, Callable[[OpenCase], object]]] = ()
        self._begun_for: tuple[object, ...] = ()
        self._index: tuple[str, SearchIndex] | None = None

    @property
    def case_id(self) -> str:
        """The case's id."""
        return self._case.case_id

    @property
    def name(self) -> str:
        """What people call it: the authority's reference."""
        return self._case.settings.authority_ref

    @property
    def purpose(self) -> str:
        """What it is for."""
        return self._case.settings.purpose

    @property
    def path(self) -> Path:
        """Its folder; never shown."""
        return self._case.path

    def version(self) -> tuple[object, ...]:
        """What the case holds now: another value after any run, import, decision, remark or erasure of a subject."""
        return self._newest(JUDGEMENTS, GRADED_FILES, REMARKS)

    def derived_version(self) -> tuple[object, ...]:
        """What was derived and imported: another value after any run, import or erasure of a subject."""
        return self._newest()

    def version_of(self, table: str) -> tuple[object, ...]:
        """What a table holds now: what was derived does not change while people decide."""
        return self.version() if table in _DECIDED else self.derived_version()

    def _newest(self, *tables: sa.Table) -> tuple[object, ...]:
        """What was derived and imported, and what some tables of the database hold besides."""
        with self._case.database.connect() as connection:
            newest = connection.execute(_newest_of(*tables)).one()
        return (*newest, len(self._case.erased_ids()))

    @property
    def reading(self) -> Case:
        """The case itself, for what is read of its database and settings alone; nobody waits for anybody."""
        return self._case

    @contextmanager
    def acting(self) -> Iterator[Case]:
        """The case itself, for acts that write to it; one at a time."""
        with self._lock:
            yield self._case

    @contextmanager
    def tables(self) -> Iterator[Session]:
        """Every table of the case as it is now, for one reader; others have their own."""
        version, files, withheld = self._readable()
        with Session(files, withheld=withheld) as session:
            self._decisions.put(session, version)
            put_exhibits(session, files, self._case.exhibits)
            session.find_by(self._indexes)
            yield session

    def _readable(self) -> _Readable:
        """The state of what was derived and imported, the files of all tables, and the ids that are withheld."""
        version = self.derived_version()
        with self._listing:
            if self._listed is None or self._listed[0] != version:
                # A person reads every list, also to confirm its polarity, as `consult` has it.
                self._listed = version, self._case.all_files(with_unconfirmed=True), self._case.erased_ids()
            return self._listed

    def files(self, table: str) -> Sequence[Path] | None:
        """The immutable files of a table, in order; None where they are not what people see.

        Rows that are made of decisions lie in no file, and of a table that can name an erased subject the file still
        holds what is withheld.
        """
        _, files, withheld = self._readable()
        return None if table in _DECIDED or (withheld and can_name_subjects(table)) else files.get(table, ())

    def places(self, path: Path, column: str, value: str) -> npt.NDArray[np.int64]:
        """Numbers of the rows of one of `files` that have this text, from 0; by an index, which is made for the first.

        Raises:
            StillMadeError: The index takes longer than anybody should wait for a page; it is made all the same.
        """
        self.derived("order of a column", lambda _: self._indexes.make(path, pa.schema([]), [column]), path, column)
        return self._indexes.places(path, column, [value])

    def kept(self, name: str, make: Callable[[Session], _Made], *about: object) -> _Made:
        """What `make` gives, made once for each state of the case. Others may ask for other things meanwhile.

        Args:
            name: Of the result.
            make: Makes it from the tables.
            about: What else it depends on, hashable.

        Raises:
            StillMadeError: It takes longer than anybody should wait for a page; it is made all the same.
        """
        return self._kept_as((name, *about), self.version(), make)

    def derived(self, name: str, make: Callable[[Session], _Made], *about: object) -> _Made:
        """As `kept`, of what was derived and imported alone: no judgement or remark of anybody makes it anew.

        Raises:
            RuntimeError: `make` asks for a table of what people decided; a defect of whoever calls this.
        """
        made = (name, "derived", *about)
        return self._kept_as(made, self.derived_version(), lambda tables: make(_derived_alone(tables)))

    def graded(self, name: str, make: Callable[[Session], _Made], *about: object) -> _Made:
        """As `kept`, of what was derived, imported and graded: no judgement or remark of anybody makes it anew."""
        return self._kept_as((name, "graded", *about), self._newest(GRADED_FILES), make)

    def _kept_as(self, key: tuple[object, ...], version: tuple[object, ...], make: Callable[[Session], _Made]) -> _Made:
        own: Future[object] = Future()
        with self._keeping:
            of_name = self._kept.setdefault(str(key[0]), OrderedDict())
            held, making = of_name.get(key, ((), own))
            if held != version:
                making = own
            of_name[key] = (version, making)
            of_name.move_to_end(key)
            while len(of_name) > _KEPT_OF_ONE_NAME:
                of_name.popitem(last=False)
        if making is own:
            threading.Thread(target=self._make, args=(key, own, make), name=f"make {key[0]}", daemon=True).start()
        try:
            return cast("_Made", making.result(self.patience_s))
        except TimeoutError:
            if making.done():
                raise  # of what was made itself
            raise StillMadeError from None

    def _make(self, key: tuple[object, ...], own: Future[object], make: Callable[[Session], object]) -> None:
        try:
            # A session of its own: what takes long keeps nobody else waiting.
            with self.tables() as tables:
                made = make(tables)
        except BaseException as error:  # noqa: BLE001 - whoever waits for the result is told, in their own thread
            with self._keeping:
                of_name = self._kept[str(key[0])]
                if of_name.get(key, ((), None))[1] is own:
                    del of_name[key]
            own.set_exception(error)
        else:
            own.set_result(made)

    def begin_making(self, steps: Sequence[tuple[str, Callable[[OpenCase], object]]]) -> None:
        """Make in the background what takes long when it is asked for first, one after the other.

        Args:
            steps: Names of the routes that wait for it, and what makes it.
        """
        with self._beginning:
            self._begin(steps, self.derived_version())

    def _begin(self, steps: Sequence[tuple[str, Callable[[OpenCase], object]]], version: tuple[object, ...]) -> None:
        for begun in self._begun.values():
            begun.cancel()  # what has not been begun would be made for nothing
        self._steps, self._begun_for = steps, version
        self._begun = {name: self._indexer.submit(self._patiently, make) for name, make in steps}
        self._indexer.submit(_set_aside)

    def _patiently(self, make: Callable[[OpenCase], object]) -> object:
        """What `make` gives, however long that takes: what is begun follows what was begun before."""
        while not self._ending.is_set():
            try:
                return make(self)
            except StillMadeError:
                continue
        return None

    def is_being_made(self, route: str) -> bool:
        """Whether a route still waits for what was begun; one whose making failed makes it itself and says why.

        After a run or an import everything is begun anew: whoever comes first waits for no more than their own page.
        """
        with self._beginning:
            if self._steps and (version := self.derived_version()) != self._begun_for:
                self._begin(self._steps, version)
            begun = self._begun.get(route)
        return begun is not None and not begun.done()

    def row_counts(self) -> dict[str, int]:
        """How many rows each table has."""

        def counted(tables: Session, names: Iterable[str]) -> dict[str, int]:
            return {name: tables.count(name) for name in names}

        others = [table.name for table in TABLES if table.name not in _DECIDED]
        decided = self.kept("rows of decided tables", lambda tables: counted(tables, sorted(_DECIDED)))
        return decided | self.derived("rows of tables", lambda tables: counted(tables, others))

    def noted(self, object_id: str) -> list[dict[str, Any]]:
        """What stands beside a row: notes, labels, and whose work it is; the newest first."""

        def by_object(tables: Session) -> dict[str, list[dict[str, Any]]]:
            found: dict[str, list[dict[str, Any]]] = {}
            for row in remarks_shown(tables, of_victims=True):
                found.setdefault(row["object_id"], []).append(row)
            return found

        return self.kept("remarks by object", by_object).get(object_id, [])

    def searched(self) -> SearchIndex | None:
        """The index of what the case holds now; None while it is being made, which begins when it is first asked for.

        Raises:
            HeadwaterError: It could not be made.
        """
        name = search_index_name(self._case)
        with self._searching:
            if self._index is not None and self._index[0] == name:
                return self._index[1]
            folder = index_at(self._case.path, name)
            if folder is not None:
                if self._index is not None:
                    self._index[1].close()
                self._index = (name, SearchIndex(folder))
                return self._index[1]
            if self._making is None or self._making.done():
                if self._making is not None and self._making.exception() is not None:
                    made, self._making = self._making, None
                    made.result()
                self._making = self._indexer.submit(self._make_index)
            return None

    def _make_index(self) -> None:
        with self._case.tables(with_unconfirmed=True) as tables:
            made_index(self._case, tables)

    def close(self) -> None:
        """Put the head of the access log into the custody log, and let everything go."""
        self._ending.set()
        with self._keeping:
            made = [making for of_name in self._kept.values() for _, making in of_name.values()]
        wait(made)
        self._indexer.shutdown(wait=True, cancel_futures=True)
        if self._index is not None:
            self._index[1].close()
        with self._lock:
            self.access.anchor()
            self._case.close()
        self._indexes.close()
        gc.unfreeze()


def _set_aside() -> None:
    """Let what is kept by now stand apart from what collections of garbage look through.

    With the 400,000 objects of a large case one took 350 ms, in which nobody was answered.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


class _DerivedAlone:
    """A session that gives no table of what people decided."""

    def __init__(self, tables: Session) -> None:
        self._tables = tables

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the session has
        found = getattr(self._tables, name)
        if name not in {"arrow", "at", "chosen", "columns", "count", "keyed", "parts", "table"}:
            return found

        def asked(table: str, *words: object, **more: object) -> object:
            if table in _DECIDED:
                raise RuntimeError(f"'{table}' is of what people decided; use `kept`")
            return found(table, *words, **more)

        return asked


def _derived_alone(tables: Session) -> Session:
    return cast("Session", _DerivedAlone(tables))


_DECIDED: Final = frozenset(DECIDED_TABLES)


def opened_cases(paths: Sequence[Path], **options: Any) -> dict[str, OpenCase]:  # noqa: ANN401 - those of `Case`
    """The cases in these folders, by the key that stands in addresses.

    Raises:
        ConfigError: Two have the same key, as a copy has.
        CaseNotFoundError: A folder holds no case.
    """
    found: dict[str, OpenCase] = {}
    for path in paths:
        case = OpenCase(Case(path, **options))
        if case.key in found:
            raise ConfigError(f"{path} and {found[case.key].path} are one case; serve one of them")
        found[case.key] = case
    return found
