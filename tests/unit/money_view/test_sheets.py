"""Request sheets: what is on them, what would make them false, and that the same tables give the same bytes."""

from __future__ import annotations

import csv
import io
import json
import subprocess

import pytest

from headwater.errors import ConfigError, InputError
from headwater.money_view import Prices, month_table, request_sheets, sheet_files


def sheet_of(made, basis, prices=None, actors=None):
    (sheet,) = request_sheets(made.put(), basis, actors, prices)
    return sheet


def doubts_of(made, basis):
    return " ".join(sheet_of(made, basis).document["requests"][0]["what_would_make_it_false"])


def pdf_text(content, tmp_path):
    (tmp_path / "x.pdf").write_bytes(content)
    done = subprocess.run(["pdftotext", "-layout", tmp_path / "x.pdf", "-"], capture_output=True, check=True)
    return done.stdout.decode()


def test_a_sheet_holds_the_way_the_merge_the_tag_and_the_bounds(asked_made, basis):
    sheet = sheet_of(asked_made, basis)
    (request,) = sheet.document["requests"]
    assert request["by_policy"] == {"fifo": 900, "pro_rata": 500}
    assert (request["least_sat"], request["most_sat"], request["bound_sat"]) == (500, 900, 900)
    assert (request["output_btc"], request["kept_until"]) == ("0.00001000", "2027-05-11")
    assert [len(path["hops"]) for path in request["paths"]] == [3, 3]
    merge = asked_made.rows["cluster_merges"][0]["txid"]
    assert request["merges"] == [merge]
    assert (request["tag"]["address"], request["tag"]["is_direct"]) == ("bcrt1qhot", False)
    assert sheet.document["records_to_ask_for"] == ["name", "address", "logins"]
    assert {(s["policy"], s["reaches_sat"], s["followed_sat"]) for s in sheet.document["shares"]} == {
        ("fifo", 900, 900),
        ("pro_rata", 500, 900),
    }
    text = json.dumps(sheet.document)
    assert "acc-" not in text
    assert "account_id" not in text


def test_what_would_make_it_false_is_that_of_the_sheet(asked_made, basis):
    told = doubts_of(asked_made, basis)
    for words in (
        "carries no tag itself", "one transaction spent from it", "and no second one", "900 by FIFO, 500 by pro rata",
        "at least 100 of the output's 1000", "2 transactions lie between", "ends in a CoinJoin (by pro rata up to 400",
    ):  # fmt: skip
        assert words in told
    assert "dated" not in told


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ({"last_modified": "2026-08-01"}, "The tag is dated 2026-08-01, after the transaction of 2026-05-11"),
        ({"last_modified": None}, "The tag bears no date"),
    ],
)
def test_a_later_tag_and_one_without_a_date_are_told_of(made, ask, basis, tag, words):
    assert words in doubts_of(ask(made, **tag), basis)


def test_a_direct_tag_a_second_tag_and_a_doubtful_merge_change_what_is_said(made, ask, basis):
    ask(made, address="bcrt1qcoins")
    for end in made.rows["endpoints"]:
        end["tagged_address"] = "bcrt1qcoins" if end["stop_reason"] == "service" else None
    made.rows["tags"].append({**made.rows["tags"][0], "tag_id": "tag-2", "source": "https://tags.example/b"})
    told = doubts_of(made, basis)
    assert "carries no tag itself" not in told
    assert "no second one" not in told


def test_a_merge_that_may_be_a_coinjoin_and_a_later_register_entry_are_told_of(made, ask, basis):
    ask(made)
    made.rows["transactions"][-1]["coinjoin"] = "abstain"
    made.rows["services"][0]["valid_from"] = "2026-09-01"
    told = doubts_of(made, basis)
    assert "may be a CoinJoin" in told
    assert "holds from 2026-09-01" in told


def test_three_files_of_one_content(asked_made, basis, tmp_path):
    sheet = sheet_of(asked_made, basis)
    written = sheet_files(sheet)
    (stem,) = {name.rpartition(".")[0] for name in written}
    assert stem.startswith("ie_alder_")
    assert json.loads(written[f"{stem}.json"]) == sheet.document
    (row,) = csv.DictReader(io.StringIO(written[f"{stem}.csv"].decode()))
    assert (row["attributed"], row["output_sat"], row["hops"]) == ("fifo 900; pro_rata 500", "1000", "2")
    text = pdf_text(written[f"{stem}.pdf"], tmp_path)
    for words in (
        "Request to alder Ltd", "records@alder.example", "bcrt1qpayer", "What would make this false", "2026-05-11",
        "platform's receipt", "service's coins", "between 500 and 900 satoshis", "logins", "Custody entry",
    ):  # fmt: skip
        assert words in text.replace("\u00a0", " "), words
    shown = "".join(text.split())
    for name in ("receipt", "withdrawal", "coins", "merge"):
        assert (
            asked_made.rows["transactions"][["coins", "withdrawal", "receipt", "mixed", "merge"].index(name)]["txid"]
            in shown
        )
    assert sheet_files(sheet_of(asked_made, basis)) == written


