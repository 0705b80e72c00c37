"""Who paid whom around an address cluster, as a chart, with a number for what a cap leaves out.

An edge from one cluster to another is what transactions paid whose inputs are all of the first. A transaction that
joins, or may join, coins of several people is a box of its own, and nothing is followed through it; neither is anything
through a service, or through the platform.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from headwater.charts import LinkChart, LinkEdge, LinkNode, link_chart
from headwater.engine import Session
from headwater.errors import InputError
from headwater.money_view import btc_text
from headwater.workflow.cluster_rows import cluster_of, rows_where

__all__ = ["MOST_HOPS", "ClusterLinks", "cluster_links"]

MOST_HOPS: Final = 4
_MOST_EXPANDED: Final = 2_000
"""Clusters that one more step is looked for from; beyond these, what is left out is said to be more."""
_PLATFORM: Final = "platform"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterLinks:
    """The chart, and whether all was looked at.

    Attributes:
        chart: Laid out.
        address_cluster_id: What it is about.
        hops: Transactions from it that were looked at.
        is_whole: Whether all that is so many transactions away was looked at; if not, there is more than `chart.total`.
    """

    chart: LinkChart
    address_cluster_id: str
    hops: int
    is_whole: bool

    def as_json(self) -> dict[str, Any]:
        """The chart for programs."""
        return {
            "address_cluster_id": self.address_cluster_id,
            "hops": self.hops,
            "is_whole": self.is_whole,
            **self.chart.as_json(),
        }


@dataclass(slots=True, kw_only=True)
class _Around:
    """What is known so far of who paid whom."""

    tables: Session
    focus: str
    cluster_by_script: dict[str, str] = field(default_factory=dict)
    coinjoin_txids: set[str] = field(default_factory=set)
    plain_txids: set[str] = field(default_factory=set)
    paid: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """Satoshis by payer, payee and transaction, so that none counts twice."""

    def learn(self, scripts: set[str]) -> None:
        """Which clusters these scripts are of; all of the platform's, but for those of the focus, are one."""
        unknown = scripts - self.cluster_by_script.keys()
        owned = set(rows_where(self.tables, "platform_addresses", "script_hex", unknown)["script_hex"].to_pylist())
        for row in rows_where(self.tables, "address_clusters", "script_hex", unknown).to_pylist():
            own = row["address_cluster_id"] == self.focus
            name = row["address_cluster_id"] if own or row["script_hex"] not in owned else _PLATFORM
            self.cluster_by_script[row["script_hex"]] = name

    def step(self, cluster_ids: list[str]) -> set[str]:
        """Take in what these paid and were paid; who is new."""
        tables = self.tables
        scripts = rows_where(tables, "address_clusters", "address_cluster_id", cluster_ids)["script_hex"].to_pylist()
        txids = set(rows_where(tables, "tx_inputs", "script_hex", scripts, ["txid"])["txid"].to_pylist())
        txids |= set(rows_where(tables, "tx_outputs", "script_hex", scripts, ["txid"])["txid"].to_pylist())
        for row in rows_where(tables, "transactions", "txid", txids, ["txid", "coinjoin"]).to_pylist():
            (self.plain_txids if row["coinjoin"] == "no" else self.coinjoin_txids).add(row["txid"])
        columns = ["txid", "script_hex", "amount_sat"]
        inputs = rows_where(tables, "tx_inputs", "txid", txids, columns).to_pylist()
        outputs = rows_where(tables, "tx_outputs", "txid", txids, columns).to_pylist()
        self.learn({row["script_hex"] for row in (*inputs, *outputs)})
        sums = self._sums(inputs, outputs, {*cluster_ids})
        self.paid |= sums
        return {name for payer, payee, _ in sums for name in (payer, payee)} - {*cluster_ids}

    def _sums(
        self, inputs: list[dict[str, Any]], outputs: list[dict[str, Any]], near: set[str]
    ) -> dict[tuple[str, str, str], int]:
        """What those who are near paid and were paid, by payer, payee and transaction."""
        payers: dict[str, set[str]] = defaultdict(set)
        sums: dict[tuple[str, str, str], int] = defaultdict(int)
        for row in inputs:
            payer = self.cluster_by_script.get(row["script_hex"], "")
            payers[row["txid"]].add(payer)
            if row["txid"] in self.coinjoin_txids and payer in near:
                sums[payer, row["txid"], row["txid"]] += row["amount_sat"]
        for row in outputs:
            payee = self.cluster_by_script.get(row["script_hex"], "")
            joined = row["txid"] in self.coinjoin_txids
            # One signer, or none that is known: a coinbase has no payer.
            one = next(iter(payers[row["txid"]])) if len(payers[row["txid"]]) == 1 else ""
            payer = row["txid"] if joined else one
            if payer and payee and payer != payee and row["amount_sat"] and near & {payer, payee}:
                sums[payer, payee, row["txid"]] += row["amount_sat"]
        return dict(sums)


