"""The documentation covers what there is: nothing in the code is without words, and no page is without its part."""

from __future__ import annotations

import dataclasses
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import typer

from headwater import errors
from headwater.cli import app
from headwater.config import CaseSettings, Parameters
from headwater.custody import LOG_CHECKS
from headwater.evidence import EXHIBIT_KINDS
from headwater.leads import ACT_TABLES, read_rules
from headwater.references import KINDS
from headwater.schema import TABLES, Table
from headwater.workflow import STAGES
from headwater.workflow.checks import CASE_CHECKS
from headwater_synth.cli import app as synth_app

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference_pages", DOCS / "reference_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def reference(pages: ModuleType) -> str:
    """All reference pages as they are built."""
    return "\n".join(
        pages.filled(path.read_text(encoding="utf-8")) for path in sorted((DOCS / "reference").glob("*.md"))
    )


def test_nothing_is_without_words(pages: ModuleType) -> None:
    assert not pages.unexplained()


def test_every_section_is_on_a_page(pages: ModuleType) -> None:
    written = "\n".join(path.read_text(encoding="utf-8") for path in (DOCS / "reference").glob("*.md"))
    assert {name for name in pages.SECTIONS if f"<!-- generated: {name} -->" in written} == set(pages.SECTIONS)


def test_every_command_and_option_is_in_the_reference(pages: ModuleType, reference: str) -> None:
    for name, program in (("headwater", app), ("headwater-synth", synth_app)):
        for words, command in pages.commands_of(program):
            _, found, section = reference.partition(f"### `{' '.join((name, *words))}`")
            assert found, words
            section = section.partition("\n### ")[0]
            for parameter in command.params:
                flags = [flag for flag in parameter.opts if flag.startswith("-")]
                assert all(f"`{flag}`" in section for flag in flags), (words, parameter.opts)
                if not flags:
                    shown = parameter.metavar or parameter.name.upper()
                    assert f"| `{shown}` |" in section.replace("\\|", "|"), (words, shown)


def test_every_option_of_the_independent_program_is_in_the_reference(reference: str) -> None:
    assert all(option in reference for option in ("--key FILE", "--identity FILE", "--witness ENTRIES:ROOT"))


def test_every_table_and_column_is_in_the_reference(reference: str) -> None:
    for table in TABLES:
        _, found, section = reference.partition(f"## `{table.name}`")
        assert found, table.name
        section = section.partition("\n## ")[0]
        assert all(f"`{column.name}`" in section for column in table.columns), table.name


def test_every_setting_rule_act_and_stage_is_in_the_reference(reference: str) -> None:
    names = [field.name for kind in (Parameters, CaseSettings) for field in dataclasses.fields(kind)]
    names += [*ACT_TABLES, *(rule.name for rule in read_rules().rules), *(stage.name for stage in STAGES)]
    assert not [name for name in names if name != "parameters" and f"`{name}`" not in reference]


def test_every_check_of_a_case_is_among_the_invariants() -> None:
    page = (DOCS / "reference" / "invariants.md").read_text(encoding="utf-8")
    page += (DOCS / "reference" / "custody-format.md").read_text(encoding="utf-8")
    names = [*LOG_CHECKS, *CASE_CHECKS]
    assert len(names) > 5
    assert not [name for name in names if f"`{name}`" not in page and not name.startswith("I7.")]
    assert all(f"| I{number} |" in page for number in range(1, 10))


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("how-to/import-references.md", tuple(KINDS)),
        ("how-to/take-evidence-in.md", EXHIBIT_KINDS),
        ("how-to/error-messages.md", tuple(name for name in errors.__all__ if name != "HeadwaterError")),
    ],
)
def test_every_kind_is_on_its_page(page: str, names: tuple[str, ...]) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert not [name for name in names if f"`{name}`" not in text]


# Negative: something new and without words, in each place where the reference looks.


