"""The linkage model: levels, m, u, blocking rules, identifiers, in a neutral file whose digest every link names."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.errors import ConfigError
from headwater.identities.linkage.blocks import KEY_COLUMNS
from headwater.schema import content_id

__all__ = [
    "IDENTIFIERS", "LEVELS", "MOST_LEVELS", "OTHER_WRITING", "IdentifierModel", "LinkageModel", "ModelLevel",
    "PayerLevel", "Use", "read_linkage_model",
]  # fmt: skip

FORMAT = 2
OTHER_WRITING = "another writing of the name"

LEVELS: Mapping[str, tuple[str, ...]] = {
    "given_name": (
        "equal", "first name equal", "spelled alike", "short form of the same name", "one edit", "initial of the other",
        "a further name, or part of the other", "near", "loosely alike", "different", OTHER_WRITING,
    ),
    "surname": (
        "equal", "spelled alike", "one edit", "near", "one part of the other", "loosely alike", "different",
        OTHER_WRITING,
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

MOST_LEVELS = max(map(len, LEVELS.values()))

IDENTIFIERS = (
    "email", "phone", "nickname", "pgp_fingerprint", "wallet_address", "network_address", "device", "iban",
    "payment_card", "national_id", "other",
)  # fmt: skip
"""Kinds of identifiers; `other` stands for what a mapping calls otherwise."""

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
        usual_ppm: How frequent a value usually is, where its frequency counts; it fills up small files.
    """

    level: str
    m_ppm: int
    u_ppm: int | None = None
    h_ppm: int | None = None
    usual_ppm: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayerLevel:
    """One graded outcome of what ties a payment to a customer.

    Attributes:
        level: Its name.
        m_ppm: Probability where the customer paid, in parts per million.
        u_ppm: Probability where somebody else did.
        least_percent: Least share of the payment, of levels that have one.
    """

    level: str
    m_ppm: int
    u_ppm: int
    least_percent: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifierModel:
    """How one kind of identifier weighs.

    Attributes:
        m_ppm: Share of pairs of one person, both with values of the kind, that have one in common.
        h_ppm: Likewise of members of one household.
        again_ppm: Of values that one row has, how many somebody else's row has too; where the count begins.
        usual_ppb: How frequent a value usually is, in parts per thousand million; it fills up small cases.
        most_rows: A value of more rows of one side says nothing about one person.
    """

    m_ppm: int
    h_ppm: int
    again_ppm: int
    usual_ppb: int
    most_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What is expected of a pair of rows, by what the rows are.

    Attributes:
        expected_share_ppm: Share of the smaller side's rows with a counterpart; an estimate begins here.
        household_members_ppm: Rows of the same household on the other side, per row; likewise.
        fit_most_times: How far m of dates of birth, and the share of movers, are fitted away from the model's.
    """

    expected_share_ppm: int
    household_members_ppm: int = 1
    fit_most_times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkageModel:
    """The model.

    Attributes:
        model_id: Digest of its file.
        version: As the file states it.
        uses: For `files`, `held`, `used`, `paid` and `reused`, what is expected.
        moved_ppm: Share of one person's pairs of rows that are of different addresses.
        exchanged_ppm: Share of one person's pairs of rows with given name and surname exchanged.
        email_of_name_ppm: Share of namesakes who have one e-mail address, where the surname is in it.
        other_script_ppm: Least probability of whole names for `OTHER_WRITING`, where one is not in Latin letters.
        other_writing_ppm: Likewise where both are.
        rules: Blocking rules.
        comparisons: For each field of LEVELS, its levels in that order.
        traced: Levels of the share of a payment that was traced to a customer.
        noted: Levels of what platform and service each noted of a payment.
        country_differs_m_ppm: Share of one person's pairs of rows that are of different countries.
        identifiers: For each of IDENTIFIERS.
    """

    model_id: str
    version: str
    uses: Mapping[str, Use]
    moved_ppm: int
    exchanged_ppm: int
    email_of_name_ppm: int
    other_script_ppm: int
    other_writing_ppm: int
    rules: tuple[tuple[str, ...], ...]
    comparisons: Mapping[str, tuple[ModelLevel, ...]]
    traced: tuple[PayerLevel, ...]
    noted: tuple[PayerLevel, ...]
    country_differs_m_ppm: int
    identifiers: Mapping[str, IdentifierModel]


USES = ("files", "held", "used", "paid", "reused")


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
        _known(path, "comparison", document["comparisons"], LEVELS)
        _known(path, "identifier", document["identifiers"], IDENTIFIERS)
        _known(path, "use", document["uses"], USES)
        comparisons = {
            field: _levels(path, field, document["comparisons"][field], names) for field, names in LEVELS.items()
        }
        names, payer = document["names"], document["payer"]
        return LinkageModel(
            model_id=content_id("mdl", content),
            version=str(document["version"]),
            uses={use: _use(path, document["uses"][use]) for use in USES},
            moved_ppm=_share(path, document["address"], "moved_ppm"),
            exchanged_ppm=_share(path, names, "exchanged_ppm"),
            email_of_name_ppm=_share(path, names, "email_of_name_ppm"),
            other_script_ppm=_share(path, names, "other_script_ppm"),
            other_writing_ppm=_share(path, names, "other_writing_ppm"),
            rules=tuple(_rule(path, columns) for columns in document["blocking"]["rules"]),
            comparisons=comparisons,
            traced=tuple(_payer_level(path, spec) for spec in payer["share_of_payment_traced"]),
            noted=tuple(_payer_level(path, spec) for spec in payer["noted_by_both"]),
            country_differs_m_ppm=_share(path, document["country"], "different_m_ppm"),
            identifiers={kind: _identifier(path, document["identifiers"][kind]) for kind in IDENTIFIERS},
        )
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: not a linkage model ({error!r}); restore it") from error


def _known(path: Path, what: str, named: Mapping[str, Any], known: Mapping[str, Any] | tuple[str, ...]) -> None:
    if unknown := sorted(set(named) - set(known)):
        raise ConfigError(f"{path}: {what} '{unknown[0]}' is unknown; known are {', '.join(known)}")


def _share(path: Path, table: Mapping[str, Any], name: str, most: int = 999_999) -> int:
    value = table[name]
    if not isinstance(value, int) or not 1 <= value <= most:
        raise ConfigError(f"{path}: {name} is {value}; it must be a whole number from 1 to {most}")
    return value


def _use(path: Path, table: Mapping[str, Any]) -> Use:
    most = {"household_members_ppm": 100_000_000, "fit_most_times": 1_000}
    return Use(**{name: _share(path, table, name, most.get(name, 999_999)) for name in table})


def _identifier(path: Path, table: Mapping[str, Any]) -> IdentifierModel:
    most = {"most_rows": 1_000_000, "usual_ppb": 999_999_999}
    return IdentifierModel(**{name: _share(path, table, name, most.get(name, 999_999)) for name in table})


def _payer_level(path: Path, spec: Mapping[str, Any]) -> PayerLevel:
    level = PayerLevel(**spec)
    for side in ("m_ppm", "u_ppm"):
        _share(path, spec, side)
    return level


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
        if by_frequency != (level.usual_ppm is not None):
            raise ConfigError(f"{where}: usual_ppm stands where u comes from how frequent the value is, and only there")
        for side in ("m_ppm", "u_ppm", "h_ppm", "usual_ppm"):
            value = getattr(level, side)
            if value is not None and not (isinstance(value, int) and 1 <= value <= 1_000_000):
                raise ConfigError(f"{where}: {side} is {value}; it must be a whole number from 1 to 1000000")
    return levels


def _rule(path: Path, columns: list[str]) -> tuple[str, ...]:
    unknown = [c for c in columns if c not in KEY_COLUMNS]
    if unknown or not columns:
        raise ConfigError(f"{path}: blocking column {unknown} is unknown; known are {', '.join(KEY_COLUMNS)}")
    return tuple(columns)
