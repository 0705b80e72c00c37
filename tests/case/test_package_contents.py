"""What a released package of a whole case says in the formats of others, and that they can read it."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.case

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / "build" / "interchange" / "bin" / "python"
PROGRAM = ROOT / "tests" / "unit" / "packages" / "interchange_oracles.py"


def record(finished, name: str) -> bytes:
    return (finished.package / "record" / name).read_bytes()


def leads_of(finished) -> list[dict]:
    return [json.loads(line) for line in record(finished, "leads.jsonl").splitlines()]


def test_each_lead_has_a_graph_and_the_manifest_says_what_each_file_is(finished):
    files = {file["name"]: file for file in json.loads(record(finished, "manifest.json"))["files"]}
    graphs = {f"case_{lead['lead_id'].replace('-', '_')}.jsonld" for lead in leads_of(finished)}
    assert graphs == {name for name in files if name.endswith(".jsonld")}
    assert all(file["about"] for file in files.values())


def test_the_viewers_files_hold_the_items_of_the_hash_references_and_no_other(finished):
    rows = list(csv.DictReader(io.StringIO(record(finished, "hash_references.csv").decode(), newline="")))
    digested = {row["item_id"]: row["sha256"] for row in rows if row["sha256"]}
    media = json.loads(record(finished, "hash_references_vics.json"))["value"][0]["Media"]
    assert digested
    assert {place["HeadwaterItemID"] for medium in media for place in medium["MediaFiles"]} == digested.keys()
    assert {medium["AlternativeHashes"][0]["HashValue"] for medium in media} == set(digested.values())
    assert {medium["Category"] for medium in media} == {0}
    assert len(record(finished, "hash_references_icse.csv").splitlines()) == 1 + len(media)


def test_no_name_is_in_a_file_of_others_that_is_not_a_named_record(finished, headwater):
    named = {lead["named_record_id"] for lead in leads_of(finished)} - {None}
    records = headwater("show", finished.case, "records", "--json").rows
    others = {row["full_name"] for row in records if row["record_id"] not in named and row["full_name"]}
    others -= {row["full_name"] for row in records if row["record_id"] in named}
    assert named
    assert len(others) > 20
    people = {
        name
        for line in record(finished, "followthemoney.jsonl").splitlines()
        if (entity := json.loads(line))["schema"] == "Person"
        for name in entity["properties"]["name"]
    }
    for path in (finished.package / "record").glob("case_*.jsonld"):
        nodes = json.loads(path.read_bytes())["@graph"]
        people |= {node["uco-core:name"] for node in nodes if node["@type"] == "uco-identity:Person"}
    assert people
    assert not people & others


@pytest.mark.skipif(not PYTHON.exists(), reason="scripts/interchange-oracles makes what this test needs")
@pytest.mark.parametrize("graphs", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_others_read_a_package_of_a_whole_case(finished, graphs):
    folder = finished.package / "record"
    # The smallest first: their validator takes some seconds for each.
    sized = sorted(folder.glob("case_*.jsonld"), key=lambda path: (path.stat().st_size, path.name))
    paths = [*sized[:graphs], folder / "stix_bundle.json", folder / "followthemoney.jsonl"]
    ran = subprocess.run([PYTHON, PROGRAM, *paths], capture_output=True, text=True, check=True, cwd=folder)
    wrong = {one["file"]: one["wrong"] for line in ran.stdout.splitlines() if (one := json.loads(line))["wrong"]}
    assert wrong in ({}, {"followthemoney.jsonl": "absent"})
