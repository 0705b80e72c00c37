"""Observed acts by account: the only things that a rule may read, each with the columns it is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from headwater.engine import Session
from headwater.errors import RefusedError

__all__ = ["ACT_TABLES", "Act", "ActTables", "DeclaredColumns", "Declares", "observed_acts"]


class ActTables(Protocol):
    """What an act is computed from."""

    def table(self, name: str) -> ir.Table:
        """The table as an expression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A kind of act.

    Attributes:
        about: In words, for the reference page.
        reads: Every `table.column` it is computed from; it is given no other, and a test asserts that no trait of a
            person is among them.
        table: Table of the example row.
        rows: From the case's tables to rows (account_id, example_id).
    """

    about: str
    reads: tuple[str, ...]
    table: str
    rows: Callable[[ActTables], ir.Table]


class Declares(Protocol):
    """What says which columns it is computed from."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Each as `table.column`."""


class DeclaredColumns:
    """The tables of a case as one act, or one kind of evidence, may see them: the columns it declares, and no other.

    What it is computed from is thereby what the reference page prints, and not what somebody remembered to write.
    """

    def __init__(self, tables: ActTables, name: str, declared: Declares) -> None:
        self._tables = tables
        self._name = name
        self._columns: dict[str, list[str]] = {}
        for read in declared.reads:
            table, column = read.split(".")
            self._columns.setdefault(table, []).append(column)

    def table(self, name: str) -> ir.Table:
        """The table's declared columns.

        Raises:
            RefusedError: None of them is declared.
        """
        if name not in self._columns:
            raise RefusedError(
                f"'{self._name}' reads table '{name}', which it does not declare; correct its declaration"
            )
        return self._tables.table(name).select(self._columns[name])


def _origins(groups: tuple[str, ...], victim: str | None) -> Callable[[ActTables], ir.Table]:
    def rows(tables: ActTables) -> ir.Table:
        origins = tables.table("media_origins")
        chosen = origins.filter(origins.verdict_group.isin(groups) & origins.account_id.notnull())
        if victim is not None:
            chosen = chosen.filter(chosen.victim_identified == victim)
        return chosen.select(account_id="account_id", example_id="media_cluster_id")

    return rows


def _uploads_with(groups: tuple[str, ...], victim: str | None) -> Callable[[ActTables], ir.Table]:
    def rows(tables: ActTables) -> ir.Table:
        verdicts = tables.table("media_verdicts")
        chosen = verdicts.filter(verdicts.verdict_group.isin(groups))
        if victim is not None:
            chosen = chosen.filter(chosen.victim_identified == victim)
        joined = tables.table("upload_items").inner_join(chosen, "item_id").select("upload_id").distinct()
        return tables.table("uploads").inner_join(joined, "upload_id").select("account_id", example_id="upload_id")

    return rows


def _noted(victim: str | None) -> Callable[[ActTables], ir.Table]:
    def rows(tables: ActTables) -> ir.Table:
        noted = tables.table("noted_matches")
        benign = noted.filter(noted.polarity == "known-benign").select("upload_id").distinct()
        chosen = noted.filter((noted.polarity == "known-illegal") & noted.file_is_gone & noted.upload_id.notnull())
        if victim is not None:
            chosen = chosen.filter(chosen.victim_identified == victim)
        gone = chosen.select("upload_id").distinct().anti_join(benign, "upload_id")
        return tables.table("uploads").inner_join(gone, "upload_id").select("account_id", example_id="upload_id")

    return rows


def _whole(table: str, key: str) -> Callable[[ActTables], ir.Table]:
    def rows(tables: ActTables) -> ir.Table:
        return tables.table(table).select("account_id", example_id=key)

    return rows


def _role(role: str) -> Callable[[ActTables], ir.Table]:
    def rows(tables: ActTables) -> ir.Table:
        accounts = tables.table("accounts")
        return accounts.filter(accounts.role == role).select(account_id="account_id", example_id="account_id")

    return rows


