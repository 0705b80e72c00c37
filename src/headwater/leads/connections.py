"""What an account hangs together with: what it is reached by, where it paid, through which services, and who.

Nothing is added to what the tables say. An edge says which row it was read from; what a program proposed and no person
found so far is drawn as a broken line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from headwater.charts import LinkChart, LinkEdge, LinkNode, link_chart
from headwater.engine import Session
from headwater.schema import table_named

__all__ = ["CONNECTION_WORDS", "MOST_CONNECTED", "Connection", "Connections", "connection_chart", "lead_connections"]

Row = Mapping[str, Any]
Address = Callable[[str, str], str]
"""From a table and the id of one of its rows to where that is shown; empty for nowhere."""

MOST_CONNECTED: Final = 40
"""Things that a chart of one lead shows at most; it says how many it leaves out."""

CONNECTION_WORDS: Final[Mapping[str, str]] = {
    "account": "account",
    "identifier": "identifier",
    "address": "address paid to",
    "service": "service",
    "payer": "customer of a service",
    "record": "record about a person",
}
"""What each kind of thing is called in the report."""

_REGISTERED: Final = ("nickname", "email", "phone", "pgp_fingerprint")


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One edge of the chart.

    Attributes:
        number: What stands at the edge, from 1.
        source: What it comes from, as the chart names it.
        target: What it leads to.
        told: What it is.
        table: The table that says so.
        row_id: The row of it.
        is_found: Whether it stands as read or was found by a person; otherwise a program proposed it.
        is_drawn: Whether the chart's cap left room for it.
    """

    number: int
    source: str
    target: str
    told: str
    table: str
    row_id: str
    is_found: bool
    is_drawn: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """A link chart and the rows that its edges were read from.

    Attributes:
        chart: The chart, laid out.
        rows: Every edge, in order of its number.
    """

    chart: LinkChart
    rows: tuple[Connection, ...]


class _Told(NamedTuple):
    source_id: str
    target_id: str
    told: str
    table: str
    row_id: str
    amount: int = 0
    kind: str = ""


def _nowhere(table: str, row_id: str) -> str:  # noqa: ARG001 - as `Address` is called
    """An address that leads nowhere, as on paper."""
    return ""


