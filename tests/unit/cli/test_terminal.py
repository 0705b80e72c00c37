"""What reaches a terminal: no value and no name of the seizure steers it, on either stream."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.cli.output import json_line, note, printable
from headwater.cli.people_text import lead_text
from headwater.cli.queue_text import pair_text

UNPRINTED = {"Cc", "Cf", "Cs", "Zl", "Zp"}
TEXTS = st.text(st.characters(codec=None), max_size=40)
VALUES = st.one_of(
    TEXTS, st.binary(max_size=40), st.lists(TEXTS, max_size=3), st.dictionaries(TEXTS, TEXTS, max_size=3)
)


def steers(text: str) -> list[str]:
    return [c for c in text if c != "\n" and unicodedata.category(c) in UNPRINTED]


@given(value=VALUES)
def test_whatever_the_value_its_text_steers_nothing_and_can_be_written(value):
    text = printable(value)
    assert not steers(text)
    assert "\n" not in text
    text.encode("utf-8")


@given(value=VALUES)
def test_whatever_the_value_its_json_is_one_line_of_ascii(value):
    line = json_line({"value": value})
    assert line.isascii()
    assert line.isprintable()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"\x1b[2Jtext\n", "\\u001b[2Jtext\\u000a"),
        (b"plain", "plain"),
        (b"\xff\xd8", "ffd8"),
        ("a\U000e0041b", "a\\U000e0041b"),
        ("\ud800", "\\ud800"),
        (None, ""),
        (0, "0"),
    ],
)
def test_what_a_value_looks_like(value, shown):
    assert printable(value) == shown


def test_the_first_bytes_of_a_file_are_shown_as_text_that_steers_nothing(small_template, headwater):
    shown = headwater("show", small_template.case, "entries", "--columns", "path,head").out
    assert "\\u001b]0;not a title\\u0007text" in shown
    assert not steers(shown)


@pytest.mark.parametrize(
    "table", ["accounts", "networks", "entries", "leads", "lead_acts", "contrary_facts", "defects"]
)
def test_no_table_of_a_hostile_platform_steers_a_terminal(table, small_template, headwater):
    for more in ((), ("--json",)):
        done = headwater("show", small_template.case, table, *more)
        assert done.status == 0
        assert not steers(done.out + done.err)


def test_the_way_back_of_a_hostile_lead_steers_nothing(small_template, headwater):
    leads = headwater("leads", small_template.case, "--json").rows
    (hostile,) = (lead for lead in leads if steers(lead["nickname"] or ""))
    for more in ((), ("--json",)):
        done = headwater("explain", small_template.case, hostile["lead_id"], *more)
        assert done.status == 0
        assert not steers(done.out + done.err)
    assert "\\u001b[2J" in headwater("explain", small_template.case, hostile["account_id"]).out


HOSTILE = "x\x1b[2J\u202ey"
LEAD = {
    "rank": 1,
    "risk_tier": 2,
    "lead_id": "led-1",
    "nickname": HOSTILE,
    "jurisdiction": [{"country": HOSTILE, "evidence": HOSTILE, "weight": 1, "observed": 1, "example_id": HOSTILE}],
    "jurisdiction_version": HOSTILE,
    "lead_country": HOSTILE,
    "lead_country_margin": 1,
    "shared_with": [HOSTILE],
    "rules_fired": [{"because": HOSTILE, "rule": "uploads", "observed": 1}],
    "contrary": [{"statement": f"{HOSTILE}{n}"} for n in range(5)],
    "rivals": [{"rival_id": "rvl-1", "other_id": "rec-1"}],
    "outcomes": [{"outcome": "no_action", "reported_on": "2026-05-01", "reported_by": HOSTILE, "note": HOSTILE}],
    "why_now": HOSTILE,
    "next_lawful_steps": [{"step": "preservation", "holder": HOSTILE, "country": HOSTILE}],
}
LINK = {
    "link_id": "lnk-1",
    "claim": "used",
    "contrary": [HOSTILE],
    "left_table": "accounts",
    "right_table": "records",
    "left": {"account_id": "acc-1", "nickname": HOSTILE},
    "right": {"record_id": "rec-1", "full_name": HOSTILE},
    "candidates": [
        {
            "right": {"record_id": "rec-2", "full_name": HOSTILE},
            "match_weight_mbits": 500,
            "probability_ppm": 1,
            "differs": [{"field": "email", "level": HOSTILE, "better_by_mbits": -500}],
        }
    ],
    "comparisons": [
        {
            "weight_mbits": 1_000,
            "sum_mbits": 1_000,
            "field": "email",
            "level": HOSTILE,
            "rows_with_value": 2,
            "sentence": HOSTILE,
        }
    ],
    "score_hidden": False,
    "match_weight_mbits": 1_000,
    "probability_ppm": 900_000,
    "because": HOSTILE,
    "judged": None,
    "beside": [
        {
            "rival_id": "rvl-1",
            "payer_id": "cus-1",
            "other_id": "rec-1",
            "shared": [{"shared_kind": "household"}],
            "payer_support": [{"statement": HOSTILE, "row_id": "rec-1"}],
            **{name: [] for name in ("payer_contradiction", "other_support", "other_contradiction")},
        }
    ],
}


@pytest.mark.parametrize(
    ("text", "times"), [(lead_text(LEAD), 15), (pair_text(LINK, columns=200), 8)], ids=["lead", "link"]
)
def test_every_value_of_a_lead_or_link_is_made_safe_where_it_is_put_in(text, times):
    assert not steers(text)
    assert text.count("x\\u001b[2J\\u202ey") == times


def test_a_value_cannot_begin_a_line_of_its_own():
    forged = dict(LEAD, nickname="alder\n    1  tier 1  led-9  account birch")
    assert lead_text(forged).count("\n") == lead_text(LEAD).count("\n")


# Standard error: names of files, and cells of a list that was refused.


def test_an_error_line_steers_nothing_and_is_one_line(tmp_path, headwater):
    name = "no\x1b[2J\u202esuch\nfile"
    done = headwater("hash", tmp_path / name)
    assert done.status == 2
    assert done.err.count("\n") == 1
    assert not steers(done.err)
    assert "no\\u001b[2J" in done.err


def test_a_file_of_the_evidence_whose_name_steers_is_refused_safely(small, headwater):
    folder = small.folder / "odd"
    folder.mkdir()
    os.mkfifo(folder / "pipe\x1b[2J")
    (folder / "list\x1b]0;x\x07.img").write_bytes(b"\x00" * 100)
    done = headwater(
        "evidence", "add", small.case, folder / "list\x1b]0;x\x07.img", "--exhibit", "ODD", "--allow-unsealed"
    )
    assert done.status == 2
    assert not steers(done.out + done.err)


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("networks", b"cidr,kind\n\x1b[2J,vpn\n"),
        ("services", b"actor,name,kind,country,legal_contact,custodial\na,A,exchange,FR,x,\x1b[2J\n"),
        ("customer-transactions", b"actor,source_key,direction,txid,address,amount_sat,at_utc\nx,1,\x1b[2J,a,a,5,b\n"),
        ("tag-pack", b'tags:\n  - {address: "\\e[2J", lastmod: "\\e[2J"}\n'),
    ],
)
def test_a_cell_of_a_refused_list_steers_nothing(kind, row, small, headwater):
    path = small.folder / "bad"
    path.write_bytes(row)
    done = headwater("reference", "add", small.case, kind, path, "--name", "bad", "--version", "1")
    assert done.status == 2
    assert not steers(done.err)


def test_a_remark_steers_nothing(capsys):
    note("mapping approved by A\x1b[2J")
    assert not steers(capsys.readouterr().err)


def test_an_exhibit_or_operator_that_steers_is_shown_safely(tmp_path, headwater):
    done = headwater("case", "create", tmp_path / "case\x1b[2J", "--authority", "O\x1b[2J", "--operator", "A\x07")
    assert done.status == 0
    assert not steers(done.out + done.err)
    refused = headwater("evidence", "add", tmp_path / "case\x1b[2J", Path(__file__), "--exhibit", "E\x1b[2J")
    assert refused.status == 2
    assert not steers(refused.err)
