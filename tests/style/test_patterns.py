"""Patterns that every supported Python reads alike."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

SOURCES = sorted(Path(__file__).parents[2].joinpath("src").rglob("*.py"))
POSSESSIVE_GROUP = re.compile(r"(?<!\\)\)(?:[?*+]|\{[0-9,]+\})\+")


def possessive_groups(source: str) -> list[str]:
    """The strings of a source that repeat a group possessively, which CPython before 3.11.5 does wrongly."""
    texts = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    return [
        text.decode("latin-1") if isinstance(text, bytes) else text
        for text in texts
        if (isinstance(text, bytes) and POSSESSIVE_GROUP.search(text.decode("latin-1")))
        or (isinstance(text, str) and POSSESSIVE_GROUP.search(text))
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_group_repeats_possessively(path):
    assert possessive_groups(path.read_text("utf-8")) == []


@pytest.mark.parametrize("pattern", [rb"(?:a|b)*+", rb"(?:\s++x)?+", rb"(ab)++c", rb"(?:a){2,3}+"])
def test_the_check_bites(pattern):
    assert possessive_groups(f"X = {pattern!r}") == [pattern.decode("latin-1")]


def test_the_check_lets_the_rest_pass():
    assert possessive_groups(r"X = rb'\s++(?>(?:ab)*)c*+'") == []
