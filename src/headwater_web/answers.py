"""What a view gives back; the gate turns it into a response once the reading is on record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

__all__ = [
    "Answer",
    "Download",
    "File",
    "NotThereError",
    "Page",
    "Problem",
    "Redirect",
    "StillMadeError",
    "WrongInputError",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page, or the part of one that htmx asked for.

    Attributes:
        template: Path under `templates/`; empty for an answer to programs alone.
        values: What the template gets, besides what every template gets.
        as_json: The same for a program, or what makes it; None where there is none.
        part: Template for a request of htmx, if it is another one.
        status: Of HTTP.
        cookies: Cookies to set; an empty value takes the cookie away.
    """

    template: str
    values: Mapping[str, object] = field(default_factory=dict)
    as_json: object = None
    part: str = ""
    status: int = 200
    cookies: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """Go and look there.

    Attributes:
        to: Address on this server.
        cookies: Cookies to set; an empty value takes the cookie away.
    """

    to: str
    cookies: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """Bytes to keep, sent part by part.

    Attributes:
        parts: Of the file.
        media_type: Never of stills, video or audio.
        file_name: ASCII.
    """

    parts: Iterable[bytes]
    media_type: str
    file_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One of the workbench's own files: a style sheet, a script, an icon.

    Attributes:
        content: Its bytes.
        media_type: Of them.
        kept: Whether a browser may keep it.
    """

    content: bytes
    media_type: str
    kept: bool = True


Answer = Page | Redirect | Download | File


class Problem(Exception):  # noqa: N818 - an answer that ends a view, such as "there is no such row", and no failure
    """The view ends here, with a page that says why.

    Attributes:
        status: Of HTTP.
        key: Of the words in the catalogue.
        words: What goes into them.
    """

    def __init__(self, status: int, key: str, **words: object) -> None:
        self.status = status
        self.key = key
        self.words = words
        super().__init__(f"{status} {key}")


class NotThereError(Problem):
    """There is no such thing, or none that this person may know of."""

    def __init__(self, key: str = "problem.not_there", **words: object) -> None:
        super().__init__(404, key, **words)


class WrongInputError(Problem):
    """What was sent cannot be used; nothing was done."""

    def __init__(self, key: str, **words: object) -> None:
        super().__init__(422, key, **words)


class StillMadeError(Exception):
    """What a page shows is being made, and takes longer than anybody should wait for an answer."""
