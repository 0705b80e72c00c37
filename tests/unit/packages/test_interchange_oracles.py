"""CASE's, OASIS' and FollowTheMoney's own readers accept what packages hold, and refuse what was broken.

They are in an environment of their own, which `scripts/interchange-oracles` makes.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / "build" / "interchange" / "bin" / "python"
PROGRAM = Path(__file__).with_name("interchange_oracles.py")
pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="scripts/interchange-oracles makes what this test needs")


def verdicts(*paths: Path) -> dict[str, str]:
    """What is wrong with each file, by name; empty for nothing."""
    ran = subprocess.run([PYTHON, PROGRAM, *paths], capture_output=True, text=True, check=True, cwd=paths[0].parent)
    found = [json.loads(line) for line in ran.stdout.splitlines()]
    return {one["file"]: one["wrong"] for one in found}


@pytest.fixture
def draft(case, rows) -> Path:
    rows["accounts"][0] |= {"phone": "+33612345678", "pgp_fingerprint": "ABCD" * 10}
    rows["lead_acts"][0]["network_address"] = "2001:db8::7"
    rows["lead_acts"][1]["network_address"] = "relay.example"
    rows["records"][0] |= {"date_of_birth": "1980-05", "email": "no address", "phone": "06 12"}
    return case.draft(rows).folder / "draft"


def test_others_read_a_package(draft):
    # Each kind once: both graphs are made by the same code, and their validator takes some seconds for each.
    files = [draft / name for name in ("case_led_1.jsonld", "stix_bundle.json", "followthemoney.jsonl")]
    found = verdicts(*files)
    if found["followthemoney.jsonl"] == "absent":
        assert found.pop("followthemoney.jsonl")
    assert set(found.values()) == {""}, found


def without(kind: str, prop: str) -> Callable[[list[dict]], None]:
    """Takes a property away from the first node of a type."""

    def change(nodes: list[dict]) -> None:
        del next(node for node in nodes if node["@type"] == kind)[prop]

    return change


def digest_of_other_letters(nodes: list[dict]) -> None:
    next(node for node in nodes if node["@type"] == "uco-types:Hash")["uco-types:hashValue"]["@value"] = "no digest"


def unknown_word(nodes: list[dict]) -> None:
    next(node for node in nodes if node["@type"] == "uco-tool:Tool")["@type"] = "uco-tool:Tooool"


def exhibit_of_two_numbers(nodes: list[dict]) -> None:
    record = next(node for node in nodes if node["@type"] == "case-investigation:ProvenanceRecord")
    record["case-investigation:exhibitNumber"] = ["EX-1", "EX-2"]


BROKEN = {
    "no_target": without("uco-observable:ObservableRelationship", "uco-core:target"),
    "digest": digest_of_other_letters,
    "word": unknown_word,
    "two_numbers": exhibit_of_two_numbers,
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "no_target" else pytest.mark.slow) for name in BROKEN]
)
def test_a_broken_graph_is_refused(draft, tmp_path, name):
    document = json.loads((draft / "case_led_2.jsonld").read_bytes())
    BROKEN[name](document["@graph"])
    path = tmp_path / "broken.jsonld"
    path.write_text(json.dumps(document), encoding="utf-8")
    assert verdicts(path)["broken.jsonld"]


def test_a_broken_bundle_and_a_broken_entity_are_refused(draft, tmp_path):
    bundle = json.loads((draft / "stix_bundle.json").read_bytes())
    account = next(one for one in bundle["objects"] if one["type"] == "user-account")
    account["private_key"] = "x"
    (tmp_path / "custom.json").write_text(json.dumps(bundle), encoding="utf-8")
    entity = json.loads((draft / "followthemoney.jsonl").read_bytes().splitlines()[0])
    entity["properties"]["privateKeyOf"] = ["x"]
    (tmp_path / "custom.jsonl").write_text(json.dumps(entity), encoding="utf-8")
    assert "" not in verdicts(tmp_path / "custom.json", tmp_path / "custom.jsonl").values()


@pytest.mark.slow
@pytest.mark.parametrize("version", ["case-1.4.0", "case-1.5.0"])
def test_case_validate_accepts_all_graphs_with_our_terms(draft, version):
    program = PYTHON.with_name("case_validate")
    terms = ("--ontology-graph", draft / "case_terms.ttl", "--review-tbox")
    ran = subprocess.run(
        [program, "--built-version", version, *terms, *sorted(draft.glob("case_*.jsonld"))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Conforms: True" in ran.stdout
