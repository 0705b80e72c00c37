"""Running: only what changed is done again, what was interrupted goes on, and what was altered stops everything."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater.custody import CustodyLog
from headwater.errors import ConfigError, DigestMismatchError, HeadwaterError, IntegrityError
from headwater.schema import canonical_json
from headwater.workflow import STAGES, Case, approve_mapping, judge_link, run_stages
from headwater.workflow import run as run_module

NAMES = [stage.name for stage in STAGES]


def run(small, **options):
    with Case(small.case) as case:
        return run_stages(case, case.actor(), allow_unsealed=True, **options)


def changed(results) -> set[str]:
    return {result.stage for result in results if result.changed}


def digests(small) -> dict[str, str]:
    with Case(small.case) as case:
        return {f"{stage}.{table}": digest for stage, table, digest, _ in case.digests()}


def files(small) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in (small.case / "tables").rglob("*") if path.is_file()}


def entries(small) -> list:
    return list(CustodyLog.open(small.case).entries())


def params_digest(**params) -> str:
    return hashlib.sha256(canonical_json(params)).hexdigest()


def replaced(monkeypatch, name, derive):
    """The stages, with what one of them does replaced."""
    stages = tuple(dataclasses.replace(s, derive=derive) if s.name == name else s for s in STAGES)
    monkeypatch.setattr(run_module, "STAGES", stages)


# Only what changed


def test_a_second_run_does_nothing(small):
    before, log = files(small), len(entries(small))
    results = run(small)
    assert [result.stage for result in results] == NAMES
    assert changed(results) == set()
    assert files(small) == before
    assert len(entries(small)) == log


def add_reference(small, headwater, kind, content, *more):
    path = small.folder / "new"
    path.write_bytes(content)
    done = headwater("reference", "add", small.case, kind, path, "--name", "new", "--version", "1", *more)
    assert done.status == 0, done.err
    if kind == "hash-list":
        options = ("--operator", "B. Analyst", "--why", "told by its author")
        done = headwater("reference", "confirm", small.case, "new@1", *more, *options)
        assert done.status == 0, done.err


def new_hash_list(small, headwater):
    add_reference(small, headwater, "hash-list", b"md5\n" + b"d" * 32 + b"\n", "--polarity", "known-benign")


def new_records(small, headwater):
    add_reference(small, headwater, "records", b"source_key,full_name,convicted\n9,Vera Holm,no\n")


def new_networks(small, headwater):
    add_reference(small, headwater, "networks", b"cidr,kind,country,holder\n203.0.113.0/28,vpn,,\n")


def new_services(small, headwater):
    header = b"actor,name,kind,country,legal_contact,custodial\n"
    add_reference(small, headwater, "services", header + b"acme,Acme,exchange,FR,desk@acme.test,yes\n")


def new_tags(small, headwater):
    tag = b"tags:\n  - {address: a, label: b, actor: acme, source: x}\n"
    add_reference(small, headwater, "tag-pack", tag)


def new_judgement(small, headwater):
    with Case(small.case) as case:
        with case.tables() as tables:
            link = tables.arrow("links").to_pylist()[0]["link_id"]
        judge_link(case, case.actor(), link, "positive", why="seen")


def new_parameter(small, headwater):
    settings = small.case / "case.toml"
    settings.write_text(settings.read_text().replace("trace_max_hops = 20", "trace_max_hops = 21"))


def new_mapping(small, headwater):
    """Nicknames are read no more; items and what they weigh are as they were."""
    approve(small, (small.folder / "mapping.yaml").read_bytes().replace(b"      nickname: {column: name}\n", b""))


def approve(small, mapping):
    path = small.folder / "approved.yaml"
    path.write_bytes(mapping)
    with Case(small.case) as case:
        approve_mapping(case, case.actor(), path)


def new_exhibit(small, headwater):
    (small.folder / "more").mkdir()
    (small.folder / "more" / "c.txt").write_bytes(b"three\n")
    done = headwater("evidence", "add", small.case, small.folder / "more", "--exhibit", "MORE", "--allow-unsealed")
    assert done.status == 0, done.err


CHANGES = (
    (new_hash_list, {"media"}),
    (new_records, {"identities", "leads"}),
    (new_networks, {"identities", "leads"}),
    (new_services, {"money", "tokens", "leads"}),
    (new_tags, {"money", "tokens"}),
    (new_judgement, {"leads"}),
    (new_parameter, set(NAMES)),
    (new_exhibit, set(NAMES) - {"tokens", "identities"}),
)


@pytest.mark.parametrize(("change", "expected"), CHANGES, ids=[change.__name__ for change, _ in CHANGES])
def test_a_change_runs_the_stages_that_depend_on_it_and_no_other(change, expected, small, headwater):
    change(small, headwater)
    assert changed(run(small)) == expected
    assert changed(run(small)) == set()
    assert headwater("verify", small.case).status == 0


@pytest.mark.parametrize("options", [{"workers": 2}, {"engine": "duckdb", "workers": 3}])
def test_what_results_do_not_depend_on_runs_nothing(options, small):
    assert changed(run(small, **options)) == set()


def test_another_operator_runs_nothing(small):
    with Case(small.case) as case:
        assert changed(run_stages(case, case.actor("B. Analyst"), allow_unsealed=True)) == set()


def test_an_exhibit_that_lies_elsewhere_runs_nothing(small):
    # The copy has other times and inodes than what was taken in, so only its digest can have said that it is the same.
    assert changed(run(small)) == set()


def test_going_back_takes_up_the_earlier_run_and_says_so(small):
    before = digests(small)
    new_mapping(small, None)
    assert {"evidence", "identities", "leads"} <= changed(run(small))
    assert digests(small) != before
    kept, log = files(small), len(entries(small))
    approve(small, (small.folder / "mapping.yaml").read_bytes())
    assert changed(run(small)) == set()
    assert files(small) == kept
    assert digests(small) == before
    again = {entry.params_sha256 for entry in entries(small)[log:]}
    assert {params_digest(stage=name, kept=True) for name in ("evidence", "identities", "leads")} <= again


def test_the_same_inputs_have_one_run_id_and_others_another(small, headwater):
    first = {result.stage: result.run_id for result in run(small)}
    new_records(small, headwater)
    second = {result.stage: result.run_id for result in run(small)}
    assert {name for name in NAMES if first[name] != second[name]} == {"identities", "leads"}


def test_the_log_has_the_digest_of_every_input_and_output_of_a_run(small, headwater):
    new_records(small, headwater)
    results = {result.stage: result for result in run(small)}
    (entry,) = (entry for entry in entries(small) if entry.object_ids == (results["identities"].run_id,))
    assert (entry.event, entry.outcome) == ("combined", "done")
    assert {"new@1.records", "records@1.records", "parameters", "evidence.accounts"} <= entry.input_digests.keys()
    tables = ("links", "linkage_reports", "account_reuse", "contrary_facts")
    assert set(entry.output_digests) == {f"{name}.parquet" for name in tables}


# Until


@pytest.mark.parametrize("until", ["evidence", "media", "leads"])
def test_until_stops_there(until, small):
    new_parameter(small, None)
    wanted = NAMES[: NAMES.index(until) + 1]
    results = run(small, until=until)
    assert [result.stage for result in results] == wanted
    assert changed(results) == set(wanted)
    assert changed(run(small)) == set(NAMES) - set(wanted)


def test_an_unknown_stage_is_named_with_those_that_there_are(small):
    with pytest.raises(ConfigError, match="'catalog': no such stage; known are evidence, catalogue"):
        run(small, until="catalog")


def test_a_case_without_an_exhibit_has_nothing_to_run_on(tmp_path):
    with (
        Case.create(tmp_path / "case", authority_ref="Order 1", operator="A", purpose="test") as case,
        pytest.raises(ConfigError, match="no exhibit yet"),
    ):
        run_stages(case, case.actor())


# Interrupted


class OwnError(HeadwaterError):
    pass


@pytest.mark.parametrize(
    ("stage", "error"),
    [("evidence", OSError(5, "medium fails")), ("catalogue", RuntimeError("x")), ("leads", KeyboardInterrupt())],
)
def test_an_interrupted_run_keeps_what_was_done_and_the_next_goes_on(stage, error, small, headwater, monkeypatch):
    new_parameter(small, headwater)
    before = digests(small)

    def fail(context):
        raise error

    with monkeypatch.context() as patch:
        replaced(patch, stage, fail)
        with pytest.raises(type(error)):
            run(small)
    done, left = NAMES[: NAMES.index(stage)], NAMES[NAMES.index(stage) :]
    assert digests(small).keys() == before.keys()
    assert {n: d for n, d in digests(small).items() if n.split(".")[0] in left} == {
        n: d for n, d in before.items() if n.split(".")[0] in left
    }
    assert headwater("verify", small.case).status == 0
    assert headwater("leads", small.case).status == 0
    results = run(small)
    assert [result.changed for result in results] == [False] * len(done) + [True] * len(left)
    assert headwater("verify", small.case).status == 0


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OwnError("one clear line"), "one clear line"),
        (OSError(5, "medium fails"), "[Errno 5] medium fails"),
        (RuntimeError("a defect's text may hold anything"), "RuntimeError"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
    ],
)
def test_the_log_tells_of_a_run_that_failed(error, told, small, monkeypatch):
    new_parameter(small, None)

    def fail(context):
        raise error

    replaced(monkeypatch, "media", fail)
    with pytest.raises(type(error)):
        run(small)
    last = entries(small)[-1]
    assert last.event == "failed"
    assert last.params_sha256 == params_digest(stage="media")
    assert last.outcome == f"failed: {told}"


def test_tables_that_a_crash_left_before_they_were_recorded_are_written_again(small, headwater, monkeypatch):
    new_parameter(small, headwater)
    kept, record = files(small), Case.record

    def crash(self, event, *arguments, **options):
        if event == "parsed":
            raise SystemExit
        record(self, event, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Case, "record", crash)
        with pytest.raises(SystemExit):
            run(small)
    left = sorted(set(files(small)) - set(kept))
    assert left, "the crash came before anything was written, so this test says nothing"
    with Path(left[0]).open("ab") as torn:
        torn.write(b"more")
    assert headwater("verify", small.case).status == 0
    assert changed(run(small)) == set(NAMES)
    assert headwater("verify", small.case).status == 0


def test_a_run_that_was_logged_and_not_noted_is_done_again(small, headwater, monkeypatch):
    new_parameter(small, headwater)

    def crash(self):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(Case, "now", crash)
        with pytest.raises(SystemExit):
            run(small)
    assert headwater("verify", small.case).status == 0
    assert changed(run(small)) == set(NAMES)
    assert headwater("verify", small.case).status == 0


def test_a_stage_whose_rows_are_not_the_schemas_writes_nothing(small, headwater, monkeypatch):
    new_parameter(small, headwater)
    before = files(small)
    replaced(monkeypatch, "evidence", lambda context: {"accounts": context.tables.arrow("records")})
    with pytest.raises(HeadwaterError, match="accounts: columns are"):
        run(small)
    assert files(small) == before
    assert headwater("verify", small.case).status == 0


# Altered


def test_a_table_that_was_altered_stops_the_run(small):
    (path,) = (small.case / "tables" / "accounts").iterdir()
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(DigestMismatchError, match=path.name):
        run(small)


def test_a_table_that_is_gone_stops_the_run(small):
    (path,) = (small.case / "tables" / "links").iterdir()
    path.unlink()
    with pytest.raises(IntegrityError, match="a recorded table is gone"):
        run(small)


@pytest.mark.parametrize("until", ["evidence", None])
def test_an_exhibit_that_was_altered_stops_the_run(until, small):
    (small.folder / "files" / "b.txt").write_bytes(b"two, other!\n")
    with pytest.raises(DigestMismatchError, match="exhibit FILES"):
        run(small, until=until)


def other_record(folder):
    """A table that can be read as before and says something else."""
    table = pq.read_table(folder / "records.parquet")
    column = table.schema.get_field_index("full_name")
    names = pa.array(["Somebody Else"] * table.num_rows)
    pq.write_table(table.set_column(column, table.schema.field(column), names), folder / "records.parquet")


def resealed(folder):
    """As before, with a seal that fits."""
    other_record(folder)
    seal = json.loads((folder / "seal.json").read_bytes())
    seal["tables"]["records"] = hashlib.sha256((folder / "records.parquet").read_bytes()).hexdigest()
    (folder / "seal.json").write_bytes(canonical_json(seal))


TAMPERING = (
    (other_record, "records.parquet: SHA-256 is "),
    (resealed, "SHA-256 is "),
    (lambda folder: (folder / "records.parquet").unlink(), "records.parquet is gone"),
    (lambda folder: (folder / "seal.json").unlink(), "its seal is gone"),
    (lambda folder: shutil.copy(folder / "records.parquet", folder / "tags.parquet"), "tags.parquet was put there"),
)


@pytest.mark.parametrize(("tamper", "words"), TAMPERING, ids=["row", "row and seal", "table gone", "seal gone", "more"])
def test_a_reference_that_was_altered_stops_the_run(tamper, words, small):
    tamper(small.case / "references" / "records@1")
    before = files(small)
    with pytest.raises(IntegrityError, match=f"reference records@1.*{words}"):
        run(small)
    assert files(small) == before


def test_a_reference_that_the_case_does_not_know_is_not_used(small, headwater):
    # As a crash between writing an import and recording it leaves it.
    copied = small.case / "references" / "other@1"
    shutil.copytree(small.case / "references" / "records@1", copied)
    assert changed(run(small)) == set()
    assert len(headwater("show", small.case, "records", "--json").rows) == 2
    verified = headwater("verify", small.case, "--json")
    assert [row["check"] for row in verified.rows if not row["ok"]] == []
