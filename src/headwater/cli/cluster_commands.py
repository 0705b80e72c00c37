"""Commands about single places of the money: endpoints, address-cluster."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headwater.cli.options import AsJson, CasePath, Operator, Why
from headwater.cli.output import emit, emit_table, note, printable
from headwater.errors import ConfigError

if TYPE_CHECKING:
    from headwater.workflow import ClusterLinks

__all__ = ["register"]

_HOPS = re.compile(r"(\d+)(-(\d*))?")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("endpoints")(endpoints)
    app.command("address-cluster")(address_cluster)


def endpoints(
    case: CasePath,
    direction: Annotated[str, typer.Option("--direction", metavar="backward|forward", help="Which way.")],
    policy: Annotated[str, typer.Option("--policy", metavar="POLICY", help="By which rule, such as fifo.")],
    reason: Annotated[
        list[str] | None,
        typer.Option("--reason", metavar="REASON[:SERVICE_ID]", help="Where they stop, and whose it is; repeatable."),
    ] = None,
    hops: Annotated[
        str | None, typer.Option("--hops", metavar="N[-[M]]", help="Transactions on the way, such as 3, 3-4 or 10-.")
    ] = None,
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Show the rows behind a sum of 'money': where satoshis stopped, by one direction and policy, and their sum."""
    from headwater.money_view import END_COLUMNS, End, end_rows
    from headwater.workflow import Case, consult

    between = None
    if hops is not None:
        read = _HOPS.fullmatch(hops)
        if read is None:
            raise ConfigError(f"--hops {hops}: give a number, such as 3, or two, such as 3-4 or 10-")
        low = int(read[1])
        between = (low, low if read[2] is None else int(read[3]) if read[3] else None)
    parted = [name.partition(":") for name in reason or ()]
    ends = [End(stop_reason=name, service_id=service_id) for name, _, service_id in parted]
    with Case(case) as opened, consult(opened, opened.actor(operator, why=why), "endpoints") as tables:
        found = end_rows(tables, direction=direction, policy=policy, ends=ends or None, hops=between)
    rows = found.rows.to_pylist()
    emit_table(rows, END_COLUMNS, as_json=as_json)
    note(f"{len(rows):,} rows, {found.amount_sat:,} satoshis")


def address_cluster(
    case: CasePath,
    wanted: Annotated[str, typer.Argument(metavar="ADDRESS", help="An address, a script in hex, or a cluster's id.")],
    links: Annotated[bool, typer.Option("--links", help="Who paid whom around it, laid out as a chart.")] = False,
    hops: Annotated[int, typer.Option("--hops", min=1, max=4, help="With --links: transactions away from it.")] = 1,
    cap: Annotated[int, typer.Option("--cap", min=1, max=1000, help="With --links: boxes at most.")] = 60,
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Show an address cluster: who is in it, what proves each merge, tags, and accounts it paid for; or its links."""
    from headwater.workflow import Case, cluster_links, cluster_members, consult

    with Case(case) as opened, consult(opened, opened.actor(operator, why=why), "cluster", (wanted,)) as tables:
        if links:
            found = cluster_links(tables, wanted, hops=hops, cap=cap)
        else:
            told = cluster_members(tables, wanted)
    if links:
        emit(found.as_json(), as_json=as_json, text=_links_text(found))
    else:
        emit(told, as_json=as_json, text=_members_text(told))


def _members_text(told: Mapping[str, Any]) -> str:
    head = (
        f"{told['address_cluster_id']} ({told['heuristic']}): {told['scripts']:,} scripts, {told['transactions']:,} "
        f"transactions, {told['received_sat']:,} satoshis received, {told['spent_sat']:,} spent"
    )
    lines = [head]
    lines += [
        f"  said to be {printable(tag['actor'])}: tag {tag['tag_id']} on {printable(tag['address'])}"
        for tag in told["tags"]
    ]
    lines += [
        f"  {printable(one['address'] or one['script_hex'])}  {one['received_sat']:,} satoshis received"
        + ("  of the platform" if one["is_platform"] else "")
        for one in told["members"]
    ]
    lines += [
        f"  {printable(merge['address'])} with {printable(merge['other_address'])}: both spent from by "
        f"{merge['txid']}, block {merge['block_height']}"
        for merge in told["merges"]
    ]
    lines += [
        f"  paid {one['amount_sat']:,} satoshis for {one['account_id']} by {one['txid']}:{one['output_index']}"
        for one in told["paid_for"]
    ]
    return "\n".join(lines)


def _links_text(found: ClusterLinks) -> str:
    chart = found.chart
    names = {placed.node.node_id: placed.node.label for placed in chart.nodes}
    total = f"{chart.total:,}" if found.is_whole else f"more than {chart.total:,}"
    lines = [f"shows {len(chart.nodes):,} of {total} ({len(chart.edges):,} of {chart.edges_total:,} connections)"]
    lines += [
        f"  {printable(names[edge.source_id])} -> {printable(names[edge.target_id])}: {printable(edge.label)}"
        for edge in chart.edges
    ]
    return "\n".join(lines)
