"""Commands about money: money, request."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headwater.cli.options import AsJson, CasePath, Operator, Why
from headwater.cli.output import emit, emit_table, note, printable
from headwater.errors import ConfigError

if TYPE_CHECKING:
    from headwater.money_view import MoneySums, TokenSums

__all__ = ["register"]

_Currency = Annotated[
    str | None,
    typer.Option(
        "--currency",
        metavar="CUR[=NAME@VERSION]",
        help="Values at the day's imported price in this currency; default: the only prices imported, if there are.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("money")(money)
    app.command("request")(request)


def money(
    case: CasePath,
    by_month: Annotated[bool, typer.Option("--by-month", help="A table by service and month (UTC).")] = False,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="OUT.csv", help="Write the table by service and month to a file.")
    ] = None,
    sankey: Annotated[
        Path | None,
        typer.Option(
            "--sankey", metavar="OUT.svg", help="Write pictures of the flows: OUT-POLICY.svg, one for each policy."
        ),
    ] = None,
    top: Annotated[
        int, typer.Option("--top", min=1, max=15, help="Services drawn one by one; the others are drawn as one.")
    ] = 12,
    services: Annotated[
        bool, typer.Option("--services", help="Each service in a line: by every policy, bound, and what can be asked.")
    ] = False,
    currency: _Currency = None,
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Show where the platform's money came from and went: sums by service and reason, months, a picture.

    FIFO and pro rata stand side by side, because neither is a fact of the chain. Tokens follow, by FIFO, where
    tables of transfers were imported.
    """
    from headwater.money_view import Prices, money_sums, month_table, service_lines, token_sums
    from headwater.workflow import Case, consult, write_month_table, write_sankey

    with Case(case) as opened:
        if sum((sankey is not None, by_month or csv is not None, services)) > 1:
            raise ConfigError("--sankey, --by-month and --services are three views; give one of them")
        actor = opened.actor(operator, why=why)
        if services:
            with consult(opened, actor, "money by service") as tables:
                rows = [line.as_row() for line in service_lines(tables)]
            policies = sorted({name for row in rows for name in row if name.endswith("_sat") and name != "bound_sat"})
            columns = ("direction", "actor", "country", *policies, "bound_sat", "questions", "service_id")
            emit_table(rows, columns, as_json=as_json)
            return
        if sankey is not None:
            for name, digest in write_sankey(opened, actor, sankey, top=top).items():
                file = printable(sankey.parent / name)
                emit({"file": file, "sha256": digest}, as_json=as_json, text=f"{digest}  {file}")
            return
        if csv is not None:
            months = write_month_table(opened, actor, csv, currency=currency)
        elif by_month:
            with consult(opened, actor, "money by month") as tables:
                months = month_table(tables, Prices.of_case(tables, currency))
        else:
            with consult(opened, actor, "money") as tables:
                sums, of_tokens = money_sums(tables), token_sums(tables)
            _emit_sums(sums, as_json=as_json)
            _emit_token_sums(of_tokens, as_json=as_json)
            return
    if csv is None or as_json:
        emit_table(months.rows, months.columns, as_json=as_json)
    if csv is not None:
        note(f"{len(months.rows):,} rows written to {printable(csv)}")


_SUM_COLUMNS = ("direction", "policy", "ends_at", "country", "amount_sat", "btc", "share")


def _emit_sums(sums: MoneySums, *, as_json: bool) -> None:
    from headwater.money_view import btc_text, share_text

    rows: list[dict[str, Any]] = []
    for flow in sums.flows:
        for end, amount_sat in flow.ends.items():
            service = sums.services.get(end.service_id, {})
            rows.append(
                {
                    "kind": "end",
                    "direction": flow.direction,
                    "policy": flow.policy,
                    "ends_at": sums.label(end),
                    "stop_reason": end.stop_reason,
                    "service_id": end.service_id or None,
                    "actor": service.get("actor"),
                    "country": service.get("country"),
                    "amount_sat": amount_sat,
                    "btc": btc_text(amount_sat),
                    "share": share_text(amount_sat, flow.origin_sat),
                }
            )
    if not rows:
        note("nothing was followed: no receipt on an address of the platform, or the money stage has not run")
    emit_table(rows, _SUM_COLUMNS, as_json=as_json)
    for flow in sums.flows:
        row = {
            "kind": "sum",
            "direction": flow.direction,
            "policy": flow.policy,
            "receipts": flow.receipts,
            "followed_sat": flow.origin_sat,
            "named_service_sat": flow.named_sat,
            "share": share_text(flow.named_sat, flow.origin_sat),
        }
        text = (
            f"{flow.direction}, {flow.policy}: {flow.receipts:,} receipts, {flow.origin_sat:,} satoshis followed = all "
            f"of the above; {flow.named_sat:,} ({row['share']}) reach a named service"
        )
        emit(row, as_json=as_json, text=text)
    for direction, (least_sat, most_sat, followed_sat) in sums.bounds().items():
        row = {
            "kind": "bounds",
            "direction": direction,
            "least_sat": least_sat,
            "most_sat": most_sat,
            "followed_sat": followed_sat,
        }
        text = (
            f"{direction}, by any of these policies: between {least_sat:,} ({share_text(least_sat, followed_sat)}) and "
            f"{most_sat:,} ({share_text(most_sat, followed_sat)}) satoshis reach a named service"
        )
        emit(row, as_json=as_json, text=text)


