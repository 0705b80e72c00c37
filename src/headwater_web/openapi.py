"""The workbench as programs read it: a description in the form of OpenAPI, made of the routes and of nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from headwater import __version__
from headwater_web.interfaces import INTERFACES, Interface
from headwater_web.rules import Role, Route

__all__ = ["openapi_of"]

_PARAMETER: Final = re.compile(r"\{(\w+)(?::path)?\}")
_SAID: Final = {
    200: "What was asked for.",
    202: "It is being made; ask again.",
    303: "Look at the address in `Location`.",
    400: "The request is none that the workbench understands.",
    401: "Nobody is signed in, or what was sent to sign in is wrong.",
    403: "Not in this role, or the form was none of the workbench's own.",
    404: "There is no such thing, or none that this person may know of.",
    406: "This address has nothing in the form that was asked for.",
    409: "Something changed since, or was altered.",
    413: "More than is taken.",
    415: "A form of a kind that is not read here.",
    422: "What was sent cannot be used; nothing was done.",
    429: "Too many failures; wait.",
    503: "The reading could not be put on record, so that nothing is shown.",
}
_ALWAYS: Final = (303, 400, 404, 406, 422)
_WRITING: Final = (401, 403, 413, 415)


def openapi_of(routes: Iterable[Route]) -> dict[str, Any]:
    """The description of these routes, in OpenAPI 3.1.

    Args:
        routes: Those that are reachable.

    Returns:
        The document; the same routes give the same one.
    """
    paths: dict[str, Any] = {}
    for route in routes:
        place = paths.setdefault(_PARAMETER.sub(r"{\1}", route.path), {})
        for method in route.methods:
            place[method.lower()] = _operation(route, method)
    told = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
    cookie = {"type": "apiKey", "in": "cookie", "name": "__Host-headwater"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "headwater workbench", "version": __version__},
        "paths": paths,
        "components": {"schemas": {"Problem": told}, "securitySchemes": {"session": cookie}},
    }


def _operation(route: Route, method: str) -> dict[str, Any]:
    takes = INTERFACES.get(route.name, Interface())
    operation: dict[str, Any] = {
        "operationId": f"{route.name}_{method.lower()}" if len(route.methods) > 1 else route.name,
        "summary": route.about,
        "parameters": [*_path_parameters(route), *_query_parameters(takes)],
        "responses": _responses(route, method, takes),
        "x-roles": sorted(route.roles),
        "x-reads": route.reads,
    }
    if Role.NOBODY not in route.roles:
        operation["security"] = [{"session": []}]
    if method == "POST":
        operation["requestBody"] = _form(route, takes)
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    samples = dict(route.sample)
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1} | ({"examples": [samples[name]]} if name in samples else {}),
        }
        for name in _PARAMETER.findall(route.path)
    ]


def _query_parameters(takes: Interface) -> list[dict[str, Any]]:
    whole = {"type": "integer", "minimum": 0, "maximum": 2**53}
    kinds = [*((name, {"type": "string"}) for name in takes.texts), *((name, whole) for name in takes.numbers)]
    return [{"name": name, "in": "query", "required": False, "schema": schema} for name, schema in kinds]


def _form(route: Route, takes: Interface) -> dict[str, Any]:
    names = ("token", *(("reason",) if route.bulk else ()), *takes.fields)
    fields: dict[str, Any] = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    if route.name != "reports":
        fields["required"] = ["token"]
    kinds = {"application/x-www-form-urlencoded": {"schema": fields}}
    if takes.files:
        files = {name: {"type": "string", "format": "binary"} for name in takes.files}
        kinds["multipart/form-data"] = {"schema": fields | {"properties": fields["properties"] | files}}
    else:
        kinds["application/json"] = {"schema": fields | {"additionalProperties": {"type": "string"}}}
    return {"required": True, "content": kinds}


def _responses(route: Route, method: str, takes: Interface) -> dict[str, Any]:
    problem = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    given: dict[str, Any] = {kind: {} for kind in takes.gives} or {"application/json": {"schema": {}}}
    several = {200, *_ALWAYS, *takes.statuses}
    if Role.NOBODY not in route.roles or method == "POST":
        several |= {401, 403}
    if route.in_case:
        several |= {503}
    if method == "POST":
        several |= set(_WRITING)
    told: dict[str, Any] = {}
    for status in sorted(several):
        told[str(status)] = {"description": _SAID[status]}
        if status == 303:
            told["303"]["headers"] = {"Location": {"required": True, "schema": {"type": "string"}}}
        else:
            # What ends a view with more than a sentence, such as a conflict, says so in JSON of its own.
            told[str(status)]["content"] = given if status in {200, 202} else {"application/json": {"schema": {}}}
            if status >= 400 and status not in takes.statuses and status not in {401, 422}:
                told[str(status)]["content"] = problem
        if status == 404:
            # Where a part of the address has a slash in it, the address is none of a route, and no route answers.
            told["404"]["content"] = problem | {"text/plain": {"schema": {"type": "string"}}}
    return told
