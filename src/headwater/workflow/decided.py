"""What people decided, as tables beside those that stages derive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
    hub_snapshot,
    is_about_link,
    remark_rows,
    settled_snapshot,
    snapshot,
)
from headwater.workflow.subject_texts import opened_text, remark_place

__all__ = ["put_decisions"]

_CONTENTS = ("item_id", "sha256")
_SUBJECT = ("claim", "left_id", "right_id")


def put_decisions(session: Session, judgements: Sequence[Judgement], database: sa.Engine, keys: SubjectKeys) -> None:
    """Put the tables of what people decided and noted; those that need other tables, once they are asked for.

    Args:
        session: The case's tables.
        judgements: All of them, in the order in which they were given.
        database: Has the grades and remarks.
        keys: Of the case's subjects, under which texts about them are sealed.
    """
    session.put_later("judgements", lambda: snapshot(judgements, _link_ids(session, judgements)))
    session.put("hub_judgements", hub_snapshot(judgements))
    session.put("merge_cuts", cut_snapshot(judgements))
    session.put("settled_links", settled_snapshot(judgements))
    session.put_later("media_grades", lambda: _grades(session, database))
    session.put_later("remarks", lambda: _remarks(database, keys))


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
