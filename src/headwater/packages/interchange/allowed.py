"""The allow-list of fields: for each thing in each format, the property and the one column that may fill it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from headwater.errors import ConfigError

__all__ = ["ALLOWED", "FORMATS", "KINDS", "Field", "filled", "read_allowed"]

FORMATS: Final = ("case", "stix", "ftm")
KINDS: Final = ("text", "integer", "time", "boolean", "hex", "ref", "refs", "object", "list")
"""What a value is: plain values; the id of another thing, or ids as a list always; an object that the list fills."""

# In any spelling: password, pass_phrase, privateKey, x-prv, credential. `publicKey` of FollowTheMoney holds an address.
_SECRET = re.compile(
    r"pass_?(word|wd|phrase|code)|^pwd|credential|private|secret|seed|mnemonic|[xyz]-?prv|prv_?key|auth_?(token|key)|"
    r"session|cookie|key_?material|pin_?code|payload|thumbnail",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One property of a thing, and what may fill it.

    Attributes:
        name: The property, as the format spells it.
        column: The column of ours; empty where `constant` fills it.
        constant: A text that is always the same; empty where `column` fills it.
        kind: Of `KINDS`.
    """

    name: str
    column: str
    constant: str
    kind: str


def read_allowed(text: str) -> dict[tuple[str, str], tuple[Field, ...]]:
    """The list: format and thing to the fields, in the order of the text.

    Args:
        text: TOML: a table for each thing, property to column.

    Raises:
        ConfigError: A property or a column could hold a secret, a kind is unknown, or a format is.
    """
    read: dict[tuple[str, str], tuple[Field, ...]] = {}
    for name, things in tomllib.loads(text).items():
        if name not in FORMATS:
            raise ConfigError(f"allow-list: '{name}' is no format; known are {', '.join(FORMATS)}")
        for thing, fields in things.items():
            read[name, thing] = tuple(
                _field(f"{name}.{thing}", prop, one)
                for prop, given in fields.items()
                for one in (given if isinstance(given, list) else [given])
            )
    return read


def _field(where: str, prop: str, given: str) -> Field:
    text, _, kind = given.rpartition(", ")
    if not text:
        text, kind = given, "text"
    constant = text.removeprefix("= ") if text.startswith("= ") else ""
    column = "" if constant else text
    for name in (prop, column):
        if _SECRET.search(name):
            raise ConfigError(f"allow-list: {where}: '{name}' could hold a secret; no such field ever leaves")
    if kind not in KINDS:
        raise ConfigError(f"allow-list: {where}: '{kind}' is no kind; known are {', '.join(KINDS)}")
    return Field(name=prop, column=column, constant=constant, kind=kind)


ALLOWED: Final = read_allowed(files(__package__).joinpath("allowed.toml").read_text(encoding="utf-8"))


def filled(name: str, thing: str, row: Mapping[str, Any]) -> list[tuple[Field, list[Any]]]:
    """Each field of the thing that the row has something for, with its values; nothing else of the row is looked at.

    Args:
        name: The format.
        thing: As the allow-list names it.
        row: Column to value, or to a list of values; absent and empty ones fill nothing.
    """
    found = []
    for field in ALLOWED[name, thing]:
        value = field.constant or row.get(field.column)
        values = value if isinstance(value, list | tuple) else [value]
        told = [one for one in values if one is not None and one not in ("", {})]
        if told:
            found.append((field, told))
    return found
