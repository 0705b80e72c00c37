"""Tokens on the screen of money: where base units that were followed came to rest, one token at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headwater.money import token_text
from headwater.money_view import TokenSums, share_text
from headwater_web.answers import NotThereError, Page
from headwater_web.ask import Ask
from headwater_web.shown import json_value
from headwater_web.text import Seized

__all__ = ["coins_links", "token_page"]


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
                    "href": ask.url("money_service", service=end.service_id)
                    if end.service_id
                    else ask.url("table", table="token_endpoints", **{"is.stop_reason": end.stop_reason}),
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
    as_json = [
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
    return Page(template="money_tokens.html", values=values, as_json=json_value(as_json))
