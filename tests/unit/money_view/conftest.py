"""Traces small enough to read, as tables in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from headwater.engine import Session
from headwater.money_view import Basis
from headwater.schema import content_id, table_named

DEFAULT_DAY = 10


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def at(day: int, month: int = 5) -> datetime:
    return datetime(2026, month, day, 9, 30, tzinfo=UTC)


def reference(name: str, row: int = 0) -> dict[str, Any]:
    return {"reference_name": name, "reference_version": "1", "reference_row": row}


class Made:
    """Rows of money, added by one call each."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {
            name: []
            for name in (
                *("traces", "endpoints", "trace_flows", "transactions", "services", "tags", "request_sheets"),
                *("address_clusters", "cluster_merges", "prices"),
            )
        }
        self.tables: Session | None = None

    def trace(self, name: str, origin_sat: int, *, direction: str = "backward", policy: str = "fifo", fee_sat: int = 0):
        self.rows["traces"].append(
            {
                "trace_id": f"trc-{name}",
                "direction": direction,
                "policy": policy,
                "origin_txid": digest("receipt"),
                "origin_output_index": 0,
                "origin_sat": origin_sat,
                "fee_sat": fee_sat,
                "endpoints": 0,
            }
        )

    def end(
        self,
        trace: str,
        amount_sat: int,
        *,
        reason: str = "unspent",
        hops: int = 1,
        service: str | None = None,
        **more: Any,
    ):
        number = len(self.rows["endpoints"])
        self.rows["endpoints"].append(
            {
                "endpoint_id": f"end-{number}",
                "trace_id": f"trc-{trace}",
                "txid": digest(f"end {number}"),
                "output_index": 0,
                "amount_sat": amount_sat,
                "bound_sat": amount_sat,
                "hops": hops,
                "stop_reason": reason,
                "service_id": service and content_id("svc", service),
                "at_utc": at(DEFAULT_DAY),
                **more,
            }
        )

    def step(self, trace: str, hop: int, nearer: str, farther: str, amount_sat: int):
        self.rows["trace_flows"].append(
            {
                "trace_id": f"trc-{trace}",
                "hop": hop,
                "from_txid": digest(nearer),
                "from_output_index": 0,
                "to_txid": digest(farther),
                "to_output_index": 0,
                "amount_sat": amount_sat,
            }
        )

    def transaction(self, name: str, *, coinjoin: str = "no", when: datetime | None = None):
        self.rows["transactions"].append(
            {
                "txid": digest(name),
                "block_hash": digest("block"),
                "block_height": 1,
                "position": len(self.rows["transactions"]),
                "at_utc": when or at(DEFAULT_DAY),
                "is_coinbase": False,
                "inputs": 1,
                "outputs": 1,
                "output_sat": 1,
                "coinjoin": coinjoin,
            }
        )

    def service(self, actor: str, country: str = "IE", **more: Any):
        self.rows["services"].append(
            {
                "service_id": content_id("svc", actor),
                **reference("register", len(self.rows["services"])),
                "actor": actor,
                "name": f"{actor} Ltd",
                "kind": "exchange",
                "country": country,
                "legal_contact": f"records@{actor}.example",
                "custodial": True,
                **more,
            }
        )

    def put(self) -> Session:
        """The rows as tables; the session before is closed."""
        self.close()
        self.tables = Session({})
        for name, rows in self.rows.items():
            self.tables.put(name, table_named(name).rows(rows))
        return self.tables

    def close(self) -> None:
        if self.tables is not None:
            self.tables.close()


def asked(made: Made, **tag: Any) -> Made:
    """One receipt of 900 satoshis, withdrawn two hops before from a service whose tag is on another address."""
    made.service("alder", records_held="name, address; logins", retention_days=365, valid_from="2025-01-01")
    for policy, amount_sat in (("fifo", 900), ("pro_rata", 500)):
        made.trace(policy, 900, policy=policy)
        made.step(policy, 1, "receipt", "withdrawal", amount_sat)
        made.step(policy, 2, "withdrawal", "coins", amount_sat)
        made.end(
            *(policy, amount_sat), reason="service", hops=2, service="alder", txid=digest("coins"),
            address="bcrt1qcoins", tag_id="tag-1", tagged_address="bcrt1qhot",
        )  # fmt: skip
        if amount_sat < 900:
            made.step(policy, 1, "receipt", "mixed", 900 - amount_sat)
            made.end(policy, 900 - amount_sat, reason="coinjoin", txid=digest("mixed"))
    for number, name in enumerate(("coins", "withdrawal", "receipt", "mixed", "merge")):
        made.transaction(name, when=at(DEFAULT_DAY + number))
    made.rows["tags"].append(
        {
            "tag_id": "tag-1",
            **reference("tags"),
            "address": "bcrt1qhot",
            "network": "BTC",
            "label": "hot wallet",
            "actor": "alder",
            "source": "https://tags.example/a",
            "last_modified": "2026-01-01",
            **tag,
        }
    )
    made.rows["address_clusters"] += [
        {"address_cluster_id": "acl-1", "script_hex": script, "address": address, "heuristic": "co_spend"}
        for script, address in (("51", "bcrt1qcoins"), ("52", "bcrt1qhot"))
    ]
    made.rows["cluster_merges"].append(
        {"address_cluster_id": "acl-1", "script_hex": "51", "other_script_hex": "52", "txid": digest("merge")}
    )
    made.rows["request_sheets"].append(
        {
            "request_id": "req-1",
            "service_id": content_id("svc", "alder"),
            "actor": "alder",
            "service_name": "alder Ltd",
            "country": "IE",
            "legal_contact": "records@alder.example",
            "direction": "backward",
            "question": "Which customer's account was debited?",
            "txid": digest("withdrawal"),
            "output_index": 0,
            "address": "bcrt1qpayer",
            "output_sat": 1_000,
            "fifo_sat": 900,
            "pro_rata_sat": 500,
            "at_utc": at(DEFAULT_DAY + 1),
            "traces": 1,
            "accounts": 1,
            "tag_id": "tag-1",
        }
    )
    return made


BASIS = Basis(
    case_id="cas-1",
    authority_ref="Order 1",
    purpose="test",
    custody_seq=7,
    custody_sha256="a" * 64,
    custody_at_utc=at(20, 11),
    custody_head=f"8:{'ab' * 32}",
    tables={"endpoints": "b" * 64, "request_sheets": "c" * 64},
    references={"tags@1": "d" * 64},
    version="1",
    program_sha256="e" * 64,
)


@pytest.fixture
def made() -> Iterator[Made]:
    one = Made()
    yield one
    one.close()


@pytest.fixture(scope="session")
def new_made() -> Callable[[], Made]:
    """For tests with many examples."""
    return Made


@pytest.fixture
def asked_made(made: Made) -> Made:
    return asked(made)


@pytest.fixture(scope="session")
def ask() -> Callable[..., Made]:
    return asked


@pytest.fixture(scope="session")
def basis() -> Basis:
    return BASIS
