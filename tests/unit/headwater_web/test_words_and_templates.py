"""Every word in every language; templates that escape; files that are what they were reviewed as."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

import headwater_web
from headwater.judgements import REMARK_KINDS
from headwater.leads import CONNECTION_WORDS, TIMELINE_WORDS
from headwater.references import OUTCOMES
from headwater.workflow import ACCOUNTED, FACETS, RANGE_KINDS
from headwater_web.render import environment
from headwater_web.routes import ROUTES
from headwater_web.screens.files import OWN_FILES
from headwater_web.screens.release import CHECKS, STATES
from headwater_web.screens.review import REASONS, VERDICTS
from headwater_web.screens.review_pair import CLAIMS
from headwater_web.words import LANGUAGES, catalogue, chosen_language, worded

PACKAGE = Path(str(headwater_web.__file__)).parent
TEMPLATES = sorted((PACKAGE / "templates").rglob("*.html"))
SCRIPTS = sorted((PACKAGE / "static").glob("*.js"))
# Keys that are put together from a name and a value of these.
BUILT = {
    "account.": [f"{name}.{part}" for name in ACCOUNTED for part in ("name", "about")],
    "action.": ["tier_1", "tier_2", "lists", "queue", "hubs", "refused"],
    "catalogue.hub_said_": ["listed", "template"],
    "stage_state.": ["done", "stale", "waiting"],
    "audit.what_": ["refused", "exported", "night", "many"],
    "audit.kind_": ["all", "consulted", "exported", "failed"],
    "outcome.": sorted(OUTCOMES),
    "remark_kind.": list(REMARK_KINDS),
    "remark_state.": ["withdrawn", "replaced"],
    "money.policy.": ["fifo", "pro_rata", "lifo", "tiho", "bound"],
    "money.way.": ["backward", "forward"],
    "money.group.": ["named", "unnamed", "unspent", "reasons", "fees"],
    "money.place.": ["backward", "forward"],
    "money.about.": ["coins", "tokens"],
    "lead.clock_": ["payments", "uploads"],
    "lead.is_": sorted(CONNECTION_WORDS),
    "leads.moved_": ["up", "down", "new", "gone", "stays"],
    "timeline.": sorted(TIMELINE_WORDS),
    "release.check_": CHECKS,
    "release.done_": ["released", "receipt", "outcomes", "recalled"],
    "release.kind_": ["package", "recall"],
    "release.state_": STATES,
    "release.term_": ["purpose", "legal_basis", "handling_code", "onward_transfer"],
    "review.question_": CLAIMS,
    "review.said_": VERDICTS,
    "review.side_": ["account", "payment", "customer", "record"],
    "review.why_": [f"{said}_{reason}" for said in (*VERDICTS, "undo") for reason in REASONS],
    "tables.": ["first", "before", "next", "last"],
    "range_kind.": sorted(RANGE_KINDS),
    "facet.": sorted(FACETS),
    "grade_change.": [
        "new",
        "changed",
        "withdrawn",
        "unchanged",
        "cleared_by_another",
        "as_exported",
        "contradictory",
        "fields",
    ],
    "grade_field.": ["category", "series", "victim_identified", "tags"],
    "draft_act.": ["suggested", "confirmed", "rejected", "edited"],
    "mapping_check.": [
        "used",
        "no_orphan",
        "filled",
        "valid_address",
        "inside_window",
        "one_instant",
        "path_found",
        "digest_found",
    ],
}


def test_every_key_is_in_every_language_with_the_same_places_for_values() -> None:
    english = catalogue("en")
    assert len(english) > 150
    for language in LANGUAGES:
        other = catalogue(language)
        assert other.keys() == english.keys()
        for key, text in other.items():
            assert text.strip(), key
            assert _fields(text) == _fields(english[key]), key


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def _keys_used() -> Iterator[tuple[str, str]]:
    for path in TEMPLATES:
        for key in re.findall(r"""\bt\(["']([a-z_.]+)["']\s*[,)]""", path.read_text(encoding="utf-8")):
            yield path.name, key
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[-1], ast.Constant):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                value = node.args[-1].value
                if name in {"word", "Problem", "NotThereError", "WrongInputError"} and isinstance(value, str):
                    yield path.name, value
    for route in ROUTES:
        if route.nav:
            yield route.name, route.nav


def test_every_key_that_is_used_is_there_and_every_key_is_used() -> None:
    used = set(_keys_used())
    assert not {(where, key) for where, key in used if key not in catalogue("en")}
    built = {prefix + end for prefix, ends in BUILT.items() for end in ends}
    templates = "\n".join(path.read_text(encoding="utf-8") for path in TEMPLATES)
    for prefix in BUILT:
        assert f'"{prefix}" ~' in templates, prefix
    assert catalogue("en").keys() - {key for _, key in used} - built <= {"problem.not_there"}


def test_words_are_those_of_the_person_or_of_their_browser() -> None:
    assert chosen_language("de", "en") == "de"
    assert chosen_language("", "fr-FR, de-AT;q=0.9, en;q=0.5") == "de"
    assert chosen_language("", "") == "en"
    assert worded("de", "sign_in.title") == "Anmelden"
    assert worded("de", "no.such.key") == "no.such.key"


FORBIDDEN = (
    r"\|\s*safe", r"autoescape", r"\bMarkup\b", r"<style", r"\sstyle=", r"\son[a-z]+=", r"hx-on", r"javascript:",
    r"<iframe", r"https?://", r"hx-vals=.js:",
)  # fmt: skip


def faults_of(text: str) -> list[str]:
    """What a template may not hold."""
    found = [pattern for pattern in FORBIDDEN if re.search(pattern, text, re.IGNORECASE)]
    return found + [tag for tag in re.findall(r"<script\b[^>]*>", text) if 'src="/own/' not in tag]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_escapes_and_has_nothing_inline(path: Path) -> None:
    assert not faults_of(path.read_text(encoding="utf-8"))
    environment().get_template(path.relative_to(PACKAGE / "templates").as_posix())


@pytest.mark.parametrize(
    "text",
    [
        "{{ x | safe }}",
        "{% autoescape false %}",
        '<p style="x">',
        "<p onclick=x>",
        "<script>x</script>",
        "<a href='http://x'>",
    ],
)
def test_what_a_template_may_not_hold_is_seen(text: str) -> None:
    assert faults_of(text)


def test_no_filter_that_goes_round_the_escaping_is_there() -> None:
    made = environment()
    assert made.autoescape is True
    assert not {"safe", "tojson", "xmlattr", "urlize"} & made.filters.keys()
    assert made.from_string("{{ x }}").render(x="<b>") == "&lt;b&gt;"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_of_ours_makes_markup_or_code_of_text(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|setTimeout\(\s*[\"']", text
    )
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "localStorage" not in text


def test_every_file_that_others_wrote_is_as_it_was_reviewed() -> None:
    folder = PACKAGE / "static" / "vendor"
    table = (folder / "VENDORED.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `([^`]+)` .* `([0-9a-f]{64})` \|$", table, re.MULTILINE))
    there = {path.name for path in folder.iterdir()} - {"VENDORED.md"}
    assert there == listed.keys()
    for name, digest in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name


def test_every_own_file_is_there_and_listed() -> None:
    static = PACKAGE / "static"
    there = {path.relative_to(static).as_posix() for path in static.rglob("*") if path.is_file()}
    kept = {name for name in there if name.startswith("vendor/") and not name.endswith(".js")}
    assert there - kept == set(OWN_FILES)
