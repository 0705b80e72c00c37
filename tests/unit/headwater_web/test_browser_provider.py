"""Signing in at a provider on loopback, in a real browser: by mouse, by keyboard, in two browsers, without a script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from headwater_web.screens.reports import MEMORY

from .browser import free_port
from .identity import SUB, Asked, identity_provider, provider_of


@pytest.fixture
def changes() -> dict[str, object]:
    return {}


@pytest.fixture
def issuer(changes: dict[str, object]) -> Iterator[tuple[str, Asked]]:
    """The provider under another name than the workbench's, so that a browser takes it for another site."""
    port = free_port()
    with identity_provider(port, changes) as asked:
        yield f"http://127.0.0.1:{port}", asked


@pytest.fixture
def offered(serve: Any, make_bench: Any, small: Any, tmp_path: Path, issuer: tuple[str, Asked]) -> Any:
    def make(port: int) -> Any:
        bench = make_bench([small.case], tmp_path / "state", port)
        bench.workbench.provider = provider_of(tmp_path / "provider", issuer[0])
        bench.workbench.return_address = f"http://localhost:{port}/oidc/return"
        bench.workbench.bindings.bind(bench.as_("analyst").person, issuer[0], SUB, by="D. Administrator")
        return bench

    return serve(make)


def _faults(offered: Any, issuer: tuple[str, Asked]) -> list[str]:
    """What no page should have done; that the browser asked the provider's one page is the way itself."""
    return [fault for fault in offered.seen.faults if not fault.startswith(f"{issuer[0]}/authorize?")]


def _there_and_back(page: Any, issuer: tuple[str, Asked]) -> None:
    page.goto("/sign-in?next=/account")
    page.get_by_role("button", name="Sign in at Unit").click()
    page.wait_for_url(f"{issuer[0]}/**")
    page.get_by_role("button", name="Back").click()
    page.wait_for_url("**/oidc/return")


@pytest.mark.parametrize("scripts", [True, False])
def test_by_mouse_with_and_without_scripts(offered: Any, issuer: tuple[str, Asked], *, scripts: bool) -> None:
    page = offered.page_of("nobody", java_script_enabled=scripts)
    _there_and_back(page, issuer)
    assert page.get_by_text("A. Analyst").is_visible()
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/account")
    assert page.get_by_role("link", name="A. Analyst").is_visible()
    asked = issuer[1]
    assert asked["response_type"] == "id_token"
    assert asked["referer"] == "", "the provider does not learn from which page somebody came"
    assert asked.others == 0
    assert not _faults(offered, issuer)
    assert offered.bench.workbench.memory.get(MEMORY, 0) == 0


def test_by_keyboard_alone(offered: Any, issuer: tuple[str, Asked]) -> None:
    page = offered.page_of("nobody")
    page.goto("/sign-in")
    button = page.get_by_role("button", name="Sign in at Unit")
    for _ in range(12):
        if button.evaluate("one => one === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{issuer[0]}/**")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/oidc/return")
    page.locator("button:focus").wait_for()  # the one button gets it when the page is drawn, perhaps after its load
    page.keyboard.press("Enter")
    page.wait_for_url(f"{offered.base}/")
    assert page.get_by_role("link", name="A. Analyst").is_visible()
    assert not _faults(offered, issuer)


def test_another_browser_does_not_get_in_with_what_the_first_was_given(offered: Any, issuer: tuple[str, Asked]) -> None:
    first, other = offered.page_of("nobody"), offered.page_of("nobody")
    _there_and_back(first, issuer)
    handle = first.locator("input[name=handle]").get_attribute("value")
    other.goto("/sign-in")
    other.evaluate(
        """handle => {
            const form = document.querySelector("form[action='/oidc/begin']");
            form.action = "/oidc/finish";
            const field = document.createElement("input");
            field.name = "handle"; field.value = handle; field.type = "hidden";
            form.append(field);
            form.submit();
        }""",
        handle,
    )
    other.get_by_text("This was begun in another browser").wait_for()
    other.goto("/account")
    assert "/sign-in" in other.url
    first.get_by_role("button", name="Sign in").click()
    first.get_by_text("was used before").wait_for()
    assert not _faults(offered, issuer)


def test_a_refused_token_is_told_on_a_page_of_ours(
    offered: Any, issuer: tuple[str, Asked], changes: dict[str, object]
) -> None:
    changes["aud"] = "another"
    page = offered.page_of("nobody")
    _there_and_back(page, issuer)
    assert page.get_by_text("Begin again").is_visible()
    assert page.locator("input[name=handle]").count() == 0
    assert not _faults(offered, issuer)


def test_the_pages_are_judged_by_axe(offered: Any, issuer: tuple[str, Asked]) -> None:
    page = offered.page_of("nobody", bypass_csp=True)
    page.goto("/sign-in")
    pages = [Axe().run(page)]
    _there_and_back(page, issuer)
    pages.append(Axe().run(page))
    keeper = offered.page_of("administrator", bypass_csp=True)
    keeper.goto("/people/")
    pages.append(Axe().run(keeper))
    assert not [(fault["id"], fault["help"]) for one in pages for fault in one.response["violations"]]