def test_key_material_and_formulas_do_not_leave(made, ask, basis):
    secret = "AGE-SECRET-KEY-1" + "Q" * 58
    ask(made, label=f"see {secret}")
    made.rows["services"][0]["legal_contact"] = "=HYPERLINK(1)"
    sheet = sheet_of(made, basis)
    written = sheet_files(sheet)
    assert sheet.withheld == 1
    assert not any(secret.encode() in content for content in written.values())
    (text,) = (content for name, content in written.items() if name.endswith(".csv"))
    assert b",'=HYPERLINK" in text


def test_names_of_services_cannot_leave_the_folder(made, ask, basis):
    ask(made)
    made.rows["services"][0]["actor"] = "../../Etc Passwd\n"
    assert sheet_of(made, basis).name.startswith("ie_etc-passwd_")


def test_a_service_nobody_can_be_asked_about_is_refused(asked_made, basis):
    tables = asked_made.put()
    with pytest.raises(InputError, match="those that can be asked: alder"):
        request_sheets(tables, basis, ["birch"], None)
    asked_made.rows["request_sheets"] = []
    with pytest.raises(InputError, match="no trace ends at a registered service"):
        request_sheets(asked_made.put(), basis, None, None)


def price(made, day, price_minor, currency="EUR", name="daily"):
    number = len(made.rows["prices"])
    made.rows["prices"].append(
        {
            "price_id": f"prc-{number}",
            "reference_name": name,
            "reference_version": "1",
            "reference_row": number,
            "day": day,
            "currency": currency,
            "price_minor": price_minor,
            "source": "an invented exchange",
        }
    )


def test_values_are_whole_and_marked(asked_made, basis, tmp_path):
    price(asked_made, "2026-05-11", 6_000_099)
    tables = asked_made.put()
    prices = Prices.of_case(tables, None)
    sheet = sheet_of(asked_made, basis, prices)
    assert sheet.document["requests"][0]["value"] == "0.60 EUR"
    (pdf,) = (content for name, content in sheet_files(sheet).items() if name.endswith(".pdf"))
    assert "at the day's imported price (daily@1; source: an invented exchange)" in " ".join(
        pdf_text(pdf, tmp_path).split()
    )
    (row,) = month_table(tables, prices).rows
    assert (row["fifo_sat"], row["fifo_value_minor"], row["fifo_unpriced_sat"]) == (900, 54, 0)
    assert prices.value(1, asked_made.rows["transactions"][0]["at_utc"]) is None


def test_several_prices_must_be_chosen_from(asked_made):
    assert Prices.of_case(asked_made.put(), None) is None
    with pytest.raises(ConfigError, match="imported are: none"):
        Prices.of_case(asked_made.tables, "EUR")
    price(asked_made, "2026-05-11", 1)
    price(asked_made, "2026-05-11", 2, name="other")
    tables = asked_made.put()
    assert Prices.of_case(tables, None) is None
    with pytest.raises(ConfigError, match="one of EUR=daily@1, EUR=other@1"):
        Prices.of_case(tables, "EUR")
    assert Prices.of_case(tables, "EUR=other@1").by_day == {"2026-05-11": 2}


def test_months_are_those_of_what_the_service_can_look_up(asked_made):
    asked_made.trace("forth", 70, direction="forward")
    asked_made.end("forth", 70, reason="service", txid="e" * 64)
    withdrawn, unnamed = month_table(asked_made.put()).rows
    assert (withdrawn["month"], withdrawn["fifo_sat"], withdrawn["pro_rata_sat"], withdrawn["transactions"]) == (
        "2026-05", 900, 500, 1,
    )  # fmt: skip
    assert (unnamed["service"], unnamed["fifo_sat"], unnamed["pro_rata_sat"]) == ("service not named", 70, 0)


@pytest.mark.parametrize("options", [(), ("-raw",), ("-layout",)])
def test_what_is_copied_from_a_sheet_is_whole(asked_made, basis, tmp_path, options):
    sheet = sheet_of(asked_made, basis)
    files = sheet_files(sheet)
    (tmp_path / "x.pdf").write_bytes(next(content for name, content in files.items() if name.endswith(".pdf")))
    done = subprocess.run(["pdftotext", *options, tmp_path / "x.pdf", "-"], capture_output=True, check=True)
    text = done.stdout.decode()
    (request,) = sheet.document["requests"]
    wanted = {request["address"], request["request_id"], request["tag"]["address"], *request["merges"]}
    wanted |= {f"{request['txid']}:{request['output_index']}", sheet.document["basis"]["custody_entry_sha256"]}
    wanted |= {f"{hop['txid']}:{hop['output_index']}" for path in request["paths"] for hop in path["hops"]}
    wanted |= set(sheet.document["basis"]["tables"].values())
    assert [word for word in sorted(wanted) if word not in text] == []
    assert not any(hidden in text for hidden in "\u200b\u200c\u200d\u2060\ufeff\u00ad")
