"""Saved views: one's own, shared ones, and no door into another place."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe


def _save(bench: Any, role: str, **form: str) -> Any:
    sent = {"name": "first tier", "address": f"/case/{bench.case}/leads/?tier=1", **form}
    return bench.as_(role).post(f"/case/{bench.case}/views/save", sent)


def _views(bench: Any, role: str) -> list[dict[str, Any]]:
    return list(bench.as_(role).get(f"/case/{bench.case}/views/", as_json=True).json()["views"])


def test_a_view_is_its_owner_s_until_it_is_shared(bench: Any) -> None:
    address = f"/case/{bench.case}/leads/?tier=1"
    assert _save(bench, "analyst").headers["location"] == address
    [view] = _views(bench, "analyst")
    assert (view["name"], view["address"], view["owner"]) == ("first tier", address, "A. Analyst")
    assert _views(bench, "approver") == []
    _save(bench, "analyst", shared="yes")
    assert len(_views(bench, "analyst")) == 1
    [view] = _views(bench, "approver")
    assert (view["own"], view["shared"]) == (False, True)
    removal = {"view": str(view["seq"])}
    assert bench.as_("approver").post(f"/case/{bench.case}/views/remove", removal).status_code == 404
    assert bench.as_("analyst").post(f"/case/{bench.case}/views/remove", removal).status_code == 303
    assert _views(bench, "analyst") == []


@pytest.mark.parametrize(
    "address", ["", "//elsewhere.example/", "https://elsewhere.example/", "/", "/case/000000000000/", "/account",
                "{home}\\\\elsewhere", "{home}\nSet-Cookie: a=b", "{home}" + "x" * 2_001],
)  # fmt: skip
def test_only_an_address_of_this_case_is_saved(bench: Any, address: str) -> None:
    given = address.replace("{home}", f"/case/{bench.case}/")
    assert _save(bench, "analyst", address=given).status_code == 422
    assert _views(bench, "analyst") == []


@pytest.mark.parametrize("name", ["", "  ", "x" * 81])
def test_a_view_needs_a_name(bench: Any, name: str) -> None:
    assert _save(bench, "analyst", name=name).status_code == 422


def test_by_mouse_and_by_keyboard_alone(served: Any) -> None:
    page = served.page_of("analyst")
    address = f"{served.base}/case/{served.bench.case}/leads/?tier=1"
    page.goto(address)
    page.get_by_text("Save this view").first.click()
    page.get_by_label("Name").fill("by mouse <b>")
    page.get_by_role("button", name="Save this view").click()
    page.wait_for_url(address)
    page.goto(f"/case/{served.bench.case}/views/")
    assert page.get_by_text("by mouse <b>").is_visible()
    page.keyboard.press("j")
    page.locator("tr:focus").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url(address)
    page.goto(f"/case/{served.bench.case}/views/")
    found = Axe().run(page).response["violations"]
    assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == []
    assert served.seen.faults == []
