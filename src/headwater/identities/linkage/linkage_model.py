"""The model of stand-alone linkage: levels, m, u, blocking rules, in a neutral file whose digest every link names."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.errors import ConfigError
from headwater.identities.linkage.blocks import KEY_COLUMNS
from headwater.schema import content_id

__all__ = ["LEVELS", "LinkageModel", "ModelLevel", "read_linkage_model"]

FORMAT = 1

LEVELS: Mapping[str, tuple[str, ...]] = {
    "given_name": (
        "equal", "first name equal", "spelled alike", "short form of the same name", "one edit", "initial of the other",
        "a further name, or part of the other", "near", "loosely alike", "different",
    ),
    "surname": (
        "equal", "spelled alike", "one edit", "near", "one part of the other", "loosely alike", "different",
    ),
    "date_of_birth": (
        "equal", "day and month exchanged", "one digit", "one year apart", "one part differs",
        "year and month equal, no day", "year equal, no month", "two digits", "year equal", "different",
    ),
    "street": ("equal", "one edit", "near, or part of the other", "loosely alike", "different"),
    "street_number": ("equal", "one edit", "different"),
    "suburb": ("equal", "one edit", "near, or part of the other", "loosely alike", "different"),
    "postcode": (
        "equal", "one edit", "different", "equal, as the suburb is", "different, though the suburb is equal",
    ),
    "state": (
        "equal", "different", "equal, as suburb or postcode is", "different, though suburb or postcode is equal",
    ),
    "phone": ("equal", "one edit", "different"),
    "email": ("equal", "local part equal", "one edit", "different"),
    "nickname": ("equal", "one edit", "different"),
    "national_id": ("equal", "one edit", "different"),
}  # fmt: skip
"""Each comparison's levels as the kernels number them. The similarities behind them are computed in one place only."""

BY_FREQUENCY = frozenset(
    {*((field, "equal") for field in LEVELS), ("given_name", "first name equal"), ("email", "local part equal")}
)
"""Levels whose u is the frequency of the value that is agreed on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLevel:
    """One graded outcome.

    Attributes:
        level: Its name, of LEVELS.
        m_ppm: Probability among rows of one person, in parts per million.
        u_ppm: Probability among rows of strangers; None where the frequency of the value says it.
        h_ppm: Probability among members of one household; None for as among strangers.
    """

    level: str
    m_ppm: int
    u_ppm: int | None = None
    h_ppm: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkageModel:
    """The model.

    Attributes:
        model_id: Digest of its file.
        version: As the file states it.
        expected_share_ppm: Where the estimate of the share of rows with a counterpart begins.
        household_members_ppm: Where the estimate of rows of the same household begins, per row.
        moved_ppm: Share of one person's pairs of rows that are of different addresses.
        exchanged_ppm: Share of one person's pairs of rows with given name and surname exchanged.
        email_of_name_ppm: Share of namesakes who have one e-mail address, where the surname is in it.
        rules: Blocking rules.
        comparisons: For each field of LEVELS, its levels in that order.
    """

    model_id: str
    version: str
    expected_share_ppm: int
    household_members_ppm: int
    moved_ppm: int
    exchanged_ppm: int
    email_of_name_ppm: int
    rules: tuple[tuple[str, ...], ...]
    comparisons: Mapping[str, tuple[ModelLevel, ...]]


def read_linkage_model(path: Path | None = None) -> LinkageModel:
    """The model in a file; without one, the model that comes with headwater.

    Raises:
        ConfigError: It is no such model, or a probability, level or blocking column in it cannot be.
    """
    path = path or Path(__file__).with_name("linkage_model.toml")
    content = path.read_bytes()
    try:
        document = tomllib.loads(content.decode("utf-8"))
        if document["format"] != FORMAT:
            raise ConfigError(f"{path}: model format {document['format']} is not read here; known is {FORMAT}")
        comparisons = {
            field: _levels(path, field, document["comparisons"][field], names) for field, names in LEVELS.items()
        }
        if unknown := sorted(set(document["comparisons"]) - set(LEVELS)):
            raise ConfigError(f"{path}: comparison '{unknown[0]}' is unknown; known are {', '.join(LEVELS)}")
        return LinkageModel(
            model_id=content_id("mdl", content),
            version=str(document["version"]),
            expected_share_ppm=_share(path, document["prior"], "expected_share_ppm"),
            household_members_ppm=_share(path, document["prior"], "household_members_ppm", most=100_000_000),
            moved_ppm=_share(path, document["address"], "moved_ppm"),
            exchanged_ppm=_share(path, document["names"], "exchanged_ppm"),
            email_of_name_ppm=_share(path, document["names"], "email_of_name_ppm"),
            rules=tuple(_rule(path, columns) for columns in document["blocking"]["rules"]),
            comparisons=comparisons,
        )
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: not a linkage model ({error!r}); restore it") from error


def _share(path: Path, table: Mapping[str, Any], name: str, most: int = 999_999) -> int:
    value = table[name]
    if not isinstance(value, int) or not 1 <= value <= most:
        raise ConfigError(f"{path}: {name} is {value}; it must be a whole number from 1 to {most}")
    return value


def _levels(path: Path, field: str, specs: list[Mapping[str, Any]], names: tuple[str, ...]) -> tuple[ModelLevel, ...]:
    levels = tuple(ModelLevel(**spec) for spec in specs)
    if (found := tuple(level.level for level in levels)) != names:
        raise ConfigError(f"{path}: {field} has levels {list(found)}; it needs {list(names)}")
    for level in levels:
        where = f"{path}: {field}, '{level.level}'"
        by_frequency = (field, level.level) in BY_FREQUENCY
        if by_frequency and level.u_ppm is not None:
            raise ConfigError(f"{where}: u comes from how frequent the value is; leave u_ppm out")
        if not by_frequency and level.u_ppm is None:
            raise ConfigError(f"{where}: u_ppm is missing")
        for side in ("m_ppm", "u_ppm", "h_ppm"):
            value = getattr(level, side)
            if value is not None and not (isinstance(value, int) and 1 <= value <= 1_000_000):
                raise ConfigError(f"{where}: {side} is {value}; it must be a whole number from 1 to 1000000")
    return levels


def _rule(path: Path, columns: list[str]) -> tuple[str, ...]:
    unknown = [c for c in columns if c not in KEY_COLUMNS]
    if unknown or not columns:
        raise ConfigError(f"{path}: blocking column {unknown} is unknown; known are {', '.join(KEY_COLUMNS)}")
    return tuple(columns)
