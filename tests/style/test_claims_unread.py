"""What a file claims of its maker decides nothing: no verdict, cluster, origin, lead, link or package looks at it.

A claim is forgeable and mostly absent. Were a lead ranked by it, anybody could hide a child behind one line of text.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from headwater.leads import ACT_TABLES
from headwater.workflow import STAGES

SOURCES = Path(__file__).resolve().parents[2] / "src"
# file: what it has to do with the claims.
MAY_NAME = {
    "headwater/schema/media.py": "declares the table",
    "headwater/media/claims.py": "makes it",
    "headwater/media/__init__.py": "offers the function that makes it",
    "headwater/workflow/stages.py": "calls that function, and hands the table on to be written",
}
_WORDS = ("media_claims", "claims_synthetic", "claimed_origins", "read_claims", "media.claims")


def names_claims(text: str) -> list[str]:
    """Words by which a code reaches the claims, outside of its comments and docstrings."""
    tree = ast.parse(text)
    said = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    said += [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    said += [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    said += [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return [word for word in _WORDS if any(word in one for one in said)]


def test_only_who_makes_the_table_names_it() -> None:
    found = {
        path.relative_to(SOURCES).as_posix()
        for package in ("headwater", "headwater_verify", "headwater_web")
        for path in sorted((SOURCES / package).rglob("*.py"))
        if names_claims(path.read_text(encoding="utf-8")) and path.name != "sealed_schemas.py"
    }
    assert found == set(MAY_NAME)


@pytest.mark.parametrize("suffix", ["*.toml", "*.yaml", "*.typ", "*.sql"])
def test_no_rule_and_no_template_names_it(suffix: str) -> None:
    for path in sorted((SOURCES / "headwater").rglob(suffix)):
        assert not [word for word in _WORDS[:2] if word in path.read_text(encoding="utf-8")], path


def test_no_stage_and_no_act_reads_it() -> None:
    assert not [stage.name for stage in STAGES if "media_claims" in stage.reads]
    assert not [
        name for name, act in ACT_TABLES.items() if any("media_claims" in one for one in (act.table, *act.reads))
    ]


def test_claims_are_handed_on_unread() -> None:
    text = (SOURCES / "headwater/workflow/stages.py").read_text(encoding="utf-8")
    (stage,) = [
        n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef) and n.name == "hash_and_read_claims"
    ]
    last = ast.unparse(stage.body[-1])
    assert last == "return hash_items(context) | claimed_origins(context)"


@pytest.mark.parametrize(
    "text",
    [
        "rows = tables.arrow('media_claims')",
        "from headwater.media import claimed_origins",
        "from headwater.media.claims import anything",
        "if row['claims_synthetic'] == 'yes': pass",
        "query = f'select * from {x} join media_claims'",
    ],
)
def test_a_use_of_claims_is_seen(text: str) -> None:
    assert names_claims(text)
