"""What a package says in the formats of others: filled by the allow-list alone, with ids that stay, and no secret."""

from __future__ import annotations

import copy
import json
import re
import uuid
from importlib.resources import files
from types import SimpleNamespace

import pytest

from headwater.errors import ConfigError
from headwater.packages.contents import contents_for
from headwater.packages.interchange import ALLOWED, interchange_files
from headwater.packages.interchange.allowed import read_allowed
from headwater.packages.interchange.case_graph import CONTEXT
from headwater.packages.interchange.shapes import date_text, email_text, phone_text

TERMS = {
    "case_id": "case-demo",
    "authority_ref": "Warrant 12/2026",
    "agency": "Example Agency",
    "country": "ES",
    "purpose": "criminal investigation",
    "legal_basis": "Example Convention, article 26",
    "handling_code": "RESTRICTED",
    "onward_transfer": "not without consent",
    "drafted_at_utc": "2026-11-03T09:30:00.000000Z",
    "tool_version": "1",
}
TERMS_TTL = files("headwater.packages.interchange").joinpath("case_terms.ttl").read_text(encoding="utf-8")
PLANTED = "planted-and-never-to-leave"


@pytest.fixture
def contents(rows, make_session):
    return contents_for(make_session(rows), "ES")


@pytest.fixture
def made(contents) -> dict[str, bytes]:
    return interchange_files(contents, TERMS)


def graph_of(content: bytes) -> dict[str, dict]:
    return {node["@id"]: node for node in json.loads(content)["@graph"]}


def values_of(node: dict, name: str) -> list:
    value = node.get(name, [])
    return value if isinstance(value, list) else [value]


def typed(graph: dict[str, dict], kind: str) -> list[dict]:
    return [node for node in graph.values() if kind in values_of(node, "@type")]


def test_a_package_has_a_graph_for_each_lead_its_terms_a_bundle_and_entities(case):
    names = {file.name for file in (case.draft().folder / "draft").iterdir()}
    expected = {"case_led_1.jsonld", "case_led_2.jsonld", "case_terms.ttl", "stix_bundle.json", "followthemoney.jsonl"}
    assert expected <= names


def test_a_graph_stands_alone_and_fetches_nothing(made):
    for name in ("case_led_1.jsonld", "case_led_2.jsonld"):
        document = json.loads(made[name])
        assert document["@context"] == CONTEXT
        assert all(isinstance(target, str) and target.endswith(("/", "#")) for target in document["@context"].values())
        graph = graph_of(made[name])
        named = {one["@id"] for node in graph.values() for v in node.values() for one in listed(v) if is_ref(one)}
        assert named <= graph.keys()
        assert all(re.fullmatch("urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-.*", node) for node in graph)
    assert "owl:imports" not in TERMS_TTL


def listed(value: object) -> list:
    return value if isinstance(value, list) else [value]


def is_ref(value: object) -> bool:
    return isinstance(value, dict) and set(value) == {"@id"}


def test_a_graph_says_on_which_exhibit_by_which_act_and_what_speaks_against(made):
    graph = graph_of(made["case_led_1.jsonld"])
    (exhibit,) = typed(graph, "case-investigation:ProvenanceRecord")
    assert exhibit["case-investigation:exhibitNumber"] == "EX-1"
    held = [graph[one["@id"]] for one in exhibit["uco-core:object"]]
    assert {node["@type"] for node in held} == {"uco-observable:File", "uco-observable:DigitalAccount"}
    acts = {node["uco-core:name"]: node for node in typed(graph, "case-investigation:InvestigativeAction")}
    assert acts.keys() == {"exhibits catalogued", "identity judged", "lead drafted for a package", "money followed"}
    drafted = acts["lead drafted for a package"]
    before = {one["@id"] for one in drafted["case-investigation:wasInformedBy"]}
    assert before == {acts[name]["@id"] for name in acts if name != "lead drafted for a package"}
    assert drafted["uco-action:endTime"]["@value"] == TERMS["drafted_at_utc"]
    (against,) = typed(graph, "headwater:ContraryFact")
    assert "within the same hour" in against["uco-core:statement"]
    assert {against["@id"]} < {one["@id"] for one in drafted["uco-action:result"]}
    assert len(typed(graph, "headwater:RivalHypothesis")) == 1
    (person,) = typed(graph, "uco-identity:Person")
    assert person["uco-core:name"] == "Łucja Ångström-Îles"
    (transaction,) = typed(graph, "headwater:Transaction")
    assert graph[transaction["uco-core:hasFacet"]["@id"]]["headwater:txid"] == "01" * 32
    (output,) = typed(graph, "headwater:OutputFacet")
    assert output["headwater:fifoSat"] == {"@type": "xsd:integer", "@value": "1000000"}


