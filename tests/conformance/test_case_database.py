"""The state of a case on a real PostgreSQL: what each migration says to it holds there."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from headwater import workflow
from headwater_synth.postgres_server import PostgresMissingError, RunningPostgres, running_postgres

SCRIPTS = ScriptDirectory(str(Path(workflow.__file__).with_name("migrations")))
OLD = """INSERT INTO judgements
  (judgement_id, link_id, claim, left_id, right_id, verdict, operator, why, seen_weight_mbits, model_id, at_utc)
VALUES ('jdg-1', 'lnk-1', 'used', 'acc-1', 'rec-1', 'positive', 'A', 'seen', 1, 'mdl-1', '2026-01-01');"""
SHOWN = """INSERT INTO shown_links (link_id, operator, bars_sha256, score_hidden, shown_as, at_utc)
VALUES ('lnk-1', 'A', '', true, '{shown_as}', '2026-01-01');"""


@pytest.fixture(scope="module")
def server() -> Iterator[RunningPostgres]:
    try:
        with running_postgres() as running:
            yield running
    except PostgresMissingError as missing:
        pytest.skip(str(missing))


def told(server: RunningPostgres, statements: str) -> str:
    words = ("-v", "ON_ERROR_STOP=1", "-d", "postgres", "-A", "-t", "-f", "-")
    return server.run("psql", *words, sent=statements).decode()


def migration(revision: str) -> str:
    sql = io.StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": sql})
    with Operations.context(context):
        SCRIPTS.get_revision(revision).module.upgrade()
    return sql.getvalue()


def test_a_judgement_of_before_is_kept_and_what_is_shown_is_checked(server):
    for revision in ("0001", "0002", "0003"):
        told(server, migration(revision))
    told(server, OLD)
    told(server, migration("0004"))
    query = "SELECT judgement_id, verdict, headwater_version, score_hidden, shown_as FROM judgements;"
    assert told(server, query) == "jdg-1|positive||f|\n"
    told(server, SHOWN.format(shown_as="known"))
    with pytest.raises(RuntimeError, match="ck_shown_links_shown_as"):
        told(server, SHOWN.format(shown_as="perhaps"))
