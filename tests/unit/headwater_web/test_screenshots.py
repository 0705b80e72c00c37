"""Each screen looks as it did, light and dark; `--update-golden` takes the pictures anew, which the guide shows.

What is compared is what a reader would see: letters drawn a little otherwise are no change, a missing button is one.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageFilter

from . import pictured_case
from .conftest import made_bench
from .pictures import FOLDER, SCHEMES, SHOTS, Shot, alike, changing, difference, fonts_missing, kept, taken, where_apart

GUIDE = FOLDER.parent / "work-through-a-case.md"


@pytest.fixture(scope="module")
def pictured_folder(tmp_path_factory: pytest.TempPathFactory, chromium: Any, headwater: Any) -> Path:
    """The case, and somebody who receives packages; not made where there is no browser to look at it with."""
    if fonts_missing():
        pytest.skip(f"{fonts_missing()} is not installed (Debian: fonts-dejavu-core, fontconfig): letters would differ")
    folder = tmp_path_factory.mktemp("pictured")
    seizure = pictured_case.seized(folder)
    for step in pictured_case.steps(folder / "case", seizure):
        done = headwater(*step)
        assert done.status == 0, (step, done.err)
    return folder


@pytest.fixture(scope="module")
def values(pictured_folder: Path, headwater: Any) -> dict[str, str]:
    """What addresses need to know of the case."""
    case = pictured_folder / "case"

    def first(table: str, column: str, **where: str) -> str:
        asked = [part for name, value in where.items() for part in ("--where", f"{name}={value}")]
        return str(headwater("show", case, table, *asked, "--json").rows[0][column])

    leads = headwater("leads", "list", case, "--limit", 0, "--json").rows
    country = next(lead["lead_country"] for lead in leads if lead["lead_country"])
    words = ("--agency", f"Agency of {country}", "--country", country, "--operator", "D. Receiver", "--json")
    receiver = headwater("receive", "init", pictured_folder / "received", *words).rows[0]
    drafted = headwater(
        *("package", case, "--country", country, "--recipient", receiver["recipient"]),
        *("--legal-basis", "Agreement 7", "--operator", pictured_case.SECOND, "--json"),
    )
    assert drafted.status == 0, drafted.err
    return {
        "link": first("review_queue", "link_id"),
        "lead": leads[0]["lead_id"],
        "package": drafted.rows[0]["package_id"],
        "recipient": receiver["recipient"],
    }


@pytest.fixture
def looked_at(serve: Any, pictured_folder: Path, values: dict[str, str], tmp_path: Path) -> Any:
    """From a shot and a colour scheme to its picture; each test has the case anew, so that all see the same."""
    with contextlib.closing(sqlite3.connect(pictured_folder / "case" / "case.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    folder = Path(shutil.copytree(pictured_folder / "case", tmp_path / "case"))
    served = serve(lambda port: made_bench([folder], tmp_path / "state", port))
    bench = served.bench
    analyst = bench.as_("analyst")
    home = f"/case/{bench.case}/"
    own = {"Origin": served.base}
    for path, form in (
        ("views/save", {"name": "First tier", "address": f"{home}leads/?tier=1", "shared": "yes"}),
        ("views/save", {"name": "Paid in by month", "address": f"{home}money/", "shared": ""}),
        (f"remarks/on/{values['lead']}/add", {"kind": "note", "text": "Ask the host for its access log of May."}),
        (f"remarks/on/{values['lead']}/add", {"kind": "label", "text": "first week"}),
        (f"remarks/on/{values['lead']}/add", {"kind": "assignment", "text": "A. Analyst"}),
        ("intake/mapping/suggest", {"reason": "a first look at the dump"}),
    ):
        assert analyst.post(home + path, form, **own).status_code == 303, path
    replaced = changing(
        {
            bench.workbench.cases[bench.case].case_id: "0123456789abcdef" * 4,
            bench.case: "0123456789ab",
            values["package"]: "pkg-0123456789abcdef",
            values["recipient"]: "age1" + "q" * 58,
        },
        dt.datetime.now(dt.UTC),
    )

    def picture(shot: Shot, scheme: str) -> Image.Image:
        page = served.page_of(shot.role, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")
        address = home + re.sub(r"\{(\w+)\}", lambda found: values[found.group(1)], shot.path)
        return taken(page, address, shot, replaced)

    return picture


@pytest.mark.parametrize("scheme", SCHEMES)
def test_each_screen_looks_as_it_did(
    looked_at: Any, scheme: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    changed = []
    for shot in SHOTS:
        picture, golden = looked_at(shot, scheme), FOLDER / f"{shot.name}-{scheme}.png"
        if request.config.getoption("--update-golden"):
            if not golden.exists() or not alike(picture, Image.open(golden).convert("RGB")):
                kept(picture, golden)
        elif not golden.exists() or not alike(picture, Image.open(golden).convert("RGB")):
            before = Image.open(golden).convert("RGB") if golden.exists() else None
            picture.save(tmp_path / f"{shot.name}.png")
            changed.append((shot.name, before and (difference(picture, before), where_apart(picture, before))))
    assert not changed, (
        f"{changed}, kept in {tmp_path}: "
        f"if that was meant, pytest {Path(__file__).name} --update-golden, and a changelog fragment"
    )


def test_the_guide_shows_a_picture_of_each_screen_and_no_other_is_kept() -> None:
    shown = set(re.findall(r"\(pictures/([a-z]+)-(light|dark)\.png\)", GUIDE.read_text(encoding="utf-8")))
    assert {name for name, _ in shown} == {shot.name for shot in SHOTS}
    there = {path.name for path in FOLDER.iterdir()}
    assert there == {f"{shot.name}-{scheme}.png" for shot in SHOTS for scheme in SCHEMES}


@pytest.fixture(scope="module")
def one_screen() -> Image.Image:
    return Image.open(FOLDER / "leads-light.png").convert("RGB")


def test_a_picture_is_like_itself_and_the_next_letter_shapes_but_not_like_the_dark_one(one_screen: Image.Image) -> None:
    assert alike(one_screen, one_screen.copy())
    softened = one_screen.filter(ImageFilter.GaussianBlur(0.6))
    assert softened.tobytes() != one_screen.tobytes()
    assert alike(one_screen, softened)
    assert not alike(one_screen, Image.open(FOLDER / "leads-dark.png").convert("RGB"))
    assert not alike(one_screen, one_screen.crop((0, 0, 1280, 800)))


def test_where_two_pictures_differ_is_told(one_screen: Image.Image) -> None:
    other = one_screen.copy()
    other.paste((255, 0, 0), (300, 400, 360, 440))
    columns, rows = where_apart(one_screen, other).split(", ")
    left, right = (int(word) for word in columns.removeprefix("x ").split(" to "))
    top, bottom = (int(word) for word in rows.removeprefix("y ").split(" to "))
    assert (left // 10, right // 10, top // 10, bottom // 10) == (29, 36, 39, 44)
    assert where_apart(one_screen, one_screen.copy()) == "nowhere"
    assert where_apart(one_screen, one_screen.crop((0, 0, 10, 10))) == "(1280, 900) and (10, 10)"


CHANGES = {
    "a button that is gone": "document.querySelector('main a.button, main .button').style.visibility = 'hidden'",
    "a column that is gone": "document.querySelectorAll('td:last-child').forEach((cell) => cell.textContent = '')",
    "other colours": "document.documentElement.style.colorScheme = 'dark', "
    "document.querySelector('main').style.background = '#123'",
    "text over text": "document.querySelector('table').style.marginTop = '-3rem'",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_page_is_found(looked_at: Any, change: str) -> None:
    shot = next(shot for shot in SHOTS if shot.name == "leads")
    changed = replace(shot, then=lambda page: page.evaluate(CHANGES[change]))
    golden = Image.open(FOLDER / "leads-light.png").convert("RGB")
    assert not alike(looked_at(changed, "light"), golden), difference(looked_at(changed, "light"), golden)
