"""The review queue: contrary evidence first, nothing that leads, and two people who decide the same pair."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from headwater.workflow import access_rows
from headwater.workflow.review_rows import IndexedRows

ORIGIN = "http://localhost:8765"
OF_MODEL = {"comparisons", "match_weight_mbits", "probability_ppm", "because"}


RECORDS = (
    "source_key,full_name,convicted,email,phone,country,nickname\n"
    "7,Ida Birch,no,birch@mail.test,,FR,birch\n8,Ina Birch,no,birch@mail.test,,FR,\n"
    "9,Marta Quill,no,,+33612345678,FR,alder\n10,Ugo Elm,no,,,FR,elm\n11,Ada Cedar,no,,,FR,cedar\n"
)


@pytest.fixture(scope="module")
def several_template(small_template: Any, tmp_path_factory: pytest.TempPathFactory, headwater: Any) -> Path:
    """The small case with more records, so that several pairs wait and some have rivals."""
    folder = tmp_path_factory.mktemp("several")
    case = Path(shutil.copytree(small_template.case, folder / "case"))
    (folder / "records.csv").write_text(RECORDS)
    more = ("reference", "add", case, "records", folder / "records.csv", "--name", "more", "--version", "1")
    for step in (more, ("run", case, "--workers", 1, "--allow-unsealed")):
        done = headwater(*step)
        assert done.status == 0, done.err
    return case


@pytest.fixture
def several(several_template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(several_template, tmp_path / "several"))


@pytest.fixture
def bench(several: Path, tmp_path: Path, make_bench: Any) -> Iterator[Any]:
    made = make_bench([several], tmp_path / "state")
    yield made
    made.workbench.close()


@pytest.fixture
def served(serve: Any, several: Path, tmp_path: Path, make_bench: Any) -> Any:
    return serve(lambda port: make_bench([several], tmp_path / "state", port))


@pytest.fixture
def hiding(several: Path, tmp_path: Path, make_bench: Any) -> Iterator[Any]:
    """A bench over a case that hides scores until the first judgement."""
    path = several / "case.toml"
    path.write_text(path.read_text().replace("hide_score_until_judged = false", "hide_score_until_judged = true"))
    made = make_bench([several], tmp_path / "state")
    yield made
    made.workbench.close()


def _pair(bench: Any, who: str = "analyst", query: str = "") -> str:
    """The address of the pair that waits."""
    answer = bench.as_(who).get(f"/case/{bench.case}/review/{query}")
    assert answer.status_code == 303
    return str(answer.headers["location"])


def _json(bench: Any, address: str, who: str = "analyst") -> dict[str, Any]:
    return dict(bench.as_(who).get(address, as_json=True).json())


def _judge(bench: Any, address: str, seen: int, who: str = "analyst", **form: str) -> Any:
    sent = {"version": str(seen), "decision": "positive.2", "why": "", **form}
    return bench.as_(who).post(f"{address.partition('?')[0]}/judge", sent)


def _history(bench: Any, headwater: Any) -> list[dict[str, Any]]:
    return list(headwater("judge", bench.folder, "--history", "--json").rows)


def test_the_pair_is_that_of_the_command_line_with_all_it_says(bench: Any, headwater: Any) -> None:
    told = headwater("queue", bench.folder, "--operator", "Z. Other", "--json").rows
    address = _pair(bench)
    shown = _json(bench, address)
    assert shown["pair"] == told[0]
    assert shown["proposed"] >= len(told) > 1
    text = bench.as_("analyst").get(address).text
    heads = ["What speaks against it", "Rivals (", "Both rows", "What the weight is made of"]
    assert [text.index(head) for head in heads] == sorted(text.index(head) for head in heads)
    for bar in told[0]["comparisons"]:
        assert f"{bar['weight_mbits'] / 1000:+.2f}".replace("-", "\N{MINUS SIGN}") in text
    assert text.count('class="w-sum"') == 1


def test_a_pair_whose_row_is_gone_is_told_as_altered_and_not_as_a_defect(bench: Any, monkeypatch: Any) -> None:
    address = _pair(bench)
    rows = IndexedRows.rows
    monkeypatch.setattr(
        IndexedRows, "rows", lambda self, name, *given: [] if name == "records" else rows(self, name, *given)
    )
    answer = bench.as_("analyst").get(address)
    assert (answer.status_code, "is not in records" in answer.text) == (409, True)


def test_what_was_shown_is_on_record_in_both_places(bench: Any) -> None:
    address = _pair(bench)
    bench.as_("analyst").get(address)
    *_, last = access_rows(bench.folder)
    link = address.rpartition("/")[2]
    assert last.entry.object_ids[:3] == ("reading:pair", "score:shown", link)
    with bench.workbench.cases[bench.case].acting() as case, case.database.connect() as connection:
        shown = connection.exec_driver_sql("SELECT link_id, operator, score_hidden FROM shown_links").fetchall()
    assert shown[-1] == (link, "A. Analyst", 0)


def test_a_decision_is_recorded_with_its_reason_and_leads_to_the_next(bench: Any, headwater: Any) -> None:
    address = _pair(bench)
    shown = _json(bench, address)
    answer = _judge(bench, address, shown["version"], why="by telephone, 3 March")
    assert answer.status_code == 303
    assert answer.headers["location"].partition("?")[0] != address
    [told] = _history(bench, headwater)
    assert (told["verdict"], told["operator"], told["was_shown"]) == ("positive", "A. Analyst", True)
    assert told["why"] == "The holder of the record confirms it; by telephone, 3 March"
    assert headwater("verify", bench.folder, "--skip-evidence").status == 0


def test_without_a_verdict_or_a_reason_nothing_is_recorded(bench: Any, headwater: Any) -> None:
    address = _pair(bench)
    version = _json(bench, address)["version"]
    for form in ({"decision": ""}, {"decision": "positive.own"}, {"decision": "likely.1"}, {"version": "x"}):
        assert _judge(bench, address, version, **form).status_code == 422
    assert _history(bench, headwater) == []


def test_the_second_of_two_sees_what_the_first_said_and_decides_knowing_it(bench: Any, headwater: Any) -> None:
    address = _pair(bench)
    link = address.rpartition("/")[2]
    first, second = _json(bench, address), _json(bench, address, "approver")
    done = _judge(bench, address, first["version"], decision="negative.own", why="the letter names another")
    assert done.status_code == 303
    conflict = _judge(bench, address, second["version"], "approver", why="by telephone")
    assert conflict.status_code == 409
    for said in ("A. Analyst", "Not the same", "the letter names another", "Nothing of yours was recorded"):
        assert said in conflict.text
    # What was chosen and typed is not lost.
    assert 'value="by telephone"' in conflict.text
    assert 'value="positive.2" checked' in conflict.text
    assert [told["operator"] for told in _history(bench, headwater)] == ["A. Analyst"]
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', conflict.text))
    fields.pop("token")
    fields["told_of"] += " jdg-invented"  # a form may say anything; what is no judgement on the pair is left out
    knowing = _judge(bench, address, int(fields.pop("version")), "approver", **fields)
    assert knowing.status_code == 303
    assert [(t["operator"], t["verdict"]) for t in _history(bench, headwater)] == [
        ("A. Analyst", "negative"),
        ("P. Approver", "positive"),
    ]
    with bench.workbench.cases[bench.case].acting() as case:
        *_, entry = [one for one in case.custody.entries() if one.event == "judged"]
    ids = [told["judgement_id"] for told in _history(bench, headwater)]
    assert entry.object_ids == (link, ids[1], ids[0])
    assert headwater("verify", bench.folder, "--skip-evidence").status == 0


def test_a_judgement_by_another_program_is_a_conflict_too(bench: Any, headwater: Any) -> None:
    address = _pair(bench)
    version = _json(bench, address)["version"]
    link = address.rpartition("/")[2]
    told = headwater("judge", bench.folder, link, "unsure", "--operator", "Z. Other", "--why", "asked the holder")
    assert told.status == 0
    assert _judge(bench, address, version).status_code == 409
    other = _pair(bench)
    assert other != address or _json(bench, other)["version"] > version


def test_what_others_judged_of_other_pairs_is_no_conflict(bench: Any, headwater: Any) -> None:
    address = _pair(bench)
    shown = _json(bench, address)
    headwater("judge", bench.folder, shown["after"], "unsure", "--operator", "Z. Other", "--why", "asked the holder")
    assert _judge(bench, address, shown["version"]).status_code == 303


def test_who_comes_second_later_is_not_told_that_there_was_a_first(bench: Any) -> None:
    address = _pair(bench)
    assert _judge(bench, address, _json(bench, address)["version"], why="in secret words").status_code == 303
    second = bench.as_("approver").get(address).text
    assert "A. Analyst" not in second
    assert "in secret words" not in second
    told = _json(bench, address, "approver")
    assert told["pair"]["judged"] is None
    # Nor is a judgement's id anywhere in it: the version counts all judgements of the case.
    assert "jdg-" not in second + json.dumps(told)


def _numbers_of_the_model(pair: dict[str, Any]) -> set[str]:
    """Every number and word that only the model can have said, as a page would print it."""
    told = {f"{bar['weight_mbits'] / 1000:.2f}".lstrip("-") for bar in pair["comparisons"]}
    told |= {f"{bar['sum_mbits'] / 1000:.2f}".lstrip("-") for bar in pair["comparisons"]}
    return told | {pair["because"], str(pair["match_weight_mbits"])} | {bar["sentence"] for bar in pair["comparisons"]}


def test_a_hidden_score_is_in_no_form_of_the_page_until_the_judgement(hiding: Any, headwater: Any) -> None:
    address = _pair(hiding)
    link = address.rpartition("/")[2]
    [told] = headwater("show", hiding.folder, "links", "--where", f"link_id={link}", "--json").rows
    sums = 0
    for bar in told["comparisons"]:
        sums += bar["weight_mbits"]
        bar["sum_mbits"] = sums
    asker = hiding.as_("analyst")
    shown = _json(hiding, address)
    assert not OF_MODEL & shown["pair"].keys()
    assert all(set(other) == {"link_id", "right_id", "right"} for other in shown["pair"]["candidates"])
    ordered = [other["right_id"] for other in shown["pair"]["candidates"]]
    assert ordered == sorted(ordered)
    for form in (asker.get(address).text, json.dumps(shown), asker.get(address, **{"HX-Request": "true"}).text):
        assert not [number for number in _numbers_of_the_model(told) if number in form]
        assert "waterfall" not in form
    assert _judge(hiding, address, shown["version"]).status_code == 303
    after = _json(hiding, address)
    assert after["pair"].keys() >= OF_MODEL
    assert "waterfall" in asker.get(address).text
    [record] = _history(hiding, headwater)
    assert record["score_hidden"] is True
    # Hidden for each until their own judgement, and not until anybody's.
    assert _json(hiding, address, "approver")["pair"]["score_hidden"] is True


def test_a_conflict_shows_no_hidden_score(hiding: Any) -> None:
    address = _pair(hiding)
    second = _json(hiding, address, "approver")
    assert _judge(hiding, address, _json(hiding, address)["version"]).status_code == 303
    conflict = _judge(hiding, address, second["version"], "approver")
    assert conflict.status_code == 409
    assert "waterfall" not in conflict.text


def test_somebody_may_hide_scores_from_themselves(bench: Any) -> None:
    address = _pair(bench, query="?hide=1")
    assert address.endswith("?hide=1")
    assert _json(bench, address)["pair"]["score_hidden"] is True


def test_a_judgement_is_taken_back_by_one_more(bench: Any, headwater: Any) -> None:
    undo = f"/case/{bench.case}/review/own/undo"
    asker = bench.as_("analyst")
    assert asker.get(undo).status_code == 404
    address = _pair(bench)
    _judge(bench, address, _json(bench, address)["version"])
    assert _json(bench, undo)["becomes"] == "unsure"
    form = dict(re.findall(r'<input type="hidden" name="(judgement)" value="([^"]*)"', asker.get(undo).text))
    assert asker.post(undo, {**form, "reason_code": "own", "why": ""}).status_code == 422
    assert asker.post(undo, {**form, "reason_code": "1", "why": "slipped"}).status_code == 303
    first, second = _history(bench, headwater)
    assert (first["verdict"], second["verdict"]) == ("positive", "unsure")
    assert second["why"] == "I decided on the wrong pair; slipped"
    assert asker.post(undo, {**form, "reason_code": "1"}).status_code == 422  # it is not the last one any more
    # What was said before comes back, where there was something.
    assert _json(bench, undo)["becomes"] == "positive"


def test_pairs_are_stepped_through_without_judging(bench: Any) -> None:
    address = _pair(bench)
    folder = address.rpartition("/")[0]
    first = _json(bench, address)
    second = _json(bench, f"{folder}/{first['after']}")
    assert second["before"] == first["pair"]["link_id"]
    assert first["before"] is None


def test_a_pair_that_is_none_and_a_claim_that_is_none(bench: Any) -> None:
    asker = bench.as_("analyst")
    assert asker.get(f"/case/{bench.case}/review/lnk-none").status_code == 404
    assert asker.get(f"/case/{bench.case}/review/?claim=owned").status_code == 422
    assert asker.get(f"/case/{bench.case}/review/merge/cut?txid=00").status_code == 404


def _no_violations(page: Any) -> None:
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in {"serious", "critical"}] == []


def test_by_mouse(served: Any, headwater: Any) -> None:
    page = served.page_of("analyst")
    page.goto(f"/case/{served.bench.case}/")
    page.get_by_role("link", name="Review", exact=True).click()
    _no_violations(page)
    before = page.url
    page.get_by_label("Another candidate fits better").check()
    page.get_by_label("Why", exact=True).fill("by mouse")
    page.get_by_role("button", name="Record the decision").click()
    page.get_by_role("status").wait_for()
    assert page.url != before
    [told] = _history(served.bench, headwater)
    assert (told["verdict"], told["why"]) == ("negative", "Another candidate fits better; by mouse")
    assert not served.seen.faults


def test_by_keyboard_alone(served: Any, headwater: Any) -> None:
    page = served.page_of("analyst")
    page.goto(f"/case/{served.bench.case}/review/")
    first = page.url
    page.keyboard.press("j")
    page.wait_for_url(lambda url: url != first)
    page.keyboard.press("k")
    page.wait_for_url(first)
    page.keyboard.press("?")
    page.locator("#keys:focus").wait_for()
    page.keyboard.press("u")
    page.locator("fieldset[data-verdict=unsure] input:focus").first.wait_for()
    page.keyboard.press("2")
    page.locator("#why:focus").wait_for()
    page.keyboard.type("jk y")  # letters in a field are letters
    page.keyboard.press("Enter")
    page.get_by_role("status").wait_for()
    [told] = _history(served.bench, headwater)
    assert (told["verdict"], told["why"]) == ("unsure", "A rival fits as well; jk y")
    page.goto(f"/case/{served.bench.case}/review/")
    page.keyboard.press("z")
    page.wait_for_url("**/own/undo*")
    page.keyboard.press("1")
    page.locator("#why:focus").wait_for()
    _no_violations(page)
    page.keyboard.press("Enter")
    page.get_by_role("status").wait_for()
    assert len(_history(served.bench, headwater)) == 2
    page.keyboard.press("c")
    page.wait_for_url("**/merge/cut*")
    _no_violations(page)
    assert not served.seen.faults


def test_two_people_in_two_browsers(served: Any, headwater: Any) -> None:
    one, other = served.page_of("analyst"), served.page_of("approver")
    one.goto(f"/case/{served.bench.case}/review/")
    other.goto(one.url)
    for page, verdict in ((one, "y"), (other, "n")):
        page.keyboard.press(verdict)
        page.keyboard.press("1")
        page.locator("#why:focus").wait_for()
        page.keyboard.press("Enter")
        page.wait_for_load_state()
    other.get_by_role("heading", name="Somebody judged this pair while you were looking at it").wait_for()
    _no_violations(other)
    assert len(_history(served.bench, headwater)) == 1
    other.get_by_label("The details contradict each other").check()
    other.get_by_role("button", name="Record it, knowing this").click()
    other.wait_for_url("**decided=negative**")
    assert [told["verdict"] for told in _history(served.bench, headwater)] == ["positive", "negative"]
    assert not served.seen.faults
