"""One service: what it can be asked and on what proof; one question of these, hop by hop; and the sheet to ask with."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow.compute as pc

from headwater.engine import Session
from headwater.errors import ConfigError
from headwater.money_view import Sheet, btc_text, money_sums, month_table, service_lines, share_text
from headwater.workflow import export_request_sheets, sheets_to_read, way_marks
from headwater_web.answers import Download, NotThereError, Page, Problem, WrongInputError
from headwater_web.ask import Ask
from headwater_web.cases import OpenCase
from headwater_web.rules import CASE_READERS, Route
from headwater_web.screens.money_parts import amount_parts, cluster_url, ends_url, tx_url
from headwater_web.shown import json_value
from headwater_web.text import Seized

__all__ = ["BEGUN", "ROUTES"]

_ROWS: Final = 50
_SHEETS_BEGUN: Final = 16
_WAYS: Final = 12
"""Ways of a question that a page draws; how many there are stands beside them, and the sheet has all."""
_FORMATS: Final = {"pdf": "application/pdf", "csv": "text/csv", "json": "application/json"}
_COINS, _TOKENS = "coins", "tokens"


def _service(tables: Session, service_id: str) -> Mapping[str, Any] | None:
    rows = tables.arrow("services")
    return next(iter(rows.filter(pc.equal(rows["service_id"], service_id)).to_pylist()), None)


def _service_asked(ask: Ask) -> Mapping[str, Any]:
    """The row of the register.

    Raises:
        NotThereError: The register has no such service.
    """
    wanted = ask.path["service"]
    found = ask.case.derived("service", lambda tables: _service(tables, wanted), wanted)
    if found is None:
        raise NotThereError("problem.no_service", service=Seized(wanted))
    return found


def _questions(tables: Session, service_id: str) -> list[dict[str, Any]]:
    rows = tables.arrow("request_sheets")
    return list(
        rows.filter(pc.equal(rows["service_id"], service_id))
        .sort_by([("direction", "ascending"), ("output_sat", "descending"), ("request_id", "ascending")])
        .to_pylist()
    )


def _token_questions(tables: Session, service_id: str) -> list[dict[str, Any]]:
    rows = tables.arrow("token_requests")
    return list(rows.filter(pc.equal(rows["service_id"], service_id)).to_pylist())


def money_service(ask: Ask) -> Page:
    """One service: amounts by each rule with the bound, what it can be asked, by month."""
    service = _service_asked(ask)
    service_id = str(service["service_id"])
    sums = ask.case.derived("money sums", money_sums)
    followed = {flow.direction: flow.origin_sat for flow in sums.flows}
    lines = [line for line in ask.case.derived("money by service", service_lines) if line.service_id == service_id]
    questions = ask.case.derived("questions", lambda tables: _questions(tables, service_id), service_id)
    month, direction = ask.one("month"), ask.one("direction")
    fitting = [
        row
        for row in questions
        if (not month or f"{row['at_utc']:%Y-%m}" == month) and (not direction or row["direction"] == direction)
    ]
    tokens = ask.case.derived("token questions", lambda tables: _token_questions(tables, service_id), service_id)
    first = ask.number("first")
    shown = fitting[first : first + _ROWS]
    ask.reads("table:request_sheets", service_id, *(str(row["request_id"]) for row in shown))

    def at(number: int) -> str:
        return ask.url(
            "money_service", service=service_id, month=month or None, direction=direction or None, first=number or None
        )

    values: dict[str, Any] = {
        "service": {name: _seized(value) for name, value in service.items()},
        "row": ask.url("row", table="services", **{"is.service_id": service_id}),
        "sheet": ask.url("money_sheet", service=service_id) if questions or tokens else "",
        "lines": [
            {
                "line": line,
                "bar": amount_parts(line.least_sat, line.most_sat, line.bound_sat, followed.get(line.direction, 0)),
                "followed_sat": followed.get(line.direction, 0),
                "by_policy": [
                    {
                        "policy": name,
                        "sat": sat,
                        "share": share_text(sat, followed.get(line.direction, 0)),
                        "href": ends_url(ask, name, line.direction, [f"*:{service_id}"]),
                    }
                    for name, sat in line.by_policy.items()
                ],
            }
            for line in lines
        ],
        "questions": [_question_line(ask, row) for row in shown],
        "tokens": [
            {
                **row,
                "question": Seized(row["question"]),
                "href": ask.url("row", table="token_requests", **{"is.request_id": row["request_id"]}),
            }
            for row in tokens
        ],
        "months": _months(ask, service_id),
        "month": month,
        "direction": direction,
        "first": first,
        "fitting": len(fitting),
        "total": len(questions),
        "all": ask.url("money_service", service=service_id),
        "before": at(max(0, first - _ROWS)) if first else None,
        "next": at(first + _ROWS) if first + _ROWS < len(fitting) else None,
        "back": ask.url("money"),
    }

    def as_json() -> object:
        return {
            "service": json_value(dict(service)),
            "lines": [json_value(line.as_row()) for line in lines],
            "fitting": len(fitting),
            "total": len(questions),
            "first": first,
            "questions": [json_value(row) for row in shown],
            "token_questions": [json_value(row) for row in tokens],
        }

    return Page(template="money_service.html", values=values, as_json=as_json)


def _seized(value: object) -> object:
    return Seized(value) if isinstance(value, str) else value


def _question_line(ask: Ask, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "btc": btc_text(row["output_sat"]),
        "href": ask.url("money_question", request=row["request_id"]),
        "tx": tx_url(ask, row["txid"]),
        "cluster": cluster_url(ask, row["address"]),
    }


def _months(ask: Ask, service_id: str) -> list[dict[str, Any]]:
    table = ask.case.derived("money by month", month_table)
    return [
        {
            **row,
            "amounts": [row[name] for name in table.columns if name.endswith("_sat")],
            "href": ask.url("money_service", service=service_id, month=row["month"], direction=row["direction"]),
        }
        for row in table.rows
        if row["service_id"] == service_id
    ]


def _sheets(ask: Ask, actor: str) -> list[Sheet]:
    """The sheets of a service; the same function as the command's.

    Raises:
        Problem: Money has not been followed in this case.
    """
    try:
        return _sheets_of(ask.case, actor)
    except ConfigError as error:
        raise Problem(422, "problem.input", why=str(error)) from error


def _sheets_of(case: OpenCase, actor: str) -> list[Sheet]:
    return case.derived("request sheets", lambda tables: sheets_to_read(case.reading, tables, actor), actor)


def _first_sheets(case: OpenCase) -> None:
    """The sheets of the services that people come to first: one of many questions takes seconds."""
    with case.tables() as tables:
        actors = [tables.arrow(name)["actor"].to_pylist() for name in ("request_sheets", "token_requests")]
    for actor in sorted({*actors[0], *actors[1]})[:_SHEETS_BEGUN]:
        _sheets_of(case, actor)


def money_question(ask: Ask) -> Page:
    """One question: the transaction and what of it is the platform's by each rule, each way hop by hop, and doubts."""
    wanted = ask.path["request"]

    def found(tables: Session) -> Mapping[str, Any] | None:
        rows = tables.arrow("request_sheets")
        return next(iter(rows.filter(pc.equal(rows["request_id"], wanted)).to_pylist()), None)

    row = ask.case.derived("question", found, wanted)
    if row is None:
        raise NotThereError("problem.no_question", question=Seized(wanted))
    sheet = next(one for one in _sheets(ask, row["actor"]) if "service" in one.document)
    [request] = [one for one in sheet.document["requests"] if one["request_id"] == wanted]
    ways = _ways(request["paths"])
    shown = ways[:_WAYS]
    txids = tuple(
        sorted({row["txid"], *request["merges"], *(hop["txid"] for way in shown for hop in way["hops"])})
    )  # fmt: skip
    marks = ask.case.derived("marks of transactions", lambda tables: way_marks(tables, txids), txids)
    ask.reads("table:request_sheets", wanted, row["service_id"], row["tag_id"])
    followed = sum(receipt["receipt_sat"] for receipt in request["receipts"])
    values: dict[str, Any] = {
        "request": {**request, "question": Seized(request["question"])},
        "service": Seized(row["service_name"]),
        "service_href": ask.url("money_service", service=row["service_id"]),
        "sheet": ask.url("money_sheet", service=row["service_id"]),
        "tx": tx_url(ask, row["txid"]),
        "cluster": cluster_url(ask, row["address"]),
        "bar": amount_parts(request["least_sat"], request["most_sat"], request["bound_sat"], request["output_sat"]),
        "by_policy": [
            (name, sat, share_text(sat, request["output_sat"])) for name, sat in request["by_policy"].items()
        ],
        "receipts": [{**one, "href": tx_url(ask, one["txid"])} for one in request["receipts"][:_ROWS]],
        "receipts_total": len(request["receipts"]),
        "receipts_sat": followed,
        "ways": [
            {
                **way,
                "hops": [
                    {**hop, "href": tx_url(ask, hop["txid"]), **marks.get(hop["txid"], {})} for hop in way["hops"]
                ],
            }
            for way in shown
        ],
        "ways_total": len(ways),
        "tag": {name: _seized(value) for name, value in request["tag"].items()},
        "tag_href": ask.url("row", table="tags", **{"is.tag_id": request["tag"]["tag_id"]}),
        "tagged_cluster": cluster_url(ask, request["tag"]["address"]),
        "merges": [{"txid": txid, "href": tx_url(ask, txid), **marks.get(txid, {})} for txid in request["merges"]],
        "doubts": [Seized(doubt) for doubt in request["what_would_make_it_false"]],
        "row": ask.url("row", table="request_sheets", **{"is.request_id": wanted}),
    }
    return Page(template="money_question.html", values=values, as_json=lambda: {"request": json_value(dict(request))})


