"""The ASGI application, made of the routes; the only place that makes an address reachable."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Reachable
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headwater_web.gate import answered
from headwater_web.headers import headers_of
from headwater_web.rules import Route
from headwater_web.workbench import Workbench

__all__ = ["application"]

_BY_TLS_ALONE: Final = f"max-age={365 * 24 * 3600}"


def application(workbench: Workbench) -> Starlette:
    """The application that serves a workbench; nothing is reachable but its routes."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        workbench.close()

    reachable = [
        Reachable(route.path, _endpoint(workbench, route), methods=list(route.methods), name=route.name)
        for route in workbench.routes
    ]
    handlers = {404: _bare, 405: _bare}
    middleware = [Middleware(_OverTls)] if workbench.secure_transport else []
    return Starlette(routes=reachable, exception_handlers=handlers, lifespan=lifespan, middleware=middleware)


class _OverTls:
    """Tells browsers to come by TLS alone from now on, whatever is typed (RFC 6797)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Strict-Transport-Security"] = _BY_TLS_ALONE
            await send(message)

        await self._app(scope, receive, told if scope["type"] == "http" else send)


def _endpoint(workbench: Workbench, route: Route) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await answered(workbench, route, request)

    return endpoint


_NOTHING_HERE = """<!doctype html>
<html lang="en">
<head><title>headwater: nothing here</title></head>
<body><main><h1>There is nothing here</h1><p>The address is none of the workbench's; go back.</p></main></body>
</html>
"""


async def _bare(request: Request, error: Exception) -> Response:
    """What is said of an address that is none, to anyone."""
    status = getattr(error, "status_code", 404)
    if "text/html" in request.headers.get("accept", ""):
        response = Response(_NOTHING_HERE, status, media_type="text/html")
    else:
        response = Response("there is nothing here\n", status, media_type="text/plain")
    if status == 405:
        response.headers.update(getattr(error, "headers", None) or {})
    for name, value in headers_of(response).items():
        response.headers[name] = value
    return response
