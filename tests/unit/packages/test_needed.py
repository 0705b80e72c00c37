"""Need to know: nothing of another country's lead, no column that nobody thought of, and what stays is told."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from headwater.leads import read_rules
from headwater.packages.contents import contents_for
from headwater.packages.money_pages import MoneyPages
from headwater.packages.needed import CONVICTION_RULE, GIVEN, KEPT_BACK
from headwater.packages.report import _document
from headwater.schema import table_named


def texts(value: object) -> Iterator[str]:
    """Every text in rows, names of columns left out."""
    if isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


def of_number(rows, number: int) -> set[str]:
    """What stands in rows of one account and nowhere in rows of another."""
    # A link is that of the payment or account that it begins at, whatever its own number.
    marks = {f"{prefix}-{number}" for prefix in ("led", "acc", "pay", "upl", "itm", "req", "trc", "end")}
    own, others = set(), set()
    for table in rows.values():
        for row in table:
            (own if marks & set(texts(row)) else others).update(texts(row))
    # Single words in small letters are kinds and names of tables, which `methods.txt` uses too.
    return {text for text in own - others if len(text) > 3 and not (text.isalpha() and text.islower())}


@pytest.mark.parametrize(("country", "foreign"), [("ES", (3,)), ("FR", (1, 2))])
def test_no_value_of_another_countrys_lead_is_in_any_file(case, rows, country, foreign):
    rows["lead_acts"] += [
        {"lead_id": f"led-{n}", "act": "login", "act_id": f"canary-act-{n}", "network_address": f"203.0.113.{n}0"}
        | {"at_utc": rows["lead_acts"][0]["at_utc"]}
        for n in (1, 2, 3)
    ]
    for account in rows["accounts"]:
        account |= {
            "phone": f"+3491000{account['account_id'][-1]}",
            "pgp_fingerprint": f"canary {account['account_id']}",
        }
    # What a service in the country is asked is in its sheet, whoever paid; the sheet names no account and no lead.
    asked = {text for row in rows["request_sheets"] if row["country"] == country for text in texts(row)}
    secret = {text for number in foreign for text in of_number(rows, number)} - asked
    secret -= {"Iva Example"}  # who judged a link of theirs, and drafts this
    assert len(secret) > 10
    drafted = case.draft(rows, country=country)
    for path in (drafted.folder / "draft").iterdir():
        if path.suffix != ".pdf":
            content = path.read_text(encoding="utf-8")
            assert not [text for text in secret if text in content], path.name


def test_no_value_of_another_countrys_lead_is_in_the_report(case, rows, make_session):
    manifest = json.loads((case.draft(rows).folder / "draft" / "manifest.json").read_bytes())
    with make_session(rows) as tables:
        shown = json.dumps(_document(contents_for(tables, "ES"), MoneyPages(), manifest), ensure_ascii=False)
    secret = of_number(rows, 3)
    assert not [text for text in secret if text in shown]


@pytest.mark.parametrize("name", sorted(GIVEN))
def test_every_column_is_given_or_kept_back_with_a_reason(name):
    columns = {column.name for column in table_named(name).columns}
    given, kept = set(GIVEN[name]), KEPT_BACK.get(name, {})
    assert given | kept.keys() == columns
    assert not given & kept.keys()
    assert all(why.strip() for why in kept.values())


def record_of(case, rows) -> tuple[dict, dict[str, int]]:
    drafted = case.draft(rows)
    first = json.loads((drafted.folder / "draft" / "leads.jsonl").read_bytes().splitlines()[0])
    manifest = json.loads((drafted.folder / "draft" / "manifest.json").read_bytes())
    return first["named_record"], {item["what"]: item["count"] for item in manifest["withheld"]}


def test_a_conviction_is_told_only_where_a_lead_rests_on_it(case, rows):
    assert CONVICTION_RULE in {rule.name for rule in read_rules().rules}
    record, withheld = record_of(case, rows)
    assert record["full_name"] == "Łucja Ångström-Îles"
    assert "convicted" not in record
    assert withheld["whether a named person was ever convicted"] == 1
    rows["records"][0]["convicted"] = True
    rows["leads"][0]["rules_fired"][0]["rule"] = CONVICTION_RULE
    record, withheld = record_of(case, rows)
    assert record["convicted"] is True
    assert "whether a named person was ever convicted" not in withheld


def test_a_request_sheet_counts_the_accounts_of_this_package(case, rows):
    for sheet in rows["request_sheets"]:
        sheet |= {"accounts": 40, "traces": 90}
    drafted = case.draft(rows, country="FR")
    sheets = [
        json.loads(line) for line in (drafted.folder / "draft" / "request_sheets.jsonl").read_bytes().splitlines()
    ]
    assert {sheet["request_id"]: (sheet["accounts"], sheet["traces"]) for sheet in sheets} == {
        "req-1": (0, 0),
        "req-3": (1, 1),
    }


def test_what_a_service_answered_others_is_not_told(case, rows):
    reference = {"reference_name": "canary-exchange", "reference_version": "1", "reference_row": 0}
    rows["customers"] = [
        {"customer_id": "cus-8", "actor": "x", "source_key": "C8", "full_name": "Somebody Else", **reference}
    ]
    drafted = case.draft(rows)
    content = b"".join(p.read_bytes() for p in (drafted.folder / "draft").iterdir() if p.suffix != ".pdf")
    assert b"canary-exchange" not in content
    assert b"Somebody Else" not in content
