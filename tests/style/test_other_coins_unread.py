"""Monero, Zcash and Lightning: never an edge, never a probability. No stage of money, people or leads reads them.

A view key shows what came in and not from whom; a payment over Lightning leaves no trace to follow. A number that said
otherwise would be taken for evidence.
"""

from __future__ import annotations

import ast
from pathlib import Path

from headwater.leads import ACT_TABLES
from headwater.schema import TABLES, table_named
from headwater.schema.money import MONEY_TABLES
from headwater.schema.other_coins import OTHER_COIN_TABLES
from headwater.workflow import STAGES

SOURCES = Path(__file__).resolve().parents[2] / "src"
NAMES = {table.name for table in OTHER_COIN_TABLES}
# file: what it has to do with these tables.
MAY_NAME = {
    "headwater/cli/table_commands.py": "prints what files there are, under the ledger",
    "headwater/schema/other_coins.py": "declares them",
    "headwater/workflow/views.py": "hands what files there are to the ledger",
    "headwater/evidence/lightning.py": "makes some",
    "headwater/evidence/lightning_accounts.py": "joins invoices to accounts that the platform names",
    "headwater/evidence/lightning_tables.py": "says what rows of a node become",
    "headwater/evidence/lnd.py": "makes some",
    "headwater/evidence/monero.py": "makes some",
    "headwater/evidence/other_coins.py": "makes some",
}
_GRADED = ("probability", "ppm", "weight", "score", "confidence", "likelihood", "taint", "hop")


def names_tables(text: str) -> set[str]:
    """Names of the tables in the texts of a program, outside of its docstrings."""
    return {
        name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for name in NAMES
        if name == node.value or name in node.value.split(",")
    }


def test_only_who_makes_the_tables_names_them() -> None:
    found = {
        path.relative_to(SOURCES).as_posix()
        for package in ("headwater", "headwater_verify", "headwater_web")
        for path in sorted((SOURCES / package).rglob("*.py"))
        if names_tables(path.read_text(encoding="utf-8"))
    }
    assert found <= set(MAY_NAME), found - set(MAY_NAME)
    assert "headwater/evidence/monero.py" in found


def test_outside_of_evidence_only_the_list_of_files_is_read() -> None:
    for name in ("headwater/cli/table_commands.py", "headwater/workflow/views.py"):
        assert names_tables((SOURCES / name).read_text(encoding="utf-8")) == {"coin_files"}


def test_the_search_sees_a_reader() -> None:
    assert names_tables('context.tables.arrow("monero_receipts")') == {"monero_receipts"}


def test_no_stage_and_no_act_reads_them() -> None:
    assert not [(stage.name, NAMES & set(stage.reads)) for stage in STAGES if NAMES & set(stage.reads)]
    assert not [name for name, act in ACT_TABLES.items() if NAMES & {act.table, *act.reads}]


def test_all_of_them_are_evidence_and_none_is_made_of_money() -> None:
    assert {table.stage for table in OTHER_COIN_TABLES} == {"evidence"}
    money = {table.name for table in MONEY_TABLES}
    for table in OTHER_COIN_TABLES:
        for column in table.columns:
            assert (column.cites or "").partition(".")[0] not in money, (table.name, column.name)
    for table in TABLES:
        if table.name not in NAMES:
            cited = {(column.cites or "").partition(".")[0] for column in table.columns}
            assert not cited & NAMES, table.name


def test_none_of_them_grades_anything() -> None:
    for table in OTHER_COIN_TABLES:
        words = {word for column in table.columns for word in column.name.split("_")}
        assert not words & set(_GRADED), table.name


def test_no_rule_and_no_template_names_them() -> None:
    for suffix in ("*.toml", "*.yaml", "*.typ", "*.sql"):
        for path in sorted((SOURCES / "headwater").rglob(suffix)):
            assert not [name for name in NAMES if name in path.read_text(encoding="utf-8")], path


def test_that_an_output_is_unspent_is_never_said() -> None:
    spent = next(column for column in table_named("monero_receipts").columns if column.name == "spent")
    assert spent.about.startswith("Always unknown")
