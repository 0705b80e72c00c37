"""The rule file: complete, in words, true to what is done, and refused where it is not a list of rules over acts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headwater import leads
from headwater.errors import ConfigError
from headwater.leads import ACT_TABLES, read_rules

RULES = Path(leads.__file__).with_name("rules.toml")


def test_a_child_at_risk_comes_first():
    tiers = {rule.act: rule.tier for rule in read_rules().rules}
    assert set(tiers) == set(ACT_TABLES)
    assert tiers["origin_unseen"] == tiers["origin_series_unidentified"] == min(tiers.values()) == 1
    # As the design lists them: media first, then administration, then activity.
    order = ("origin_unseen", "uploads_series_unidentified", "uploads_known", "uploads", "payments")
    assert [tiers[act] for act in order] == sorted(tiers[act] for act in order)
    assert tiers["administers"] < tiers["moderates"] < tiers["uploads"]


@pytest.mark.parametrize("rule", read_rules().rules, ids=lambda rule: rule.name)
def test_a_rule_says_why_and_where_from(rule):
    assert re.fullmatch(r"[a-z_]+", rule.name)
    assert rule.because
    assert rule.source
    assert rule.at_least >= 1
    assert set(re.findall(r"\{.*?\}", rule.because)) <= {"{n}"}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('act = "origin_unseen"', 'act = "accounts.nickname"', "reads act 'accounts.nickname'; known are"),
        ('act = "origin_unseen"', 'act = "records.date_of_birth"', "reads act 'records.date_of_birth'"),
        ('act = "origin_unseen"', 'act = "origin_unseen"\ncolumn = "accounts.nickname"', "not a rule file"),
        ('act = "origin_unseen"', 'act = "origin_unseen"\nweight = 3', "not a rule file"),
        ("tier = 1\n", "tier = 0\n", "whole numbers from 1"),
        ("tier = 1\n", 'tier = "1"\n', "whole numbers from 1"),
        ("tier = 1\n", "tier = 1.5\n", "whole numbers from 1"),
        ("tier = 1\n", "tier = true\n", "whole numbers from 1"),
        ("tier = 1\n", "", "not a rule file"),
        ("at_least = 1", "at_least = 0", "whole numbers from 1"),
        ('name = "uploads"', 'name = "paid_for_access"', "the same name"),
        ("version = ", "version : ", "not a rule file"),
        ("[[rules]]", "[[rule]]", "not a rule file"),
    ],
)
def test_what_is_no_rule_over_acts_is_refused(tmp_path, old, new, reason):
    text = RULES.read_text()
    assert old in text
    path = tmp_path / "rules.toml"
    path.write_text(text.replace(old, new, -1 if old == "[[rules]]" else 1))
    with pytest.raises(ConfigError, match=re.escape(reason)):
        read_rules(path)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not a rule file"):
        read_rules(path)


STEPS = (
    "strongest rule that fires gives the tier",
    "more rules of that tier",
    "more acts",
    "more rules in all",
    "last act",
    "account's id",
)


def test_the_order_in_the_head_of_the_file_is_the_order_that_is_kept():
    """Step by step as test_rank.py holds rank.py to it; the reference page says the same."""
    head = " ".join(line.lstrip("# ") for line in RULES.read_text().splitlines() if line.startswith("#"))
    places = [head.find(step) for step in STEPS]
    assert -1 not in places
    assert places == sorted(places)


def test_the_reference_page_says_the_same_order(repository):
    page = (repository / "docs" / "reference" / "rules.md").read_text().split("## Order within a tier")[1]
    places = [page.find(step) for step in STEPS[1:]]
    assert -1 not in places
    assert places == sorted(places)
