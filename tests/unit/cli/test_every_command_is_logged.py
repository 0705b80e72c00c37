"""Every command, as the program has them: which entries it leaves in the custody log, or why it leaves none.

EU Directive 2016/680, Article 25: collection, alteration, consultation, disclosure, combination and erasure are logged
with justification, time, person and recipient, refusals too. A new command without a rule fails here.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage
import pytest
import typer

from headwater.cli import app
from headwater.custody import Entry
from headwater.workflow import Case

WHO = ("--operator", "A. Examiner", "--why", "for the test")
SECOND = ("--operator", "S. Second", "--why", "for the test")
BASIS = ("--legal-basis", "Order 9")
AGREED = ("--with", "{folder}/peer", "--consent-by", "S. Second", "--purpose", "a test", "--legal-basis", "Order 9")


@dataclass(frozen=True, slots=True)
class Rule:
    """What a command leaves behind.

    Attributes:
        does: Words that make it do its work; empty where another test does, which `tested` names.
        events: What it leaves then, each as event and operation.
        refused: Words that it refuses; None where it refuses nothing but bad use.
        attempted: Operation of the `failed` entry that this leaves.
        tested: A test of the work, where it takes more than this case has.
    """

    does: tuple[str, ...] = ()
    events: tuple[tuple[str, str], ...] = ()
    refused: tuple[str, ...] | None = None
    attempted: str = ""
    tested: str = ""


READ = (("consulted", "consultation"),)
LEFT = (("exported", "disclosure"),)
NO_CASE = "reads no case: it is given files, and none of a case"
PEOPLE = "of the workbench's own people, whose log is beside them: tests/unit/headwater_web/test_sign_in.py"
STORE = "of a store of received packages, which has a custody log of its own: tests/unit/receiving/test_round_trip.py"


def reads(*words: str, refused: tuple[str, ...] | None = None) -> Rule:
    return Rule(words, READ, refused, "consultation" if refused else "")


RULES: Mapping[str, Rule | str] = {
    "blocks": NO_CASE,
    "hash": NO_CASE,
    "link": NO_CASE,
    "doctor": "reads this machine, and no case",
    "reference template": "prints the header of an empty file",
    "deconflict read": "says who sent a message and on which terms; what it holds needs the case's secret",
    "case create": Rule(("{folder}/new", "--authority", "O", "--operator", "A"), (("created", ""),)),
    "evidence add": Rule(
        ("{case}", "{folder}/files", "--exhibit", "MORE", "--allow-unsealed", *WHO),
        (("acquired", "collection"),),
        ("{case}", "{folder}/none", "--exhibit", "NONE", "--allow-unsealed", *WHO),
        "collection",
    ),
    "map": Rule(
        ("{case}", "--approve", "{folder}/mapping.yaml", *WHO),
        (("mapped", "alteration"),),
        ("{case}", "--approve", "{folder}/none.yaml", *WHO),
        "alteration",
    ),
    "run": Rule(refused=("{case}", "--until", "none", *WHO), attempted="consultation", tested="test_run.py"),
    "verify": Rule(("{case}", "--skip-evidence"), (("verified", ""),)),
    "reference add": Rule(
        ("{case}", "records", "{folder}/records", "--name", "r", "--version", "2", *WHO),
        (("received", "collection"),),
        ("{case}", "records", "{folder}/none", "--name", "r", "--version", "3", *WHO),
        "collection",
    ),
    "reference confirm": Rule(
        refused=("{case}", "hash-list@1", "--polarity", "known-illegal", *WHO),
        attempted="alteration",
        tested="test_confirm.py",
    ),
    "reference list": reads("{case}", *WHO),
    "ledger": reads("{case}", *WHO),
    "tree": reads("{case}", *WHO, refused=("{case}", "--exhibit", "none", *WHO)),
    "refused": Rule(
        ("{case}", *WHO),
        READ,
        ("{case}", "--retry", "rfs-none", *WHO),
        "consultation",
    ),
    "contents": reads("{case}", *WHO),
    "content": Rule(
        refused=("{case}", "none", *WHO), attempted="consultation", tested="../headwater_web/test_catalogue.py"
    ),
    "mapping suggest": Rule(
        ("{case}", "--allow-unsealed", *WHO), (("consulted", "consultation"), ("mapped", "alteration"))
    ),
    "mapping show": Rule(tested="../headwater_web/test_intake.py"),
    **{
        f"mapping {name}": Rule(
            refused=("{case}", "mpb-none", "--draft", "1", *WHO),
            attempted="alteration",
            tested="../headwater_web/test_intake.py",
        )
        for name in ("confirm", "reject")
    },
    "mapping edit": Rule(
        refused=("{case}", "{folder}/mapping.yaml", "--draft", "9", *WHO),
        attempted="alteration",
        tested="../headwater_web/test_intake.py",
    ),
    "mapping try": Rule(tested="../headwater_web/test_intake.py"),
    "mapping approve": Rule(
        refused=("{case}", "--draft", "1", *WHO), attempted="alteration", tested="../headwater_web/test_intake.py"
    ),
    "viewer list": reads("{case}", *WHO),
    "show": reads("{case}", "accounts", *WHO, refused=("{case}", "victim_leads", *WHO)),
    "explain": reads("{case}", "{account}", *WHO, refused=("{case}", "acc-none", *WHO)),
    "digests": reads("{case}", *WHO),
    "money": reads("{case}", *WHO, refused=("{case}", "--by-month", "--currency", "XXX", *WHO)),
    "endpoints": reads("{case}", "--direction", "backward", "--policy", "fifo", *WHO),
    "address-cluster": Rule(
        refused=("{case}", "adc-none", *WHO),
        attempted="consultation",
        tested="../headwater_web/test_money.py",
    ),
    "request": Rule(
        refused=("{case}", "--all", "--out", "{folder}/sheets", *WHO),
        attempted="disclosure",
        tested="../../case/test_money_view.py",
    ),
    "queue": reads("{case}", *WHO, refused=("{case}", "--link", "lnk-none", *WHO)),
    "judge": Rule(
        ("{case}", "{link}", "unsure", *WHO),
        (("judged", "alteration"),),
        ("{case}", "lnk-none", "unsure", *WHO),
        "alteration",
    ),
    "remark add": Rule(
        ("{case}", "{account}", "--note", "ask the host", *WHO),
        (("judged", "alteration"),),
        ("{case}", "acc-none", "--note", "ask the host", *WHO),
        "alteration",
    ),
    "search": reads("{case}", "ann", *WHO, refused=("{case}", "x" * 201, *WHO)),
    "remark list": reads("{case}", *WHO),
    "remark withdraw": Rule(
        refused=("{case}", "rmk-none", *WHO), attempted="alteration", tested="../workflow/test_remarks.py"
    ),
    "leads list": reads("{case}", *WHO, refused=("{case}", "--victims")),
    "leads explain": reads("{case}", "1", *WHO, refused=("{case}", "led-none", *WHO)),
    "leads outcomes": reads("{case}", *WHO),
    "leads timeline": reads("{case}", "1", *WHO, refused=("{case}", "led-none", *WHO)),
    "leads person": reads("{case}", "1", *WHO),
    "leads by-country": reads("{case}", *WHO),
    "leads movers": reads("{case}", *WHO),
    "status": reads("{case}", *WHO),
    "package": Rule(
        ("{case}", "--country", "FR", "--recipient", "{key}", *BASIS, *WHO),
        LEFT,
        ("{case}", "--country", "ZZ", "--recipient", "{key}", *BASIS, *WHO),
        "disclosure",
    ),
    "review": Rule(
        refused=("{case}", "pkg-none", *SECOND),
        attempted="consultation",
        tested="../receiving/test_round_trip.py",
    ),
    "recall": Rule(
        refused=("{case}", "led-none", *WHO), attempted="alteration", tested="../receiving/test_round_trip.py"
    ),
    "sent": reads("{case}", *WHO),
    "serve": "each reading is in the log of accesses: tests/unit/headwater_web/test_access.py",
    **{f"people {name}": PEOPLE for name in ("add", "list", "member", "oidc", "reset")},
    **{f"receive {name}": STORE for name in ("init", "trust", "revoke", "add", "list", "show", "outcome")},
    "release": Rule(
        refused=("{case}", "pkg-none", "--all-opened", *SECOND), attempted="disclosure", tested="test_people.py"
    ),
    "deconflict start": Rule(
        refused=("{case}", *AGREED, "--out", "{folder}/offer", *WHO),
        attempted="disclosure",
        tested="../deconfliction/test_session.py",
    ),
    "deconflict answer": Rule(
        refused=("{case}", "{folder}/none", *AGREED, "--out", "{folder}/answer", *WHO),
        attempted="disclosure",
        tested="../deconfliction/test_session.py",
    ),
    "deconflict finish": Rule(
        refused=("{case}", "{folder}/none", "--with", "{folder}/peer", *WHO),
        attempted="collection",
        tested="../deconfliction/test_session.py",
    ),
    "deconflict show": reads("{case}", *WHO),
    "deconflict withdraw": Rule(
        refused=("{case}", "dcs-none", *WHO), attempted="alteration", tested="../deconfliction/test_session.py"
    ),
    "viewer export": Rule(
        refused=("{case}", "{folder}/media", "--exhibit", "NONE", *WHO), attempted="disclosure", tested="test_viewer.py"
    ),
    "viewer import": Rule(refused=("{case}", "{folder}/none", *WHO), attempted="collection", tested="test_viewer.py"),
    "viewer withdraw": Rule(refused=("{case}", "ab" * 32, *WHO), attempted="alteration", tested="test_viewer.py"),
    "custody head": reads("{case}", *WHO),
    "custody prove": Rule(
        ("{case}", "1", "--out", "{folder}/proof", *WHO),
        LEFT,
        ("{case}", "999", "--out", "{folder}/p", *WHO),
        "disclosure",
    ),
    "custody consistency": Rule(
        ("{case}", "--from", "{head}", "--out", "{folder}/growth", *WHO),
        LEFT,
        ("{case}", "--from", "2:" + "ab" * 32, "--out", "{folder}/g", *WHO),
        "disclosure",
    ),
    "custody timestamp-request": Rule(
        ("{case}", "--out", "{folder}/tsq", *WHO), LEFT, ("{case}", "--out", "{folder}/none/tsq", *WHO), "disclosure"
    ),
    "custody timestamp-import": Rule(
        refused=("{case}", "{folder}/none", "--authority", "{folder}/none", *WHO),
        tested="../custody/test_timestamps.py",
    ),
    "custody receipt-import": Rule(
        refused=("{case}", "{folder}/none", "--from", "{folder}/none", *WHO),
        tested="../receiving/test_round_trip.py",
    ),
    "leads outcome-import": Rule(
        refused=("{case}", "{folder}/none", "--from", "{folder}/none", *WHO),
        attempted="collection",
        tested="../receiving/test_round_trip.py",
    ),
    "custody due": reads("{case}", *WHO),
    "custody erase": Rule(
        ("{case}", "--subject", "{other}", "--receipt", "{folder}/receipt", *BASIS, *WHO),
        (("erased", "erasure"),),
        ("{case}", "--subject", "acc-none", "--receipt", "{folder}/r", *BASIS, *WHO),
        "erasure",
    ),
}  # fmt: skip


def commands(program: typer.Typer) -> Iterator[str]:
    def walk(command: Any, words: tuple[str, ...]) -> Iterator[str]:
        below = getattr(command, "commands", None)
        if below is None:
            yield " ".join(words)
        for name in sorted(below or ()):
            yield from walk(below[name], (*words, name))

    yield from walk(typer.main.get_command(program), ())


COMMANDS = tuple(commands(app))


def entries(case: Path) -> list[Entry]:
    with Case(case) as opened:
        return list(opened.custody.entries())


@pytest.fixture(scope="module")
def words(small_template, tmp_path_factory, headwater):
    """What the rules' words stand for, in one case of which every command makes use."""
    folder = shutil.copytree(small_template.folder, tmp_path_factory.mktemp("logged") / "small")
    case = folder / "case"
    link = headwater("queue", case, "--limit", 1, "--json").rows[0]
    others = [row["account_id"] for row in headwater("show", case, "accounts", "--json").rows]
    head = headwater("custody", "head", case).out.strip()
    (folder / "peer").write_text("no key\n")
    key = str(pyrage.x25519.Identity.generate().to_public())
    return {
        "case": case,
        "folder": folder,
        "account": link["left_id"],
        "other": next(account for account in others if account != link["left_id"]),
        "link": link["link_id"],
        "head": head,
        "key": key,
    }