_TOKEN_COLUMNS = ("chain", "token", "direction", "ends_at", "amount", "share")


def _emit_token_sums(found: Sequence[TokenSums], *, as_json: bool) -> None:
    from headwater.money import token_text
    from headwater.money_view import share_text

    rows: list[dict[str, Any]] = []
    for sums in found:
        rows += [
            {
                "kind": "token_end",
                "chain": sums.chain,
                "token": sums.token_symbol or sums.token_contract,
                "token_contract": sums.token_contract,
                "direction": sums.direction,
                "ends_at": end.label,
                "stop_reason": end.stop_reason,
                "service_id": end.service_id or None,
                "amount_units": str(units),
                "amount": token_text(units, sums.decimals, sums.token_symbol),
                "share": share_text(units, sums.origin_units),
            }
            for end, units in sums.most_first()
        ]
    if rows:
        emit_table(rows, _TOKEN_COLUMNS, as_json=as_json)
    for sums in found:
        followed = token_text(sums.origin_units, sums.decimals, sums.token_symbol)
        row = {
            "kind": "token_sum",
            "chain": sums.chain,
            "token_contract": sums.token_contract,
            "direction": sums.direction,
            "origins": sums.origins,
            "followed_units": str(sums.origin_units),
        }
        counted = "receipts" if sums.direction == "backward" else "payouts"
        text = f"{sums.chain}, {sums.direction}: {sums.origins:,} {counted}, {followed} followed = all of the above"
        # Whoever made a token chose its symbol: no line of it may look like one of ours.
        emit(row, as_json=as_json, text=printable(text))


def request(
    case: CasePath,
    operator: Annotated[str, typer.Option("--operator", help="Who acts.")],
    why: Annotated[str, typer.Option("--why", help="Reason, for the custody log.")],
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="A new folder.")] = None,
    service: Annotated[
        list[str] | None,
        typer.Option("--service", metavar="ACTOR", help="A service by its name in tags; may be repeated."),
    ] = None,
    all_services: Annotated[bool, typer.Option("--all", help="Every service that can be asked.")] = False,
    show: Annotated[
        bool, typer.Option("--show", help="Print what a sheet would hold, as JSON; nothing is written or leaves.")
    ] = False,
    currency: _Currency = None,
    as_json: AsJson = False,
) -> None:
    """Write request sheets: for each service a PDF, a CSV and a JSON of what to ask, on what proof; it is recorded."""
    from headwater.workflow import Case, consult, export_request_sheets, sheets_to_read

    with Case(case) as opened:
        if show and (out is not None or not service):
            raise ConfigError("--show prints the sheets of --service ACTOR; leave out --out and --all")
        if not show and (bool(service) == all_services or out is None):
            raise ConfigError("give --out DIR, and --service ACTOR or --all")
        actor = opened.actor(operator, why=why)
        if show:
            for name in service or ():
                with consult(opened, actor, "request sheet", (name,)) as tables:
                    read = sheets_to_read(opened, tables, name, currency=currency)
                for one in read:
                    emit({"name": one.name, **one.document}, as_json=True)
            return
        assert out is not None
        written = export_request_sheets(opened, actor, out, actors=service or None, currency=currency)
    for sheet in written.sheets:
        files = {name: written.outputs[name] for name in sheet["files"]}  # type: ignore[attr-defined]  # a list of names
        about = "about tokens" if sheet["about"] == "tokens" else f"{sheet['output_sat']} satoshis"
        text = f"{sheet['service']} ({sheet['country']}): {sheet['questions']} questions, {about}"
        lines = [text, *(f"{digest}  {name}" for name, digest in files.items())]
        emit({**sheet, "folder": printable(out), "files": files}, as_json=as_json, text="\n".join(lines))
    if written.withheld:
        note(f"{written.withheld:,} texts held key material or encoded bytes, which were withheld")