def _ways(paths: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The ways, those of several policies that are the same to the satoshi as one; most satoshis first."""
    same: dict[tuple[object, ...], dict[str, Any]] = {}
    for path in paths:
        hops = tuple((hop["txid"], hop["output_index"], hop["amount_sat"]) for hop in path["hops"])
        way = same.setdefault((path["amount_sat"], hops), {**path, "policies": []})
        way["policies"].append(path["policy"])
    return sorted(same.values(), key=lambda way: (-way["amount_sat"], way["hops"][0]["txid"], way["policies"]))


def money_sheet(ask: Ask) -> Page:
    """What the sheets of a service hold, to be read before they are handed out."""
    service = _service_asked(ask)
    sheets = _sheets(ask, str(service["actor"]))
    about = _TOKENS if ask.one("about") == _TOKENS else _COINS
    there = {_TOKENS if "asked" in sheet.document else _COINS: sheet for sheet in sheets}
    about = about if about in there else next(iter(there))
    document = there[about].document
    first = ask.number("first")
    requests = document["requests"]
    shown = requests[first : first + _ROWS]
    ask.reads("table:request_sheets", str(service["service_id"]), *(str(one["request_id"]) for one in shown))

    def at(number: int) -> str:
        return ask.url("money_sheet", service=service["service_id"], about=about, first=number or None)

    values: dict[str, Any] = {
        "name": there[about].name,
        "about": about,
        "others": [{"about": one, "href": ask.url("money_sheet", service=service["service_id"], about=one),
                    "here": one == about} for one in there] if len(there) > 1 else [],
        "service": {name: _seized(value) for name, value in service.items()},
        "service_href": ask.url("money_service", service=service["service_id"]),
        "case": {name: Seized(str(value)) for name, value in document["case"].items()},
        "records": [Seized(one) for one in document.get("records_to_ask_for", ())],
        "shares": [{**share, "share": share_text(share["reaches_sat"], share["followed_sat"])}
                   for share in document.get("shares", ())],
        "requests": [_asked_line(ask, request, about) for request in shown],
        "first": first,
        "total": len(requests),
        "before": at(max(0, first - _ROWS)) if first else None,
        "next": at(first + _ROWS) if first + _ROWS < len(requests) else None,
        "basis": document["basis"],
        "formats": list(_FORMATS),
        "withheld": there[about].withheld,
    }  # fmt: skip

    def as_json() -> object:
        return {"name": there[about].name, "sheet": json_value(dict(document))}

    return Page(template="money_sheet.html", values=values, as_json=as_json)


def _asked_line(ask: Ask, request: Mapping[str, Any], about: str) -> dict[str, Any]:
    amount = f"{request['output_btc']} BTC" if about == _COINS else request["asked_tokens"]
    part = "" if about == _COINS else request["traced_tokens"]
    return {
        "question": Seized(request["question"]),
        "href": ask.url("money_question", request=request["request_id"])
        if about == _COINS
        else ask.url("row", table="token_requests", **{"is.request_id": request["request_id"]}),
        "at_utc": request["at_utc"],
        "kept_until": request["kept_until"] or "",
        "amount": Seized(amount),
        "by_policy": list(request["by_policy"].items()) if about == _COINS else [],
        "part": Seized(part),
        "doubts": [Seized(doubt) for doubt in request["what_would_make_it_false"]],
    }


def money_sheet_export(ask: Ask) -> Download:
    """One file of a sheet, as the command writes it; the custody log has the digests of all that were made."""
    service = _service_asked(ask)
    kind, about = ask.form.get("format", "pdf"), ask.form.get("about", _COINS)
    if kind not in _FORMATS:
        raise WrongInputError("problem.no_format")
    with tempfile.TemporaryDirectory(prefix="headwater-sheets-") as scratch, ask.case.acting() as case:
        folder = Path(scratch) / "sheets"
        try:
            written = export_request_sheets(case, ask.actor_for(ask.reason), folder, actors=[str(service["actor"])])
        except ConfigError as error:
            raise Problem(422, "problem.input", why=str(error)) from error
        ending = f"_tokens.{kind}" if about == _TOKENS else f".{kind}"
        named = [
            name
            for name in sorted(written.outputs)
            if name.endswith(ending) and (about == _TOKENS or not name.endswith(f"_tokens.{kind}"))
        ]
        if not named:
            raise WrongInputError("problem.no_format")
        content = (folder / named[0]).read_bytes()
    ask.reads(str(service["service_id"]), f"sha256:{written.outputs[named[0]]}")
    return Download(parts=[content], media_type=_FORMATS[kind], file_name=named[0])


BEGUN = (("money_sheet", _first_sheets),)

ROUTES = (
    Route(
        name="money_service",
        path="/case/{case}/money/services/{service}",
        about="One service of the register: amounts by each rule with the bound, its questions, by month; `month` and "
        "`direction` say which questions.",
        view=money_service,
        roles=CASE_READERS,
        in_case=True,
        reads="service",
        sample=(("service", "svc-none"),),
    ),
    Route(
        name="money_question",
        path="/case/{case}/money/questions/{request}",
        about="One question to a service: amounts, every way hop by hop, merges and tag, and what would make it false.",
        view=money_question,
        roles=CASE_READERS,
        in_case=True,
        reads="question to a service",
        sample=(("request", "req-none"),),
    ),
    Route(
        name="money_sheet",
        path="/case/{case}/money/services/{service}/sheet",
        about="What a request sheet holds, as text; `about` is coins or tokens.",
        view=money_sheet,
        roles=CASE_READERS,
        in_case=True,
        reads="request sheet",
        sample=(("service", "svc-none"),),
    ),
    Route(
        name="money_sheet_export",
        path="/case/{case}/money/services/{service}/sheet",
        about="A request sheet as PDF, CSV or JSON, as the command `request` writes it; asks for a reason.",
        view=money_sheet_export,
        roles=CASE_READERS,
        in_case=True,
        reads="request sheet",
        methods=("POST",),
        bulk=True,
        exports=True,
        sample=(("service", "svc-none"),),
    ),
)
