"""What is disclosed beside the leads: alternatives, what was rejected, error rates, and the log's word on both."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from headwater.custody import extract_checks
from headwater.judgements import Judgement
from headwater.packages import CaseRecord

LEAD, FOREIGN, OTHER = "led-1", "acc-3", "rec-2"
WIF = "KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWn"  # the private key 1, which everybody knows
SEED = "abandon " * 11 + "about"  # source: BIP 39, test vectors


def judgement(link: str, left: str, right: str, verdict: str, operator: str, at: str, claim: str = "paid") -> Judgement:
    return Judgement(
        link_id=link,
        claim=claim,
        left_id=left,
        right_id=right,
        verdict=verdict,
        operator=operator,
        why="sealed in the database",
        seen_weight_mbits=12_345,
        model_id="mdl-1",
        at_utc=f"2026-10-0{at}T09:00:00.000000Z",
    )


GIVEN = (
    judgement("lnk-1", "pay-1", "rec-1", "unsure", "Iva Example", "1"),
    judgement("lnk-1", "pay-1", "rec-1", "positive", "Iva Example", "2"),
    judgement("lnk-2", "pay-1", "rec-2", "negative", "Olu Example", "3"),
    judgement("lnk-9", "pay-3", "rec-2", "negative", "Olu Example", "4"),
)
TEXTS = {0: "canary-before", 1: "canary-positive", 2: "canary-rejected", 3: "canary-elsewhere"}


def record(case) -> CaseRecord:
    """The judgements, each recorded in the log as a case records it."""
    for number, one in enumerate(GIVEN):
        subjects = (one.link_id, one.left_id, one.right_id)
        append(case, "judged", (one.link_id, one.judgement_id), TEXTS[number], about=subjects, role="reviewer")
    return CaseRecord(case_dir=case.log_folder, judgements=GIVEN)


def append(case, event: str, object_ids: tuple[str, ...], text: str, **more: Any) -> int:
    words = {"actor": "Iva Example", "role": "analyst", "justification": text, "clock": case.clock, **more}
    return case.log.append(event=event, object_ids=object_ids, **words).seq


def draft(case, rows, **changes: Any) -> dict[str, bytes]:
    drafted = case.draft(rows, **{"record": CaseRecord(case_dir=case.log_folder), **changes})
    return {path.name: path.read_bytes() for path in (drafted.folder / "draft").iterdir()}


def lines(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]


def extract_of(files: dict[str, bytes]) -> dict[int, dict[str, Any]]:
    content = files["disclosure_custody.json"]
    assert all(check.ok for check in extract_checks(content))
    return {row["seq"]: row for row in json.loads(content)["entries"]}


def text_of(row: dict[str, Any]) -> str | None:
    payload = row["payload"]
    return None if payload is None else payload.get("opening", payload)["justification"]


# ---- Alternatives and rejected candidates


def test_every_other_candidate_is_there_with_its_weights_and_what_speaks_against_it(case, rows):
    rows["contrary_facts"].append(
        rows["contrary_facts"][0] | {"fact_id": "fct-9", "account_id": None, "link_id": "lnk-2"}
    )
    found = lines(draft(case, rows)["disclosure_alternatives.jsonl"])
    candidates = {row["link_id"]: row for row in found if row["kind"] == "candidate"}
    assert list(candidates) == ["lnk-1", "lnk-2", "lnk-3"]
    assert [(row["other_id"], row["verdict"]) for row in candidates.values()] == [
        ("rec-1", "positive"), ("rec-2", "negative"), ("rec-2", "not judged"),
    ]  # fmt: skip
    assert candidates["lnk-2"]["match_weight_mbits"] == 12_345
    assert [row["field"] for row in candidates["lnk-2"]["comparisons"]] == ["surname"]
    assert "sentence" not in candidates["lnk-2"]["comparisons"][0]
    assert [fact["fact_id"] for fact in candidates["lnk-2"]["speaks_against"]] == ["fct-9"]
    assert candidates["lnk-2"]["lead_ids"] == [LEAD]
    [rival] = [row for row in found if row["kind"] == "beside a payer"]
    assert (rival["other_id"], rival["shared"], rival["lead_ids"]) == ("rec-9", ["household"], [LEAD])


def test_what_was_rejected_or_decided_otherwise_is_there_with_who_and_why(case, rows):
    found = lines(draft(case, rows, record=record(case))["disclosure_rejected.jsonl"])
    assert [(row["link_id"], row["state"]) for row in found] == [
        ("lnk-1", "decided otherwise before"), ("lnk-2", "rejected"),
    ]  # fmt: skip
    first, second = found[0]["decisions"]
    assert (first["verdict"], first["stands"], second["verdict"], second["stands"]) == (
        "unsure",
        False,
        "positive",
        True,
    )
    assert (first["person"], first["role"], second["why"]) == (1, "reviewer", "canary-positive")
    [rejected] = found[1]["decisions"]
    assert (rejected["why"], rejected["custody_entry"]) == ("canary-rejected", 5)
    assert "Olu Example" not in json.dumps(found)


@pytest.mark.parametrize("told", ["no: Innocent Bystander lives elsewhere", "canary of another lead's person"])
def test_why_a_candidate_was_rejected_is_withheld_where_it_names_them_or_they_are_another_leads(case, rows, told):
    if "canary" in told:
        rows["leads"][2]["named_record_id"] = OTHER
    rejection = GIVEN[2]
    ids = (rejection.link_id, rejection.judgement_id)
    seq = append(case, "judged", ids, told, about=("lnk-2", "pay-1", "rec-2"))
    files = draft(case, rows, record=CaseRecord(case_dir=case.log_folder, judgements=[rejection]))
    [row] = lines(files["disclosure_rejected.jsonl"])
    assert [(one["why"], one["custody_entry"]) for one in row["decisions"]] == [(None, seq)]
    # The log still proves that it was given, and commits to the words.
    assert extract_of(files)[seq]["entry"]["payload_sha256"]
    assert told.encode() not in files["disclosure_custody.json"]


def test_a_cut_is_there_where_money_of_these_leads_goes_through_it(case, rows):
    rows["merge_cuts"] = [
        {"txid": "ee" * 32, "operator": "Iva Example"},
        {"txid": "ff" * 32, "operator": "Iva Example"},
    ]
    flow = {"trace_id": "trc-1", "hop": 1, "from_txid": "aa" * 32, "from_output_index": 0, "to_txid": "ee" * 32}
    rows["trace_flows"] = [{**flow, "to_output_index": 0, "amount_sat": 5}]
    cut = judgement("ee" * 32, "ee" * 32, "", "negative", "Iva Example", "5", claim="merge")
    files = draft(case, rows, record=CaseRecord(case_dir=case.log_folder, judgements=[cut]))
    [row] = [row for row in lines(files["disclosure_rejected.jsonl"]) if row["kind"] == "merge"]
    assert (row["txid"], row["state"], row["decisions"][0]["verdict"]) == ("ee" * 32, "cut", "negative")
    assert b"ff" * 32 not in b"".join(content for name, content in files.items() if name != "report.pdf")
    what = "transactions that people cut and through which no money of these leads goes"
    assert withheld(files)[what] == 1


def withheld(files: dict[str, bytes]) -> dict[str, int]:
    return {row["what"]: row["count"] for row in json.loads(files["manifest.json"])["withheld"]}


def test_a_candidate_who_is_the_person_of_another_lead_has_no_id_here(case, rows):
    rows["leads"][2]["named_record_id"] = OTHER
    files = draft(case, rows, record=record(case))
    for name in ("disclosure_alternatives.jsonl", "disclosure_rejected.jsonl", "disclosure_custody.json"):
        assert OTHER.encode() not in files[name], name
    links = {row.get("link_id"): row for row in lines(files["disclosure_alternatives.jsonl"])}
    assert links["lnk-2"]["other_id"] is None
    assert withheld(files)["ids of people beside these leads who belong to other leads"] == 3


def test_a_victim_s_row_has_no_id_here(case, rows):
    rows["victim_leads"] = [rows["leads"][2] | {"lead_id": "led-v", "account_id": "acc-v", "named_record_id": "rec-9"}]
    assert b"rec-9" not in draft(case, rows)["disclosure_alternatives.jsonl"]


# ---- The extract of the custody log


def test_acts_on_these_leads_are_shown_and_others_are_not_there_at_all(case, rows):
    read = append(case, "consulted", ("led-1", "acc-1"), "canary-read", about=("led-1", "acc-1"))
    foreign = append(case, "consulted", (FOREIGN,), "canary-foreign", about=(FOREIGN,))
    both = append(case, "consulted", ("acc-1", FOREIGN), "canary-both", about=("acc-1", FOREIGN))
    nothing = append(case, "consulted", (), "canary-general")
    files = draft(case, rows)
    extract = extract_of(files)
    assert {0, 1, 2, read, both} == set(extract)
    assert not {foreign, nothing} & set(extract)
    assert text_of(extract[read]) == "canary-read"
    assert (extract[both]["entry"], len(extract[both]["leaf"])) == (None, 64)
    assert withheld(files)["entries of the custody log that concern these leads and also others"] == 1
    assert text_of(extract[2]) == "an exercise"


def test_a_package_for_another_country_is_proved_and_not_shown(case, rows):
    ours = append(case, "transferred", ("led-1",), "canary-ours", recipient="ES, age1ours")
    theirs = append(case, "transferred", ("led-1",), "canary-theirs", recipient="FR, age1theirs")
    files = draft(case, rows)
    extract = extract_of(files)
    assert text_of(extract[ours]) == "canary-ours"
    assert extract[theirs]["entry"] is None
    assert b"age1theirs" not in files["disclosure_custody.json"]


@pytest.mark.parametrize(
    "text",
    ["as Innocent Bystander asked", "see P3@example.org", "the user THIRD again", "like acc-3", "from 198.51.100.7",
     "call +34 910 000 003", "txid " + "ab" * 32, f"the key is {WIF}", SEED],
)  # fmt: skip
def test_a_text_that_may_name_others_or_holds_a_key_stays_a_commitment(case, rows, text):
    seq = append(case, "acquired", ("EX-1",), text)
    files = draft(case, rows)
    row = extract_of(files)[seq]
    assert (row["payload"], row["withheld"] != "") == (None, True)
    assert row["entry"]["payload_sha256"]
    assert text.encode() not in files["disclosure_custody.json"]


def test_the_text_of_an_act_on_people_under_nobody_s_key_stays_a_commitment(case, rows):
    seq = append(case, "opened", ("led-1",), "canary-opened")
    row = extract_of(draft(case, rows))[seq]
    assert row["entry"]["event"] == "opened"
    assert text_of(row) is None


def test_what_was_erased_stays_erased_and_its_order_is_there(case, rows):
    by_entry = append(case, "acquired", ("EX-1",), "canary-entry")
    by_key = append(case, "consulted", ("acc-2",), "canary-key", about=("acc-2",))
    who = {"actor": "Iva Example", "role": "analyst", "clock": case.clock}
    keys = case.log.subject_keys.ids_of("acc-2")
    order = case.log.erase([by_entry], keys=keys, justification="canary-order", **who).seq
    files = draft(case, rows)
    extract = extract_of(files)
    assert extract[by_entry]["erased_by"] == extract[by_key]["erased_by"] == order
    assert extract[order]["entry"]["event"] == "erased"
    assert b"canary" not in files["disclosure_custody.json"]


def test_a_run_that_names_an_answer_to_others_is_proved_by_its_leaf(case, rows):
    names = {"customers-canary@1.customers": "ab" * 32, "evidence.accounts": "cd" * 32}
    seq = append(case, "combined", ("run-02",), "x", input_digests=names)
    row = extract_of(draft(case, rows))[seq]
    assert (row["entry"], row["withheld"]) == (None, "combined: it names what this package is not about")


def test_a_file_that_is_called_after_somebody_is_not_told(case, rows):
    reference = f"{rows['records'][0]['reference_name']}@1"
    seq = append(case, "received", (reference,), "x", input_digests={"innocent-bystander.csv": "ab" * 32})
    plain = append(case, "received", (reference,), "x", input_digests={"register.csv": "ab" * 32})
    extract = extract_of(draft(case, rows))
    assert extract[seq]["entry"] is None
    assert extract[plain]["entry"] is not None


def test_no_canary_of_others_and_no_key_is_in_any_file_of_the_disclosure(case, rows):
    """Everything at once, for either country: what is another's is nowhere, and what is its own is there."""
    given = record(case)
    append(case, "consulted", ("led-1", "led-3"), "canary-both", about=("led-1", "led-3"))
    append(case, "exported", ("led-3", "pkg-fr"), "canary-fr", recipient="nobody yet: a draft for FR")
    append(case, "exported", ("led-1", "pkg-es"), "canary-es", recipient="nobody yet: a draft for ES")
    append(case, "acquired", ("EX-1",), f"canary {WIF}")
    secret = {"ES": ["canary-fr", "pkg-fr", "led-3", "acc-3", "pay-3"], "FR": ["canary-es", "pkg-es", "led-1", "acc-1"]}
    never = [*TEXTS.values(), "canary-both", WIF, "Innocent Bystander", "PRIVATE KEY", "AGE-SECRET"]
    ours = {"canary-positive", "canary-before", "canary-rejected"}
    never = [text for text in never if text not in ours]
    keys = [path.read_text().strip() for path in (case.log_folder / "private").rglob("*") if path.is_file()]
    for country, others in secret.items():
        files = draft(case, rows, country=country, record=given)
        told = b"".join(content for name, content in sorted(files.items()) if name.startswith("disclosure_")).decode()
        found = [text for text in (*others, *never, *keys) if text in told]
        assert found == [], (country, found)
        assert {text for text in ours if text in told} == (ours if country == "ES" else set())


