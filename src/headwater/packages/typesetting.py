"""Content set as PDF/A by typst: every text shown or printed by its number, the same bytes for the same content."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Literal

import typst

from headwater.errors import RefusedError

__all__ = ["PRINTED", "printable", "set_pdf"]

# Characters that the two fonts inside the typst wheel can show, and that neither reorder, join nor hide text. Tests set
# every one of them. Whatever else evidence holds is printed by its number; `leads.jsonl` has it as it is.
PRINTED: tuple[tuple[int, int], ...] = (
    (0x20, 0x7E),
    (0xA0, 0xAC),
    (0xAE, 0x2FF),  # Latin; U+00AD is a hyphen that hides
    (0x386, 0x386),
    (0x388, 0x38A),
    (0x38C, 0x38C),
    (0x38E, 0x3A1),
    (0x3A3, 0x3FF),  # Greek
    (0x400, 0x482),
    (0x48A, 0x4FF),  # Cyrillic
    (0x531, 0x556),
    (0x561, 0x587),  # Armenian
    (0x5D0, 0x5EA),  # Hebrew
    (0x621, 0x63A),
    (0x641, 0x64A),
    (0x660, 0x669),
    (0x6F0, 0x6F9),  # Arabic
    (0x10D0, 0x10F0),  # Georgian
    (0x1E00, 0x1EFF),  # Latin with two marks, as Vietnamese has
    (0x2010, 0x2015),
    (0x2018, 0x201E),
    (0x2020, 0x2022),
    (0x2026, 0x2026),
    (0x2030, 0x2030),
    (0x2039, 0x203A),
    (0x20AC, 0x20AC),
    (0x2116, 0x2116),
    (0x2122, 0x2122),
    (0x2190, 0x2193),
    (0x2212, 0x2212),
)
_UNPRINTED = re.compile("[^" + "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in PRINTED) + "]")
_LONGEST_TEXT = 4_000  # more than a page of one text tells a reader nothing; the files beside the report have it whole
_STANDARDS: list[Literal["a-2a", "ua-1"]] = [
    "a-2a",
    "ua-1",
]  # for keeping (ISO 19005-2) and for reading aloud (ISO 14289-1)


def set_pdf(
    template: bytes, document: Mapping[str, object], *, at_utc: datetime, name: str, pictures: Sequence[str] = ()
) -> bytes:
    """The document as PDF.

    Text from evidence reaches the typesetter as JSON strings, never as its markup, so nothing in it can be a command. A
    text of more than 4,000 characters is cut, and says so where it stands; `cuts` in the document, which the template
    shows, says of each where in the document it is and how many characters are left out.

    Args:
        template: Typst source, before which `page.typ` is put.
        document: What the template shows; texts of any characters.
        at_utc: The date inside the file; no clock is read.
        name: What the file will be called, for the message.
        pictures: Drawings in SVG that the template shows.

    Raises:
        RefusedError: It cannot be set, which is a defect of the template.
    """
    cuts: list[list[str]] = []
    shown = {**document, "cuts": cuts}
    shown |= {key: _printable(value, key, cuts) for key, value in document.items()}
    try:
        pdf: bytes = typst.compile(
            files("headwater.packages").joinpath("page.typ").read_bytes() + template,
            sys_inputs={"content": _json(shown), "pictures": _json(list(pictures))},
            ignore_system_fonts=True,
            pdf_standards=[*_STANDARDS],
            timestamp=int(at_utc.astimezone(UTC).timestamp()),
        )
    except typst.TypstError as error:
        raise RefusedError(f"{name}: it cannot be set: {error.message}; report this as a defect") from error
    return pdf


def printable(text: str) -> str:
    """The text with every character that the fonts cannot show written as its number, cut where it is too long.

    >>> printable("a" + chr(0x202E) + "b")
    'a[U+202E]b'
    """
    over = _over(text)
    cut = f"{text[:_LONGEST_TEXT]} [cut here: {over:,} more characters]" if over else text
    return _UNPRINTED.sub(lambda found: f"[U+{ord(found.group()):04X}]", cut)


def _over(text: str) -> int:
    """Characters that are too many."""
    return max(0, len(text) - _LONGEST_TEXT)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, sort_keys=True)


def _printable(value: object, place: str, cuts: list[list[str]]) -> object:
    if isinstance(value, str):
        if over := _over(value):
            cuts.append([place, f"{over:,}"])
        return printable(value)
    if isinstance(value, Mapping):
        return {name: _printable(item, f"{place}, {name}", cuts) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(item, f"{place} {number}", cuts) for number, item in enumerate(value, start=1)]
    return value