def _judged_convicted(tables: ActTables) -> ir.Table:
    judged = tables.table("judgements")
    records = tables.table("records")
    positive = judged.filter((judged.claim == "used") & (judged.verdict == "positive"))
    convicted = records.filter(records.convicted).select("record_id")
    joined = positive.inner_join(convicted, positive.right_id == convicted.record_id)
    return joined.select(account_id="left_id", example_id="link_id")


_MEDIA = ("media_origins.media_cluster_id", "media_origins.verdict_group", "media_origins.account_id")
_UPLOADED = (
    "media_verdicts.item_id",
    "media_verdicts.verdict_group",
    "upload_items.item_id",
    "upload_items.upload_id",
    "uploads.upload_id",
    "uploads.account_id",
)
_NOTED = (
    "noted_matches.upload_id",
    "noted_matches.polarity",
    "noted_matches.file_is_gone",
    "uploads.upload_id",
    "uploads.account_id",
)
_ROLE = ("accounts.account_id", "accounts.role")

ACT_TABLES: Mapping[str, Act] = {
    "origin_unseen": Act(
        about="earliest upload of a media cluster that no list knows",
        reads=_MEDIA,
        table="media_origins",
        rows=_origins(("none",), None),
    ),
    "origin_series_unidentified": Act(
        about="earliest upload of a listed media cluster whose victim is not identified",
        reads=(*_MEDIA, "media_origins.victim_identified"),
        table="media_origins",
        rows=_origins(("known", "near"), "no"),
    ),
    "uploads_series_unidentified": Act(
        about="upload of listed media whose victim is not identified",
        reads=(*_UPLOADED, "media_verdicts.victim_identified"),
        table="uploads",
        rows=_uploads_with(("known", "near"), "no"),
    ),
    "uploads_known": Act(
        about="upload of listed media", reads=_UPLOADED, table="uploads", rows=_uploads_with(("known", "near"), None)
    ),
    "uploads_gone_series_unidentified": Act(
        about="upload of a file that is gone, by a digest of listed media whose victim is not identified",
        reads=(*_NOTED, "noted_matches.victim_identified"),
        table="uploads",
        rows=_noted("no"),
    ),
    "uploads_gone_known": Act(
        about="upload of a file that is gone, by a digest of listed media",
        reads=_NOTED,
        table="uploads",
        rows=_noted(None),
    ),
    "uploads": Act(
        about="upload",
        reads=("uploads.upload_id", "uploads.account_id"),
        table="uploads",
        rows=_whole("uploads", "upload_id"),
    ),
    "payments": Act(
        about="payment booked by the platform",
        reads=("payments.payment_id", "payments.account_id"),
        table="payments",
        rows=_whole("payments", "payment_id"),
    ),
    "administers": Act(
        about="administrator of the platform", reads=_ROLE, table="accounts", rows=_role("administrator")
    ),
    "moderates": Act(about="moderator of the platform", reads=_ROLE, table="accounts", rows=_role("moderator")),
    "judged_convicted": Act(
        about="link to a convicted person, judged positive by a person",
        reads=(
            "judgements.link_id",
            "judgements.claim",
            "judgements.verdict",
            "judgements.left_id",
            "judgements.right_id",
            "records.record_id",
            "records.convicted",
        ),
        table="links",
        rows=_judged_convicted,
    ),
}
"""Every act that a rule may name."""


def observed_acts(tables: Session) -> dict[str, pa.Table]:
    """For each act, rows (account_id, observed, example_id): how often, and the first row to see it by."""
    found: dict[str, pa.Table] = {}
    for name, act in ACT_TABLES.items():
        rows = act.rows(DeclaredColumns(tables, name, act))
        counted = rows.group_by("account_id").aggregate(
            observed=ibis._.count().cast("int64"), example_id=ibis._.example_id.min()
        )
        found[name] = tables.result(counted, order_by=["account_id"])
    return found
