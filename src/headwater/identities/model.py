"""The linkage model: comparisons, levels and probabilities in a neutral file, whose digest stands in every link."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.errors import ConfigError
from headwater.schema import content_id

__all__ = ["Claim", "Comparison", "Level", "LinkModel", "read_model", "weight_mbits"]

RULES = ("equal", "similar", "crossed", "any_equal", "share", "otherwise")
_MILLION = 1_000_000


def weight_mbits(numerator_ppm: int, denominator_ppm: int) -> int:
    """log2 of the ratio, in thousandths of a bit.

    Rounded to an integer at once, so that sums do not depend on an order or on an engine's floating point.

    References:
        Fellegi and Sunter (1969), A Theory for Record Linkage, section 2.
    """
    return round(1000 * math.log2(numerator_ppm / denominator_ppm))


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One graded outcome of a comparison.

    Attributes:
        name: In words.
        rule: One of RULES.
        columns: What is compared.
        also_equal: Columns that must be equal besides.
        least_percent: Least similarity, or least share, for rules that have one.
        m_ppm: Probability among the same, in parts per million.
        u_ppm: Probability among the different.
    """

    name: str
    rule: str
    m_ppm: int
    u_ppm: int
    columns: tuple[str, ...] = ()
    also_equal: tuple[str, ...] = ()
    least_percent: int = 0

    @property
    def weight_mbits(self) -> int:
        """What this outcome adds to a link."""
        return weight_mbits(self.m_ppm, self.u_ppm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One field, with its levels from the strongest to `otherwise`.

    Attributes:
        field: Its name in the breakdown of a link.
        needs: Columns without which nothing can be compared; that never scores as agreement.
        levels: In order; the first that fits counts.
    """

    field: str
    needs: tuple[str, ...]
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """How one kind of claim is linked.

    Attributes:
        name: used, paid or held.
        expected_share_ppm: Share of left rows expected to have their person on the right.
        blocking: Sets of columns; a pair is compared if any set is equal throughout.
        comparisons: In order.
    """

    name: str
    expected_share_ppm: int
    blocking: tuple[tuple[str, ...], ...]
    comparisons: tuple[Comparison, ...]

    def prior_mbits(self, right_rows: int) -> int:
        """Weight of a pair before anything is compared: the share expected to match, spread over the right rows."""
        return weight_mbits(self.expected_share_ppm, _MILLION * max(1, right_rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkModel:
    """The model.

    Attributes:
        model_id: Digest of its file.
        version: As the file states it.
        claims: By name.
    """

    model_id: str
    version: str
    claims: Mapping[str, Claim]


def read_model(path: Path | None = None) -> LinkModel:
    """The model in a file; without one, the model that comes with headwater.

    Raises:
        ConfigError: The probabilities of a comparison do not sum to one, or a rule is unknown.
    """
    path = path or Path(__file__).with_name("model.toml")
    content = path.read_bytes()
    try:
        document = tomllib.loads(content.decode("utf-8"))
        claims = {name: _claim(path.name, name, spec) for name, spec in document["claims"].items()}
        version = str(document["version"])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: not a linkage model ({error!r}); restore it") from error
    return LinkModel(model_id=content_id("mdl", content), version=version, claims=claims)


def _claim(source: str, name: str, spec: Mapping[str, Any]) -> Claim:
    comparisons = tuple(
        Comparison(
            field=c["field"],
            needs=tuple(c["needs"]),
            levels=tuple(_level(level) for level in c["levels"]),
        )
        for c in spec["comparisons"]
    )
    for comparison in comparisons:
        where = f"{source}: {name}.{comparison.field}"
        for side in ("m_ppm", "u_ppm"):
            # Shares are the exception: what is not traced to a customer at all makes no pair, so u does not sum to one.
            total = sum(getattr(level, side) for level in comparison.levels)
            if total != _MILLION and not (side == "u_ppm" and comparison.levels[0].rule == "share"):
                raise ConfigError(f"{where}: {side} sums to {total}, not {_MILLION}; correct the model")
        if any(level.m_ppm < 1 or level.u_ppm < 1 for level in comparison.levels):
            raise ConfigError(f"{where}: a probability of nothing has no weight; each level needs 1 or more")
        unknown = [level.rule for level in comparison.levels if level.rule not in RULES]
        if unknown:
            raise ConfigError(f"{where}: rule '{unknown[0]}' is unknown; known are {', '.join(RULES)}")
    return Claim(
        name=name,
        expected_share_ppm=spec["expected_share_ppm"],
        blocking=tuple(tuple(columns) for columns in spec["blocking"]),
        comparisons=comparisons,
    )


def _level(spec: Mapping[str, Any]) -> Level:
    plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in spec.items()}
    return Level(**plain)
