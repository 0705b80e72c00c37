"""What people decided, as tables beside those that stages derive."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, Protocol

import pyarrow as pa
import sqlalchemy as sa

from headwater.custody import SubjectKeys
from headwater.engine import Session
from headwater.judgements import (
    Judgement,
    Subject,
    all_remarks,
    cut_snapshot,
    grade_snapshot,
    grades_on,
    history,
    hub_snapshot,
    is_about_link,
    remark_rows,
    settled_snapshot,
    snapshot,
)
from headwater.schema import table_named
from headwater.schema.state import GRADED_FILES, JUDGEMENTS, REMARKS
from headwater.workflow.subject_texts import opened_text, remark_place

__all__ = ["DECIDED_TABLES", "Decisions", "put_exhibits"]

DECIDED_TABLES: Final = ("judgements", "hub_judgements", "merge_cuts", "settled_links", "media_grades", "remarks")
"""Those that lie in no file: they are made of what the case's database has."""

_NEWEST: Final = sa.select(
    *(sa.select(sa.func.max(table.c.seq)).scalar_subquery() for table in (JUDGEMENTS, GRADED_FILES, REMARKS))
)
_CONTENTS = ("item_id", "sha256")
_SUBJECT = ("claim", "left_id", "right_id")


class _HasRow(Protocol):
    @property
    def row(self) -> Mapping[str, object]: ...


class Decisions:
    """What people decided, read on from where it was left, for any number of sessions. Threads may share it.

    Args:
        database: The case's; nothing that was decided is ever changed in it, only added to.
        keys: Of the case's subjects, under which texts about them are sealed.
    """

    def __init__(self, database: sa.Engine, keys: SubjectKeys) -> None:
        self._database = database
        self._keys = keys
        self._reading = threading.Lock()
        self._read_to = 0
        self._judgements: Sequence[Judgement] = ()
        self._making = {name: threading.Lock() for name in DECIDED_TABLES}
        self._made: dict[str, tuple[Hashable, pa.Table]] = {}
        self._linked: dict[Subject, str] = {}
        self._linked_for: tuple[Hashable, int] = (None, 0)

    def put(self, session: Session, state: Hashable = None) -> None:
        """Let a session see what is decided by now; each table is made once it is asked for.

        Args:
            session: The case's tables.
            state: Of what the session reads besides: another one after any run, import or erasure.
        """
        with self._reading, self._database.connect() as connection:
            last, graded, remarked = connection.execute(_NEWEST).one()
            last = last or 0
            if last > self._read_to:
                later = history(connection, after=self._read_to, up_to=last)
                self._judgements, self._read_to = (*self._judgements, *later), last
            judgements = self._judgements
        makers: dict[str, tuple[Hashable, Callable[[], pa.Table]]] = {
            "judgements": ((state, last), lambda: snapshot(judgements, self._link_ids(session, judgements, state))),
            "hub_judgements": (last, lambda: hub_snapshot(judgements)),
            "merge_cuts": (last, lambda: cut_snapshot(judgements)),
            "settled_links": (last, lambda: settled_snapshot(judgements)),
            "media_grades": ((state, graded), lambda: _grades(session, self._database)),
            "remarks": ((state, remarked), lambda: _remarks(self._database, self._keys.as_now())),
        }
        for name, (known_by, make) in makers.items():
            session.put_later(name, partial(self._once, name, known_by, make))

    def _once(self, name: str, known_by: Hashable, make: Callable[[], pa.Table]) -> pa.Table:
        with self._making[name]:
            if name not in self._made or self._made[name][0] != known_by:
                self._made[name] = known_by, table_named(name).checked(make())
            return self._made[name][1]

    def _link_ids(self, session: Session, judgements: Sequence[Judgement], state: Hashable) -> Mapping[Subject, str]:
        """The ids that the judged links have in this state; looked for once, for judgements are only added to."""
        known_for, known = self._linked_for
        if known_for != state:
            self._linked, known = {}, 0
            self._linked_for = state, 0  # also where looking for them fails
        self._linked |= _link_ids(session, judgements[known:])
        self._linked_for = state, max(known, len(judgements))
        return self._linked


def put_exhibits(session: Session, files: Mapping[str, object], exhibits: Callable[[], Iterable[_HasRow]]) -> None:
    """Let a session see what was taken in, where no stage has run yet.

    Args:
        session: The case's tables.
        files: Those of its tables that lie in files.
        exhibits: Reads the exhibits.
    """
    if "exhibits" not in files:
        session.put("exhibits", table_named("exhibits").rows(exhibit.row for exhibit in exhibits()))


def _link_ids(tables: Session, judgements: Iterable[Judgement]) -> dict[Subject, str]:
    """The ids that the judged links have now: a judgement is about two rows, and outlives the id of their link."""
    judged = {judgement.subject for judgement in judgements if is_about_link(judgement)}
    links = tables.keyed("links", "left_id", {left for _, left, _ in judged}, columns=("link_id", *_SUBJECT))
    return {(row["claim"], row["left_id"], row["right_id"]): row["link_id"] for row in links.to_pylist()}


def _grades(session: Session, database: sa.Engine) -> pa.Table:
    with database.connect() as connection:
        grades = grades_on(connection)
    graded = {grade.sha256 for grade in grades}
    return grade_snapshot(grades, session.keyed("items", "sha256", graded, columns=_CONTENTS))


def _remarks(database: sa.Engine, keys: SubjectKeys) -> pa.Table:
    with database.connect() as connection:
        remarks = all_remarks(connection)
    return remark_rows(remarks, lambda remark: opened_text(keys, remark.text, remark_place(remark)))