# ---- Error rates


def test_every_step_says_what_was_measured_or_that_it_was_not(case, rows):
    found = lines(draft(case, rows)["disclosure_error_rates.jsonl"])
    measured = [row for row in found if row["measured"]]
    assert measured
    assert all(row["tables"] and row["source"] and row["measured_on"] for row in measured)
    assert all(row["note"].startswith("Not measured.") and not row["tables"] for row in found if not row["measured"])
    assert {"identities: names", "money: address clusters, CoinJoins, change, peel chains, tracing"} <= {
        row["step"] for row in measured
    }


def test_the_same_case_gives_the_same_disclosure(case, rows, tmp_path):
    given = record(case)
    made = [draft(case, rows, record=given, out_dir=tmp_path / name) for name in ("one", "two")]
    digests = [{name: hashlib.sha256(content).hexdigest() for name, content in files.items()} for files in made]
    assert digests[0] == digests[1]


# ---- Remarks


def remark(remark_id: str, object_id: str, text: str, **more: Any) -> dict[str, Any]:
    plain = {
        "remark_id": remark_id, "place": int(remark_id[-1]), "object_table": "accounts", "object_id": object_id,
        "remark_kind": "note", "text": text, "operator": "Iva Example", "at_utc": "2026-10-02T09:00:00.000000Z",
        "state": "stands", "ended_by": None, "ended_at_utc": None, "ended_why": None,
    }  # fmt: skip
    return {**plain, **more}


