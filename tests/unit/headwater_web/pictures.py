"""Pictures of screens: which ones, how what differs from run to run is put aside, and how two pictures are compared."""

from __future__ import annotations

import datetime as dt
import io
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, ImageFilter

FOLDER: Final = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "pictures"
SIZE: Final = {"width": 1280, "height": 900}
COLOURS: Final = 256
FONTS: Final = ("DejaVu Sans", "DejaVu Sans Mono")
TILE: Final = 50
"""Pixels of the side of a part of a picture; the worst part counts: a small change is not lost in a large page."""
LEAST_DIFFERENCE: Final = 48
"""Of 255, in one colour, after blurring: less is the edge of a letter, drawn by another version of the browser."""
MOST_OF_A_TILE: Final = 0.04
MOST_OF_ALL: Final = 0.002
MOST_DRAWINGS: Final = 40
BETWEEN_MS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One picture.

    Attributes:
        name: Of the file, without the colour scheme.
        path: Below `/case/CASE/`; in braces, names of values that are looked up in the case.
        role: Who looks.
        then: What is done on the page before the picture is taken.
        replaced: Patterns that differ from run to run on this page alone, with what is shown in their place.
    """

    name: str
    path: str
    role: str = "analyst"
    then: Callable[[Any], object] = lambda _: None
    replaced: tuple[tuple[str, str], ...] = ()


def _first_service(page: Any) -> None:
    page.locator("tbody th a, tbody td a").first.click()
    page.wait_for_url("**/money/services/*")


def _without_hours(page: Any) -> None:
    # What was read at night is told apart, so that this part is there at some hours alone.
    page.evaluate(
        "for (const card of document.querySelectorAll('main section')) card.querySelector('table') || card.remove()"
    )


def _found(page: Any) -> None:
    # The first who asks waits for the index; there is no way to see when it is made but to ask again.
    for _ in range(600):
        if page.locator("tbody tr").count():
            return
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError("nothing was found")


_HEAD: Final = ((r"\b[0-9a-f]{64}\b", "0123456789abcdef" * 4),)
"""The head of a custody log is another one each time."""
_KEY: Final = ((r"age1[ 0-9a-z]{40,}", "age1 " + "qqqq " * 14 + "qq"),)

SHOTS: Final = (
    Shot(name="home", path="", replaced=_HEAD),
    Shot(name="intake", path="intake/"),
    Shot(name="mapping", path="intake/mapping/"),
    Shot(name="catalogue", path="catalogue/"),
    Shot(name="viewer", path="catalogue/viewer/"),
    Shot(name="pair", path="review/{link}"),
    Shot(name="leads", path="leads/"),
    Shot(name="lead", path="leads/{lead}"),
    Shot(name="timeline", path="leads/{lead}/timeline"),
    Shot(name="money", path="money/"),
    Shot(name="service", path="money/", then=_first_service),
    Shot(name="release", path="release/"),
    Shot(name="draft", path="release/draft/{package}", role="approver", replaced=_KEY),
    # Before the search, whose first answers come as often as the index takes to be made.
    Shot(name="audit", path="audit/", role="auditor", replaced=_HEAD, then=_without_hours),
    Shot(name="search", path="search/?q=yondermaedow2173", then=_found),
    Shot(name="notes", path="remarks/"),
    Shot(name="views", path="views/"),
    Shot(name="goto", path="go-to?q=lea"),
    Shot(name="table", path="tables/payments/"),
)
SCHEMES: Final = ("light", "dark")


def fonts_missing() -> str:
    """Which of the fonts that the pictures are drawn with is not installed; empty if none."""
    for font in FONTS:
        program = shutil.which("fc-match")
        if program is None:
            return "fontconfig"
        found = subprocess.run([program, "-f", "%{family}", font], capture_output=True, text=True, check=False).stdout
        if font not in found.split(","):
            return font
    return ""


_FREEZE: Final = """(given) => {
  const style = document.createElement("style");
  style.textContent = `*, *::before, *::after { font-family: "DejaVu Sans" !important;
      caret-color: transparent !important;
      transition: none !important; animation: none !important }
    code, kbd, pre, .mono, .mono *, code * { font-family: "DejaVu Sans Mono" !important }`;
  document.head.append(style);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    let text = node.data;
    for (const [pattern, shown] of given) text = text.replace(new RegExp(pattern, "g"), shown);
    if (text !== node.data) node.data = text;
  }
}"""


def changing(values: Mapping[str, str], now: dt.datetime) -> list[tuple[str, str]]:
    """What differs from run to run, as patterns, and what is shown in its place.

    Args:
        values: From a text that is made anew with each case, such as an id, to what stands there in the picture.
        now: The day around which times are of now, and of no evidence.
    """
    near = {now.date() + dt.timedelta(days=days) for days in (-1, 0, 1, 29, 30, 31)}
    days = "|".join(sorted({day.isoformat() for day in near}))
    exact = [(re.escape(text), shown) for text, shown in sorted(values.items(), key=lambda pair: -len(pair[0]))]
    return [
        *exact,
        (r"\brmk-[0-9a-f]+", "rmk-0123456789abcdef"),
        (rf"(?:{days})(?:[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?)?", "2026-11-30 12:00"),
    ]


def taken(page: Any, address: str, shot: Shot, replaced: list[tuple[str, str]]) -> Image.Image:
    """The picture of a page."""
    page.set_viewport_size(SIZE)
    page.goto(address)
    page.wait_for_load_state("networkidle")
    shot.then(page)
    page.evaluate(_FREEZE, [*replaced, *shot.replaced])
    # What is still being drawn, on a machine that is busy, is no change of the page: two in a row are the same.
    before, now = b"", page.screenshot(animations="disabled")
    for _ in range(MOST_DRAWINGS):
        if now == before:
            return Image.open(io.BytesIO(now)).convert("RGB")
        page.wait_for_timeout(BETWEEN_MS)
        before, now = now, page.screenshot(animations="disabled")
    raise AssertionError(f"{shot.name} did not come to rest")


def kept(picture: Image.Image, path: Path) -> None:
    """Write the picture as it is committed: few colours, as small as it gets."""
    path.parent.mkdir(exist_ok=True)
    often = sorted(picture.getcolors(picture.width * picture.height) or [], key=lambda pair: (-pair[0], pair[1]))
    palette = Image.new("P", (1, 1))
    # The colours of areas stay exact, which median cut does not see to; edges of letters get the next shade.
    palette.putpalette([value for _, colour in often[:COLOURS] for value in colour])
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)


def _apart(one: Image.Image, other: Image.Image) -> Any:
    """Of each pixel, whether it differs: (rows, columns), bool."""
    blurred = [
        np.asarray(picture.convert("RGB").filter(ImageFilter.GaussianBlur(1.5)), dtype=np.int16)
        for picture in (one, other)
    ]
    return np.abs(blurred[0] - blurred[1]).max(axis=2) > LEAST_DIFFERENCE


def where_apart(one: Image.Image, other: Image.Image) -> str:
    """The sizes or the smallest box, in pixels, in which two pictures differ; for whoever has to look for it."""
    if one.size != other.size:
        return f"{one.size} and {other.size}"
    rows, columns = np.nonzero(_apart(one, other))
    return f"x {columns.min()} to {columns.max()}, y {rows.min()} to {rows.max()}" if rows.size else "nowhere"


def difference(one: Image.Image, other: Image.Image) -> tuple[float, float]:
    """Which share of all pixels differs, and which of the part that differs most; 1 and 1 for other sizes."""
    if one.size != other.size:
        return 1.0, 1.0
    apart = _apart(one, other)
    rows, columns = (edge // TILE * TILE for edge in apart.shape)
    tiles = apart[:rows, :columns].reshape(rows // TILE, TILE, columns // TILE, TILE).mean(axis=(1, 3))
    return float(apart.mean()), float(tiles.max())


def alike(one: Image.Image, other: Image.Image) -> bool:
    """Whether two pictures show the same."""
    everywhere, worst = difference(one, other)
    return everywhere <= MOST_OF_ALL and worst <= MOST_OF_A_TILE
