"""Templates: everything is escaped, and everything goes through one finaliser."""

from __future__ import annotations

import datetime as dt
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from headwater_web.answers import Page
from headwater_web.ask import Ask
from headwater_web.text import Seized, finalised
from headwater_web.words import LANGUAGES

__all__ = ["environment", "rendered"]

_TEMPLATES = Path(__file__).with_name("templates")


@cache
def environment() -> Environment:
    """The one environment; a value that is missing is an error and no empty place."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        finalize=finalised,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["seized"] = lambda value: "" if value is None else Seized(str(value))
    made.filters["count"] = _count
    made.filters["bytes"] = _bytes
    made.filters["signed"] = _signed
    made.filters["instant"] = _instant
    # No template may switch the escaping off.
    for name in ("safe", "forceescape", "tojson", "xmlattr", "urlize"):
        made.filters.pop(name, None)
    return made


def rendered(ask: Ask, page: Page) -> bytes:
    """The page, or the part of it that htmx asked for."""
    template = page.part if page.part and ask.for_part else page.template
    return (
        environment()
        .get_template(template)
        .render(
            ask=ask,
            t=ask.word,
            url=ask.url,
            may=ask.may,
            languages=LANGUAGES,
            navigation=_navigation(ask),
            # What a form was answered with has no address of its own.
            saveable=ask.opened is not None and "GET" in ask.route.methods and page.status == HTTPStatus.OK,
            form_token=ask.session.form_token if ask.session else "",
            **page.values,
        )
        .encode("utf-8", "backslashreplace")
    )


def _navigation(ask: Ask) -> list[dict[str, object]]:
    """The screens of the case that this person may open, in the order of the routes."""
    if ask.opened is None:
        return []
    path = ask.address.partition("?")[0]
    home = ask.url("home")  # every address of the case begins with it, so that it alone has to be met exactly
    shown = [(ask.url(r.name), ask.word(r.nav)) for r in ask.workbench.routes if r.nav and ask.may(r.name)]
    return [
        {"href": href, "word": word, "here": path == href or (href != home and path.startswith(href))}
        for href, word in shown
    ]


def _count(number: int) -> str:
    """A number with narrow spaces between thousands, as nobody reads a comma or a point wrongly there."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _signed(number: float) -> str:
    """A number with its sign and two places, in the sign that is as wide as a plus."""
    return f"{number:+.2f}".replace("-", "\N{MINUS SIGN}")


_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def _bytes(size: int) -> str:
    """A size in the largest unit that leaves a whole part."""
    amount, unit = float(size), 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{_count(size)} B" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"


def _instant(value: Any) -> str:  # noqa: ANN401 - a time, or its text
    """A time in UTC, to the second."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return str(value)[:19].replace("T", " ") + " UTC" if value else ""
