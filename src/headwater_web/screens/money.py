"""Money: which services can name who paid; every satoshi that was followed, and the rows behind each sum."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from headwater.money_view import (
    FEE,
    SCREEN,
    End,
    FlowSums,
    MoneySums,
    Picture,
    btc_text,
    end_rows,
    laid_out,
    money_sums,
    month_table,
    service_lines,
    share_text,
    svg_text,
    token_sums,
)
from headwater_web.answers import Page, WrongInputError
from headwater_web.ask import Ask
from headwater_web.drawings import drawn
from headwater_web.rules import CASE_READERS, Route
from headwater_web.screens.money_parts import (
    BOUND,
    amount_parts,
    end_key,
    ends_url,
    policy_asked,
    policy_links,
    row_links,
)
from headwater_web.screens.money_tokens import coins_links, token_page
from headwater_web.shown import json_value
from headwater_web.text import Seized

__all__ = ["ROUTES"]

_TOP: Final = 10
"""Services drawn one by one; the others are drawn as one."""
_ROWS: Final = 50
_UNSPENT: Final = "unspent"
_GROUPS: Final = ("named", "unnamed", "unspent", "reasons", "fees")
_HOPS = re.compile(r"(\d{1,6})-(\d{0,6})")


def money(ask: Ask) -> Page:
    """The overview: services that can be asked, where everything came from and went, by month."""
    if ask.one("coins"):
        return token_page(ask, ask.case.derived("token sums", token_sums))
    sums: MoneySums = ask.case.derived("money sums", money_sums)
    lines = ask.case.derived("money by service", service_lines)
    policy = policy_asked(ask, sums.policies())
    ask.reads("table:endpoints", "table:traces", *(line.service_id for line in lines))
    picture = None if policy in {"", BOUND} else laid_out(sums, policy, top=_TOP, frame=SCREEN)
    flows = sums.of_policy(policy)
    services = [
        {
            "line": line,
            "name": Seized(str(line.service.get("name") or line.service_id)),
            "country": line.service.get("country") or "",
            "href": ask.url("money_service", service=line.service_id),
            "by_policy": [
                {
                    "policy": name,
                    "sat": amount_sat,
                    "href": ends_url(ask, name, line.direction, [_at_service(line.service_id)]),
                }
                for name, amount_sat in line.by_policy.items()
            ],
            "bar": amount_parts(line.least_sat, line.most_sat, line.bound_sat, _followed(sums, line.direction)),
        }
        for line in lines
    ]
    first = next((line for line in lines if line.questions), None)
    values: dict[str, Any] = {
        "policy": policy,
        "policies": policy_links(ask, sums.policies(), policy),
        "coins": coins_links(ask, ask.case.derived("token sums", token_sums), bool(sums.flows)),
        "first": ask.url("money_sheet", service=first.service_id) if first else "",
        "picture": picture and drawn(
            svg_text(picture, title=ask.word("money.picture"), links=_links(ask, picture, policy))
        ),
        "receipts": max((flow.receipts for flow in sums.flows), default=0),
        "followed_sat": max((flow.origin_sat for flow in sums.flows), default=0),
        "sums": [_added_up(ask, sums, flow) for flow in flows],
        "bounds": sums.bounds(),
        "services": services,
        "names": sums.policies(),
        "bound_is_whole": any(line.bound_is_whole for line in lines),
        "months": _months(ask, policy),
        "back_table": ask.url("table", table="request_sheets"),
    }  # fmt: skip
    return Page(template="money.html", values=values, as_json=lambda: _as_json(sums, policy, ask))


def _as_json(sums: MoneySums, policy: str, ask: Ask) -> dict[str, Any]:
    lines = ask.case.derived("money by service", service_lines)
    months = ask.case.derived("money by month", month_table)
    return {
        "policy": policy,
        "policies": list(sums.policies()),
        "sums": [
            {
                "direction": flow.direction,
                "policy": flow.policy,
                "receipts": flow.receipts,
                "followed_sat": flow.origin_sat,
                "named_service_sat": flow.named_sat,
                "ends": [
                    {"stop_reason": end.stop_reason, "service_id": end.service_id or None, "amount_sat": amount_sat}
                    for end, amount_sat in flow.ends.items()
                ],
            }
            for flow in sums.flows
        ],
        "bounds": {name: list(three) for name, three in sums.bounds().items()},
        "services": [json_value(line.as_row()) for line in lines],
        "months": [json_value(dict(row)) for row in months.rows],
    }


def _followed(sums: MoneySums, direction: str) -> int:
    return max((flow.origin_sat for flow in sums.flows if flow.direction == direction), default=0)


def _at_service(service_id: str) -> str:
    return f"*:{service_id}"


def _group(end: End) -> str:
    if end.is_named_service:
        return "named"
    if end.stop_reason == FEE:
        return "fees"
    if end.stop_reason == _UNSPENT:
        return "unspent"
    return "unnamed" if end.stop_reason == "service" else "reasons"


def _added_up(ask: Ask, sums: MoneySums, flow: FlowSums) -> dict[str, Any]:
    """One direction as a sum that a reader can add up: each summand with the rows behind it."""
    groups: dict[str, list[tuple[End, int]]] = {name: [] for name in _GROUPS}
    for end, amount_sat in flow.ends.items():
        groups[_group(end)].append((end, amount_sat))
    summands = [
        {
            "group": name,
            "sat": sum(amount_sat for _, amount_sat in ends),
            "btc": btc_text(sum(amount_sat for _, amount_sat in ends)),
            "share": share_text(sum(amount_sat for _, amount_sat in ends), flow.origin_sat),
            "href": ends_url(ask, flow.policy, flow.direction, [end_key(end) for end, _ in ends]) if ends else "",
            "ends": [
                {
                    "label": Seized(sums.label(end)),
                    "sat": amount_sat,
                    "href": ends_url(ask, flow.policy, flow.direction, [end_key(end)]),
                }
                for end, amount_sat in ends
            ],
        }
        for name, ends in groups.items()
    ]
    return {
        "direction": flow.direction,
        "receipts": flow.receipts,
        "sat": flow.origin_sat,
        "btc": btc_text(flow.origin_sat),
        "href": ends_url(ask, flow.policy, flow.direction, []),
        "summands": summands,
    }


def _links(ask: Ask, picture: Picture, policy: str) -> dict[tuple[str, str], str]:
    """Where each bar and each stream of the picture leads: the rows that it is drawn of."""
    nodes = {node.name: node for node in picture.nodes}
    found = {}
    pairs = [(name, name) for name in nodes] + [(band.source, band.target) for band in picture.bands]
    for pair in pairs:
        both = [nodes[name] for name in pair if nodes[name].direction]
        hops = next((node.hops for node in both if node.hops is not None), None)
        ends = next((node for node in both if node.ends), None)
        if hops is None and ends is None:
            continue
        names = [] if ends is None else ["others"] if ends.kind == "others" else [end_key(one) for one in ends.ends]
        found[pair] = ends_url(ask, policy, both[0].direction, names, hops)
    return found


def _months(ask: Ask, policy: str) -> list[dict[str, Any]]:
    """Service by month: the amounts of the policy that is shown, or of each where bounds are."""
    table = ask.case.derived("money by month", month_table)
    names = [name for name in table.columns if name.endswith("_sat")]
    shown = [name for name in names if name == f"{policy}_sat"] or names

    def href(row: Mapping[str, Any]) -> str:
        asked = {"month": row["month"], "direction": row["direction"]}
        return ask.url("money_service", service=row["service_id"], **asked) if row["service_id"] else ""

    return [
        {
            **{name: row[name] for name in ("country", "direction", "month", "transactions")},
            "service": Seized(str(row["service"])),
            "href": href(row),
            "amounts": [(name.removesuffix("_sat"), row[name]) for name in shown],
        }
        for row in table.rows
    ]  # fmt: skip


def money_ends(ask: Ask) -> Page:
    """The rows behind a sum: where satoshis stopped, with the sum they give, which is the number that led here."""
    sums: MoneySums = ask.case.derived("money sums", money_sums)
    policy, direction = ask.one("policy"), ask.one("direction")
    if not any((flow.policy, flow.direction) == (policy, direction) for flow in sums.flows):
        raise WrongInputError("problem.no_flow")
    asked = tuple(ask.query.get("end", ()))
    hops = _hops_asked(ask)
    ends = _ends_asked(sums, policy, direction, asked)
    found = ask.case.derived(
        "endpoints of a sum",
        lambda tables: end_rows(tables, direction=direction, policy=policy, ends=ends, hops=hops),
        *(direction, policy, asked, hops),
    )
    first = ask.number("first")
    rows = found.page(first, _ROWS)
    ask.reads(
        "table:endpoints", f"rows:{first}-{first + len(rows)}", *(r["endpoint_id"] for r in rows if r["endpoint_id"])
    )

    def at(number: int) -> str:
        return ends_url(ask, policy, direction, asked, hops, first=number)

    fitting = found.rows.num_rows
    values: dict[str, Any] = {
        "policy": policy,
        "direction": direction,
        "hops": hops,
        "ends": [Seized(sums.label(end)) for end in sorted(ends)] if ends is not None else [],
        "amount_sat": found.amount_sat,
        "btc": btc_text(found.amount_sat),
        "first": first,
        "fitting": fitting,
        "rows": [row_links(ask, row, sums.label(_end_of(row))) for row in rows],
        "before": at(max(0, first - _ROWS)) if first else None,
        "next": at(first + _ROWS) if first + _ROWS < fitting else None,
        "back": ask.url("money", policy=policy),
    }

    def as_json() -> object:
        return {
            "amount_sat": found.amount_sat,
            "fitting": fitting,
            "first": first,
            "rows": [json_value(r) for r in rows],
        }

    return Page(template="money_ends.html", values=values, as_json=as_json)


def _end_of(row: Mapping[str, Any]) -> End:
    return End(stop_reason=str(row["stop_reason"]), service_id=row["service_id"] or "")


def _hops_asked(ask: Ask) -> tuple[int, int | None] | None:
    text = ask.one("hops")
    if not text:
        return None
    read = _HOPS.fullmatch(text)
    if read is None:
        raise WrongInputError("problem.no_number", name="hops")
    return int(read[1]), int(read[2]) if read[2] else None


def _ends_asked(sums: MoneySums, policy: str, direction: str, asked: Iterable[str]) -> frozenset[End] | None:
    """The ends that an address names: a reason and a service, a service with any reason, or those drawn as one."""
    names = list(asked)
    if not names:
        return None
    there = [end for flow in sums.flows if (flow.policy, flow.direction) == (policy, direction) for end in flow.ends]
    found: set[End] = set()
    for name in names:
        reason, _, service_id = name.partition(":")
        if name == "others":
            found |= {*[end for end in there if end.is_named_service][_TOP:]}
        elif reason == "*":
            found |= {end for end in there if end.service_id == service_id}
        else:
            found.add(End(stop_reason=reason, service_id=service_id))
    return frozenset(found)


ROUTES = (
    Route(
        name="money",
        path="/case/{case}/money/",
        about="Services that can name who paid, where all money came from and went, by month; `policy` is a rule of "
        "attribution or `bound`, `coins` a token as CHAIN/CONTRACT.",
        view=money,
        roles=CASE_READERS,
        in_case=True,
        reads="money",
        nav="nav.money",
    ),
    Route(
        name="money_ends",
        path="/case/{case}/money/ends",
        about="The endpoints behind a sum and what they give together: `policy`, `direction`, `end` (REASON, "
        "REASON:SERVICE, *:SERVICE or others) and `hops` (LEAST-MOST).",
        view=money_ends,
        roles=CASE_READERS,
        in_case=True,
        reads="endpoints",
    ),
)
