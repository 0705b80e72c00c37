"""One address cluster: why its addresses are together, whose it is said to be, whom it paid for, and its links."""

from __future__ import annotations

from typing import Any, Final

from headwater.charts import link_chart_svg
from headwater.errors import InputError
from headwater.money_view import btc_text
from headwater.workflow import ClusterLinks, cluster_links, cluster_members, cut_preview, joining_path
from headwater_web.answers import NotThereError, Page, Redirect
from headwater_web.ask import Ask
from headwater_web.drawings import drawn
from headwater_web.rules import CASE_READERS, Route
from headwater_web.screens.money_parts import cluster_url, tx_url
from headwater_web.shown import json_value
from headwater_web.text import Seized

__all__ = ["ROUTES"]

_ROWS: Final = 100
_MOST_HOPS: Final = 3
_CAPS: Final = (30, 60, 120, 240)
_CAP: Final = 60


def money_cluster(ask: Ask) -> Page | Redirect:
    """A cluster by its id; an address or a script leads to that of its cluster."""
    wanted = ask.path["cluster"]
    try:
        told = ask.case.derived("cluster members", lambda tables: cluster_members(tables, wanted), wanted)
    except InputError:
        raise NotThereError("problem.no_cluster", cluster=Seized(wanted)) from None
    cluster_id = told["address_cluster_id"]
    if cluster_id != wanted:
        asked = {name: ask.one(name) or None for name in ("hops", "cap", "other", "cut")}
        return Redirect(to=ask.url("money_cluster", cluster=cluster_id, **asked))
    ask.reads("table:address_clusters", cluster_id, *(str(tag["tag_id"]) for tag in told["tags"]))
    first = ask.number("first")
    links = _links(ask, cluster_id) if ask.one("hops") else None
    path, path_problem = _joined(ask, told)
    preview, preview_problem = _cut(ask)

    def at(number: int) -> str:
        return ask.url("money_cluster", cluster=cluster_id, first=number or None)

    values: dict[str, Any] = {
        "cluster": told,
        "received_btc": btc_text(told["received_sat"]),
        "spent_btc": btc_text(told["spent_sat"]),
        "members_href": ask.url("table", table="address_clusters", **{"is.address_cluster_id": cluster_id}),
        "merges_href": ask.url("table", table="cluster_merges", **{"is.address_cluster_id": cluster_id}),
        "ends_href": ask.url("table", table="endpoints", **{"is.address_cluster_id": cluster_id}),
        "tags": [
            {
                **tag,
                "actor": Seized(tag["actor"]),
                "source": Seized(tag["source"] or ""),
                "href": ask.url("row", table="tags", **{"is.tag_id": tag["tag_id"]}),
            }
            for tag in told["tags"]
        ],
        "members": [
            {
                **one,
                "href": ask.url("row", table="address_clusters", **{"is.script_hex": one["script_hex"]}),
                "why": _why_url(ask, cluster_id, one["address"] or one["script_hex"], told),
            }
            for one in told["members"][first : first + _ROWS]
        ],
        "merges": [
            {
                **one,
                "tx": tx_url(ask, one["txid"]),
                "cut": ask.url("money_cluster", cluster=cluster_id, cut=one["txid"]),
            }
            for one in told["merges"][first : first + _ROWS]
        ],
        "paid_for": [
            {
                **one,
                "btc": btc_text(one["amount_sat"]),
                "tx": tx_url(ask, one["txid"]),
                "account": ask.url("table", table="accounts", **{"is.account_id": one["account_id"]}),
            }
            for one in told["paid_for"][:_ROWS]
        ],
        "first": first,
        "before": at(max(0, first - _ROWS)) if first else None,
        "next": at(first + _ROWS) if first + _ROWS < told["scripts"] else None,
        "links": links,
        "svg": links and _drawing(ask, links),
        "hops": ask.number("hops", 1),
        "cap": ask.number("cap", _CAP),
        "choices": {"hops": range(1, _MOST_HOPS + 1), "caps": _CAPS},
        "action": ask.url("money_cluster", cluster=cluster_id),
        "other": ask.one("other"),
        "path": [{**step, "tx": tx_url(ask, step["txid"])} for step in path],
        "path_problem": path_problem,
        "preview": preview,
        "preview_problem": preview_problem,
        "case_href": ask.url("money"),
    }

    def as_json() -> object:
        return {
            "cluster": json_value(told),
            "links": links and links.as_json(),
            "path": [json_value(step) for step in path],
            "cut": preview and json_value(preview),
        }

    return Page(template="money_cluster.html", values=values, as_json=as_json)


