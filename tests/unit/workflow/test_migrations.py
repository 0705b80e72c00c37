"""What brings an older case's tables to this version's, as each database is told it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from headwater import workflow
from headwater.schema.state import METADATA

SCRIPTS = ScriptDirectory(str(Path(workflow.__file__).with_name("migrations")))
REVISIONS = sorted(script.revision for script in SCRIPTS.walk_revisions())


def statements(dialect: str, revision: str) -> str:
    """The SQL of a migration for a database that is not there."""
    told = io.StringIO()
    context = MigrationContext.configure(dialect_name=dialect, opts={"as_sql": True, "output_buffer": told})
    with Operations.context(context):
        SCRIPTS.get_revision(revision).module.upgrade()
    return told.getvalue()


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize("revision", REVISIONS)
def test_each_is_said_in_each_dialect(dialect, revision):
    assert statements(dialect, revision).strip()


@pytest.mark.parametrize(
    ("dialect", "column"),
    [
        ("sqlite", "ADD COLUMN score_hidden BOOLEAN DEFAULT 0 NOT NULL"),
        ("postgresql", "ADD COLUMN score_hidden BOOLEAN DEFAULT false NOT NULL"),
    ],
)
def test_judgements_of_before_get_values_and_are_kept(dialect, column):
    told = statements(dialect, "0004")
    assert column in told
    assert told.count("DEFAULT '' NOT NULL") == 4
    assert "DROP" not in told


def test_a_case_made_by_migrations_has_the_tables_of_the_schema(small_template):
    engine = sa.create_engine(f"sqlite:///{small_template.case / 'case.db'}")
    found = sa.inspect(engine)
    for table in METADATA.sorted_tables:
        columns = {column["name"]: column["nullable"] for column in found.get_columns(table.name)}
        assert columns == {column.name: column.nullable for column in table.columns}, table.name
    engine.dispose()