def cluster_links(
    tables: Session,
    wanted: str,
    *,
    hops: int = 1,
    cap: int = 60,
    words: Mapping[str, str] | None = None,
    href: Callable[[str, str], str] | None = None,
) -> ClusterLinks:
    """The chart around a cluster.

    Args:
        tables: The case's tables.
        wanted: Id of an address cluster, an address, or a script in hex.
        hops: Transactions away from it that are looked at, 1 to 4.
        cap: Boxes at most.
        words: `more`, how further addresses of a cluster are told, and `payments`, how several payments are, each with
            `{count}`; and `platform`.
        href: From kind and id of a box to where it leads; None for nowhere.

    Raises:
        InputError: The chain of this case does not hold it, or a number is out of range.
    """
    if not 1 <= hops <= MOST_HOPS or cap < 1:
        raise InputError(f"hops {hops}, cap {cap}", f"hops are 1 to {MOST_HOPS}, and a chart has one box at least")
    said = {"more": "+{count}", "payments": "{count} payments", "platform": "platform", **(words or {})}
    focus = cluster_of(tables, wanted)
    around = _Around(tables=tables, focus=focus)
    tagged: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in tables.arrow("cluster_tags").to_pylist():
        tagged[row["address_cluster_id"]].append(row)
    seen, frontier, is_whole = {focus}, [focus], True
    for _ in range(hops):
        reached = around.step(frontier) - seen
        seen |= reached
        # Nothing is followed through who keeps coins for others, the platform, or a transaction of several people.
        open_to = sorted(
            name
            for name in reached
            if name != _PLATFORM
            and name not in around.coinjoin_txids
            and not any(row["stops_as"] for row in tagged.get(name, ()))
        )
        frontier, is_whole = open_to[:_MOST_EXPANDED], is_whole and len(open_to) <= _MOST_EXPANDED
        if not frontier:
            break
    chart = link_chart(
        _nodes(around, seen, tagged, said, href or (lambda *_: "")),
        _edges(around, said),
        focus=[focus],
        cap=cap,
    )
    return ClusterLinks(chart=chart, address_cluster_id=focus, hops=hops, is_whole=is_whole)


def _edges(around: _Around, said: Mapping[str, str]) -> list[LinkEdge]:
    sums: dict[tuple[str, str], list[int]] = defaultdict(list)
    for (payer, payee, _), amount_sat in around.paid.items():
        sums[payer, payee].append(amount_sat)
    return [
        LinkEdge(
            source_id=payer,
            target_id=payee,
            label=f"{btc_text(sum(amounts))} BTC"
            + (f", {said['payments'].format(count=len(amounts))}" if len(amounts) > 1 else ""),
            amount=sum(amounts),
        )
        for (payer, payee), amounts in sums.items()
    ]


def _nodes(
    around: _Around,
    seen: set[str],
    tagged: Mapping[str, list[dict[str, Any]]],
    said: Mapping[str, str],
    href: Callable[[str, str], str],
) -> list[LinkNode]:
    clusters = seen - around.coinjoin_txids - {_PLATFORM}
    first: dict[str, str] = {}
    counts: dict[str, int] = defaultdict(int)
    for row in rows_where(around.tables, "address_clusters", "address_cluster_id", clusters).to_pylist():
        name = row["address_cluster_id"]
        counts[name] += 1
        shown = row["address"] or row["script_hex"]
        first[name] = min(first.get(name, shown), shown)
    actors = {row["actor"]: row for row in around.tables.arrow("services").to_pylist()}
    nodes = []
    for name in sorted(seen):
        if name == _PLATFORM:
            nodes.append(LinkNode(node_id=name, kind=_PLATFORM, label=said["platform"], href=href(_PLATFORM, name)))
        elif name in around.coinjoin_txids:
            nodes.append(LinkNode(node_id=name, kind="coinjoin", label=name, href=href("coinjoin", name)))
        else:
            told = sorted({row["actor"] for row in tagged.get(name, ())})
            names = [str(actors[actor]["name"]) if actor in actors else actor for actor in told]
            kind = "service" if told else "address_cluster" if counts[name] > 1 else "address"
            more = f" {said['more'].format(count=counts[name] - 1)}" if counts[name] > 1 else ""
            label = " / ".join(names) if names else f"{_short(first[name])}{more}"
            nodes.append(LinkNode(node_id=name, kind=kind, label=label, href=href(kind, name)))
    return nodes


def _short(address: str) -> str:
    """An address as people compare it: its begin and its end."""
    return address if len(address) <= 19 else f"{address[:10]}\u2026{address[-8:]}"
