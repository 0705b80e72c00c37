"""Remarks: what people note beside any row of the case. Nothing is derived from one, and none is ever removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pyarrow as pa

from headwater.custody import subjects_among
from headwater.engine import Session
from headwater.errors import ConfigError, InputError, RefusedError
from headwater.judgements import REMARK_KINDS, Remark, add_remark, same_person
from headwater.schema import TABLES
from headwater.workflow.case import Actor, Case, recordable
from headwater.workflow.intake import recorded
from headwater.workflow.subject_texts import remark_place, sealed_text
from headwater.workflow.unfinished import put_ready
from headwater.workflow.victims import OF_VICTIMS

__all__ = ["LONGEST_LABEL", "LONGEST_NOTE", "object_row", "remark_on", "remarks_shown", "withdraw_remark"]

LONGEST_NOTE: Final = 10_000
LONGEST_LABEL: Final = 60
"""Characters of a label, or of a name."""


def object_row(tables: Session, object_id: str, *, of_victims: bool = False) -> tuple[str, Mapping[str, Any]]:
    """The table and the row that have this id as their key.

    Args:
        tables: The case's tables.
        object_id: The value of the one column that tells rows of its table apart.
        of_victims: Whether tables about victims are looked into.

    Raises:
        InputError: No table has such a row.
    """
    for table in TABLES:
        if len(table.key) != 1 or table.arrow.field(table.key[0]).type != pa.string():
            continue
        if table.name == "remarks" or (table.name in OF_VICTIMS and not of_victims):
            continue
        [key] = table.key
        if tables.keyed(table.name, key, [object_id], columns=[key]).num_rows:
            found = tables.keyed(table.name, key, [object_id])
            return table.name, found.slice(0, 1).to_pylist()[0]
    raise InputError(object_id, "no row of the case has this id", remedy="copy an id from any page or command")


def remark_on(
    case: Case, actor: Actor, object_id: str, remark_kind: str, text: str, *, of_victims: bool = False
) -> Remark:
    """Note something beside a row: a note, a label, or whose work it is; recorded in the custody log first.

    Args:
        case: The case.
        actor: Who notes it.
        object_id: Which row.
        remark_kind: note, label or assignment.
        text: The note, the label, or the operator who is to work on it.
        of_victims: Whether this person may read tables about victims.

    Raises:
        ConfigError: There is no such kind, or the text is empty or too long.
        InputError: There is no such row.
    """
    with recorded(case, "judged", actor, remark=remark_kind):
        if remark_kind not in REMARK_KINDS:
            raise ConfigError(f"'{remark_kind}' is no kind of remark; known are {', '.join(REMARK_KINDS)}")
        text = _checked(remark_kind, text)
        with case.tables() as tables:
            table, row = object_row(tables, object_id, of_victims=of_victims)
    return _given(case, actor, object_id, table, row, remark_kind, text)


def withdraw_remark(case: Case, actor: Actor, remark_id: str, *, why: str, of_victims: bool = False) -> Remark:
    """Withdraw a remark: it stays on record, with who withdrew it and why. A note is its author's to withdraw.

    Args:
        case: The case.
        actor: Who withdraws it.
        remark_id: Which.
        why: In that person's words.
        of_victims: Whether this person may read tables about victims; beside their rows others find nothing.

    Raises:
        ConfigError: No reason is given.
        InputError: There is no such remark, or it was withdrawn already.
        RefusedError: It is somebody else's note.
    """
    with recorded(case, "judged", actor, remark="withdrawal"):
        why = _checked("note", why)
        remarks = case.remarks()
        found = next((r for r in remarks if r.remark_id == remark_id and not r.withdraws_id), None)
        if found is None or (found.object_table in OF_VICTIMS and not of_victims):
            raise InputError(remark_id, "no such remark", remedy="see 'headwater remark list CASE'")
        if any(r.withdraws_id == remark_id for r in remarks):
            raise InputError(remark_id, "was withdrawn already", remedy="nothing is left to do")
        if found.remark_kind == "note" and same_person(actor.name) != found.person:
            raise RefusedError(f"{remark_id}: {found.operator} wrote it; write a note beside it that says otherwise")
        with case.tables() as tables:
            try:
                _, row = object_row(tables, found.object_id, of_victims=True)
            except InputError:
                row = {}  # a later run has no such row any more; what was noted can be withdrawn all the same
    return _given(case, actor, found.object_id, found.object_table, row, found.remark_kind, why, withdraws=remark_id)


def _checked(remark_kind: str, text: str) -> str:
    most = LONGEST_NOTE if remark_kind == "note" else LONGEST_LABEL
    text = text.strip()
    if not text:
        raise ConfigError("a remark without words says nothing; give some")
    if len(text) > most:
        raise ConfigError(f"a {remark_kind} has at most {most:,} characters; this one has {len(text):,}")
    return recordable(text)


def _given(
    case: Case,
    actor: Actor,
    object_id: str,
    table: str,
    row: Mapping[str, Any],
    remark_kind: str,
    text: str,
    *,
    withdraws: str = "",
) -> Remark:
    subjects = subjects_among([object_id, *(value for value in row.values() if isinstance(value, str))])
    remark = Remark(
        object_id=object_id,
        object_table=table,
        remark_kind=remark_kind,
        text="",
        operator=actor.name,
        at_utc=case.now(),
        withdraws_id=withdraws,
    )
    sealed = sealed_text(case.custody.subject_keys, text, subjects, remark_place(remark))
    remark = replace(remark, text=sealed)
    case.register(actor)
    ids = (object_id, remark.remark_id, *([withdraws] if withdraws else []))
    params = {"remark": "withdrawal" if withdraws else remark_kind}
    with put_ready(case.path, remark):
        case.record("judged", actor, object_ids=ids, params=params, about=subjects)
        with case.database.begin() as connection:
            add_remark(connection, remark)
    return remark


def remarks_shown(
    tables: Session,
    *,
    object_id: str | None = None,
    remark_kind: str | None = None,
    text: str | None = None,
    also_ended: bool = False,
    of_victims: bool = False,
) -> list[dict[str, Any]]:
    """The remarks that fit, the newest first.

    Args:
        tables: The case's tables.
        object_id: Beside this row alone.
        remark_kind: Of this kind alone.
        text: With exactly these words, whatever the case of their letters: a label, or somebody's name.
        also_ended: Also what was withdrawn or replaced.
        of_victims: Also those beside rows about victims.
    """
    wanted = text.strip().casefold() if text is not None else None
    return [
        row
        for row in reversed(tables.arrow("remarks").to_pylist())
        if (object_id is None or row["object_id"] == object_id)
        and (remark_kind is None or row["remark_kind"] == remark_kind)
        and (wanted is None or row["text"].strip().casefold() == wanted)
        and (also_ended or row["state"] == "stands")
        and (of_victims or row["object_table"] not in OF_VICTIMS)
    ]