def test_what_was_noted_beside_its_rows_is_there_and_nothing_of_others(case, rows):
    other = next(row for row in rows["accounts"] if row["account_id"] == FOREIGN)
    rows["remarks"] = [
        remark("rmk-0", LEAD, "ask the host again"),
        remark("rmk-1", FOREIGN, "canary-of-others"),
        remark("rmk-2", "acc-1", f"the same as {other['nickname']}"),
        remark("rmk-3", "acc-1", "of the first look", state="withdrawn", ended_by=" IVA example",
               ended_at_utc="2026-10-03T09:00:00.000000Z", ended_why="it was another"),
        remark("rmk-4", "acc-1", f"pays with {WIF}"),
    ]  # fmt: skip
    append(case, "judged", (LEAD, "rmk-0"), "beside it", about=(LEAD,), role="reviewer")
    files = draft(case, rows)
    found = {row["remark_id"]: row for row in lines(files["disclosure_remarks.jsonl"])}
    assert list(found) == ["rmk-0", "rmk-2", "rmk-3", "rmk-4"]
    assert (found["rmk-0"]["text"], found["rmk-0"]["person"], found["rmk-0"]["role"]) == (
        "ask the host again", 1, "reviewer",
    )  # fmt: skip
    assert isinstance(found["rmk-0"]["custody_entry"], int)
    assert (found["rmk-2"]["text"], found["rmk-4"]["text"]) == (None, None)
    assert (found["rmk-3"]["state"], found["rmk-3"]["ended_by_person"], found["rmk-3"]["ended_why"]) == (
        "withdrawn", 1, "it was another",
    )  # fmt: skip
    told = b"".join(files.values())
    assert b"canary-of-others" not in told
    assert WIF.encode() not in told
    withheld = {row["what"]: row["count"] for row in json.loads(files["manifest.json"])["withheld"]}
    assert withheld["texts of notes, labels and assignments"] == 2
