"""Tokens on the screen of money: where base units that were followed came to rest, one token at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from headwater.money import token_text
from headwater.money_view import TokenEnd, TokenSums, share_text, token_end_rows, token_sums
from headwater_web.answers import NotThereError, Page, WrongInputError
from headwater_web.ask import Ask
from headwater_web.rules import CASE_READERS, Route
from headwater_web.shown import json_value
from headwater_web.text import Seized

__all__ = ["ROUTES", "coins_links", "token_page"]

_ROWS: Final = 50


def _key(sums: TokenSums) -> str:
    return f"{sums.chain}/{sums.token_contract}"


def coins_links(ask: Ask, tokens: Sequence[TokenSums], any_coins: bool) -> list[dict[str, Any]]:  # noqa: FBT001 - one of two facts that the switch rests on
    """The switch between bitcoin and each token; none where the case has only one of them."""
    asked = ask.one("coins")
    kinds = {_key(sums): f"{sums.token_symbol or sums.token_contract} ({sums.chain})" for sums in tokens}
    if not kinds:
        return []
    own = [{"label": Seized("bitcoin"), "href": ask.url("money"), "here": not asked}] if any_coins or not asked else []
    return own + [
        {"label": Seized(label), "href": ask.url("money", coins=key), "here": key == asked}
        for key, label in kinds.items()
    ]


def token_page(ask: Ask, tokens: Sequence[TokenSums]) -> Page:
    """One token: its sums by direction, each with the rows behind it, and whom to ask.

    Raises:
        NotThereError: No such token was followed.
    """
    wanted = [sums for sums in tokens if _key(sums) == ask.one("coins")]
    if not wanted:
        raise NotThereError
    ask.reads("table:token_endpoints", "table:token_traces")
    sides = [
        {
            "direction": sums.direction,
            "origins": sums.origins,
            "total": token_text(sums.origin_units, sums.decimals, None),
            "ends": [
                {
                    "label": Seized(end.label),
                    "amount": token_text(units, sums.decimals, None),
                    "share": share_text(units, sums.origin_units),
                    "thousandths": 1000 * units // sums.origin_units if sums.origin_units else 0,
                    "service": ask.url("money_service", service=end.service_id) if end.service_id else None,
                    "href": ask.url(
                        "money_token_ends",
                        coins=_key(sums),
                        direction=sums.direction,
                        end=f"{end.stop_reason}:{end.service_id}",
                    ),
                }
                for end, units in sums.most_first()
            ],
        }
        for sums in wanted
    ]
    values: dict[str, Any] = {
        "symbol": Seized(wanted[0].token_symbol or wanted[0].token_contract),
        "contract": Seized(wanted[0].token_contract),
        "chain": Seized(wanted[0].chain),
        "coins": coins_links(ask, tokens, any_coins=True),
        "sides": sides,
        "questions": ask.url("table", table="token_requests", **{"is.token_contract": wanted[0].token_contract}),
        "traces": ask.url("table", table="token_traces", **{"is.token_contract": wanted[0].token_contract}),
        "back": ask.url("money"),
    }

    def as_json() -> object:
        return [
            {
                "chain": sums.chain,
                "token_contract": sums.token_contract,
                "direction": sums.direction,
                "origins": sums.origins,
                "followed_units": str(sums.origin_units),
                "ends": [
                    {"stop_reason": end.stop_reason, "service_id": end.service_id or None, "amount_units": str(units)}
                    for end, units in sums.most_first()
                ],
            }
            for sums in wanted
        ]

    return Page(template="money_tokens.html", values=values, as_json=lambda: json_value(as_json()))


def money_token_ends(ask: Ask) -> Page:
    """The rows behind a sum of a token: where base units stopped, with the sum they give."""
    wanted = (ask.one("coins"), ask.one("direction"))
    reason, _, service_id = ask.one("end").partition(":")
    for sums in ask.case.derived("token sums", token_sums):
        ends = [end for end in sums.ends if (end.stop_reason, end.service_id) == (reason, service_id)]
        if (_key(sums), sums.direction) == wanted and ends:
            return _rows_page(ask, sums, ends[0])
    raise WrongInputError("problem.no_token_end")


def _rows_page(ask: Ask, sums: TokenSums, end: TokenEnd) -> Page:
    key = (_key(sums), sums.direction, end.stop_reason, end.service_id)
    found = ask.case.derived("rows of a token's end", lambda tables: token_end_rows(tables, sums, end), *key)
    first = ask.number("first")
    rows = found[first : first + _ROWS]
    ask.reads(f"rows:{first}-{first + len(rows)}", *(f"table:{row['table']}" for row in rows[:1]))
    ask.reads(*(str(row["row_id"]) for row in rows))
    here = {"coins": key[0], "direction": key[1], "end": f"{key[2]}:{key[3]}"}
    total = sum(row["amount_units"] for row in found)
    values: dict[str, Any] = {
        "symbol": Seized(sums.token_symbol or sums.token_contract),
        "direction": sums.direction,
        "label": Seized(end.label),
        "total": token_text(total, sums.decimals, None),
        "total_units": total,
        "fitting": len(found),
        "first": first,
        "rows": [_row(ask, sums, row) for row in rows],
        "before": ask.url("money_token_ends", first=max(0, first - _ROWS), **here) if first else None,
        "next": ask.url("money_token_ends", first=first + _ROWS, **here) if first + _ROWS < len(found) else None,
        "back": ask.url("money", coins=key[0]),
    }
    told = [{**row, "amount_units": str(row["amount_units"])} for row in rows]

    def as_json() -> object:
        return {"amount_units": str(total), "fitting": len(found), "first": first, "rows": json_value(told)}

    return Page(template="money_token_ends.html", values=values, as_json=as_json)


def _row(ask: Ask, sums: TokenSums, row: dict[str, Any]) -> dict[str, Any]:
    key = "trace_id" if row["table"] == "token_traces" else "endpoint_id"
    return {
        **row,
        "amount": token_text(row["amount_units"], sums.decimals, None),
        "address": Seized(row["address"]),
        "href": ask.url("row", table=row["table"], **{f"is.{key}": row["row_id"]}),
        "trace": ask.url("row", table="token_traces", **{"is.trace_id": row["trace_id"]}),
    }


ROUTES = (
    Route(
        name="money_token_ends",
        path="/case/{case}/money/token-ends",
        about="The rows behind a sum of a token and what they give together: `coins` (CHAIN/CONTRACT), `direction`, "
        "`end` (REASON:SERVICE).",
        view=money_token_ends,
        roles=CASE_READERS,
        in_case=True,
        reads="token endpoints",
    ),
)
