"""Intake: folders that add up and lead to their rows, refusals tried again, and a mapping decided by people."""

from __future__ import annotations

import functools
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe

from headwater.errors import ConfigError
from headwater.evidence import read_mapping
from headwater.workflow import Case, approve_draft, decide_binding, edit_draft, mapping_draft, start_draft, try_draft
from headwater.workflow import refused as refused_module
from headwater_web.screens import intake as intake_screen
from headwater_web.screens import mapping as mapping_screen

WHY = {"reason": "looked at it for a test"}
WHO = ("--operator", "A. Analyst", "--why", "looked at it for a test")


@pytest.fixture
def damaged(small: Any, headwater: Any) -> Any:
    """The small case with an archive of which two members cannot be read, for one reason."""
    folder = small.folder / "more"
    folder.mkdir()
    path = folder / "pack.zip"
    contents = {"in/first.txt": b"first " * 40, "in/second.txt": b"second " * 40, "in/third.txt": b"third " * 40}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as pack:
        for name, content in contents.items():
            pack.writestr(name, content)
    whole = path.read_bytes()
    for name in ("first ", "second "):
        whole = whole.replace(name.encode() * 2, (name[:-1] + "_").encode() + name.encode(), 1)
    path.write_bytes(whole)
    added = headwater("evidence", "add", small.case, folder, "--exhibit", "MORE", "--allow-unsealed")
    assert added.status == 0, added.err
    done = headwater("run", small.case, "--until", "catalogue", "--workers", 1, "--allow-unsealed")
    assert done.status == 0, done.err
    return small


