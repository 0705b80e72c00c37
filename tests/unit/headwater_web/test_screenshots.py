"""Each screen looks as it did, light and dark; `--update-golden` takes the pictures anew, which the guide shows.

What is compared is what a reader would see: letters drawn a little otherwise are no change, a button that is gone is one.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from . import pictured_case
from .conftest import made_bench
from .pictures import FOLDER, SCHEMES, SHOTS, Shot, alike, changing, difference, fonts_missing, kept, taken

pytestmark = pytest.mark.xdist_group("pictures")

GUIDE = FOLDER.parent / "work-through-a-case.md"
MOST_BYTES = 2_500_000


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
        "service": first("services", "service_id"),
        "package": drafted.rows[0]["package_id"],
        "recipient": receiver["recipient"],
    }


@pytest.fixture
def looked_at(serve: Any, pictured_folder: Path, values: dict[str, str], tmp_path: Path) -> Iterator[Any]:
    """From a shot and a colour scheme to its picture."""
    served = serve(lambda port: made_bench([pictured_folder / "case"], tmp_path / "state", port))
    bench = served.bench
    analyst = bench.as_("analyst")
    home = f"/case/{bench.case}/"
    own = {"Origin": served.base}
    for path, form in (
        ("views/save", {"name": "First tier", "address": f"{home}leads/?tier=1", "shared": "yes"}),
        ("views/save", {"name": "Paid in by month", "address": f"{home}money/", "shared": ""}),
    ):
        assert analyst.post(home + path, form, **own).status_code == 303
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

    picture.served = served  # type: ignore[attr-defined]  # for the tests that change a page
    picture.replaced = replaced  # type: ignore[attr-defined]  # the same
    return picture


@pytest.mark.parametrize("scheme", SCHEMES)
def test_each_screen_looks_as_it_did(looked_at: Any, scheme: str, request: pytest.FixtureRequest) -> None:
    changed = []
    for shot in SHOTS:
        picture, golden = looked_at(shot, scheme), FOLDER / f"{shot.name}-{scheme}.png"
        if request.config.getoption("--update-golden"):
            if not golden.exists() or not alike(picture, Image.open(golden).convert("RGB")):
                kept(picture, golden)
        elif not golden.exists() or not alike(picture, Image.open(golden).convert("RGB")):
            told = difference(picture, Image.open(golden).convert("RGB")) if golden.exists() else "none"
            changed.append((shot.name, told))
    assert not changed, (
        f"{changed}: if that was meant, pytest {Path(__file__).name} --update-golden, and a changelog fragment"
    )
