"""The words of the pages, by language: one file for each screen and language, every key in each language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["LANGUAGES", "catalogue", "chosen_language", "worded"]

LANGUAGES: Final = {"en": "English", "de": "Deutsch"}
_FOLDER = Path(__file__).with_name("translations")


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Every key, as `FILE.KEY`, and its words; tables in a file join their names with a dot."""
    found: dict[str, str] = {}
    for path in sorted((_FOLDER / language).glob("*.toml")):
        _gather(path.stem, tomllib.loads(path.read_text(encoding="utf-8")), found)
    return found


def _gather(prefix: str, table: Mapping[str, object], found: dict[str, str]) -> None:
    for key, value in table.items():
        if isinstance(value, Mapping):
            _gather(f"{prefix}.{key}", value, found)
        else:
            found[f"{prefix}.{key}"] = str(value)


def worded(language: str, key: str, **values: object) -> str:
    """The words of a key. A key that is missing shows itself; a test says so before anybody sees it."""
    text = catalogue(language).get(key)
    if text is None:
        return key
    return text.format(**values) if values else text


def chosen_language(kept: str, accepted: str) -> str:
    """The language that a person keeps, or else the first that their browser accepts and there is."""
    if kept in LANGUAGES:
        return kept
    for part in accepted.split(","):
        code = part.split(";")[0].strip().lower().split("-")[0]
        if code in LANGUAGES:
            return code
    return "en"
