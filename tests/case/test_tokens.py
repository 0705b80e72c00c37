"""Tokens of a seized platform: followed, measured, shown, asked about."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from headwater.workflow import Case

pytestmark = pytest.mark.case
WHO = ("--operator", "B. Analyst", "--why", "order 7/2026")


def test_every_unit_is_where_the_truth_says(finished, headwater):
    rows = headwater("show", finished.case, "token_endpoints", "--json").rows
    assert {row["stop_reason"] for row in rows} >= {"service", "unspent", "snapshot_end", "burn", "bridge"}
    from headwater_synth.score import measured

    found = {measure.measure: measure for measure in measured(finished.case, finished.truth)}
    assert found["token.taint_error_units"].value == 0
    assert found["token.taint_error_units"].n > 20
    assert found["token.endpoint.recall"].value == 1
    assert (found["token.marks.recall"].value, found["token.marks.false"].value) == (1, 0)


def test_sums_are_those_of_the_traces(finished, headwater):
    rows = headwater("money", finished.case, "--json").rows
    ended = Counter()
    for row in rows:
        if row["kind"] == "token_end":
            ended[row["token_contract"], row["direction"]] += int(row["amount_units"])
    sums = {
        (row["token_contract"], row["direction"]): int(row["followed_units"])
        for row in rows
        if row["kind"] == "token_sum"
    }
    assert len(sums) == 4
    assert sums == dict(ended)
    shown = headwater("money", finished.case)
    assert "payouts" in shown.out
    assert "TCR" in shown.out


def test_an_endpoint_is_explained_transfer_by_transfer(finished, headwater):
    endpoint = next(
        row
        for row in headwater("show", finished.case, "token_endpoints", "--json").rows
        if row["hops"] == 3 and row["stop_reason"] == "service"
    )
    steps = headwater("explain", finished.case, endpoint["endpoint_id"], "--json").rows
    hops = [step["row"]["hop"] for step in steps if step["table"] == "token_flows"]
    assert hops == [2, 3]
    assert {"token_traces", "token_transfers", "tags", "services"} <= {step["table"] for step in steps}


def test_services_and_issuers_are_asked(own_case, headwater, tmp_path):
    done = headwater("request", own_case, "--all", "--out", tmp_path / "sheets", *WHO, "--json")
    assert done.status == 0, done.err
    about = Counter((row["about"], row["actor"]) for row in done.rows)
    assert {actor for kind, actor in about if kind == "tokens"} >= {"crownmint", "northquay", "lindenmarkt"}
    assert set(about.values()) == {1}
    (path,) = (tmp_path / "sheets").glob("lu_crownmint_*_tokens.json")
    document = json.loads(path.read_text())
    digests = {row["table"]: row["sha256"] for row in headwater("digests", own_case, "--json").rows}
    assert {"token_requests", "token_endpoints"} <= document["basis"]["tables"].keys()
    assert all(digests[table] == digest for table, digest in document["basis"]["tables"].items())
    with Case(own_case) as case:
        recorded = list(case.custody.entries())[document["basis"]["custody_entry"]]
    assert recorded.output_digests["token_requests.parquet"] == digests["token_requests"]
    kinds = {request["question_kind"] for request in document["requests"]}
    assert {"freeze", "redeemed"} <= kinds
    assert "account_id" not in path.read_text()
    again = headwater("request", own_case, "--service", "crownmint", "--out", tmp_path / "again", *WHO)
    assert again.status == 0, again.err
    files = {file.name: file.read_bytes() for file in (tmp_path / "again").iterdir()}
    assert files == {name: (tmp_path / "sheets" / name).read_bytes() for name in files}
    assert len(files) == 3
    assert headwater("verify", own_case).status == 0


def test_a_service_that_nobody_knows_cannot_be_asked(own_case, headwater, tmp_path):
    done = headwater("request", own_case, "--service", "nobody", "--out", tmp_path / "sheets", *WHO)
    assert done.status == 2
    assert "crownmint" in done.err
    assert not (tmp_path / "sheets").exists()
