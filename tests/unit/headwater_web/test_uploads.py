"""Files in forms: bounded, gone once answered, taken where the route says so, from nobody unknown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater_web import routes as routes_module
from headwater_web.answers import Page
from headwater_web.ask import Ask
from headwater_web.rules import CASE_READERS, Route, RouteWithoutRuleError, checked_routes

MOST = 100_000


def _takes(ask: Ask) -> Page:
    told = {name: [file.name, len(file.content)] for name, file in ask.files.items()}
    with_path = {}
    for name, file in ask.files.items():
        with_path[name] = str(file.path)
        assert file.path.parent.stat().st_mode & 0o077 == 0
    return Page(template="", as_json={"files": told, "fields": dict(ask.form), "as_file": with_path})


def _route(**changes: Any) -> Route:
    plain: dict[str, Any] = {
        "name": "taking", "path": "/case/{case}/taking", "about": "Takes a file.", "view": _takes,
        "roles": CASE_READERS, "in_case": True, "reads": "taking", "methods": ("POST",), "upload_bytes": MOST,
    }  # fmt: skip
    return Route(**{**plain, **changes})


@pytest.fixture
def taking(small: Any, tmp_path: Path, make_bench: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bench with one more route, which takes a file, and one more that does not."""
    plain = _route(name="plain", path="/case/{case}/plain", upload_bytes=0)
    monkeypatch.setattr("headwater_web.server.ROUTES", (*routes_module.ROUTES, _route(), plain))
    made = make_bench([small.case], tmp_path / "state")
    yield made
    made.workbench.close()


def _send(bench: Any, content: bytes, *, name: str = "a.json", path: str = "taking", who: str = "analyst") -> Any:
    asker = bench.as_(who)
    headers = {"Origin": "http://localhost:8765", "Sec-Fetch-Site": "same-origin", "Accept": "application/json"}
    if asker.cookie:
        headers["Cookie"] = f"__Host-headwater={asker.cookie}"
    return asker.client.post(
        f"/case/{bench.case}/{path}",
        data={"token": asker.token, "why": "a reason"},
        files={"receipt": (name, content, "application/json")},
        headers=headers,
        follow_redirects=False,
    )


def test_a_file_comes_with_its_fields(taking: Any) -> None:
    told = _send(taking, b"x" * 70_000, name="C:\\somewhere\\..\\receipt.json").json()
    assert told["files"] == {"receipt": ["receipt.json", 70_000]}
    assert told["fields"]["why"] == "a reason"
    # What was sent lies nowhere once it was answered.
    assert not Path(told["as_file"]["receipt"]).parent.exists()


def test_a_field_in_which_nothing_was_chosen_is_no_file(taking: Any) -> None:
    assert _send(taking, b"", name="").json()["files"] == {}


def test_what_fits_exactly_is_taken_and_one_byte_more_is_not(taking: Any) -> None:
    assert _send(taking, b"x" * MOST).status_code == 200
    refused = _send(taking, b"x" * (MOST + 1))
    assert refused.status_code == 413
    assert refused.json()["error"].count("\n") == 0


def test_what_is_far_too_large_is_not_read_at_all(taking: Any) -> None:
    assert _send(taking, b"x" * (MOST + 1_100_000)).status_code == 413


def test_a_route_that_takes_no_file_gets_none(taking: Any) -> None:
    assert _send(taking, b"x", path="plain").status_code == 415


def test_nobody_sends_files(taking: Any) -> None:
    assert _send(taking, b"x", who="nobody").status_code == 401


def test_the_token_is_asked_for(taking: Any) -> None:
    asker = taking.as_("analyst")
    answer = asker.client.post(
        f"/case/{taking.case}/taking",
        files={"receipt": ("a", b"x")},
        headers={"Origin": "http://localhost:8765", "Cookie": f"__Host-headwater={asker.cookie}"},
    )
    assert answer.status_code == 403


def test_what_is_no_form_is_refused(taking: Any) -> None:
    asker = taking.as_("analyst")
    for kind in ("multipart/form-data", "multipart/form-data; boundary=x"):
        answer = asker.client.post(
            f"/case/{taking.case}/taking",
            content=b"--y\r\nnothing",
            headers={
                "Content-Type": kind,
                "Origin": "http://localhost:8765",
                "Cookie": f"__Host-headwater={asker.cookie}",
            },
        )
        assert answer.status_code in {400, 403}
        assert b"nothing was done" in answer.content or answer.status_code == 403


def test_a_route_that_takes_a_file_is_a_post() -> None:
    with pytest.raises(RouteWithoutRuleError, match="POST"):
        checked_routes([_route(methods=("GET",))])
