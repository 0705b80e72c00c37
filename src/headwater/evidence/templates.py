"""Mappings of widespread software, recognised by the tables and columns of a dump, to begin from instead of a draft."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from headwater.evidence.mapping import MAPPING_VERSION
from headwater.evidence.mapping_draft import UNCONFIRMED

__all__ = ["Template", "recognised", "template_mapping", "templates"]

_HEAD = """\
# A mapping of {application}, begun from a template because tables and columns of the dump are named as there.
# Nobody has confirmed it for this dump: read each line against it, correct it, write in your own words why it is so,
# and approve it by name. Paths begin where the software keeps its files; say in 'prefix' where that is on the exhibit.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Software that many run.

    Attributes:
        application: Its name and version.
        tables: For each of its tables, without what stands before all of them, the columns that it must have.
        mapping: The list `tables` of a mapping, with those names.
    """

    application: str
    tables: Mapping[str, Sequence[str]]
    mapping: Sequence[Mapping[str, Any]]


@cache
def templates() -> tuple[Template, ...]:
    """Every template, in the order in which they are tried."""
    read = yaml.safe_load(Path(__file__).with_name("templates.yaml").read_text("utf-8"))
    return tuple(Template(**one) for one in read)


def recognised(tables: Mapping[str, Collection[str]]) -> tuple[Template, str] | None:
    """The template that a dump's tables fit, with what stands before their names; None if none does.

    Args:
        tables: Columns by table.
    """
    found = [
        (template, prefix)
        for template in templates()
        for prefix in _prefixes(template, tables)
        if all(set(columns) <= set(tables.get(prefix + name, ())) for name, columns in template.tables.items())
    ]
    # Of several, the one that more of the dump speaks for.
    return max(found, key=lambda one: (len(one[0].tables), one[0].application, one[1]), default=None)


def _prefixes(template: Template, tables: Mapping[str, Collection[str]]) -> list[str]:
    first = next(iter(template.tables))
    return sorted(name.removesuffix(first) for name in tables if name.endswith(first))


def template_mapping(template: Template, prefix: str) -> str:
    """The text of a mapping for a dump that fits the template.

    Args:
        template: As recognised.
        prefix: What stands before its tables' names.
    """
    tables = []
    for binding in template.mapping:
        table = copy.deepcopy(dict(binding))
        table["table"] = prefix + table["table"]
        table["because"] = f"{UNCONFIRMED}: {template.application}: {table['because']}"
        for column in table["columns"].values():
            if "joins" in column:
                column["joins"] = prefix + column["joins"]
            if "via" in column:
                column["via"]["table"] = prefix + column["via"]["table"]
        tables.append(table)
    text: str = yaml.safe_dump(
        {"version": MAPPING_VERSION, "application": template.application, "tables": tables},
        sort_keys=False,
        allow_unicode=True,
        width=120,
    )
    return _HEAD.format(application=template.application) + text
