"""The planted token economy: its truth, and that the product finds it, whatever the seed."""

from __future__ import annotations

import csv
from dataclasses import asdict
from types import MappingProxyType

import pytest

from headwater.config import Parameters
from headwater.engine import Session, StageContext
from headwater.money import trace_tokens
from headwater.references import import_reference, read_column_map, reference_files
from headwater.schema import table_named
from headwater_synth.population import build_population
from headwater_synth.score_tokens import token_measures
from headwater_synth.score_truth import Truth
from headwater_synth.tokens import built_economy, write_token_references, write_token_truth
from headwater_synth.tokens.economy import EXCHANGE_ACTORS

NONE = MappingProxyType(
    dict.fromkeys(("accounts", "people", "payments", "addresses", "transactions", "flows", "media"), ())
)
KINDS = MappingProxyType(
    {
        "tagpack.yaml": "tag-pack",
        "services.csv": "services",
        "exchanges.csv": "services",
        "transfers-tcr.csv": "token-transfers",
        "transfers-mdw.csv": "token-transfers",
        "coverage.csv": "token-coverage",
        "platform-accounts.csv": "platform-accounts",
        "issuers.csv": "token-issuers",
        "issuer-events.csv": "issuer-events",
    }
)


def run(folder, seed, **parameters):
    """The tables of a case with the economy of a seed alone, in a session, and the truth."""
    economy = built_economy(build_population(seed, accounts=120, payers=60))
    write_token_references(folder / "made", economy)
    truth = folder / "truth"
    truth.mkdir()
    write_token_truth(truth, economy)
    exchanges = [f"{actor},{actor},exchange,IE,desk@{actor}.example,1" for actor in EXCHANGE_ACTORS]
    header = "actor,name,kind,country,legal_contact,custodial"
    (folder / "made/exchanges.csv").write_text("\n".join([header, *exchanges]) + "\n")
    for number, (name, kind) in enumerate(KINDS.items()):
        columns = None
        if name == "transfers-mdw.csv":
            columns = read_column_map(folder / "made/transfers-mdw.map.yaml", kind)
        import_reference(folder, kind, folder / "made" / name, name=f"r{number}", version="1", columns=columns)
    files = reference_files(folder)
    with Session(files) as session:
        made = trace_tokens(StageContext(tables=session, parameters=asdict(Parameters()) | parameters))
    session = Session(files)
    for name, table in made.items():
        if name != "defects":
            session.put(name, table)
    rows = {
        name: tuple(csv.DictReader((truth / f"{name}.csv").read_text().splitlines()))
        for name in ("token_flows", "token_marks")
    }
    return session, Truth(**NONE, **rows)


def measures(session, truth):
    return {measure.measure: (measure.value, measure.n) for measure in token_measures(session, truth)}


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_every_unit_is_where_the_truth_says(tmp_path, seed):
    session, truth = run(tmp_path, seed)
    with session:
        found = measures(session, truth)
    assert found["token.taint_error_units"][0] == 0
    assert found["token.taint_error_units"][1] > 40
    assert found["token.endpoint.recall"][0] == 1
    assert found["token.marks.recall"][0] == 1
    assert found["token.marks.false"][0] == 0


def test_every_planted_end_is_there(tmp_path):
    session, truth = run(tmp_path, 7)
    session.close()
    assert {row["stop_reason"] for row in truth.token_flows} == {
        "service", "bridge", "swap_or_contract", "burn", "destroyed", "balance_before_table", "unspent", "snapshot_end",
    }  # fmt: skip
    assert {row["mark"] for row in truth.token_marks} == {"zero_amount", "look_alike", "copied_symbol"}


def test_an_error_is_measured(tmp_path):
    """The measures bite: one unit less at an end, a mark that is not there, a mark too many."""
    session, truth = run(tmp_path, 7)
    with session:
        rows = session.arrow("token_endpoints").to_pylist()
        rows[0]["amount_units"] = str(int(rows[0]["amount_units"]) - 1)
        session.put("token_endpoints", table_named("token_endpoints").rows(rows))
        marks = session.arrow("token_marks").to_pylist()
        marks[0]["mark"] = "zero_amount" if marks[0]["mark"] != "zero_amount" else "look_alike"
        session.put("token_marks", table_named("token_marks").rows(marks))
        found = measures(session, truth)
    assert found["token.taint_error_units"][0] == 1
    assert found["token.marks.recall"][0] < 1
    assert found["token.marks.false"][0] > 0


def test_other_limits_are_measured_as_errors(tmp_path):
    session, truth = run(tmp_path, 7, trace_max_hops=1)
    with session:
        assert measures(session, truth)["token.taint_error_units"][0] > 0


def test_nothing_to_measure_is_no_good_measure(tmp_path):
    with Session({}) as session:
        assert {value for value, _ in measures(session, Truth(**NONE)).values()} == {None}


def test_the_same_seed_gives_the_same_files(tmp_path):
    for place in ("a", "b"):
        economy = built_economy(build_population(5, accounts=60, payers=30))
        write_token_references(tmp_path / place, economy)
        (tmp_path / place / "truth").mkdir()
        write_token_truth(tmp_path / place / "truth", economy)
    first, second = (
        {path.name: path.read_bytes() for path in sorted((tmp_path / place).rglob("*")) if path.is_file()}
        for place in ("a", "b")
    )
    assert first == second