def test_whoever_is_not_named_by_two_people_is_in_no_file(made):
    assert typed(graph_of(made["case_led_2.jsonld"]), "uco-identity:Person") == []
    everything = b"".join(made.values())
    assert b"Innocent Bystander" not in everything
    assert b"p3@example.org" not in everything
    assert "Łucja".encode() not in made["stix_bundle.json"]


def test_ids_stay_from_draft_to_draft_and_are_shared_between_leads(contents, made):
    later = interchange_files(contents, {**TERMS, "drafted_at_utc": "2026-12-01T00:00:00.000000Z"})
    assert interchange_files(contents, TERMS) == made
    one, two = graph_of(made["case_led_1.jsonld"]), graph_of(later["case_led_1.jsonld"])
    differing = {node["@id"] for node in (*one.values(), *two.values()) if node["@id"] not in one.keys() & two.keys()}
    assert {node["uco-core:name"] for node in (*one.values(), *two.values()) if node["@id"] in differing} == {
        "lead drafted for a package"
    }
    shared = one.keys() & graph_of(made["case_led_2.jsonld"]).keys()
    kinds = {kind for node in shared for kind in values_of(one[node], "@type")}
    assert {"case-investigation:Investigation", "case-investigation:ProvenanceRecord", "uco-tool:Tool"} <= kinds


def test_an_observable_has_the_id_that_the_standard_gives_it(made):
    objects = json.loads(made["stix_bundle.json"])["objects"]
    # Made by OASIS' own library.
    assert {
        "email-addr--f58c8ce1-c86f-522b-bf89-4c602ef8fe29",
        "file--a49844cd-4189-5ac1-8b7c-7de6a80c4527",
        "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4",
    } <= {one["id"] for one in objects}
    for one in objects:
        kind, _, made_id = one["id"].partition("--")
        assert kind == one["type"]
        assert uuid.UUID(made_id).version == 5
        assert {ref for name in one if name.endswith("_refs") for ref in one[name]} <= {
            other["id"] for other in objects
        }


def properties_of(made: dict[str, bytes]) -> dict[str, set[str]]:
    """Each property that appears anywhere, by format."""
    found: dict[str, set[str]] = {"case": set(), "stix": set(), "ftm": set()}
    for name, content in made.items():
        if name.endswith(".jsonld"):
            found["case"] |= {prop for node in graph_of(content).values() for prop in node} - {"@id"}
    for one in json.loads(made["stix_bundle.json"])["objects"]:
        found["stix"] |= one.keys()
        for inner in (one.get("hashes"), one.get("definition"), *one.get("extensions", {}).values()):
            found["stix"] |= (inner or {}).keys()
    for line in made["followthemoney.jsonl"].splitlines():
        entity = json.loads(line)
        assert entity.keys() == {"id", "schema", "properties"}
        assert ("ftm", entity["schema"]) in ALLOWED
        found["ftm"] |= entity["properties"].keys()
    return found


def test_no_property_appears_that_the_allow_list_does_not_have(made):
    for name, found in properties_of(made).items():
        allowed = {field.name for (where, _), fields in ALLOWED.items() if where == name for field in fields}
        assert found <= allowed
        assert len(found) > 10


SECRETS = (
    *("password", "passwd", "pass_phrase", "privateKey", "private_key", "xprv", "mnemonic", "seed", "credential"),
    *("secret", "auth_token", "session_id", "cookie", "dataPayload", "thumbnail", "credential_last_changed"),
)


def planted(value: object) -> object:
    """The value with a secret beside every field of every row in it."""
    if isinstance(value, dict):
        return {name: planted(one) for name, one in value.items()} | dict.fromkeys(SECRETS, PLANTED)
    return [planted(one) for one in value] if isinstance(value, list | tuple) else value


