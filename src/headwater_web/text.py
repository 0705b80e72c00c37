"""Text on its way into a page: seized text is set apart, and nothing in any text steers the reader's screen."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

__all__ = ["MOST_CHARACTERS", "Seized", "finalised", "seized_markup", "visible"]

MOST_CHARACTERS: Final = 2_000
"""Characters of one value that a page shows; the rest can be had by the export, which is never cut."""

_STEERING: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Line ends and tabs lay text out and steer nothing; a template that wants them keeps white space.
_KEPT: Final = frozenset("\n\t")


@dataclass(frozen=True, slots=True)
class Seized:
    """A text that came from evidence. It is no `str` on purpose, so that none gets into a page by another way.

    Attributes:
        text: As it was read.
    """

    text: str

    def __html__(self) -> str:
        """What a template that escapes puts in its place."""
        return seized_markup(self.text)

    def __str__(self) -> str:
        return visible(self.text)


_ISOLATED, _ISOLATED_NO_MORE, _NOTHING = Markup("<bdi>"), Markup("</bdi>"), Markup()


def visible(text: str) -> str:
    """The text with each character that shows nothing, or changes the direction of others, as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(c) if unicodedata.category(c) in _STEERING and c not in _KEPT else c for c in text)


def seized_markup(text: str) -> Markup:
    """The text isolated, so that its direction ends with it, cut where a page would drown in it."""
    shown = visible(text[:MOST_CHARACTERS])
    rest = len(text) - MOST_CHARACTERS
    more = Markup("<span> … +{:,}</span>").format(rest) if rest > 0 else _NOTHING
    return _ISOLATED + shown + more + _ISOLATED_NO_MORE  # what is added to markup is escaped


def finalised(value: object) -> object:
    """What the template engine does with each value before it escapes it; no template can go round it."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, Seized):
        return seized_markup(value.text)
    if isinstance(value, str) and not (value.isascii() and value.isprintable()):
        # A name of ours may be in any script; isolated, too, as nothing tells it from a name that somebody chose.
        return Markup("<bdi>{}</bdi>").format(visible(value)) if _turns(value) else visible(value)
    return "" if value is None else value


def _turns(text: str) -> bool:
    """Whether the text has a character that is written from right to left."""
    return any(unicodedata.bidirectional(c) in {"R", "AL", "AN", "RLE", "RLO", "RLI"} for c in text)


def _escape(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


assert escape(Seized("<")) == "<bdi>&lt;</bdi>"