@pytest.fixture
def unsealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a page does with sealed workers goes on where this machine lacks a layer, as all tests of the case do."""
    for module, name in (
        (intake_screen, "read_again"), (mapping_screen, "start_draft"), (mapping_screen, "try_draft"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, functools.partial(getattr(module, name), allow_unsealed=True))


@pytest.fixture
def mended(damaged: Any, make_bench: Any, tmp_path: Path) -> Any:
    made = make_bench([damaged.case], tmp_path / "state-of-damaged")
    yield made
    made.workbench.close()


def _asked(bench: Any, path: str, **query: object) -> Any:
    told = f"?{urlencode(query)}" if query else ""
    answer = bench.as_("analyst").get(f"/case/{bench.case}/{path}{told}", as_json=True)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_folders_are_those_of_the_command_line_and_add_up(mended: Any, headwater: Any) -> None:
    shown = _asked(mended, "intake/")["lines"]
    told = headwater("tree", mended.folder, *WHO, "--json").rows
    assert [(one["exhibit_id"], one["entries"], one["size_bytes"]) for one in shown] == [
        (row["exhibit_id"], row["entries"], row["size_bytes"]) for row in told
    ]
    assert {row["unaccounted_entries"] for row in told} == {row["unaccounted_bytes"] for row in told} == {0}
    level = _asked(mended, "intake/", exhibit="MORE", folder="pack.zip!")
    assert level["whole"]["entries"] == sum(part["entries"] for part in level["lines"]) == 3
    counted = {line["account"]: line["entries"] for line in level["whole"]["lines"]}
    assert counted["refused"] == 2
    assert counted["other"] == 1


def test_each_number_of_a_folder_leads_to_as_many_rows(mended: Any) -> None:
    place = {"exhibit": "MORE", "volume": 0, "folder": "pack.zip!"}
    for line in _asked(mended, "intake/", **place)["whole"]["lines"]:
        found = _asked(mended, "intake/entries", **place, account=line["account"])
        assert found["fitting"] == len(found["rows"]) == line["entries"]
    page = mended.as_("analyst").get(f"/case/{mended.case}/intake/?{urlencode(place)}").text
    assert "account=refused" in page


def test_a_folder_and_an_account_that_are_none_are_told_of(bench: Any) -> None:
    asker, base = bench.as_("analyst"), f"/case/{bench.case}/intake"
    assert asker.get(f"{base}/?exhibit=FILES&folder=no/such").status_code == 404
    assert asker.get(f"{base}/entries?exhibit=FILES&account=lost").status_code == 422
    assert asker.get(f"{base}/entries").status_code == 422
    assert asker.get(f"{base}/ranges?exhibit=FILES").status_code == 404


@pytest.mark.usefixtures("unsealed")
def test_what_was_refused_is_grouped_by_why_and_tried_again(mended: Any, headwater: Any) -> None:
    [refusal] = _asked(mended, "intake/refused")["refusals"]
    assert (refusal["entries"], refusal["exhibit_id"], len(refusal["examples"])) == (2, "MORE", 2)
    asker, base = mended.as_("analyst"), f"/case/{mended.case}/intake/refused"
    assert refusal["reason"] in asker.get(base).text
    path = f"{base}/{refusal['refusal_id']}/retry"
    assert asker.post(path).status_code == 422, "a reason is asked for"
    assert asker.post(path, WHY).status_code == 303
    assert "2 files were tried again; 0 were read to their end." in asker.get(base).text
    with Case(mended.folder) as case:
        entry = list(case.custody.entries())[-1]
    assert (entry.event, entry.actor, entry.outcome) == ("consulted", "A. Analyst", "done")
    assert entry.object_ids == ("MORE", refusal["refusal_id"])
    again = headwater("run", mended.folder, "--until", "evidence", "--workers", 1, "--allow-unsealed", "--json")
    assert [row["changed"] for row in again.rows] == [False], "nothing was read, so that nothing is done again"


@pytest.mark.usefixtures("unsealed")
def test_an_attempt_that_reads_makes_the_next_run_read_the_evidence_anew(
    mended: Any, headwater: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    [refusal] = _asked(mended, "intake/refused")["refusals"]
    monkeypatch.setattr(refused_module, "_attempts", lambda *_: iter([None, "still not"]))
    asker, base = mended.as_("analyst"), f"/case/{mended.case}/intake/refused"
    assert asker.post(f"{base}/{refusal['refusal_id']}/retry", WHY).status_code == 303
    text = asker.get(base).text
    assert "2 files were tried again; 1 were read to their end." in text
    assert "headwater run CASE" in text
    steps = ("run", mended.folder, "--until", "evidence", "--workers", 1, "--allow-unsealed", "--json")
    assert [row["changed"] for row in headwater(*steps).rows] == [True]
    assert [row["changed"] for row in headwater(*steps).rows] == [False]


def test_a_refusal_that_is_none_is_refused_on_both_ways(mended: Any, headwater: Any) -> None:
    path = f"/case/{mended.case}/intake/refused/rfs-none/retry"
    assert mended.as_("analyst").post(path, WHY).status_code == 422
    assert headwater("refused", mended.folder, "--retry", "rfs-none", *WHO).status == 2
    [row] = headwater("refused", mended.folder, *WHO, "--json").rows
    assert row["entries"] == 2


@pytest.fixture
def drafted(small: Any) -> Any:
    with Case(small.case) as case:
        start_draft(case, case.actor("A. Analyst", why="looked at it for a test"), allow_unsealed=True)
    return small


@pytest.mark.usefixtures("unsealed")
def test_a_mapping_is_suggested_decided_tried_and_approved(bench: Any) -> None:
    asker, base = bench.as_("analyst"), f"/case/{bench.case}/intake/mapping"
    assert _asked(bench, "intake/mapping/") == {"draft": None}
    assert asker.post(f"{base}/suggest", WHY).status_code == 303
    draft = _asked(bench, "intake/mapping/")
    assert {one["binds"]: one["rows"] for one in draft["bindings"]}["accounts"] == 4
    early = asker.post(f"{base}/approve", {**WHY, "draft": str(draft["draft"])})
    assert early.status_code == 422, "a suggestion cannot be approved"
    while draft["unconfirmed"]:
        one = next(b for b in draft["bindings"] if not b["confirmed"])
        form = {**WHY, "draft": str(draft["draft"]), "verdict": "confirm"}
        assert asker.post(f"{base}/{one['binding_id']}/decide", form).status_code == 303
        stale = asker.post(f"{base}/{one['binding_id']}/decide", form)
        assert stale.status_code == 422, "who looked at an earlier draft decides nothing"
        draft = _asked(bench, "intake/mapping/")
    checks = _asked(bench, "intake/mapping/checks")["checks"]
    assert {row["check_name"] for row in checks} >= {"used", "no_orphan", "filled"}
    assert asker.post(f"{base}/approve", {**WHY, "draft": str(draft["draft"])}).status_code == 303
    assert "This draft is the mapping that runs use." in asker.get(f"{base}/").text
    with Case(bench.folder) as case:
        mapping = read_mapping(case.mapping() or b"")
        assert {binding.because for binding in mapping.bindings} == {"looked at it for a test"}
        assert [e.event for e in case.custody.entries()][-1] == "mapped"


def test_a_column_is_taken_from_another_candidate_or_left_out(drafted: Any) -> None:
    with Case(drafted.case) as case:
        actor = case.actor("A. Analyst", why="looked at it for a test")
        draft = mapping_draft(case)
        assert draft is not None
        one = next(b for b in draft.bindings if b.binds == "accounts")
        optional = next(c["ours"] for c in one.columns if c["ours"] in {"phone", "email", "nickname"})
        after = decide_binding(case, actor, draft.number, one.binding_id, confirm=True, columns={optional: ""})
        [bound] = [b for b in after.bindings if b.binds == "accounts"]
        assert optional not in {c["ours"] for c in bound.columns}
        assert bound.confirmed
        rejected = decide_binding(case, actor, after.number, after.bindings[-1].binding_id, confirm=False)
        assert len(rejected.bindings) == len(draft.bindings) - 1
        assert [h["act"] for h in rejected.history] == ["rejected", "confirmed", "suggested"]
        with pytest.raises(ConfigError, match="by now"):
            approve_draft(case, actor, draft.number)


def test_a_wrong_mapping_shows_when_it_is_tried(drafted: Any) -> None:
    with Case(drafted.case) as case:
        actor = case.actor("A. Analyst", why="looked at it for a test")
        right = try_draft(case, actor, allow_unsealed=True)
        draft = mapping_draft(case)
        assert draft is not None
        # Rows are joined by their time in place of the account that they name.
        wrong = draft.content.replace("column: who", "column: at")
        assert wrong != draft.content

        edit_draft(case, actor, draft.number, wrong)
        tried = try_draft(case, actor, allow_unsealed=True)

    def met(of: Any) -> int:
        return sum(row["rows_met"] for row in of.checks.to_pylist() if row["check_name"] == "no_orphan")

    assert met(tried) < met(right)


def test_the_command_line_shows_and_decides_the_same_draft(drafted: Any, headwater: Any) -> None:
    rows = headwater("mapping", "show", drafted.case, *WHO, "--json").rows
    first = rows[0]
    words = (drafted.case, first["binding_id"], "--draft", first["draft"], *WHO, "--json")
    after = headwater("mapping", "confirm", *words)
    assert after.status == 0, after.err
    states = {row["binding_id"]: row["state"] for row in after.rows}
    assert states[first["binding_id"]] == "confirmed"
    assert headwater("mapping", "reject", *words).status == 2, "that draft is no longer the newest"
    text = headwater("mapping", "show", drafted.case, "--text", *WHO).out
    (drafted.folder / "own.yaml").write_text(text)
    number = after.rows[0]["draft"]
    assert headwater("mapping", "edit", drafted.case, drafted.folder / "own.yaml", "--draft", number, *WHO).status == 0


@pytest.mark.usefixtures("unsealed")
def test_by_mouse_and_by_keyboard_alone(serve: Any, make_bench: Any, damaged: Any, tmp_path: Path) -> None:
    served = serve(lambda port: make_bench([damaged.case], tmp_path / "state", port))
    base = f"/case/{served.bench.case}/intake/"
    page = served.page_of("analyst")
    page.goto(f"/case/{served.bench.case}/")
    page.get_by_role("link", name="Intake", exact=True).click()
    page.get_by_role("link", name="Look at what was refused").click()
    page.get_by_label("Why, in at least 10 characters").fill("the medium was cleaned since")
    page.get_by_role("button", name="Try 2 files again").click()
    page.get_by_text("2 files were tried again").wait_for()
    # The same with keys alone, from the tree on: into the exhibit, into the archive, to its entries.
    page.goto(base)
    page.keyboard.press("j")
    page.locator("tr:focus").wait_for()
    while "MORE" not in page.locator("tr:focus").inner_text():
        before = page.locator("tr:focus").inner_text()
        page.keyboard.press("j")
        assert page.locator("tr:focus").inner_text() != before
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="In this folder").wait_for()
    page.keyboard.press("j")
    page.locator("tr:focus").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**folder=pack.zip*")
    for address in (base, page.url, f"{base}refused", f"{base}ranges", f"{base}mapping/"):
        page.goto(address)
        found = Axe().run(page).response["violations"]
        assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == [], address
    assert not served.seen.faults


@pytest.mark.usefixtures("unsealed")
def test_a_binding_is_confirmed_in_a_browser_and_the_checks_follow(
    serve: Any, make_bench: Any, drafted: Any, tmp_path: Path
) -> None:
    served = serve(lambda port: make_bench([drafted.case], tmp_path / "state", port))
    address = f"/case/{served.bench.case}/intake/mapping/"
    page = served.page_of("analyst")
    page.goto(address)
    page.get_by_text("rows of the dumps were looked at").wait_for()
    waiting = page.get_by_role("button", name="Confirm").count()
    page.get_by_label("Why it is so, or not").first.fill("one row for each login of the shop")
    page.keyboard.press("Tab")
    page.locator("button[value=confirm]:focus").wait_for()
    page.keyboard.press("Enter")
    page.get_by_text("one row for each login of the shop").first.wait_for()
    assert page.get_by_role("button", name="Confirm").count() == waiting - 1
    page.get_by_text("rows of the dumps were looked at").wait_for()  # what is being asked for stands back until then
    found = Axe().run(page).response["violations"]
    assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == []
    plain = served.page_of("analyst", java_script_enabled=False)
    plain.goto(address)
    plain.get_by_role("link", name="Try it").click()
    assert plain.get_by_text("rows of the dumps were looked at").is_visible()
    assert not served.seen.faults
