"""Words in charts: what other people wrote, made visible, and as wide as it is drawn."""

from __future__ import annotations

import unicodedata
from typing import Final

__all__ = ["FACES", "cut_label", "shown_label", "text_width"]

FACES: Final = "DejaVu Sans Mono, Liberation Mono, Noto Sans Mono, monospace"
# Every fixed-width face named here advances by 0.6 em and a little (DejaVu Sans Mono: 1233 of 2048 units), so that
# where a word ends is known without measuring it.
_ADVANCE_MILLI_EM: Final = 603
# Characters that show nothing, or change the direction of others; XML has no way to write some of them.
_STEERING: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MOST_CHARACTERS: Final = 300


def shown_label(text: str) -> str:
    """The text with each character that shows nothing, or steers others, as its number; cut at 300 characters.

    >>> shown_label("a" + chr(0x202E) + "b" + chr(10))
    'a[U+202E]b[U+000A]'
    """
    cut = text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}\u2026"
    if cut.isascii() and cut.isprintable():
        return cut
    return "".join(f"[U+{ord(c):04X}]" if unicodedata.category(c) in _STEERING else c for c in cut)


def text_width(text: str, size: int) -> int:
    """How wide a text is drawn, in the unit of its size, rounded up; wide characters count twice.

    >>> text_width("abc", 10)
    19
    """
    wide = 0 if text.isascii() else sum(unicodedata.east_asian_width(character) in {"W", "F"} for character in text)
    cells = len(text) + wide
    return -(-cells * size * _ADVANCE_MILLI_EM // 1000)


def cut_label(text: str, room: int, size: int) -> str:
    """The text, cut to the room that there is and marked so; whoever draws it gives it whole in a title.

    Args:
        text: What is to be drawn.
        room: Width there is, in the unit of the size.
        size: Of the type.

    >>> cut_label("abcdef", 20, 10)
    'ab\u2026'
    """
    if text_width(text, size) <= room:
        return text
    kept = text
    while kept and text_width(f"{kept}\u2026", size) > room:
        kept = kept[:-1]
    return f"{kept}\u2026"
