"""The rows that acts and evidence of one account are computed from: found by value, and no others read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final

import pyarrow as pa

from headwater.engine import Compiled, FewRows, Session, compiled
from headwater.leads.acts import ACT_TABLES, DeclaredColumns
from headwater.leads.evidence import EVIDENCE_TABLES

__all__ = ["AccountRows"]


class AccountRows(Mapping[str, pa.Table]):
    """For each table that an act or evidence may read, the rows of it that bear on one account.

    Args:
        tables: The tables of the case.
        account_id: The account.
    """

    def __init__(self, tables: Session, account_id: str) -> None:
        self._tables = tables
        self._account_id = account_id
        self._read: dict[str, pa.Table] = {}
        self._few: FewRows | None = None

    def __getitem__(self, name: str) -> pa.Table:
        if name not in self._read:
            column, values = _REACHED[name]
            self._read[name] = self._tables.keyed(name, column, values(self))
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_REACHED)

    def __len__(self) -> int:
        return len(_REACHED)

    def account(self) -> list[str]:
        """The account's id."""
        return [self._account_id]

    def values(self, table: str, column: str) -> list[str]:  # type: ignore[override]  # of a column, and not of the mapping
        """What a column of the rows holds."""
        return [value for value in self[table][column].to_pylist() if value is not None]

    def of_act(self, act: str) -> list[str]:
        """Ids of the rows by which an act of the account is seen, in order and each once."""
        return sorted({str(example) for account, example in self._result(_act(act)) if account == self._account_id})

    def of_evidence(self, kind: str) -> list[tuple[str, str]]:
        """What evidence of a kind states of the account, with the id of its row; in order of these and each once."""
        rows = self._result(_evidence(kind))
        return sorted(
            {(str(row), stated) for account, stated, row in rows if account == self._account_id and stated is not None}
        )

    def _result(self, query: Compiled) -> list[tuple[Any, ...]]:
        if self._few is None:
            self._few = FewRows(self._tables.cursor())
        return self._few.result(query, self)


@cache
def _act(name: str) -> Compiled:
    act = ACT_TABLES[name]
    return compiled(lambda tables: act.rows(DeclaredColumns(tables, name, act)).select("account_id", "example_id"))


@cache
def _evidence(name: str) -> Compiled:
    kind = EVIDENCE_TABLES[name]
    return compiled(
        lambda tables: kind.rows(DeclaredColumns(tables, name, kind)).select("account_id", "stated", "example_id")
    )


def _of(table: str, column: str) -> Callable[[AccountRows], Iterable[str]]:
    return lambda rows: rows.values(table, column)


def _account(rows: AccountRows) -> Iterable[str]:
    return rows.account()


def _lefts(rows: AccountRows) -> Iterable[str]:
    return [*rows.account(), *rows.values("payments", "payment_id")]


_REACHED: Final[Mapping[str, tuple[str, Callable[[AccountRows], Iterable[str]]]]] = {
    "accounts": ("account_id", _account),
    "identifiers": ("account_id", _account),
    "uploads": ("account_id", _account),
    "payments": ("account_id", _account),
    "media_origins": ("account_id", _account),
    "traces": ("account_id", _account),
    "upload_items": ("upload_id", _of("uploads", "upload_id")),
    "noted_matches": ("upload_id", _of("uploads", "upload_id")),
    "media_verdicts": ("item_id", _of("upload_items", "item_id")),
    "links": ("left_id", _lefts),
    "judgements": ("left_id", _lefts),
    "records": ("record_id", _of("judgements", "right_id")),
    "record_identifiers": ("record_id", _of("judgements", "right_id")),
    "customers": ("customer_id", _of("links", "right_id")),
    "customer_identifiers": ("customer_id", _of("links", "right_id")),
    "endpoints": ("trace_id", _of("traces", "trace_id")),
    "services": ("service_id", _of("endpoints", "service_id")),
}
"""How the rows of a table are reached from an account: by which column, and by which of the rows before."""