def connection_chart(
    account: Row,
    *,
    identifiers: Sequence[Row] = (),
    paid: Sequence[Row] = (),
    services: Sequence[Row] = (),
    links: Sequence[Row] = (),
    names: Mapping[str, str] | None = None,
    address: Address = _nowhere,
    shown: Callable[[str], str] = str,
) -> Connections:
    """The chart of one account. Each edge has a number, under which the rows say what it is and where it stands.

    Args:
        account: Row of `accounts`, with `account_id`.
        identifiers: Rows of `identifiers` of the account.
        paid: Address, payments, amount_sat and invoice_id: what the account was asked to pay where, and booked.
        services: service_id, service_name, direction, at_address (or None), amount_sat for how thick it is drawn, what
            is told of it, and the row that says so as `table` and `row_id`.
        links: Rows of `links`, each with `verdict` (None: nobody judged it) and `at_address` (or None).
        names: What a row about a person is called, by its id; its id where nothing is given.
        address: Where the row of a node is shown.
        shown: Makes a text fit to be drawn.
    """
    named = names or {}
    account_id = str(account["account_id"])
    label = shown(str(account.get("nickname") or account.get("platform_key") or account_id))
    nodes = [LinkNode(node_id=account_id, kind="account", label=label, href=address("accounts", account_id))]
    told: list[_Told] = []

    def add(node_id: str, kind: str, text: str, href: str) -> str:
        nodes.append(LinkNode(node_id=node_id, kind=kind, label=shown(text), href=href))
        return node_id

    for column in _REGISTERED[1:]:
        if account.get(column):
            node = add(f"{column}:{account[column]}", "identifier", str(account[column]), "")
            told.append(_Told(account_id, node, f"{column.replace('_', ' ')}, as registered", "accounts", account_id))
    for row in identifiers:
        key, row_id = f"{row['identifier_kind']}:{row['value']}", row["identifier_id"]
        node = add(key, "identifier", str(row["value"]), address("identifiers", row_id))
        told.append(_Told(account_id, node, shown(str(row["identifier_kind"])), "identifiers", row_id))
    for row in paid:
        node = add(f"address:{row['address']}", "address", str(row["address"]), address("invoices", row["invoice_id"]))
        words = f"{row['payments']} booked, {row['amount_sat']} sat"
        told.append(_Told(account_id, node, words, "invoices", row["invoice_id"], row["amount_sat"]))
    for row in services:
        service = str(row["service_id"])
        node = add(f"service:{service}", "service", row["service_name"], address("services", service))
        at = account_id if row["at_address"] is None else f"address:{row['at_address']}"
        ends = (node, at) if row["direction"] == "backward" else (at, node)
        told.append(_Told(*ends, row["told"], row["table"], row["row_id"], row["amount_sat"]))
    told += [_of_link(row, account_id, named, address, add) for row in links]
    present = {node.node_id: node for node in nodes}
    kept = [one for one in told if one.source_id in present and one.target_id in present]
    edges = [
        LinkEdge(source_id=one.source_id, target_id=one.target_id, label=str(number), amount=one.amount, kind=one.kind)
        for number, one in enumerate(kept, start=1)
    ]
    chart = link_chart(nodes, edges, focus=[account_id], cap=MOST_CONNECTED)
    drawn = {edge.label for edge in chart.edges}
    return Connections(
        chart=chart,
        rows=tuple(
            Connection(
                number=number,
                source=present[one.source_id].label,
                target=present[one.target_id].label,
                told=one.told,
                table=one.table,
                row_id=one.row_id,
                is_found=not one.kind,
                is_drawn=str(number) in drawn,
            )
            for number, one in enumerate(kept, start=1)
        ),
    )


def _of_link(
    row: Row, account_id: str, names: Mapping[str, str], address: Address, add: Callable[[str, str, str, str], str]
) -> _Told:
    right = str(row["right_id"])
    kind = "payer" if row["right_table"] == "customers" else "record"
    add(right, kind, names.get(right, right), address(row["right_table"], right))
    left = account_id
    if row["left_table"] == "customers":
        left = str(row["left_id"])
        add(left, "payer", names.get(left, left), address("customers", left))
    elif row.get("at_address"):
        left = f"address:{row['at_address']}"
    verdict = row.get("verdict")
    mbits = row["match_weight_mbits"]
    bits = f"{'-' if mbits < 0 else ''}{abs(mbits) // 1000}.{abs(mbits) % 1000 // 100}"
    words = f"{row['claim']}, {bits} bits, {'judged ' + verdict if verdict else 'nobody judged it'}"
    return _Told(right, left, words, "links", row["link_id"], 0, "" if verdict == "positive" else "inferred")


def lead_connections(
    tables: Session, account_id: str, *, address: Address = _nowhere
) -> Connections:  # fmt: skip
    """The chart of what the case holds on an account: proposed links too, and each service its money came from.

    Args:
        tables: The tables of the case.
        account_id: The account.
        address: Where the row of a node is shown.
    """
    rows = _rows(tables, "accounts", "account_id", [account_id])
    account = rows[0] if rows else {"account_id": account_id}
    invoices = {row["invoice_id"]: row for row in _rows(tables, "invoices", "account_id", [account_id])}
    payments = {row["payment_id"]: row for row in _rows(tables, "payments", "account_id", [account_id])}
    paid: dict[str, dict[str, Any]] = {}
    at: dict[str, str] = {}
    for payment in payments.values():
        invoice = invoices.get(payment["invoice_id"])
        if invoice is None or not invoice["address"]:
            continue
        where = at[payment["payment_id"]] = invoice["address"]
        told = paid.setdefault(
            where, {"address": where, "payments": 0, "amount_sat": 0, "invoice_id": invoice["invoice_id"]}
        )
        told["payments"] += 1
        told["amount_sat"] += payment["amount_sat"] or 0
    links = _links(tables, account_id, payments, at)
    return connection_chart(
        account,
        identifiers=_rows(tables, "identifiers", "account_id", [account_id]),
        paid=[paid[where] for where in sorted(paid)],
        services=_services(tables, account_id, set(paid)),
        links=links,
        names=_names(tables, links),
        address=address,
    )