def test_every_command_has_a_rule():
    assert set(COMMANDS) == set(RULES)
    assert all(isinstance(rule, Rule) or rule for rule in RULES.values())


DONE = [name for name, rule in RULES.items() if isinstance(rule, Rule) and rule.does]
REFUSED = [name for name, rule in RULES.items() if isinstance(rule, Rule) and rule.refused]


@pytest.mark.parametrize("name", DONE)
def test_what_a_command_does_is_logged(name, words, headwater):
    rule = RULES[name]
    before = len(entries(words["case"]))
    done = headwater(*name.split(), *(word.format(**words) for word in rule.does))
    assert done.status == 0, done.err
    new = entries(words["folder"] / "new") if name == "case create" else entries(words["case"])[before:]
    assert {(e.event, e.operation) for e in new} == set(rule.events)
    for entry in new:
        assert entry.outcome == "done"
        if entry.operation:
            assert entry.actor == "A. Examiner"
            # What was searched for stands beside the reason.
            assert entry.justification.partition(" | ")[0] == "for the test"
            assert (entry.operation == "disclosure") == bool(entry.recipient)


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_command_refuses_is_logged(name, words, headwater):
    rule = RULES[name]
    before = len(entries(words["case"]))
    done = headwater(*name.split(), *(word.format(**words) for word in rule.refused))
    assert done.status == 2, done.out
    *_, last = entries(words["case"])[before:]
    assert (last.event, last.operation) == ("failed", rule.attempted)
    assert last.outcome.startswith(("refused: ", "failed: "))
    assert last.actor


@pytest.mark.parametrize("name", [n for n, r in RULES.items() if isinstance(r, Rule) and not r.does])
def test_what_is_tested_elsewhere_is(name):
    path = (Path(__file__).parents[1] / "workflow" / RULES[name].tested).resolve()
    assert path.is_file(), path
    assert "custody" in path.read_text() or "headwater(" in path.read_text()
