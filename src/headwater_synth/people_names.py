"""Invented names in several scripts: given names with their short forms, surnames put together from parts."""

from __future__ import annotations

import functools
import random
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

import yaml

__all__ = ["Name", "NameStock", "drawn_surname", "folded", "name_stocks", "transliterations"]

_UNDECOMPOSED = str.maketrans({"ł": "l", "Ł": "L", "ß": "ss", "\u0131": "i"})  # the last is Turkish dotless i
_WIDE = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """One part of a name, as its bearer writes it and as others write it.

    Attributes:
        native: In the bearer's own script.
        latin: In Latin letters; the first is the usual form.
        short: Short forms in Latin letters, possibly none.
    """

    native: str
    latin: tuple[str, ...]
    short: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NameStock:
    """The names of one origin.

    Attributes:
        given: Given names.
        stems: First parts of surnames.
        endings: Last parts of surnames; one empty part where the stems are whole surnames.
        surname_first: Whether the bearer writes the surname first.
    """

    given: tuple[Name, ...]
    stems: tuple[Name, ...]
    endings: tuple[Name, ...]
    surname_first: bool


@functools.cache
def _stored() -> Mapping[str, Mapping[str, object]]:
    text = resources.files("headwater_synth").joinpath("data", "names.yaml").read_text(encoding="utf-8")
    stored: Mapping[str, Mapping[str, object]] = yaml.safe_load(text)
    return stored


@functools.cache
def _letters() -> Mapping[str, tuple[Mapping[str, str], ...]]:
    return {script: tuple(tables) for script, tables in _stored()["letters"].items()}  # type: ignore[arg-type] # YAML is untyped; tests read every table


def folded(text: str) -> str:
    """The text with its accents dropped, as a clerk types it.

    Example:
        >>> folded("Łukasz Groß")
        'Lukasz Gross'
    """
    decomposed = unicodedata.normalize("NFKD", text.translate(_UNDECOMPOSED))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def transliterations(native: str) -> tuple[str, ...]:
    """The Latin forms of a word in Greek, Cyrillic or accented Latin letters, the usual one first.

    Example:
        >>> transliterations("Jürgen")
        ('Jürgen', 'Jurgen', 'Juergen')
    """
    lowered = native.lower()
    for tables in _letters().values():
        if lowered and all(letter in tables[0] for letter in lowered):
            forms = ["".join(table[letter] for letter in lowered) for table in tables]
            cased = [form.capitalize() if native[0].isupper() else form for form in forms]
            return tuple(dict.fromkeys(cased))
    wide = "".join(_WIDE.get(letter, letter) for letter in native)
    return tuple(dict.fromkeys((native, folded(native), wide)))


def _named(word: str) -> Name:
    """The name that a word `native|latin,latin|short,short` stands for; the two last parts may be left out."""
    native, _, rest = word.partition("|")
    latin, _, short = rest.partition("|")
    if native == "-":
        return Name(native="", latin=("",))
    forms = tuple(latin.split(",")) if latin else transliterations(native)
    return Name(native=native, latin=forms, short=tuple(short.split(",")) if short else ())


@functools.cache
def name_stocks() -> Mapping[str, NameStock]:
    """The names of every origin, by origin."""
    stocks = {}
    for origin, stored in _stored()["origins"].items():
        parts: Mapping[str, str] = stored  # type: ignore[assignment] # YAML is untyped; tests read every stock
        stocks[origin] = NameStock(
            given=tuple(_named(word) for word in parts["given"].split()),
            stems=tuple(_named(word) for word in parts["stems"].split()),
            endings=tuple(_named(word) for word in parts["endings"].split()),
            surname_first=bool(parts.get("surname_first", False)),
        )
    return stocks


def drawn_surname(rng: random.Random, stock: NameStock) -> Name:
    """A surname put together from the parts of a stock."""
    stem, ending = rng.choice(stock.stems), rng.choice(stock.endings)
    forms = max(len(stem.latin), len(ending.latin))
    latin = [
        stem.latin[min(i, len(stem.latin) - 1)] + ending.latin[min(i, len(ending.latin) - 1)] for i in range(forms)
    ]
    return Name(native=stem.native + ending.native, latin=tuple(dict.fromkeys(latin)))
