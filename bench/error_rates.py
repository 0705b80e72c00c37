"""What is known of each step's errors, gathered from the pages that the measuring programs write, for packages.

    python bench/error_rates.py            whether src/headwater/packages/error_rates.json is what the pages say
    python bench/error_rates.py --write    and write it

No figure is typed here: each is a cell of a table on a page. A program that writes a page writes this file as well. A
step without a table is one that was not measured, and says so.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
GATHERED = ROOT / "src/headwater/packages/error_rates.json"
_PAGES = "docs/explanation"
_MARKED = "<!-- table -->"
"""The table between the marks that a program writes between, on a page that has others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step whose result may be in a package.

    Attributes:
        step: What it does.
        page: Where its table is; empty if it was not measured.
        section: Heading that the tables stand below; empty for every table of the page.
        program: What measures it anew; empty if nothing does.
        measured_on: On what kind of data.
        note: What a reader must know besides.
    """

    step: str
    page: str = ""
    section: str = ""
    program: str = ""
    measured_on: tuple[str, ...] = ()
    note: str = ""


NOT_YOURS = "The data are invented: these are no error rates of this case."
EXACT = "Equal bytes or equal digests: what is compared is exact, and nothing is estimated."
STEPS = (
    Step(step="exact matches of media by digest", note=EXACT),
    Step(step="near matches of stills by perceptual hash"),
    Step(
        step="near matches of videos by perceptual hash of frames",
        page="media.md",
        section="Which frames of a video",
        program="bench/video_recall.py",
        measured_on=("published",),
        note="Clips found again after an edit, of seven; how often unlike pictures come near was not measured.",
    ),
    Step(
        step="database of the platform: which column means what, as suggested",
        page="suggestions.md",
        program="bench/suggest_accuracy.py",
        measured_on=("invented",),
        note="A person approves the mapping; these are the suggestions before that.",
    ),
    Step(
        step="money: address clusters, CoinJoins, change, peel chains, tracing",
        page="money-error-rates.md",
        program="bench/money_error_rates.py",
        measured_on=("invented",),
        note=NOT_YOURS,
    ),
    Step(step="money: tags of services", note="A tag is somebody's statement; the pack states source and date."),
    Step(step="money: token transfers"),
    Step(
        step="identities: names",
        page="name-error-rates.md",
        program="bench/name_pairs.py",
        measured_on=("invented", "published"),
        note="Rows of 'published' are pairs that others published; all others are invented.",
    ),
    Step(
        step="identities: which pairs are compared at all",
        page="blocking.md",
        program="bench/learned_blocking.py",
        measured_on=("invented",),
        note=NOT_YOURS,
    ),
    Step(
        step="identities: links of files",
        page="linkage-error-rates.md",
        program="bench/linkage_error_rates.py",
        measured_on=("invented",),
        note=NOT_YOURS,
    ),
    Step(
        step="identities: proposed links of a case",
        page="identities.md",
        section=_MARKED,
        program="bench/claims_error_rates.py",
        measured_on=("invented",),
        note=NOT_YOURS,
    ),
    Step(step="identities: judgements of people", note="How often people of this case agree is in the case alone."),
    Step(
        step="leads: order, and who is named",
        page="lead-error-rates.md",
        program="bench/leads_ranking.py",
        measured_on=("invented",),
        note=NOT_YOURS,
    ),
    Step(step="leads: country that is proposed"),
    Step(step="network addresses: owner, country, proxy", note="What the lists say; their publishers state no rate."),
    Step(step="times: clock of the platform", note="Taken as the platform wrote them; nothing was there to compare."),
)


def gathered() -> dict[str, Any]:
    """Every step with the tables of its page."""
    return {"format": "headwater-error-rates", "version": 1, "steps": [_step(step) for step in STEPS]}


def content() -> str:
    """The file."""
    return json.dumps(gathered(), indent=1, ensure_ascii=False) + "\n"


def write_gathered() -> None:
    """Write the file: for the programs that have just written a page."""
    GATHERED.write_text(content(), encoding="utf-8")


def _step(step: Step) -> dict[str, Any]:
    tables = _tables(step) if step.page else []
    if bool(step.page) is not bool(tables):
        raise SystemExit(f"{step.page}: no table is there for '{step.step}'")
    return {
        "step": step.step,
        "measured": bool(tables),
        "measured_on": list(step.measured_on),
        "source": f"{_PAGES}/{step.page}" if step.page else "",
        "program": step.program,
        "note": step.note,
        "tables": tables,
    }


def _tables(step: Step) -> list[dict[str, Any]]:
    """The tables of a page: below a heading, between the marks of a program that writes one, or all."""
    text = (ROOT / _PAGES / step.page).read_text(encoding="utf-8")
    marks = re.search(r"<!-- table: begin -->\n(.*?)<!-- table: end -->", text, re.DOTALL)
    if marks and step.section == _MARKED:
        text = marks[1]
    tables: list[dict[str, Any]] = []
    title, lines = "", text.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("#"):
            title = line.lstrip("# ")
        wanted = step.section in {"", _MARKED, title}
        if wanted and line.startswith("|") and number + 1 < len(lines) and re.fullmatch(r"[|:\- ]+", lines[number + 1]):
            rows = []
            for row in lines[number + 2 :]:
                if not row.startswith("|"):
                    break
                rows.append(_cells(row))
            tables.append({"title": title, "columns": _cells(line), "rows": rows})
    return tables


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--write", action="store_true")
    if arguments.parse_args().write:
        write_gathered()
    same = GATHERED.is_file() and GATHERED.read_text(encoding="utf-8") == content()
    print(json.dumps({"measure": "error_rates.as_the_pages_say", "value": same}))
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
