"""Sums of tokens, and sheets about them: what is on them, and what would make them false."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import subprocess

import pytest

from headwater.errors import IntegrityError
from headwater.money_view import token_sheet_files, token_sheets, token_sums
from headwater.schema import table_named

AT = dt.datetime(2026, 5, 2, tzinfo=dt.UTC)
TOKEN, HUB, HOLDER, HOT = "0xToken", "0xHub", "0xHolder", "0xHot"
FILLERS = {"string": "", "int64": 0, "bool": False, "timestamp[us, tz=UTC]": AT}


def row(table, **cells):
    known = table_named(table)
    filled = {column.name: None if column.nullable else FILLERS[str(column.type)] for column in known.columns}
    if "reference_row" in filled:
        filled |= {"reference_name": "one", "reference_version": "1"}
    return filled | cells


@pytest.fixture
def asked(made):
    """A payout of 12 tokens that goes on by one transfer; 5 reach an exchange, 7 are still held."""
    token = {"chain": "ethereum", "token_contract": TOKEN, "token_symbol": "TST", "decimals": 2}
    moves = (("t1", HUB, HOLDER, 1200), ("t2", HOLDER, HOT, 500))
    made.rows["token_transfers"] = [
        row("token_transfers", transfer_id=name, txid=name * 32, from_address=sender, to_address=receiver,
            amount_units=str(units), at_utc=AT, **token)
        for name, sender, receiver, units in moves
    ]  # fmt: skip
    made.rows["token_traces"] = [
        row("token_traces", trace_id="ttr-1", direction="forward", transfer_id="t1", origin_units="1200", fee_units="0",
            **token)
    ]  # fmt: skip
    made.rows["token_flows"] = [
        row("token_flows", trace_id="ttr-1", hop=2, from_transfer_id="t1", to_move_id="t2",
            to_move_table="token_transfers", amount_units="500")
    ]  # fmt: skip
    made.rows["token_endpoints"] = [
        row("token_endpoints", endpoint_id="ten-1", trace_id="ttr-1", move_id="t1", address=HOLDER, amount_units="700",
            hops=1, stop_reason="unspent"),
        row("token_endpoints", endpoint_id="ten-2", trace_id="ttr-1", move_id="t2", address=HOT, amount_units="500",
            hops=2, stop_reason="service", service_id="svc-1"),
    ]  # fmt: skip
    made.rows["services"] = [
        row("services", service_id="svc-1", actor="quay", name="Quay Ltd", country="IE", retention_days=30)
    ]
    made.rows["tags"] = [
        row("tags", tag_id="tag-1", address=HOT, label="Quay", source="page", last_modified="2026-06-01")
    ]
    made.rows["token_holdings"] = [
        row("token_holdings", address=HOLDER, traced_units="700", balance_units="900", as_of_block=9, can_freeze="yes",
            issuer="mint", issuer_source="page", issuer_as_of="2026-05-01", freeze_state="not_frozen", **token)
    ]  # fmt: skip
    made.rows["token_requests"] = [
        row("token_requests", request_id="trq-1", actor="quay", service_id="svc-1", service_name="Quay Ltd",
            country="IE", question_kind="deposit", question="Whose?", move_id="t2", txid="t2" * 32, address=HOT,
            asked_units="500", traced_units="500", at_utc=AT, tag_id="tag-1", tag_is_later=True, accounts=3, **token),
        row("token_requests", request_id="trq-2", actor="mint", question_kind="freeze", question="Please freeze it",
            address=HOLDER, asked_units="900", traced_units="700", at_utc=AT, **token),
    ]  # fmt: skip
    return made


def test_sums_hold_every_unit(asked):
    (sums,) = token_sums(asked.put())
    assert (sums.origins, sums.origin_units, sum(sums.ends.values())) == (1, 1200, 1200)
    assert [(end.label, units) for end, units in sums.most_first()] == [("unspent", 700), ("Quay Ltd (IE)", 500)]


def test_a_sum_that_lacks_units_is_not_shown(asked):
    asked.rows["token_endpoints"][0]["amount_units"] = "699"
    with pytest.raises(IntegrityError, match="1200 base units were followed and 1199 are at ends"):
        token_sums(asked.put())


def test_a_sheet_holds_the_way_and_the_doubts(asked, basis):
    mint, quay = token_sheets(asked.put(), basis, None)
    assert quay.name == "ie_quay_svc-1_tokens"
    (request,) = quay.document["requests"]
    assert (request["asked_tokens"], request["kept_until"]) == ("5 TST", "2026-06-01")
    (way,) = request["ways"]
    assert [hop["to_address"] for hop in way["hops"]] == [HOLDER, HOT]
    told = " ".join(request["what_would_make_it_false"])
    for words in ("rests on a tag", "not older than the transfers (2026-06-01)", "Up to 2 transfers", "FIFO"):
        assert words in told
    (freeze,) = mint.document["requests"]
    told = " ".join(freeze["what_would_make_it_false"])
    for words in ("2 TST of it have nothing to do", "as of block 9", "shared by many"):
        assert words in told
    assert freeze["holding"]["can_freeze"] == "yes"
    assert mint.document["asked"]["country"] is None


def test_no_account_of_the_platform_is_on_a_sheet(asked, basis):
    for sheet in token_sheets(asked.put(), basis, None):
        text = json.dumps(sheet.document)
        assert '"account_id"' not in text
        assert '"accounts"' not in text


def test_only_who_is_named_is_asked(asked, basis):
    assert [sheet.document["asked"]["actor"] for sheet in token_sheets(asked.put(), basis, ["mint"])] == ["mint"]
    assert not token_sheets(asked.put(), basis, ["nobody"])


def test_an_order_that_was_assumed_is_told(asked, basis):
    asked.rows["defects"] = [
        row("defects", defect_id="d", code="token_order_assumed", reason=f"ethereum {TOKEN}: in 1 blocks and so on")
    ]
    (sheet,) = token_sheets(asked.put(), basis, ["quay"])
    assert "order of some transfers" in " ".join(sheet.document["requests"][0]["what_would_make_it_false"])


def test_the_files_are_of_one_content_and_the_same_bytes(asked, basis, tmp_path):
    sheets = token_sheets(asked.put(), basis, None)
    written = [token_sheet_files(sheet) for sheet in sheets]
    assert written == [token_sheet_files(sheet) for sheet in token_sheets(asked.put(), basis, None)]
    files = written[0]
    (path,) = (name for name in files if name.endswith(".csv"))
    (line,) = csv.DictReader(io.StringIO(files[path].decode("utf-8-sig")))
    assert (line["request_id"], line["traced_tokens"]) == ("trq-2", "7 TST")
    assert json.loads(files[path.replace(".csv", ".json")])["requests"][0]["request_id"] == "trq-2"
    (tmp_path / "x.pdf").write_bytes(files[path.replace(".csv", ".pdf")])
    done = subprocess.run(["pdftotext", "-layout", tmp_path / "x.pdf", "-"], capture_output=True, check=True)
    text = " ".join(done.stdout.decode().split())
    for words in (
        "Request to mint",
        "Can this be frozen?",
        "What would make this false",
        "complete the register",
        HOLDER,
    ):
        assert words in text
