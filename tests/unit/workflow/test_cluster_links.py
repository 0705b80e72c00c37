"""Who paid whom around a cluster: what is counted, what nothing is followed through, and what is said of the rest."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from headwater.engine import Session
from headwater.errors import InputError
from headwater.schema import table_named
from headwater.workflow import cluster_links, cluster_members, way_marks

AT = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
NAMES = ("transactions", "tx_inputs", "tx_outputs", "address_clusters", "cluster_merges", "cluster_tags",
         "platform_addresses", "services", "endpoints", "change_candidates", "accounts")  # fmt: skip


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


class Chain:
    """Transactions by one call each; a cluster is the letter that its scripts begin with."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in NAMES}
        self.scripts: set[str] = set()

    def pay(self, name: str, spends: dict[str, int], pays: dict[str, int], *, coinjoin: str = "no") -> None:
        txid = digest(name)
        self.rows["transactions"].append(
            {"txid": txid, "block_hash": digest("b"), "block_height": 5, "position": len(self.rows["transactions"]),
             "at_utc": AT, "is_coinbase": False, "inputs": len(spends), "outputs": len(pays), "output_sat": 1,
             "coinjoin": coinjoin}
        )  # fmt: skip
        for at, (script, sat) in enumerate(spends.items()):
            row = {"txid": txid, "input_index": at, "spent_txid": digest("x"), "spent_output_index": 0}
            self.rows["tx_inputs"].append({**row, "amount_sat": sat, "script_hex": script, "address": f"adr-{script}"})
        for at, (script, sat) in enumerate(pays.items()):
            row = {"txid": txid, "output_index": at, "amount_sat": sat, "script_hex": script}
            self.rows["tx_outputs"].append({**row, "address": f"adr-{script}"})
        self.scripts |= {*spends, *pays}

    def put(self) -> Session:
        tables = Session({})
        self.rows["address_clusters"] = [
            {"address_cluster_id": f"adc-{s[0]}", "script_hex": s, "address": f"adr-{s}", "heuristic": "co_spend"}
            for s in sorted(self.scripts)
        ]
        for name, rows in self.rows.items():
            tables.put(name, table_named(name).rows(rows))
        return tables


@pytest.fixture
def tables() -> Iterator[Session]:
    chain = Chain()
    chain.pay("ab", {"a1": 60, "a2": 50}, {"b1": 100, "a3": 9})
    chain.pay("ab again", {"a3": 9}, {"b2": 8})
    chain.pay("bs", {"b1": 100, "b2": 8}, {"s1": 107})
    chain.pay("sc", {"s1": 107}, {"c1": 100})
    chain.pay("mix", {"a4": 30, "d1": 30}, {"e1": 30, "f1": 29}, coinjoin="abstain")
    chain.pay("ap", {"a5": 40}, {"p1": 39})
    chain.rows["cluster_tags"].append(
        {"address_cluster_id": "adc-s", "script_hex": "s1", "tag_id": "tag-1", "actor": "alder", "stops_as": "service"}
    )
    chain.rows["platform_addresses"].append(
        {"script_hex": "p1", "address": "adr-p1", "descriptor_id": "dsc-1", "address_index": 0, "is_change": False,
         "account_id": "acc-1", "received_sat": 39}
    )  # fmt: skip
    made = chain.put()
    yield made
    made.close()


def edges_of(tables: Session, wanted: str, **options: Any) -> dict[tuple[str, str], int]:
    found = cluster_links(tables, wanted, **options)
    return {(edge.source_id, edge.target_id): edge.amount for edge in found.chart.edges}


def test_what_one_cluster_paid_another_is_summed_without_its_change(tables: Session) -> None:
    assert edges_of(tables, "adc-a") == {
        ("adc-a", "adc-b"): 108,
        ("adc-a", digest("mix")): 30,
        ("adc-a", "platform"): 39,
    }


def test_nothing_is_followed_through_a_service_a_coinjoin_or_the_platform(tables: Session) -> None:
    found = edges_of(tables, "adr-a1", hops=4)
    assert found[("adc-b", "adc-s")] == 107
    assert not {name for pair in found for name in pair} & {"adc-c", "adc-d", "adc-e", "adc-f"}
    # Asked about a service itself, its payments are shown.
    assert edges_of(tables, "adc-s")[("adc-s", "adc-c")] == 100


def test_a_cap_says_what_is_left_out(tables: Session) -> None:
    found = cluster_links(tables, "adc-a", hops=4, cap=2)
    assert [placed.node.node_id for placed in found.chart.nodes] == ["adc-a", "adc-b"]
    assert (found.chart.total, found.chart.omitted, found.is_whole) == (5, 3, True)
    assert found.as_json()["hops"] == 4


@pytest.mark.parametrize(("wanted", "options"), [("adc-none", {}), ("adc-a", {"hops": 5}), ("adc-a", {"cap": 0})])
def test_what_cannot_be_drawn_is_refused(tables: Session, wanted: str, options: dict[str, int]) -> None:
    with pytest.raises(InputError):
        cluster_links(tables, wanted, **options)


def test_members_and_accounts_that_were_paid_for(tables: Session) -> None:
    told = cluster_members(tables, "adr-a1")
    assert (told["address_cluster_id"], told["scripts"], told["spent_sat"]) == ("adc-a", 5, 189)
    assert [(one["account_id"], one["amount_sat"]) for one in told["paid_for"]] == [("acc-1", 39)]
    assert cluster_members(tables, "adc-p")["is_platform"] is True
    assert cluster_members(tables, "adc-b")["paid_for"] == []


def test_a_coinjoin_pays_for_nobody(tables: Session) -> None:
    """Of what a transaction of several people pays, nobody can say whose it was."""
    chain = Chain()
    chain.pay("mix", {"a4": 30, "d1": 30}, {"p1": 30}, coinjoin="yes")
    chain.rows["platform_addresses"] = [
        {"script_hex": "p1", "address": "adr-p1", "descriptor_id": "dsc-1", "address_index": 0, "is_change": False,
         "account_id": "acc-1", "received_sat": 30}
    ]  # fmt: skip
    made = chain.put()
    assert cluster_members(made, "adc-a")["paid_for"] == []
    made.close()


def test_marks_beside_a_transaction(tables: Session) -> None:
    marks = way_marks(tables, [digest("mix"), digest("ab")])
    assert (marks[digest("mix")]["coinjoin"], marks[digest("ab")]["coinjoin"]) == ("abstain", "no")
    assert marks[digest("ab")]["change"] == []
