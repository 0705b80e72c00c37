"""The headers of every response: what a browser may do with it, which is little."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

__all__ = ["CONTENT_SECURITY_POLICY", "headers_of"]

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types default; "
    "report-uri /reports; report-to own"
)
"""Pictures are own icons alone. htmx parses what it gets, so that there is one policy of
Trusted Types, which lets nothing pass that could run (`static/trusted.js`).

References:
    W3C Content Security Policy Level 3; W3C Trusted Types.
"""

_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Reporting-Endpoints": 'own="/reports"',
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Under "no-referrer" a form's Origin is "null" (Fetch, "append a request Origin header"), which tells us nothing.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), display-capture=(), usb=()",
}


def headers_of(response: Response) -> dict[str, str]:
    """The headers to set; what is read in a case stays in no cache."""
    own = dict(_HEADERS)
    if "cache-control" not in response.headers:
        own["Cache-Control"] = "no-store"
    return own
