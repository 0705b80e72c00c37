"""What a pair's page shows, made of what the queue gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from headwater.workflow import DeskPair
from headwater_web.ask import Ask
from headwater_web.shown import shown_text
from headwater_web.text import Seized
from headwater_web.waterfall import waterfall_of

__all__ = ["CLAIMS", "pair_values"]

CLAIMS: Final = ("used", "paid", "held")
_LEAST_PPM, _MOST_PPM = 100, 999_900
_SINGULAR: Final = {"accounts": "account", "payments": "payment", "customers": "customer", "records": "record"}


def pair_values(ask: Ask, shown: DeskPair, at: Callable[[str | None], str | None]) -> dict[str, Any]:
    """The values of the page.

    Args:
        ask: The request.
        shown: The pair.
        at: From a pair to its address.
    """
    row = shown.row
    hidden = row["score_hidden"]
    return {
        "pair": row,
        "hidden": hidden,
        "contrary": [Seized(fact) for fact in row["contrary"]],
        "candidates": [_candidate(other, at) for other in row["candidates"]],
        "beside": list(_beside(ask, row)),
        "left": _side(ask, row, "left"),
        "right": _side(ask, row, "right"),
        "fields": list(_fields(row)),
        "txid": row["left"].get("txid") if row["left_table"] == "payments" else None,
        "weights": None if hidden else _weights(row),
        "waterfall": None if hidden else waterfall_of(row["comparisons"], row["match_weight_mbits"]),
        "claims": CLAIMS,
    }


def _side(ask: Ask, row: Mapping[str, Any], side: str) -> dict[str, str]:
    table, row_id = row[f"{side}_table"], row[f"{side}_id"]
    key = next(iter(row[side]))
    return {"kind": _SINGULAR[table], "id": row_id, "href": ask.url("table", table=table, **{f"is.{key}": row_id})}


def _fields(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each field that either row holds, with both values: what only the left row can have comes first."""
    left, right = row["left"], row["right"]
    _, *left_names = left
    _, *right_names = right
    for name in (*(name for name in left_names if name not in right_names), *right_names):
        one, other = left.get(name), right.get(name)
        if one is not None or other is not None:
            yield {
                "name": name.removesuffix("_utc").replace("_", " "),
                "left": _value(one),
                "right": _value(other),
            }


def _value(value: object) -> Seized | None:
    return None if value is None or value == "" else Seized(shown_text(value))


def _candidate(other: Mapping[str, Any], at: Callable[[str | None], str | None]) -> dict[str, Any]:
    _, *names = other["right"]
    told = {
        "id": other["right_id"],
        "href": at(other["link_id"]),
        "told": [Seized(shown_text(other["right"][name])) for name in names if other["right"][name]],
        "weight": None,
        "differs": [],
    }
    if "match_weight_mbits" in other:
        told["weight"] = _bits(other["match_weight_mbits"])
        told["probability"] = _percent(other["probability_ppm"])
        told["differs"] = [
            {
                "field": part["field"].replace("_", " "),
                "better": part["better_by_mbits"] > 0,
                "by": f"{abs(part['better_by_mbits']) / 1000:.2f}",
                "level": Seized(part["level"]),
            }
            for part in other["differs"]
        ]
    return told


def _beside(ask: Ask, row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Other people beside a payer; of several payments by one payer the rows say the same."""
    for rival in {(rival["payer_id"], rival["other_id"]): rival for rival in row["beside"]}.values():
        yield {
            "id": rival["other_id"],
            "href": ask.url("table", table="rival_hypotheses", **{"is.rival_id": rival["rival_id"]}),
            "shares": list(dict.fromkeys(one["shared_kind"] for one in rival["shared"])),
            "sides": [
                {"who": who, "fits": fits, "statement": Seized(told["statement"]), "row": told["row_id"]}
                for who in ("payer", "other")
                for side, fits in (("support", True), ("contradiction", False))
                for told in rival[f"{who}_{side}"]
            ],
        }


def _weights(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "bars": [
            {
                "field": bar["field"].replace("_", " "),
                "bits": _bits(bar["weight_mbits"]),
                "sum": _bits(bar["sum_mbits"]),
                "rows": bar["rows_with_value"],
                "sentence": Seized(bar["sentence"]),
            }
            for bar in row["comparisons"]
        ],
        "total": _bits(row["match_weight_mbits"]),
        "probability": _percent(row["probability_ppm"]),
        "because": Seized(row["because"]),
    }


def _bits(mbits: int) -> str:
    return f"{mbits / 1000:+.2f}".replace("-", "\N{MINUS SIGN}")


def _percent(ppm: int) -> str:
    """The probability; nothing is rounded to certainty."""
    if ppm < _LEAST_PPM:
        return "< 0.01 %"
    return "> 99.99 %" if ppm > _MOST_PPM else f"{ppm / 10_000:.2f} %"
