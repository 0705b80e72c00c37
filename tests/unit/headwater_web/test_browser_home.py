"""The screens in a real browser: by mouse, by keyboard alone, without scripts, for who reads by ear."""

from __future__ import annotations

import base64
from typing import Any

from axe_playwright_python.sync_playwright import Axe

from headwater_web.gate import COOKIE
from headwater_web.totp import STEP_S, code_of_step, secret_text

from .browser import set_cookie

PASSWORD = "four calm rivers meet"


def test_somebody_sets_up_their_sign_in_and_signs_in_with_both_factors(served: Any) -> None:
    """Also: Chromium keeps a `__Host-` cookie, which asks for Secure, from http://localhost."""
    bench, page = served.bench.workbench, served.page_of("nobody")
    code = bench.people.add("N. New", by="test")
    page.goto("/")
    assert page.url == f"{served.base}/sign-in"
    page.get_by_role("link", name="I have a setup code").click()
    page.get_by_label("Name").fill("N. New")
    page.get_by_label("Setup code").fill(code)
    page.get_by_role("button", name="Go on").click()
    before = page.context.cookies()[0]
    assert (before["name"], before["secure"], before["httpOnly"], before["path"]) == (COOKIE, True, True, "/")
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    secret = page.locator("code").inner_text()
    page.get_by_label("Code of six digits").fill(_code(bench, secret))
    page.get_by_role("button", name="Done").click()
    assert page.url == f"{served.base}/"
    assert page.context.cookies()[0]["value"] != before["value"], "the cookie of before signing in is worth nothing"
    page.get_by_role("button", name="Sign out").click()
    assert not page.context.cookies()

    page.get_by_label("Name").fill("N. New")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_label("Code of six digits").fill(_code(bench, secret))
    page.keyboard.press("Enter")
    page.wait_for_url(f"{served.base}/")
    assert not served.seen.faults


def _code(bench: Any, secret: str) -> str:
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    assert secret_text(key) == secret
    return code_of_step(key, int(bench.store.clock().timestamp() // STEP_S))


def test_a_key_is_registered_and_signs_in(served: Any) -> None:
    bench, page = served.bench.workbench, served.page_of("analyst")
    person = served.bench.as_("analyst").person
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "usb", "hasUserVerification": True, "isUserVerified": True}
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options | {"automaticPresenceSimulation": True}})
    page.goto("/account")
    page.get_by_label("What you call the key").fill("desk")
    page.get_by_role("button", name="Register a key").click()
    page.get_by_role("listitem").filter(has_text="desk").wait_for()
    assert [key.label for key in bench.people.passkeys(person)] == ["desk"]

    page.context.clear_cookies()
    cookie = bench.sessions.begin(person, "password")
    set_cookie(page.context, cookie, served.base)
    page.goto("/second-factor?next=/account")
    page.get_by_role("button", name="Use a key").click()
    page.wait_for_url(f"{served.base}/account")
    assert not served.seen.faults


def test_home_by_mouse_leads_to_the_rows_behind_a_number(served: Any) -> None:
    page = served.page_of("analyst")
    page.goto("/")
    page.get_by_role("link", name="Order 1").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Case home"
    row = page.get_by_role("row").filter(has_text="Other")
    number = row.get_by_role("link")
    count = number.inner_text()
    number.click()
    assert page.locator("caption").inner_text().startswith(f"Rows 1 to {count} of {count};")
    assert "is.disposition=catalogued" in page.url


def test_home_and_a_table_by_keyboard_alone(served: Any) -> None:
    page = served.page_of("analyst")
    page.goto(f"/case/{served.bench.case}/")
    page.keyboard.press("/")
    page.keyboard.type("account")
    page.keyboard.press("Enter")
    page.wait_for_url("**/go-to?q=account")
    page.keyboard.press("Tab")  # the link over the page, which leads past the bar
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("/")
    page.keyboard.type("accounts")  # the whole name of one table leads straight there
    page.keyboard.press("Enter")
    page.wait_for_url("**/tables/accounts/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    focused = page.evaluate("[...document.querySelectorAll('tbody tr')].indexOf(document.activeElement)")
    assert focused == 1
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url("**/tables/accounts/row?*")
    assert page.get_by_role("heading", level=1).inner_text().startswith("Row of")


def test_every_page_can_be_read_without_scripts(served: Any) -> None:
    page = served.page_of("analyst", java_script_enabled=False)
    page.goto(f"/case/{served.bench.case}/")
    page.get_by_role("link", name="Tables").click()
    page.get_by_role("link", name="accounts", exact=True).click()
    page.get_by_label("Column").select_option("nickname")
    page.get_by_label("Condition").select_option("has")
    page.get_by_label("Value").fill("ALD")
    page.get_by_role("button", name="Filter").click()
    assert page.locator("tbody tr").count() == 1
    page.get_by_role("link", name="Export").click()
    page.get_by_label("Why do you need it?").fill("asked for by a test")
    with page.expect_download() as taken:
        page.get_by_role("button", name="Export").click()
    assert taken.value.suggested_filename == "accounts.csv"


def test_axe_finds_nothing_serious(served: Any) -> None:
    case = f"/case/{served.bench.case}"
    pages = {
        "nobody": ("/sign-in", "/setup"),
        "analyst": ("/", "/account", f"{case}/", f"{case}/tables/", f"{case}/tables/accounts/",
                    f"{case}/tables/items/export", f"{case}/go-to?q=a", f"{case}/audit/"),
        "auditor": (f"{case}/audit/", f"{case}/audit/check"),
        "administrator": ("/people/",),
    }  # fmt: skip
    found = []
    dark = {"analyst in the dark": (f"{case}/", f"{case}/tables/accounts/")}
    for role, paths in (pages | dark).items():
        name, _, in_dark = role.partition(" in the ")
        page = served.page_of(name, color_scheme=in_dark or "light")
        for path in paths:
            page.goto(path)
            found += [
                (path, fault["id"], [node["html"][:120] for node in fault["nodes"][:3]])
                for fault in Axe().run(page).response["violations"]
                if fault["impact"] in {"serious", "critical"}
            ]
    assert not found


def test_the_axe_check_bites(served: Any) -> None:
    page = served.page_of("analyst")
    page.goto("/")
    page.evaluate("document.body.append(document.createElement('button'))")
    assert "button-name" in {fault["id"] for fault in Axe().run(page).response["violations"]}
