"""The catalogue by content, why something is near, the export to the viewer, and grades as a difference first."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from headwater.engine import Session
from headwater.schema import table_named
from headwater.workflow import Case, access_rows, content_explained, contents_of
from headwater_web.screens import viewer as viewer_screen

from .conftest import ORIGIN

WHY = {"reason": "looked at it for a test"}
CONTENTS = {"a.txt": b"\x1b]0;not a title\x07text\n", "b.txt": b"two, longer\n"}


@pytest.fixture
def listed(small: Any, headwater: Any) -> Any:
    """The small case with a hash list that names both of its files; one of them lies there twice."""
    again = small.folder / "again"
    again.mkdir()
    (again / "copy.txt").write_bytes(CONTENTS["b.txt"])
    added = headwater("evidence", "add", small.case, again, "--exhibit", "AGAIN", "--allow-unsealed")
    assert added.status == 0, added.err
    rows = "".join(f"{hashlib.md5(content).hexdigest()},{n}\n" for n, content in enumerate(CONTENTS.values(), start=1))
    (small.folder / "list.csv").write_text("md5,category\n" + rows)
    options = ("--name", "both", "--version", "1", "--polarity", "known-illegal")
    assert headwater("reference", "add", small.case, "hash-list", small.folder / "list.csv", *options).status == 0
    confirm = ("both@1", "--polarity", "known-illegal", "--operator", "S. Second", "--why", "told by its author")
    assert headwater("reference", "confirm", small.case, *confirm).status == 0
    done = headwater("run", small.case, "--workers", 1, "--allow-unsealed", "--until", "media")
    assert done.status == 0, done.err
    return small


@pytest.fixture
def shelf(listed: Any, make_bench: Any, tmp_path: Path) -> Any:
    made = make_bench([listed.case], tmp_path / "state-of-listed")
    yield made
    made.workbench.close()


def _sha256(name: str) -> str:
    return hashlib.sha256(CONTENTS[name]).hexdigest()


def _asked(bench: Any, path: str) -> Any:
    answer = bench.as_("analyst").get(f"/case/{bench.case}/catalogue/{path}", as_json=True)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_rows_are_contents_and_not_files(shelf: Any, headwater: Any) -> None:
    shown = _asked(shelf, "?each=yes")
    assert {row["content"]: row["places"] for row in shown["rows"]} == {_sha256("a.txt"): 1, _sha256("b.txt"): 2}
    assert (shown["contents"], shown["places"]) == (2, 3)
    told = headwater("contents", shelf.folder, "--each", "--json").rows
    assert [row["content"] for row in told] == [row["content"] for row in shown["rows"]]


def test_facets_take_and_leave_out(shelf: Any) -> None:
    facets = {name: {v["value"]: v["contents"] for v in values} for name, values in _asked(shelf, "")["facets"].items()}
    assert facets["group"] == {"known": 2}
    assert facets["list"] == {"both@1": 2}
    assert facets["exhibit"] == {"AGAIN": 1, "FILES": 2}
    assert facets["copies"] == {"1": 1, "2-4": 1}
    assert [row["content"] for row in _asked(shelf, "?not.exhibit=AGAIN")["rows"]] == [_sha256("a.txt")]
    assert [row["content"] for row in _asked(shelf, "?is.copies=2-4&is.exhibit=FILES")["rows"]] == [_sha256("b.txt")]
    assert _asked(shelf, "?is.list=none")["rows"] == []
    page = shelf.as_("analyst").get(f"/case/{shelf.case}/catalogue/?not.exhibit=AGAIN").text
    assert "take back" in page


def test_one_content_says_where_it_lies_and_why(shelf: Any, headwater: Any) -> None:
    told = _asked(shelf, f"content/{_sha256('b.txt')}")
    assert [(one["exhibit_id"], one["path"]) for one in told["places"]] == [("AGAIN", "copy.txt"), ("FILES", "b.txt")]
    assert {one["tier"] for one in told["matches"]} == {"exact"}
    assert told["matches"][0]["listed"]["md5"] == hashlib.md5(CONTENTS["b.txt"]).hexdigest()
    [row] = headwater("content", shelf.folder, _sha256("b.txt"), "--json").rows
    assert row["matches"] == told["matches"]
    by_item = _asked(shelf, f"content/{told['places'][0]['item_id']}")
    assert by_item["content"] == _sha256("b.txt")
    asker = shelf.as_("analyst")
    assert "the same bytes" in asker.get(f"/case/{shelf.case}/catalogue/content/{_sha256('b.txt')}").text
    assert asker.get(f"/case/{shelf.case}/catalogue/content/{'0' * 64}").status_code == 404
    *_, last = [row for row in access_rows(shelf.folder) if row.entry.event == "consulted"]
    assert "content" in " ".join(last.entry.object_ids)


def _near_session() -> Session:
    """One still, near a listed one at 12 bits, turned."""
    session = Session({})
    entry = {
        "exhibit_id": "E 1", "volume_index": 0, "path": "x.png", "path_bytes": b"x.png", "directory": "",
        "entry_type": "file", "size_bytes": 9, "read_bytes": 9, "disposition": "catalogued", "sha256": "a" * 64,
    }  # fmt: skip
    item = {"item_id": "itm-1", **entry, "content_kind": "still", "content_format": "png", "copies": 1}
    match = {
        "match_id": "mch-1", "item_id": "itm-1", "entry_id": "hle-1", "method": "pdq", "tier": "probable",
        "transform": "flip_y", "distance_bits": 12, "quality": 70, "quarantined": False, "polarity": "known-illegal",
        "reference_name": "list", "reference_version": "1", "victim_identified": "no",
    }  # fmt: skip
    verdict = {
        "item_id": "itm-1", "verdict": "probable", "verdict_group": "near", "match_id": "mch-1",
        "transform": "flip_y", "distance_bits": 12,
    }  # fmt: skip
    for name, row in (("items", item), ("media_matches", match), ("media_verdicts", verdict)):
        session.put(name, table_named(name).rows([row]))
    return session


def test_a_distance_is_told_with_its_limits() -> None:
    with _near_session() as tables:
        [match] = content_explained(tables, "a" * 64)["matches"]
        [row] = contents_of(tables).page({}, {}).rows
    assert (match["limit_bits"], match["margin_bits"], match["quality_margin"]) == (21, 19, 20)
    expected = math.log10(sum(math.comb(256, bits) for bits in range(13)) / 2**256)
    assert match["chance_log10"] == pytest.approx(expected)
    assert (row["distance_bits"], row["transform"]) == (12, "flip_y")


def _graded(categories: tuple[int, ...], by: str = "V. Specialist") -> bytes:
    media = [
        {"MD5": hashlib.md5(content).hexdigest(), "Category": category}
        for content, category in zip(CONTENTS.values(), categories, strict=True)
    ]
    media.append({"MD5": "0" * 32, "Category": 1})
    return json.dumps({"GradedBy": by, "value": media}).encode()


def _upload(bench: Any, content: bytes, who: str = "analyst", name: str = "graded.json", **form: str) -> Any:
    asker = bench.as_(who)
    own = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin", **asker.own_cookie}
    return asker.client.post(
        f"/case/{bench.case}/catalogue/viewer/grades",
        data={"token": asker.token, **WHY, **form},
        files={"file": (name, content)},
        headers=own,
        follow_redirects=False,
    )


def _grades(bench: Any) -> list[str | None]:
    with Case(bench.folder) as case, case.tables() as tables:
        return sorted(str(row["category"]) for row in tables.arrow("media_grades").to_pylist())


def test_grades_are_shown_as_a_difference_before_anything_is_written(shelf: Any) -> None:
    answer = _upload(shelf, _graded((1, 2)))
    assert answer.status_code == 303, answer.text
    shown = answer.headers["location"]
    asker = shelf.as_("analyst")
    told = asker.get(shown, as_json=True).json()
    assert (told["state"], told["rows"], told["counts"], len(told["unrecognised"])) == ("shown", 3, {"new": 2}, 1)
    assert _grades(shelf) == []
    assert "Row 3:" in asker.get(shown).text
    assert asker.post(f"{shown}apply").status_code == 422, "a reason is asked for"
    assert _grades(shelf) == []
    assert asker.post(f"{shown}apply", WHY).status_code == 303
    assert _grades(shelf) == ["1", "2", "2"]
    assert "These grades count now." in asker.get(shown).text
    again = asker.get(_upload(shelf, _graded((1, 2))).headers["location"], as_json=True).json()
    assert again["state"] == "there-already"
    changed = asker.get(_upload(shelf, _graded((1, 4))).headers["location"], as_json=True).json()
    [change] = changed["changes"]
    assert (change["kind"], change["old"]["category"], change["new"]["category"]) == ("changed", "2", "4")


def test_what_was_applied_is_withdrawn(shelf: Any, headwater: Any) -> None:
    asker, base = shelf.as_("analyst"), f"/case/{shelf.case}/catalogue/viewer"
    shown = _upload(shelf, _graded((1, 2))).headers["location"]
    asker.post(f"{shown}apply", WHY)
    [one] = asker.get(f"{base}/", as_json=True).json()["graded"]
    assert one["counts"]
    assert asker.post(f"{base}/withdraw", {**WHY, "source_sha256": one["source_sha256"]}).status_code == 303
    assert _grades(shelf) == []
    who = ("--operator", "A. Analyst", "--why", "looked at it for a test")
    [row] = headwater("viewer", "list", shelf.folder, *who, "--json").rows
    assert (row["source_sha256"], row["counts"]) == (one["source_sha256"], False)


def test_what_changed_between_showing_and_applying_is_shown_again(shelf: Any) -> None:
    asker = shelf.as_("analyst")
    first = _upload(shelf, _graded((1, 2))).headers["location"]
    other = _upload(shelf, _graded((3, 3), by="W. Specialist"), who="approver").headers["location"]
    assert shelf.as_("approver").post(f"{other}apply", WHY).status_code == 303
    assert "The case has changed" in asker.get(first).text
    assert asker.post(f"{first}apply", WHY).status_code == 422
    assert _grades(shelf) == ["3", "3", "3"], "nothing was applied"
    assert asker.get(first, as_json=True).json()["changes"], "and what it would change is known anew"
    assert asker.post(f"{first}apply", WHY).status_code == 303


def test_a_file_of_another_person_is_not_there(shelf: Any) -> None:
    shown = _upload(shelf, _graded((1, 2))).headers["location"]
    assert shelf.as_("approver").get(shown).status_code == 404
    assert shelf.as_("approver").post(f"{shown}apply", WHY).status_code == 404


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n" + b"\0" * 90, b"", b'{"value": [{"MD5": '], ids=["picture", "empty", "cut"]
)
def test_what_is_no_graded_file_is_refused_and_kept_nowhere(
    shelf: Any, content: bytes, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = {path.name for path in tmp_path.iterdir()}
    assert _upload(shelf, content).status_code == 422
    left = {path.name for path in tmp_path.iterdir()} - before
    assert not {name for name in left if name.startswith(("headwater-graded", "headwater-upload"))}


def test_nobody_sends_a_file_who_may_not_and_none_too_large(shelf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    monkeypatch.setattr("headwater_web.forms._put", lambda *_: parsed.append("read"))
    assert _upload(shelf, b"{}", who="nobody").status_code == 401
    assert _upload(shelf, b"{}", who="stranger").status_code == 404
    assert _upload(shelf, b"{}", who="auditor").status_code == 403
    assert not parsed, "their bodies are not even read"
    route = shelf.workbench.route("grades_upload")
    large = b" " * 3_000_000
    object.__setattr__(route, "upload_bytes", 1_000_000)
    try:
        assert _upload(shelf, large).status_code == 413
    finally:
        object.__setattr__(route, "upload_bytes", viewer_screen.MOST_GRADED_BYTES)
    asker = shelf.as_("analyst")
    own = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin", **asker.own_cookie}
    path = f"/case/{shelf.case}/catalogue/viewer/export"
    answer = asker.client.post(path, data=WHY, files={"file": ("x", b"{}")}, headers=own, follow_redirects=False)
    assert answer.status_code == 415, "a route takes files only where it says so"


def test_a_file_needs_the_token_of_its_session(shelf: Any) -> None:
    assert _upload(shelf, _graded((1, 2)), token="none").status_code == 403


def test_the_name_that_a_browser_gives_is_a_name_and_no_path(shelf: Any) -> None:
    answer = _upload(shelf, _graded((1, 2)), name="../../..\\etc/\u202epasswd<b>.json")
    assert "passwd_b_.json" in shelf.as_("analyst").get(answer.headers["location"]).text
    assert viewer_screen._file_name("../..") == "graded"


def test_an_export_is_handed_out_file_by_file(shelf: Any) -> None:
    asker, base = shelf.as_("analyst"), f"/case/{shelf.case}/catalogue/viewer"
    assert asker.post(f"{base}/export").status_code == 422, "a reason is asked for"
    made = asker.post(f"{base}/export", {**WHY, "group.known": "yes", "format": "both"})
    assert made.status_code == 303
    page = made.headers["location"]
    files = asker.get(page, as_json=True).json()["files"]
    for name, digest in files.items():
        answer = asker.get(f"{page}{name}")
        assert hashlib.sha256(answer.content).hexdigest() == digest
        assert answer.headers["content-disposition"].startswith("attachment")
        for content in CONTENTS.values():
            assert content not in answer.content
    assert {Path(name).suffix for name in files} == {".json", ".csv"}
    last = list(access_rows(shelf.folder))[-1].entry
    assert last.event == "exported"
    assert f"file:{list(files)[-1]}" in last.object_ids
    assert shelf.as_("approver").get(page).status_code == 404
    assert asker.get(f"{page}case.db").status_code == 404
    with Case(shelf.folder) as case:
        assert "exported" in [entry.event for entry in case.custody.entries()]


def test_by_mouse_and_by_keyboard_alone(serve: Any, make_bench: Any, listed: Any, tmp_path: Path) -> None:
    served = serve(lambda port: make_bench([listed.case], tmp_path / "state", port))
    base = f"/case/{served.bench.case}/catalogue/"
    (tmp_path / "graded.json").write_bytes(_graded((1, 2)))
    page = served.page_of("analyst")
    page.goto(f"/case/{served.bench.case}/")
    page.get_by_role("link", name="Catalogue", exact=True).click()
    page.get_by_role("link", name="AGAIN", exact=True).click()
    page.wait_for_url("**is.exhibit=AGAIN*")
    page.get_by_role("link", name="To the accredited viewer").click()
    page.get_by_label("File", exact=True).set_input_files(tmp_path / "graded.json")
    page.get_by_label("Why, in at least 10 characters").first.fill("grades of the first batch")
    page.get_by_role("button", name="Show what would change").click()
    page.get_by_role("heading", name="What the grades would change").wait_for()
    shown = page.url
    page.get_by_label("Why, in at least 10 characters").fill("grades of the first batch")
    page.get_by_role("button", name="Apply").click()
    page.get_by_text("These grades count now.").wait_for()
    # By keys alone: to the first content, and from the grades to what they are about.
    page.goto(base)
    page.keyboard.press("j")
    page.locator("tr:focus").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/catalogue/content/*")
    content = page.url
    page.goto(shown)
    page.keyboard.press("j")
    page.locator("tr:focus").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/catalogue/content/*")
    for address in (base, content, shown, f"{base}viewer/", f"{base}hubs"):
        page.goto(address)
        found = Axe().run(page).response["violations"]
        assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == [], address
    assert not served.seen.faults


def test_a_hub_is_decided_where_it_is_shown(shelf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with Case(shelf.folder) as case, case.tables() as tables:
        entry_id = tables.arrow("hash_list_entries")["entry_id"][0].as_py()
    hub = {
        "media_hub_id": "hub-1", "pdq": "ab" * 32, "entries": 1, "entry_id": entry_id, "items": 9,
        "distant_items": 7, "standing": "undecided",
    }  # fmt: skip
    arrow = Session.arrow
    monkeypatch.setattr(
        Session, "arrow",
        lambda self, name: table_named(name).rows([hub]) if name == "media_hubs" else arrow(self, name),
    )  # fmt: skip
    asker, page = shelf.as_("analyst"), f"/case/{shelf.case}/catalogue/hubs"
    assert "hub-1" in asker.get(page).text
    assert asker.post(f"{page}/hub-1/judge", {"verdict": "negative"}).status_code == 422, "a reason is asked for"
    assert asker.post(f"{page}/hub-1/judge", {"verdict": "maybe", "why": "x"}).status_code == 422
    assert asker.post(f"{page}/hub-2/judge", {"verdict": "negative", "why": "x"}).status_code == 404
    assert "it is a template" not in asker.get(page).text
    assert asker.post(f"{page}/hub-1/judge", {"verdict": "negative", "why": "a caption card"}).status_code == 303
    assert "it is a template" in asker.get(page).text
    with Case(shelf.folder) as case, case.tables() as tables:
        [said] = tables.arrow("hub_judgements").to_pylist()
    assert (said["pdq"], said["standing"]) == (hub["pdq"], "template")
    assert asker.post(f"{page}/hub-1/judge", {"verdict": "unsure", "why": "look again"}).status_code == 303
    assert "it is a template" not in asker.get(page).text
