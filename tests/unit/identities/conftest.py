"""A case small enough to read: accounts, payments, customers and people on record, stated row by row."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from headwater.engine import Session, StageContext
from headwater.identities import link_records, rival_hypotheses
from headwater.schema import table_named

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def _default(kind: pa.DataType) -> object:
    """What a required column holds where a test does not care."""
    if pa.types.is_integer(kind):
        return 0
    if pa.types.is_boolean(kind):
        return False
    return START if pa.types.is_timestamp(kind) else "-"


class Case:
    """Collects rows of tables, then gives what the stage makes of them."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.sessions: list[Session] = []

    def add(self, table: str, row_id: str, **values: Any) -> str:
        """A row with that id; what is not stated and may be absent is absent."""
        schema = table_named(table)
        row = {c.name: _default(c.type) for c in schema.columns if not c.nullable}
        self.rows[table].append(row | {schema.key[0]: row_id} | values)
        return row_id

    def login(self, account: str, address: str | None, *, minutes: int | None = None, device: str | None = None) -> str:
        """A login; without a time, a day after the one before, so that no two are close to each other."""
        number = len(self.rows["logins"])
        after = dt.timedelta(days=number) if minutes is None else dt.timedelta(minutes=minutes)
        told = {"account_id": account, "network_address": address, "device": device, "at_utc": START + after}
        return self.add("logins", f"log-{number:03}", **told)

    def network(self, cidr: str, country: str | None = None, *, kind: str = "access") -> str:
        return self.add("networks", f"net-{cidr}", cidr=cidr, kind=kind, country=country)

    def payment(self, account: str, *shares: tuple[str, int] | tuple[str, int, int]) -> str:
        """A payment of 1,000,000 satoshis, and for each customer how many of them came from one of their withdrawals.

        A third number is the share by pro rata where that is another than by FIFO.
        """
        payment = self.add("payments", f"pay-{len(self.rows['payments'])}", account_id=account)
        for place, policy in enumerate(("fifo", "pro_rata"), start=1):
            trace = self.add(
                "traces",
                f"trc-{payment}-{policy}",
                direction="backward",
                policy=policy,
                origin_sat=1_000_000,
                payment_id=payment,
                account_id=account,
            )
            for index, share in enumerate(shares):
                amount_sat = share[min(place, len(share) - 1)]
                if not amount_sat:
                    continue
                hop = {"hop": 1, "from_txid": f"sent-{payment}", "from_output_index": index, "amount_sat": amount_sat}
                self.add("trace_flows", trace, to_txid=f"pool-{payment}", to_output_index=index, **hop)
                ended = {"txid": f"pool-{payment}", "output_index": index, "stop_reason": "service"}
                self.add("endpoints", f"end-{trace}-{index}", trace_id=trace, amount_sat=amount_sat, **ended)
        for index, (customer, *_) in enumerate(shares):
            booked = {"direction": "withdrawal", "txid": f"sent-{payment}", "output_index": index}
            self.add("customer_transactions", f"ctx-{payment}-{index}", customer_id=customer, **booked)
        return payment

    def context(self, *, shuffled: int | None = None, **parameters: object) -> StageContext:
        session = Session({})
        self.sessions.append(session)
        for name, rows in self.rows.items():
            listed = list(rows)
            if shuffled is not None:
                random.Random(shuffled).shuffle(listed)
            session.put(name, table_named(name).rows(listed))
        return StageContext(tables=session, parameters=parameters)

    def derived(self, **options: Any) -> dict[str, pa.Table]:
        return link_records(self.context(**options))

    def links(self, **options: Any) -> dict[tuple[str, str, str], dict[str, Any]]:
        """The links by claim, left and right."""
        rows = self.derived(**options)["links"].to_pylist()
        return {(row["claim"], row["left_id"], row["right_id"]): row for row in rows}

    def rivals(self, **options: Any) -> list[dict[str, Any]]:
        context = self.context(**options)
        link_records(context)
        rows: list[dict[str, Any]] = rival_hypotheses(context)["rival_hypotheses"].to_pylist()
        return rows

    @staticmethod
    def told(tables: dict[str, pa.Table]) -> list[tuple[str, str | None, tuple[str, str, str] | None]]:
        """The contrary facts: kind, account, and the link as claim, left and right."""
        named = {row["link_id"]: (row["claim"], row["left_id"], row["right_id"]) for row in tables["links"].to_pylist()}
        facts = tables["contrary_facts"].to_pylist()
        return sorted(((f["fact_kind"], f["account_id"], named.get(f["link_id"])) for f in facts), key=repr)

    def contrary(self, **options: Any) -> list[tuple[str, str | None, tuple[str, str, str] | None]]:
        return self.told(self.derived(**options))


@pytest.fixture
def case() -> Iterator[Case]:
    built = Case()
    yield built
    for session in built.sessions:
        session.close()
