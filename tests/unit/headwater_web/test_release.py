"""Release in the workbench: what a draft shows, what is checked, the second person, receipts and recall."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from headwater.workflow import access_rows

REASON = {"reason": "to send it to the recipient"}
TERMS = {"legal_basis": "Agreement 7", "handling_code": "restricted", "onward_transfer": "ask first", "why": "transfer"}


@pytest.fixture
def store(small: Any, tmp_path: Path, headwater: Any) -> tuple[Path, str]:
    """Somebody who receives, and their key."""
    folder = tmp_path / "received"
    words = ("--agency", "Agency Two", "--country", "FR", "--operator", "C. Receiver", "--json")
    made = headwater("receive", "init", folder, *words)
    assert made.status == 0, made.err
    trusted = headwater(
        *("receive", "trust", folder, small.case / "public" / "case-signing.pem", "--name", "Agency One"),
        *("--operator", "C. Receiver", "--why", "keys compared"),
    )
    assert trusted.status == 0, trusted.err
    return folder, str(made.rows[0]["recipient"])


@pytest.fixture
def draft(bench: Any, store: tuple[Path, str]) -> str:
    """The address of a draft that the analyst made."""
    return _drafted(bench, store[1], "analyst")


def _drafted(bench: Any, recipient: str, who: str) -> str:
    made = bench.as_(who).post(
        f"/case/{bench.case}/release/draft", {**TERMS, "country": "FR", "recipient": recipient, "reissue": ""}
    )
    assert made.status_code == 303, made.text
    return str(made.headers["location"])


def _upload(bench: Any, who: str, path: str, form: dict[str, str], files: dict[str, bytes]) -> Any:
    asker = bench.as_(who)
    headers = {"Origin": "http://localhost:8765", "Cookie": f"__Host-headwater={asker.cookie}", "Accept": "text/html"}
    sent = {name: (f"{name}.file", content) for name, content in files.items()}
    return asker.client.post(
        f"/case/{bench.case}{path}",
        data={"token": asker.token, **form},
        files=sent,
        headers=headers,
        follow_redirects=False,
    )


def _checks(bench: Any, address: str, who: str = "approver") -> dict[str, str]:
    told = bench.as_(who).get(address, as_json=True).json()
    return {check["check"]: check["fault"] for check in told["checks"]}


def _released(bench: Any, address: str) -> str:
    assert bench.as_("approver").post(f"{address}/open").status_code == 200
    done = bench.as_("approver").post(f"{address}/release", {"why": "read, correct, proportionate"})
    assert done.status_code == 303, done.text
    return address.rpartition("/")[2]


def test_a_draft_says_for_whom_what_and_what_not(bench: Any, draft: str, store: tuple[Path, str]) -> None:
    text = bench.as_("approver").get(draft).text
    key = store[1]
    assert " ".join(key[at : at + 4] for at in range(0, len(key), 4)) in text
    told = bench.as_("approver").get(draft, as_json=True).json()
    manifest = json.loads(next(bench.folder.glob("packages/FR/*/draft/manifest.json")).read_bytes())
    assert told["withheld"] == manifest["withheld"]
    assert {(f["name"], f["sha256"]) for f in told["files"]} == {(f["name"], f["sha256"]) for f in manifest["files"]}
    for file in told["files"]:
        assert (bench.folder / "packages" / "FR" / told["package_id"] / "draft" / file["name"]).stat().st_size == (
            file["size_bytes"]
        )
        assert file["sha256"] in text
    for one in manifest["withheld"]:
        assert one["why"].split(";")[0].split("'")[0][:40] in text
    assert told["leads"]
    assert told["leads"][0]["because"]


def test_no_key_material_is_in_any_page(bench: Any, draft: str) -> None:
    secrets = [path.read_text(errors="replace") for path in (bench.folder / "private").rglob("*") if path.is_file()]
    assert secrets
    lines = {line for text in secrets for line in text.splitlines() if len(line) > 30 and not line.startswith("-----")}
    lines = {line for line in lines if "public" not in line.lower()}
    for path in (draft, f"/case/{bench.case}/release/"):
        for as_json in (False, True):
            text = bench.as_("approver").get(path, as_json=as_json).text
            assert not [line for line in lines if line in text]


def test_the_author_may_not_release_their_own(bench: Any, store: tuple[Path, str]) -> None:
    """Not by role: this author is an approver."""
    address = _drafted(bench, store[1], "approver")
    asker = bench.as_("approver")
    assert asker.post(f"{address}/open").status_code == 200
    assert "another person must release it" in asker.get(address).text
    assert "its author may not release it" in _checks(bench, address)["second_person"]
    refused = asker.post(f"{address}/release", {"why": "nobody else is here"})
    assert refused.status_code == 403
    assert "its author may not release it" in refused.text
    assert not list(bench.folder.glob("packages/FR/*/sealed"))


def test_an_analyst_may_not_release_at_all(bench: Any, draft: str) -> None:
    assert bench.as_("analyst").post(f"{draft}/release", {"why": "so"}).status_code == 403
    assert bench.as_("analyst").post(f"{draft}/open").status_code == 403


def test_nothing_goes_that_nobody_opened(bench: Any, draft: str) -> None:
    assert "were not opened" in _checks(bench, draft)["opened"]
    refused = bench.as_("approver").post(f"{draft}/release", {"why": "trusting the author"})
    assert refused.status_code == 403
    assert "were not opened" in refused.text
    # Saying so is not opening: there is no field that claims it.
    claimed = bench.as_("approver").post(f"{draft}/release", {"why": "so", "all_opened": "1", "leads_opened": "x"})
    assert claimed.status_code == 403


def test_two_people_and_both_are_recorded(bench: Any, draft: str, headwater: Any) -> None:
    package = _released(bench, draft)
    approval = json.loads((bench.folder / "packages" / "FR" / package / "record" / "approval.json").read_bytes())
    assert approval["approver"]["operator"] == "P. Approver"
    assert {lead["basis"] for lead in approval["leads"]} == {"shown"}
    manifest = json.loads((bench.folder / "packages" / "FR" / package / "record" / "manifest.json").read_bytes())
    assert manifest["author"]["operator"] == "A. Analyst"
    with bench.workbench.cases[bench.case].acting() as case:
        told = [(e.event, e.actor, e.role) for e in case.custody.entries() if package in e.object_ids]
    assert ("exported", "A. Analyst", "analyst") in told
    assert ("opened", "P. Approver", "reviewer") in told
    assert ("transferred", "P. Approver", "approver") in told
    assert headwater("verify", bench.folder, "--skip-evidence").status == 0
    assert bench.as_("approver").get(draft).status_code == 404


def test_one_lead_is_opened_by_a_button_and_counts(bench: Any, draft: str) -> None:
    lead = bench.as_("approver").get(draft, as_json=True).json()["leads"][0]["lead_id"]
    opened = bench.as_("approver").post(f"{draft}/open", {"lead": lead})
    assert lead in opened.text
    assert lead in bench.as_("approver").get(draft, as_json=True).json()["shown"]
    assert bench.as_("approver").post(f"{draft}/open", {"lead": "led-none"}).status_code == 404
    assert bench.as_("approver").post(f"{draft}/open", {"sample": "0"}).status_code == 422


def test_an_altered_draft_is_shown_to_nobody_and_not_released(bench: Any, draft: str) -> None:
    [leads] = bench.folder.glob("packages/FR/*/draft/leads.jsonl")
    leads.write_bytes(leads.read_bytes().replace(b"alder", b"aldor"))
    assert bench.as_("approver").post(f"{draft}/open").status_code == 409
    answer = bench.as_("approver").post(f"{draft}/release", {"why": "so"})
    assert answer.status_code in {403, 409}
    assert not list(bench.folder.glob("packages/FR/*/sealed"))


def test_a_recipient_is_a_key_and_no_file_of_this_machine(bench: Any, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("age1x\n")
    for recipient in (str(tmp_path / "key"), "/etc/hostname", ""):
        form = {**TERMS, "country": "FR", "recipient": recipient}
        assert bench.as_("analyst").post(f"/case/{bench.case}/release/draft", form).status_code == 422


def test_the_sealed_package_is_taken_with_a_reason_and_verifies_there(
    bench: Any, draft: str, store: tuple[Path, str], headwater: Any, tmp_path: Path
) -> None:
    package = _released(bench, draft)
    address = f"/case/{bench.case}/release/sent/{package}/file"
    assert bench.as_("approver").post(address, {"part": "sealed"}).status_code == 422
    folder = tmp_path / "carried"
    folder.mkdir()
    for part in ("sealed", "envelope"):
        taken = bench.as_("approver").post(address, {**REASON, "part": part})
        assert taken.status_code == 200
        name = taken.headers["content-disposition"].partition('filename="')[2].rstrip('"')
        (folder / name).write_bytes(taken.content)
    *_, last = access_rows(bench.folder)
    assert last.entry.event == "exported"
    assert package in last.entry.object_ids
    for part, status in (("manifest", 422), ("", 422)):
        assert bench.as_("approver").post(address, {**REASON, "part": part}).status_code == status
    nowhere = f"/case/{bench.case}/release/sent/..%2F..%2Fprivate/file"
    assert bench.as_("approver").post(nowhere, {**REASON, "part": "sealed"}).status_code == 404

    # Carried to the recipient, whose receipt comes back through the form.
    added = headwater(*("receive", "add", store[0], folder, "--operator", "C. Receiver", "--why", "it came", "--json"))
    assert added.status == 0, added.err
    receipt = Path(added.rows[0]["receipt"]).read_bytes()
    key = (store[0] / "public" / "case-signing.pem").read_bytes()
    form = {"kind": "receipt", "why": "it came back"}
    wrong = _upload(bench, "analyst", "/release/answer", form, {"answer": receipt[:-9], "key": key})
    assert wrong.status_code in {409, 422}
    done = _upload(bench, "analyst", "/release/answer", form, {"answer": receipt, "key": key})
    assert done.status_code == 303, done.text
    [row] = bench.as_("analyst").get(f"/case/{bench.case}/release/", as_json=True).json()["sent"]
    assert (row["id"], bool(row["receipt_id"])) == (package, True)
    again = _upload(bench, "analyst", "/release/answer", form, {"answer": receipt, "key": key})
    assert again.status_code == 422
    assert "kept already" in again.text
    assert _upload(bench, "analyst", "/release/answer", form, {"answer": receipt}).status_code == 422


def test_a_recall_tells_every_recipient(bench: Any, draft: str, headwater: Any) -> None:
    lead = bench.as_("approver").get(draft, as_json=True).json()["leads"][0]["lead_id"]
    address = f"/case/{bench.case}/release/recall"
    package = _released(bench, draft)
    for form in ({"ids": "", "why": "wrong"}, {"ids": lead, "why": ""}):
        assert bench.as_("analyst").post(address, form).status_code == 422
    assert bench.as_("analyst").post(address, {"ids": "led-none", "why": "wrong"}).status_code == 422
    assert bench.as_("analyst").post(address, {"ids": lead, "why": "another person's"}).status_code == 303
    sent = bench.as_("analyst").get(f"/case/{bench.case}/release/", as_json=True).json()["sent"]
    assert [(row["kind"], bool(row["recalled_by"])) for row in sent] == [("package", True), ("recall", False)]
    assert sent[0]["id"] == package
    assert sent[0]["recalled_by"] == [sent[1]["id"]]
    assert "folder" not in sent[0]
    assert headwater("verify", bench.folder, "--skip-evidence").status == 0


@pytest.fixture
def carried(served: Any, store: tuple[Path, str]) -> str:
    """The address of a draft in a workbench that a browser asks."""
    asker = served.bench.as_("analyst")
    own = {"Origin": served.base, "Sec-Fetch-Site": "same-origin", "Cookie": f"__Host-headwater={asker.cookie}"}
    form = {**TERMS, "country": "FR", "recipient": store[1], "token": asker.token}
    made = asker.client.post(f"/case/{served.bench.case}/release/draft", data=form, headers=own, follow_redirects=False)
    assert made.status_code == 303, made.text
    return str(made.headers["location"])


def _no_violations(page: Any) -> None:
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in {"serious", "critical"}] == []


def test_by_mouse(served: Any, carried: str) -> None:
    page = served.page_of("approver")
    page.goto(f"/case/{served.bench.case}/")
    page.get_by_role("link", name="Release", exact=True).click()
    _no_violations(page)
    page.get_by_role("link", name="Read the first draft").click()
    assert page.url.endswith(carried)
    _no_violations(page)
    page.get_by_role("button", name="Open every lead").click()
    page.get_by_role("heading", name="Leads opened").wait_for()
    _no_violations(page)
    page.get_by_role("link", name="To the draft").first.click()
    page.get_by_label("Why", exact=True).fill("read, correct, proportionate")
    page.get_by_role("button", name="Release", exact=True).click()
    page.get_by_role("status").wait_for()
    assert list(served.bench.folder.glob("packages/FR/*/sealed/envelope.json"))
    _no_violations(page)
    assert not served.seen.faults


def _tab_to(page: Any, name: str) -> None:
    """Press Tab until the control of that name has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText || document.activeElement.id").strip() == name:
            return
    raise AssertionError(f"Tab never came to {name}")


def test_by_keyboard_alone(served: Any, carried: str) -> None:
    page = served.page_of("approver")
    page.goto(f"/case/{served.bench.case}/release/")
    page.keyboard.press("j")
    page.locator("tr:focus").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{carried}")
    _tab_to(page, "Open every lead")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Leads opened").wait_for()
    _tab_to(page, "To the draft")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{carried}")
    _tab_to(page, "why")
    page.keyboard.type("read, correct, proportionate")
    page.keyboard.press("Enter")
    page.get_by_role("status").wait_for()
    assert list(served.bench.folder.glob("packages/FR/*/sealed/envelope.json"))
    assert not served.seen.faults