def _why_url(ask: Ask, cluster_id: str, address: str, told: dict[str, Any]) -> str:
    """Why this address is together with the tagged one, or else with the first."""
    anchors = [tag["address"] for tag in told["tags"]] or [
        told["members"][0]["address"] or told["members"][0]["script_hex"]
    ]
    other = next((anchor for anchor in anchors if anchor != address), None)
    if other is None:
        return ""
    return ask.url("money_cluster", cluster=cluster_id, one=address, other=other)


def _joined(ask: Ask, told: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """The transactions that join two addresses, or why there are none."""
    one, other = ask.one("one"), ask.one("other")
    if not other:
        return [], ""
    first = one or told["members"][0]["address"] or told["members"][0]["script_hex"]
    try:
        return ask.case.kept("joining path", lambda tables: joining_path(tables, first, other), first, other), ""
    except InputError as error:
        return [], error.reason


def _cut(ask: Ask) -> tuple[dict[str, Any] | None, str]:
    """What would fall apart without one of the transactions; nothing is changed by asking."""
    txid = ask.one("cut")
    if not txid:
        return None, ""
    try:
        return ask.case.kept("cut preview", lambda tables: cut_preview(tables, txid), txid), ""
    except InputError as error:
        return None, error.reason


def _links(ask: Ask, cluster_id: str) -> ClusterLinks:
    """The chart, laid out; the same function as the command's.

    Raises:
        WrongInputError: A number is out of range.
    """
    hops = min(max(ask.number("hops", 1), 1), _MOST_HOPS)
    cap = min(max(ask.number("cap", _CAP), 1), max(_CAPS))
    words = {
        "more": ask.word("money.more_addresses", count="{count}"),
        "payments": ask.word("money.payments", count="{count}"),
        "platform": ask.word("money.kind.platform"),
    }

    def href(kind: str, wanted: str) -> str:
        if kind == "platform":
            return ask.url("table", table="platform_addresses")
        return tx_url(ask, wanted) if kind == "coinjoin" else cluster_url(ask, wanted)

    return ask.case.derived(
        "cluster links",
        lambda tables: cluster_links(tables, cluster_id, hops=hops, cap=cap, words=words, href=href),
        *(cluster_id, hops, cap, ask.language),
    )


def _drawing(ask: Ask, links: ClusterLinks) -> object:
    words = {
        "address": ask.word("money.kind.address"),
        "address_cluster": ask.word("money.kind.address_cluster"),
        "service": ask.word("money.kind.service"),
        "platform": ask.word("money.kind.platform"),
        "coinjoin": ask.word("money.kind.coinjoin"),
    }
    return drawn(
        link_chart_svg(
            links.chart,
            title=ask.word("money.links"),
            about=ask.word("money.links_about"),
            words=words,
        )
    )


ROUTES = (
    Route(
        name="money_cluster",
        path="/case/{case}/money/clusters/{cluster}",
        about="One address cluster, by its id or an address: members, the transaction of each merge, tags, accounts it "
        "paid for; `one` and `other` ask what joins two addresses, `cut` what would fall apart without a transaction, "
        "`hops` and `cap` for the link chart.",
        view=money_cluster,
        roles=CASE_READERS,
        in_case=True,
        reads="address cluster",
        sample=(("cluster", "adc-none"),),
    ),
)
