"""A mapping suggested from a dump: told, drafted, bound to nothing, and approved only once somebody made it theirs."""

from __future__ import annotations

import pytest
import yaml


def suggested(headwater, case, *more):
    return headwater("map", case, "--suggest", "--allow-unsealed", *more)


def test_the_likeliest_columns_are_those_of_the_mapping(small, headwater):
    rows = suggested(headwater, small.case, "--json").rows
    best = {
        (r["binds"], r["column_of_ours"]): (r["table"], r["column"]) for r in rows if r["table_rank"] == r["rank"] == 1
    }
    assert best["accounts", "email"] == ("people", "mail")
    assert best["accounts", "key"] == ("people", "id")
    assert best["accounts", "nickname"] == ("people", "name")
    assert best["logins", "network_address"] == ("visits", "ip")
    assert best["logins", "account"] == ("visits", "who")
    assert best["logins", "at_utc"] == ("visits", "at")


def test_suggesting_binds_nothing_and_is_recorded(small, headwater):
    before = headwater("digests", small.case, "--json").rows
    read = (small.case / "custody.log").read_text().count('"event":"consulted"')
    assert suggested(headwater, small.case, "--why", "first look").status == 0
    assert headwater("digests", small.case, "--json").rows == before
    assert (small.case / "custody.log").read_text().count('"event":"consulted"') == read + 2
    assert headwater("verify", small.case).status == 0


def test_a_draft_is_refused_until_its_reasons_are_somebodys_own(small, headwater, tmp_path):
    draft = tmp_path / "draft.yaml"
    assert suggested(headwater, small.case, "--draft", draft).status == 0
    approved = headwater("map", small.case, "--approve", draft)
    assert approved.status == 2
    assert "still a suggestion" in approved.err
    read = yaml.safe_load(draft.read_text())
    for table in read["tables"]:
        table["because"] = "read against the dump's own definitions"
    draft.write_text(yaml.safe_dump(read))
    approved = headwater("map", small.case, "--approve", draft)
    assert approved.status == 0, approved.err
    run = headwater("run", small.case, "--until", "evidence", "--workers", 1, "--allow-unsealed")
    assert run.status == 0, run.err
    names = [row["nickname"] for row in headwater("show", small.case, "accounts", "--json").rows]
    assert {"alder", "cedar"} <= set(names)


def test_a_draft_never_replaces_a_file(small, headwater, tmp_path):
    there = tmp_path / "mapping.yaml"
    there.write_text("mine")
    done = suggested(headwater, small.case, "--draft", there)
    assert done.status == 2
    assert "is there already" in done.err
    assert there.read_text() == "mine"
    assert suggested(headwater, small.case, "--draft", tmp_path / "none" / "mapping.yaml").status == 2


@pytest.mark.parametrize(
    "options", [(), ("--suggest", "--approve", "x"), ("--draft", "x"), ("--approve", "x", "--draft", "y")]
)
def test_one_thing_at_a_time(options, small, headwater):
    done = headwater("map", small.case, *options)
    assert done.status == 2
    assert "--suggest" in done.err


def test_a_case_without_a_dump_has_nothing_to_suggest_from(tmp_path, headwater):
    assert (
        headwater("case", "create", tmp_path / "c", "--authority", "Order 1", "--operator", "A. Examiner").status == 0
    )
    done = suggested(headwater, tmp_path / "c")
    assert done.status == 2
    assert "no dump" in done.err