def test_a_command_and_an_option_without_words_are_seen(pages: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = typer.Typer()
    silent.command("told")(lambda: None)

    @silent.command("untold")
    def _untold(option: int = 0) -> None: ...

    monkeypatch.setattr(pages, "app", silent)
    assert {"headwater untold", "headwater untold --option"} <= set(pages.unexplained())


def test_a_table_and_a_column_without_words_are_seen(pages: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = TABLES[0]
    column = dataclasses.replace(kept.columns[0], about=" ")
    silent = Table(name="silent", version=1, stage="media", about="", columns=(column,), key=(column.name,))
    monkeypatch.setattr(pages, "TABLES", (*TABLES, silent))
    assert {"silent", f"silent.{column.name}"} <= set(pages.unexplained())


def test_a_parameter_without_words_is_seen(pages: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclasses.dataclass
    class Silent:
        """Settings.

        Attributes:
            told: What it is.
        """

        told: int = 0
        untold: int = 1

    monkeypatch.setattr(pages, "Parameters", Silent)
    assert pages.unexplained() == ["Silent.untold"]


def test_a_stage_and_an_act_without_words_are_seen(pages: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = dataclasses.replace(STAGES[0], name="silent", derive=lambda context: {})
    act = dataclasses.replace(ACT_TABLES["uploads"], about="")
    monkeypatch.setattr(pages, "STAGES", (*STAGES, stage))
    monkeypatch.setattr(pages, "ACT_TABLES", {**ACT_TABLES, "silent": act})
    assert pages.unexplained() == ["act silent", "stage silent"]


# What is built.


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "sphinx", "-n", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run(
        [*command, DOCS, out / "html", "-d", out / "trees"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return out / "html"


_FETCHED = re.compile(r"""<(?:script|img|iframe|source|link)\b[^>]*?(?:src|href)=["'](?:https?:)?//[^"']+""")
_STYLE_FETCHES = re.compile(r"""(?:@import|url\()\s*["']?(?:https?:)?//""")


def test_the_built_pages_fetch_nothing(built: Path) -> None:
    fetched = [path for path in built.rglob("*.html") if _FETCHED.search(path.read_text(encoding="utf-8"))]
    styled = [path for path in built.rglob("*.css") if _STYLE_FETCHES.search(path.read_text(encoding="utf-8"))]
    assert (built / "tutorial" / "first-case.html").is_file()
    assert not fetched + styled


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://x.example/a.js">',
        "<link rel='stylesheet' href='//x.example/a.css'>",
        '<img src="http://x/y">',
    ],
)
def test_a_fetch_is_seen(text: str) -> None:
    assert _FETCHED.search(text)


# What is promised on paper.

_DECIDED = (
    "0001-item-ids-and-digests",
    "0002-custody-log",
    "0003-table-and-column-names",
    "0004-package-format",
    "0005-integer-amounts-and-utc",
    "0006-sealed-process-boundary",
    "0007-no-network",
    "0008-no-plugin-discovery",
    "0009-cli-verbs-and-public-import-paths",
)


def test_each_thing_that_is_hard_to_undo_has_its_decision() -> None:
    there = {path.stem for path in (DOCS / "adr").glob("0*.md")}
    assert set(_DECIDED) <= there
    numbers = [name[:4] for name in sorted(there)]
    assert len(set(numbers)) == len(numbers), "two decisions have one number"


def test_each_decision_has_its_parts() -> None:
    for path in sorted((DOCS / "adr").glob("0*.md")):
        text = path.read_text(encoding="utf-8")
        for part in ("Status", "## Context", "## Decision", "## Consequences", "## How hard to undo"):
            assert part in text, f"{path.name}: {part}"


def test_the_readme_begins_with_what_it_is_what_it_never_does_and_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    places = [
        text.find(words) for words in ("catalogue", "never", "scripts/demo", "scripts/test", "demo-output", "AGPL")
    ]
    assert -1 not in places
    assert places == sorted(places)
    links = re.findall(r"\]\(([^)#:]+)", text)
    assert not [link for link in links if not (ROOT / link).exists()]


def test_each_page_that_the_code_names_is_there() -> None:
    missing = []
    for path in sorted((ROOT / "src").rglob("*.*")):
        if path.suffix in {".py", ".toml", ".yaml", ".typ"}:
            for named in re.findall(r"docs/[\w/.-]*\w", path.read_text(encoding="utf-8")):
                found = (ROOT / named).exists() or list(ROOT.glob(f"{named}*"))
                missing += [] if found else [f"{path.name}: {named}"]
    assert not missing
