"""The rule file: read, checked, and kept as data."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from headwater.errors import ConfigError
from headwater.leads.acts import ACT_TABLES

__all__ = ["Rule", "RuleSet", "read_rules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A condition over observed acts.

    Attributes:
        name: As it is printed.
        tier: Class of urgency; 1 is most urgent.
        act: Key of ACT_TABLES.
        at_least: How many acts make it fire.
        because: The reason in words; `{n}` stands for the number of acts.
        source: Where the reason comes from.
    """

    name: str
    tier: int
    act: str
    at_least: int
    because: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """A rule file.

    Attributes:
        version: As the file states it; printed with every lead.
        rules: In the order of the file.
    """

    version: str
    rules: tuple[Rule, ...]


def read_rules(path: Path | None = None) -> RuleSet:
    """The rules in a file; without one, the rules that come with headwater.

    Raises:
        ConfigError: A rule is malformed, or names an act that there is not.
    """
    return _own_rules() if path is None else _rules_in(path)


@cache
def _own_rules() -> RuleSet:
    return _rules_in(Path(__file__).with_name("rules.toml"))


def _rules_in(path: Path) -> RuleSet:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        rules = tuple(Rule(**spec) for spec in document["rules"])
        version = str(document["version"])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: not a rule file ({error!r}); restore it") from error
    for rule in rules:
        if rule.act not in ACT_TABLES:
            raise ConfigError(f"{path}: rule '{rule.name}' reads act '{rule.act}'; known are {', '.join(ACT_TABLES)}")
        if not all(type(number) is int and number >= 1 for number in (rule.tier, rule.at_least)):
            raise ConfigError(f"{path}: rule '{rule.name}': tier and at_least are whole numbers from 1")
    names = [rule.name for rule in rules]
    if len(set(names)) != len(names):
        raise ConfigError(f"{path}: two rules have the same name")
    return RuleSet(version=version, rules=rules)
