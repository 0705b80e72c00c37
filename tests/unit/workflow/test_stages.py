"""The order: one tuple, in which nothing reads what comes later, and each stage says all that it reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headwater import workflow
from headwater.engine import Session
from headwater.leads import ACT_TABLES
from headwater.schema import TABLES, table_named
from headwater.workflow import STAGES, Case, Stage, leads_before_judgement, run_stages
from headwater.workflow import run as run_module

SOURCES = Path(workflow.__file__).parents[1]
PLACE = {stage.name: place for place, stage in enumerate(STAGES)}
# Two stages of one folder: what is hashed and what it matches; chains of coins and chains of accounts.
FOLDERS = {"hashing": "media", "tokens": "money"}
# What a case has before any stage runs.
GIVEN = ("references", "judgements", "grades")


def test_the_order_is_one_tuple():
    assert type(STAGES) is tuple
    assert [stage.name for stage in STAGES] == [
        "evidence", "catalogue", "hashing", "media", "money", "tokens", "identities", "leads",
    ]  # fmt: skip
    assert run_module.STAGES is STAGES


def test_each_table_belongs_to_one_stage_or_is_given():
    assert {table.stage for table in TABLES} == {*PLACE, *GIVEN}


def read_too_early(stage: Stage) -> list[str]:
    """Tables that a stage reads and that are not there yet when it runs."""
    makers = {name: table_named(name).stage for name in stage.reads}
    # The exhibits' own rows are put there before the first stage, which hands them on.
    return [
        name
        for name, maker in makers.items()
        if maker not in GIVEN and PLACE[maker] >= PLACE[stage.name] and (name, maker) != ("exhibits", stage.name)
    ]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_stage_reads_only_what_comes_before_it(stage):
    assert not read_too_early(stage)
    assert len(set(stage.reads)) == len(stage.reads)


def test_reading_ahead_is_seen():
    early = Stage(name="media", event="matched", derive=lambda context: {}, reads=("items", "leads", "media_clusters"))
    assert read_too_early(early) == ["leads", "media_clusters"]


SHOWING = {"clocks.py", "events.py"}
"""Files of a stage's folder by which people read what was derived, and no stage does."""


def test_what_only_shows_is_imported_by_nothing_that_derives():
    for path in (SOURCES / "leads").glob("*.py"):
        if path.name in {"rank.py", "order.py", "firing.py", "evidence.py", "acts.py", "review.py", "jurisdiction.py"}:
            assert not re.search(r"headwater\.leads\.(clocks|events|timelines?)\b", path.read_text()), path.name


# A stage that reads a table it does not name would not run again when that table changes.


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_stage_names_every_table_that_its_code_reads(stage):
    files = sorted((SOURCES / FOLDERS.get(stage.name, stage.name)).glob("*.py"))
    code = "\n".join(path.read_text() for path in files if path.name not in SHOWING)
    read = set(re.findall(r"""\.(?:arrow|table)\(\s*["'](\w+)["']""", code)) & {table.name for table in TABLES}
    together = [one for one in STAGES if FOLDERS.get(one.name, one.name) == FOLDERS.get(stage.name, stage.name)]
    own = {table.name for table in TABLES if table.stage in {one.name for one in together}} | {"defects"}
    assert read - own <= {name for one in together for name in one.reads}


def test_the_leads_stage_names_every_table_that_a_rule_may_read():
    (leads,) = (stage for stage in STAGES if stage.name == "leads")
    read = {column.split(".")[0] for act in ACT_TABLES.values() for column in act.reads}
    assert read | {act.table for act in ACT_TABLES.values()} <= set(leads.reads)


def test_a_stage_names_every_table_that_it_reads_when_it_runs(small, monkeypatch):
    read: set[str] = set()
    arrow = Session.arrow

    def watched(self, name):
        read.add(name)
        return arrow(self, name)

    def watch(stage):
        def derive(context):
            read.clear()
            produced = stage.derive(context)
            own = set(produced) | {table.name for table in TABLES if table.stage == stage.name}
            assert read - own <= set(stage.reads), stage.name
            assert set(produced) <= {table.name for table in TABLES if table.stage == stage.name} | {"defects"}
            return produced

        return Stage(
            name=stage.name, event=stage.event, derive=derive, reads=stage.reads, reads_evidence=stage.reads_evidence
        )

    settings = small.case / "case.toml"
    settings.write_text(settings.read_text().replace("trace_max_hops = 20", "trace_max_hops = 21"))
    monkeypatch.setattr(Session, "arrow", watched)
    monkeypatch.setattr(run_module, "STAGES", tuple(watch(stage) for stage in STAGES))
    with Case(small.case) as case:
        results = run_stages(case, case.actor(), allow_unsealed=True)
    assert all(result.changed for result in results)


def test_leads_before_judgement_do_not_know_of_any(small, headwater):
    link = headwater("queue", small.case, "--json").rows[0]["link_id"]
    assert headwater("judge", small.case, link, "positive", "--why", "seen").status == 0
    assert headwater("run", small.case, "--allow-unsealed").status == 0
    named = headwater("show", small.case, "leads", "--json").rows
    assert any(lead["named_record_id"] for lead in named)
    with Case(small.case) as case, case.tables() as tables:
        before = leads_before_judgement(tables).to_pylist()
    assert [lead["lead_id"] for lead in before]
    assert not any(lead["named_record_id"] for lead in before)
