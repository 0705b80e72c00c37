"""Catalogue: stills and videos by content, told apart by facets; one content with why it is near; hubs to review."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Final

from headwater.engine import Session
from headwater.errors import InputError
from headwater.media import MAX_DISTANCE_BITS, TIER_LIMITS_BITS
from headwater.workflow import (
    FACETS,
    SCALE_BITS,
    Contents,
    content_explained,
    content_grades,
    judge_link,
    queued_hubs,
    ungraded_contents,
)
from headwater_web.answers import NotThereError, Page, Redirect, WrongInputError
from headwater_web.ask import Ask
from headwater_web.cases import OpenCase
from headwater_web.rules import CASE_READERS, DECIDERS, Route
from headwater_web.screens.review import VERDICTS
from headwater_web.shown import json_value
from headwater_web.text import Seized

__all__ = ["BEGUN", "ROUTES"]

_ROWS: Final = 50
_VALUES: Final = 12
"""Values of a facet that stand open; the rest are behind a summary."""
_DIGITS: Final = 16
_BAR: Final = 1000
_MOST_PLACES: Final = 200

Asked = Mapping[str, list[str]]


def catalogue(ask: Ask) -> Page:
    """Contents that fit the facets, as clusters or each for itself."""
    contents = _contents(ask.case)
    wanted, left_out = _asked(ask, "is"), _asked(ask, "not")
    by_cluster, first = ask.one("each") != "yes", ask.number("first")
    page = contents.page(wanted, left_out, by_cluster=by_cluster, first=first, rows=_ROWS)
    facets = contents.facets(wanted, left_out)
    ask.reads("contents", *(str(row["item_id"]) for row in page.rows))
    each = {} if by_cluster else {"each": "yes"}

    def at(number: int) -> str:
        return ask.url("catalogue", first=number, **_query(wanted, left_out), **each)

    values: dict[str, Any] = {
        "rows": [_row(ask, row) for row in page.rows],
        "first": first,
        "fitting": page.fitting,
        "contents": page.contents,
        "places": page.places,
        "total": contents.total,
        "by_cluster": by_cluster,
        "other_way": ask.url("catalogue", **_query(wanted, left_out), **({"each": "yes"} if by_cluster else {})),
        "facets": [_facet(ask, name, values, wanted, left_out, each) for name, values in facets.items()],
        "chips": _chips(ask, wanted, left_out, each),
        "all": ask.url("catalogue", **each),
        "limits": _limits(),
        "hubs": len(ask.case.derived("queued hubs", queued_hubs)),
        "before": at(max(0, first - _ROWS)) if first else None,
        "next": at(first + _ROWS) if first + _ROWS < page.fitting else None,
    }

    def as_json() -> object:
        return {
            "first": first,
            "fitting": page.fitting,
            "contents": page.contents,
            "places": page.places,
            "rows": [json_value(row) for row in page.rows],
            "facets": {name: [asdict(one) for one in several] for name, several in facets.items()},
        }

    return Page(template="catalogue.html", values=values, as_json=as_json)


def _contents(case: OpenCase) -> Contents:
    """The contents with the grades that stand: a graded file has only these made anew."""
    contents: Contents = case.derived("contents", ungraded_contents)
    return case.graded(
        "graded contents", lambda tables: contents.with_grades(content_grades(tables, contents)), id(contents)
    )


def _asked(ask: Ask, kind: str) -> dict[str, list[str]]:
    found = {name: [one for one in ask.query.get(f"{kind}.{name}", ()) if one] for name in FACETS}
    return {name: values for name, values in found.items() if values}


def _query(wanted: Asked, left_out: Asked) -> dict[str, list[str]]:
    return {f"is.{k}": list(v) for k, v in wanted.items()} | {f"not.{k}": list(v) for k, v in left_out.items()}


def _changed(asked: Asked, name: str, value: str, *, there: bool) -> dict[str, list[str]]:
    kept = {k: list(v) for k, v in asked.items()}
    kept[name] = [one for one in kept.get(name, []) if one != value] + ([value] if there else [])
    return {k: v for k, v in kept.items() if v}


def _facet(
    ask: Ask, name: str, values: Sequence[Any], wanted: Asked, left_out: Asked, each: Mapping[str, str]
) -> dict[str, Any]:
    shown = []
    for one in values:
        take = _changed(wanted, name, one.value, there=not one.is_in), _changed(left_out, name, one.value, there=False)
        leave = (
            _changed(wanted, name, one.value, there=False),
            _changed(left_out, name, one.value, there=not one.is_out),
        )
        shown.append(
            {
                **asdict(one),
                "text": Seized(one.value),
                "take": ask.url("catalogue", **_query(*take), **each),
                "leave": ask.url("catalogue", **_query(*leave), **each),
            }
        )
    return {"name": name, "values": shown[:_VALUES], "more": shown[_VALUES:]}


def _chips(ask: Ask, wanted: Asked, left_out: Asked, each: Mapping[str, str]) -> list[dict[str, Any]]:
    found = []
    for asked, is_out in ((wanted, False), (left_out, True)):
        for name, several in asked.items():
            for value in several:
                rest = (
                    _query(wanted, _changed(left_out, name, value, there=False))
                    if is_out
                    else _query(_changed(wanted, name, value, there=False), left_out)
                )
                href = ask.url("catalogue", **rest, **each)
                found.append({"facet": name, "value": Seized(value), "is_out": is_out, "href": href})
    return found


def _row(ask: Ask, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "digits": str(row["content"])[:_DIGITS],
        "href": ask.url("content", content=row["content"]),
        "bar": _bar(row["distance_bits"]),
        "series": None if row["series"] is None else Seized(row["series"]),
    }


def _bar(distance_bits: int | None) -> float | None:
    """How far a distance reaches on a bar that spans `SCALE_BITS`."""
    return None if distance_bits is None else round(_BAR * min(distance_bits, SCALE_BITS) / SCALE_BITS, 1)


def _limits() -> list[dict[str, Any]]:
    return [{"tier": tier, "bits": bits, "at": _bar(bits)} for tier, bits in TIER_LIMITS_BITS]


def content(ask: Ask) -> Page:
    """One content: its places, its hashes, and why it is known, near, or neither."""
    named = ask.path["content"]
    try:
        told = ask.case.graded("content", lambda tables: content_explained(tables, named), named)
    except InputError:
        raise NotThereError("problem.no_content", content=Seized(named)) from None
    places = told["places"]
    ask.reads("content", *(place["item_id"] for place in places[:_MOST_PLACES]))
    near = told["cluster"]
    values: dict[str, Any] = {
        "told": told,
        "digits": str(told["content"])[:_DIGITS],
        "verdict": {**told["verdict"], "reason": Seized(told["verdict"]["reason"] or "")},
        "places": [
            {
                **place,
                "path": Seized(place["path"]),
                "href": ask.url("row", table="items", **{"is.item_id": place["item_id"]}),
            }
            for place in places[:_MOST_PLACES]
        ],
        "more_places": len(places) - _MOST_PLACES,
        "matches": [_shown_match(ask, one) for one in told["matches"]],
        "videos": [_video(ask, one) for one in told["video_matches"]],
        "limits": _limits(),
        "limit_bits": MAX_DISTANCE_BITS,
        "cluster": None
        if near is None
        else {
            **near,
            "href": ask.url("table", table="media_clusters", **{"is.media_cluster_id": near["media_cluster_id"]}),
            "contents": [
                {**one, "digits": one["content"][:_DIGITS], "href": ask.url("content", content=one["content"])}
                for one in near["contents"]
            ],
        },
        "grades": [
            {
                **one,
                "law": Seized(" ".join(filter(None, (one["scheme"], one["country"])))),
                "href": ask.url("table", table="media_grades", **{"is.item_id": one["item_id"]}),
            }
            for one in told["grades"]
        ],
        "uploads": [
            {**one, "href": ask.url("table", table="uploads", **{"is.upload_id": one["upload_id"]})}
            for one in told["uploads"]
        ],
        "hashes": ask.url("table", table="media_hashes", **{"is.item_id": told["verdict"]["item_id"]}),
    }
    return Page(template="content.html", values=values, as_json=lambda: json_value(told))


def _shown_match(ask: Ask, one: Mapping[str, Any]) -> dict[str, Any]:
    listed = one["listed"] or {}
    return {
        **one,
        "bar": _bar(one["distance_bits"]),
        "limit_at": _bar(MAX_DISTANCE_BITS),
        "list": f"{one['reference_name']}@{one['reference_version']}",
        "series": Seized(one["series"] or ""),
        "category": Seized(one["category"] or ""),
        "listed_pdq": listed.get("pdq"),
        "entry": ask.url("table", table="hash_list_entries", **{"is.entry_id": one["entry_id"]}),
        "row": ask.url("row", table="media_matches", **{"is.match_id": one["match_id"]}),
        "chance": None if one["chance_log10"] is None else round(one["chance_log10"]),
    }


def _video(ask: Ask, one: Mapping[str, Any]) -> dict[str, Any]:
    href = ask.url("row", table="video_matches", **{"is.video_match_id": one["video_match_id"]})
    return {**one, "listed_file": Seized(one["listed_file"]), "href": href}


def hubs(ask: Ask) -> Page:
    """Listed hashes that are near many unlike items: set aside until a person says what each stands for."""
    found = ask.case.derived("queued hubs", queued_hubs)
    ask.reads("table:media_hubs", *(hub["media_hub_id"] for hub in found))
    said = ask.case.kept("judged hubs", lambda tables: tables.arrow("hub_judgements").to_pylist())
    said_of = {row["pdq"]: row for row in said}
    rows = [
        {
            **hub,
            "list": f"{hub['reference_name']}@{hub['reference_version']}",
            "series": Seized(hub["series"] or ""),
            "href": ask.url("row", table="media_hubs", **{"is.media_hub_id": hub["media_hub_id"]}),
            "matches": ask.url("table", table="media_matches", **{"is.entry_id": hub["entry_id"]}),
            "said": said_of.get(hub["pdq"]),
        }
        for hub in found
    ]
    return Page(
        template="hubs.html", values={"rows": rows}, as_json=lambda: {"hubs": [json_value(hub) for hub in found]}
    )


def judge_hub(ask: Ask) -> Redirect:
    """What a person says that a listed hash stands for; the next run counts its matches, or leaves them out."""
    hub, verdict, why = ask.path["hub"], ask.form.get("verdict", ""), ask.form.get("why", "").strip()
    if verdict not in VERDICTS:
        raise WrongInputError("problem.no_verdict")
    if not why:
        raise WrongInputError("problem.no_reason")
    if hub not in {row["media_hub_id"] for row in ask.case.derived("queued hubs", queued_hubs)}:
        raise NotThereError
    with ask.case.acting() as case:
        judged = judge_link(case, ask.actor_for(why), hub, verdict, why=why)
    ask.reads(judged.judgement.judgement_id)
    return Redirect(to=ask.url("hubs"))


def _some_content(case: OpenCase) -> None:
    """One content looked up: the indexes that any other one is found by are there then."""

    def read(tables: Session) -> None:
        if tables.count("media_verdicts"):
            [first] = tables.at("media_verdicts", [0], columns=["item_id"])["item_id"].to_pylist()
            with suppress(InputError):
                content_explained(tables, first)

    case.derived("some content", read)


BEGUN = (("catalogue", _contents), ("content", _some_content))

ROUTES = (
    Route(
        name="catalogue",
        path="/case/{case}/catalogue/",
        about="Stills and videos by content: `is.FACET` and `not.FACET` say which, `each` whether clusters are taken "
        "apart.",
        view=catalogue,
        roles=CASE_READERS,
        in_case=True,
        reads="catalogue",
        nav="nav.catalogue",
    ),
    Route(
        name="content",
        path="/case/{case}/catalogue/content/{content}",
        about="One content by its SHA-256: its places, its hashes, and why it is known, near, or neither.",
        view=content,
        roles=CASE_READERS,
        in_case=True,
        reads="content",
        sample=(("content", "0" * 64),),
    ),
    Route(
        name="hubs",
        path="/case/{case}/catalogue/hubs",
        about="Listed hashes that are near many unlike items, and wait for a person.",
        view=hubs,
        roles=CASE_READERS,
        in_case=True,
        reads="hubs",
    ),
    Route(
        name="judge_hub",
        path="/case/{case}/catalogue/hubs/{hub}/judge",
        about="Records what a person says of a listed hash that was set aside: `verdict` and `why`.",
        view=judge_hub,
        roles=DECIDERS,
        in_case=True,
        reads="hub",
        methods=("POST",),
        sample=(("hub", "hub-none"),),
    ),
)