def _rows(tables: Session, name: str, column: str, values: Iterable[str]) -> list[dict[str, Any]]:
    wanted = sorted(set(values))
    if not wanted:
        return []
    key = table_named(name).arrow.names[0]
    found: list[dict[str, Any]] = tables.keyed(name, column, wanted).to_pylist()
    return sorted(found, key=lambda row: str(row[key]))


def _links(
    tables: Session, account_id: str, payments: Mapping[str, Row], at: Mapping[str, str]
) -> list[dict[str, Any]]:  # fmt: skip
    """The proposed links of an account, of its payments and of the customers that these lead to, with judgements."""
    found = [row for row in _rows(tables, "links", "left_id", [account_id, *payments]) if row["proposed"]]
    customers = {row["right_id"] for row in found if row["right_table"] == "customers"}
    found += [row for row in _rows(tables, "links", "left_id", customers) if row["proposed"]]
    verdicts = {
        row["link_id"]: row["verdict"] for row in _rows(tables, "judgements", "link_id", [r["link_id"] for r in found])
    }
    return [
        {**row, "verdict": verdicts.get(row["link_id"]), "at_address": at.get(row["left_id"])}
        for row in sorted(found, key=lambda row: str(row["link_id"]))
    ]


def _names(tables: Session, links: Sequence[Row]) -> dict[str, str]:
    ids = {str(row[side]) for row in links for side in ("left_id", "right_id")}
    names = {}
    for table, key in (("records", "record_id"), ("customers", "customer_id")):
        for row in _rows(tables, table, key, ids):
            if row.get("full_name"):
                names[row[key]] = str(row["full_name"])
    return names


def _services(tables: Session, account_id: str, addresses: set[str]) -> list[dict[str, Any]]:
    """For each service, direction and address paid to: satoshis by FIFO, and one endpoint that says so."""
    traces = {
        row["trace_id"]: row for row in _rows(tables, "traces", "account_id", [account_id]) if row["policy"] == "fifo"
    }
    sums: dict[tuple[str, str, str], dict[str, Any]] = {}
    for end in _rows(tables, "endpoints", "trace_id", traces):
        if end["service_id"] is None:
            continue
        trace = traces[end["trace_id"]]
        key = (end["service_id"], trace["direction"], trace["origin_address"])
        told = sums.setdefault(
            key,
            {
                **dict(zip(("service_id", "direction", "origin_address"), key, strict=True)),
                "amount_sat": 0,
                "row_id": end["endpoint_id"],
            },
        )
        told["amount_sat"] += end["amount_sat"] or 0
        told["row_id"] = min(told["row_id"], end["endpoint_id"])
    names = {
        row["service_id"]: row["name"] for row in _rows(tables, "services", "service_id", {key[0] for key in sums})
    }
    return [
        {
            **row,
            "service_name": names.get(row["service_id"], row["service_id"]),
            "at_address": row["origin_address"] if row["origin_address"] in addresses else None,
            "told": f"{row['amount_sat']} sat {row['direction']}, by FIFO",
            "table": "endpoints",
        }
        for _, row in sorted(sums.items(), key=lambda one: tuple(map(_last_if_absent, one[0])))
    ]


def _last_if_absent(text: str | None) -> tuple[bool, str]:
    return text is None, text or ""