def test_columns_that_hold_a_secret_leave_nothing(contents, made):
    hostile = SimpleNamespace(
        leads=planted(contents.leads),
        requests=planted(contents.requests),
        hash_references=planted(contents.hash_references),
    )
    assert PLANTED in json.dumps(hostile.leads)
    assert interchange_files(hostile, {**TERMS, **dict.fromkeys(SECRETS, PLANTED)}) == made


def test_secrets_in_texts_of_evidence_are_withheld_before_any_file_is_written(case, rows):
    secret = "L1aW4aubDFB7yfras2S1mN3bqg9nwySY8nkoLmJebSLD5BWv3ENZ"  # the key of the number 1, in every textbook
    rows["accounts"][0]["nickname"] = f"my key is {secret}"
    rows["leads"][0]["why_now"] = f"wrote {secret}"
    rows["records"][0]["full_name"] = f"Ana {secret}"
    rows["request_sheets"][0]["service_name"] = secret
    draft = case.draft(rows).folder / "draft"
    for path in draft.iterdir():
        assert secret.encode() not in path.read_bytes(), path.name
    assert b"key material withheld" in (draft / "stix_bundle.json").read_bytes()


@pytest.mark.parametrize("name", SECRETS)
def test_the_allow_list_cannot_name_a_secret(name):
    with pytest.raises(ConfigError, match="could hold a secret"):
        read_allowed(f'[ftm.UserAccount]\n"{name}" = "nickname"\n')
    with pytest.raises(ConfigError, match="could hold a secret"):
        read_allowed(f'[ftm.UserAccount]\nusername = "{name}"\n')


@pytest.mark.parametrize(
    ("text", "words"),
    [('[pdf.x]\na = "b"\n', "is no format"), ('[stix.x]\na = "b, bytes"\n', "'bytes' is no kind")],
)
def test_the_allow_list_says_what_it_does_not_understand(text, words):
    with pytest.raises(ConfigError, match=words):
        read_allowed(text)


def test_each_of_our_terms_is_defined_and_each_definition_is_used_or_a_class():
    ours = {
        text.removeprefix("headwater:")
        for (where, _), fields in ALLOWED.items()
        if where == "case"
        for field in fields
        for text in (field.name, field.constant)
        if text.startswith("headwater:")
    }
    # What code names: the class of one kind of act, and the class that packages have no instance of.
    ours |= {"MoneyTracing", "Wallet"}
    assert set(re.findall(r"^headwater:(\w+)$", TERMS_TTL, re.MULTILINE)) == ours
    for name in ("Wallet", "WalletAddress", "Transaction", "MoneyTracing"):
        block = TERMS_TTL.split(f"\nheadwater:{name}\n")[1].split(" .\n")[0]
        assert re.search(r"rdfs:subClassOf .*\bcac-\w+:", block), name


def test_evidence_of_another_shape_is_left_to_the_leads(contents):
    assert email_text("ana@example.org") == "ana@example.org"
    assert [email_text(text) for text in (None, "ana", "a b@x.test", "a@b")] == [None] * 4
    assert phone_text("+33612345678") == "+33612345678"
    assert [phone_text(text) for text in (None, "06 12", "+0")] == [None] * 3
    assert [date_text(text) for text in ("1980", "1980-05", "1.5.80", None)] == ["1980", "1980-05", None, None]
    changed = copy.deepcopy(contents.leads)
    changed[0]["account"]["email"] = "no address"
    changed[0]["acts"][0]["network_address"] = "relay"
    changed[0]["account"]["platform_key"] = None
    hostile = SimpleNamespace(leads=changed, requests=contents.requests, hash_references=contents.hash_references)
    made = interchange_files(hostile, {**TERMS, "agency": ""})
    assert b"no address" not in made["stix_bundle.json"] + made["followthemoney.jsonl"]
    assert b"relay" not in made["stix_bundle.json"] + made["followthemoney.jsonl"]
    assert b"no address" in made["case_led_1.jsonld"]
    assert "uco-core:createdBy" not in str(
        typed(graph_of(made["case_led_1.jsonld"]), "case-investigation:Investigation")
    )


def test_a_package_of_request_sheets_alone_has_no_graph(contents):
    only = SimpleNamespace(leads=(), requests=contents.requests, hash_references=())
    made = interchange_files(only, TERMS)
    assert made.keys() == {"stix_bundle.json", "followthemoney.jsonl"}
    assert b"Example Exchange Ltd" in made["stix_bundle.json"]
