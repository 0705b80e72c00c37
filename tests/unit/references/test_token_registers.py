"""Tables of token transfers on their way in: exact amounts, checked addresses, kinds of file, and refusals."""

from __future__ import annotations

import csv
import datetime as dt
import decimal
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.engine import Session
from headwater.errors import ConfigError, UnreadableInputError
from headwater.references import import_reference, map_text, read_column_map, reference_files
from headwater.references.register_columns import EXPORTS
from headwater.references.token_registers import read_token_transfers

ANNA, BERT = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
TOKEN = "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB"
TRON_TOKEN = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
TXID = "ab" * 32
LARGEST = (1 << 256) - 1
GOOD = {
    "chain": "ethereum",
    "token_contract": TOKEN,
    "token_symbol": "TST",
    "decimals": "6",
    "txid": "0x" + TXID,
    "block_number": "7",
    "at_utc": "2026-05-01T10:00:00Z",
    "from_address": ANNA.lower(),
    "to_address": BERT,
    "amount_units": "5",
    "position": "3",
}


def csv_of(*rows):
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def read(tmp_path, content, columns=None):
    path = tmp_path / "table"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_token_transfers(path, columns)


def values(reading):
    return [row.values for row in reading.tables.get("token_transfers", [])]


def reasons(reading):
    return [(bad.row, bad.reason) for bad in reading.bad_rows]


def test_a_row_is_written_in_one_form(tmp_path):
    (row,) = values(read(tmp_path, csv_of(GOOD)))
    assert row == {
        "chain": "ethereum",
        "token_contract": TOKEN,
        "token_symbol": "TST",
        "decimals": 6,
        "txid": TXID,
        "block_number": 7,
        "position": 3,
        "at_utc": dt.datetime(2026, 5, 1, 10, tzinfo=dt.UTC),
        "from_address": ANNA,
        "to_address": BERT,
        "amount_units": "5",
        "fee_units": None,
        "kind": "transfer",
        "from_is_contract": None,
        "to_is_contract": None,
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"from_address": ANNA.swapcase().replace("0X", "0x")}, "EIP-55"),
        ({"to_address": BERT[:-1]}, "no address of ethereum"),
        ({"chain": "dogecoin"}, "unknown"),
        ({"at_utc": ""}, "'at_utc' is empty"),
        ({"at_utc": "2026-05-01T10:00:00"}, "no time zone"),
        ({"at_utc": "1970-01-21T10:00:00Z"}, "before there was any"),
        ({"amount_units": ""}, "says how much"),
        ({"amount_units": str(LARGEST + 1)}, "256 bits"),
        ({"amount_units": "-5"}, "whole number of base units"),
        ({"amount_units": "5.0"}, "whole number of base units"),
        ({"amount_units": "\u0665"}, "whole number of base units"),
        ({"decimals": "256"}, "more than 255"),
        ({"txid": "12"}, "64 hex digits"),
        ({"block_number": ""}, "'block_number' is empty"),
        ({"position": "1.5"}, "whole number"),
        ({"kind": "gift"}, "known are transfer"),
        ({"amount": "0.000006"}, "not the same amount"),
        ({"amount": "5e-6"}, "plain digits"),
        ({"amount": "0.0000050001"}, "more exact than 6 decimals"),
        ({"fee_units": "4"}, "chain's own coin"),
        ({"status": "perhaps"}, "neither ok nor failed"),
        ({"to_is_contract": "perhaps"}, "neither yes nor no"),
    ],
)
def test_a_bad_row_says_what_is_wrong(tmp_path, change, words):
    reading = read(tmp_path, csv_of({**GOOD, "amount": "", "fee_units": "", "status": "", "kind": "",
                                     "to_is_contract": "", **change}))  # fmt: skip
    assert not values(reading)
    ((row, reason),) = reasons(reading)
    assert row == 0
    assert words in reason


def test_a_row_that_repeats_is_a_bad_row(tmp_path):
    unplaced = {**GOOD, "position": ""}
    reading = read(tmp_path, csv_of(GOOD, {**GOOD, "amount_units": "6"}, unplaced, unplaced, {**GOOD, "position": "4"}))
    assert reasons(reading) == [
        (1, "the same transfer stands in row 0 already"),
        (3, "the same transfer stands in row 2 already"),
    ]
    assert len(values(reading)) == 3


def test_mint_and_burn_are_told_by_the_address_of_zeros(tmp_path):
    nobody = "0x" + "00" * 20
    rows = (
        {**GOOD, "from_address": nobody, "position": "1"},
        {**GOOD, "to_address": nobody, "position": "2"},
        {**GOOD, "position": "3"},
    )
    assert [row["kind"] for row in values(read(tmp_path, csv_of(*rows)))] == ["mint", "burn", "transfer"]


def test_what_failed_moved_nothing_but_the_fee(tmp_path):
    row = {**GOOD, "token_contract": "Native", "decimals": "18", "status": "failed", "fee": "0.000000000000000021"}
    (found,) = values(read(tmp_path, csv_of(row)))
    assert (found["token_contract"], found["amount_units"], found["fee_units"]) == ("native", "0", "21")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(units=st.integers(0, LARGEST), decimals=st.integers(0, 40))
def test_amounts_with_a_point_are_exact(tmp_path, units, decimals):
    whole, rest = divmod(units, 10**decimals)
    amount = f"{whole}.{rest:0{decimals}d}" if decimals else str(whole)
    row = {**GOOD, "decimals": str(decimals), "amount_units": "", "amount": amount}
    (found,) = values(read(tmp_path, csv_of(row)))
    assert found["amount_units"] == str(units)


def test_json_lines_keep_numbers_as_they_are_written(tmp_path):
    first = {**GOOD, "block_number": 7, "amount_units": LARGEST, "to_is_contract": True, "from_is_contract": None}
    lines = [first, {**first, "position": 4, "amount_units": 1.5}, {**first, "stray": 1}, [1], {**first, "txid": {}}]
    reading = read(tmp_path, "\n".join(map(json.dumps, lines)))
    (row,) = values(reading)
    assert (row["amount_units"], row["block_number"], row["to_is_contract"]) == (str(LARGEST), 7, True)
    assert [words for _, words in reasons(reading)] == [
        "'amount_units' is '1.5', not a whole number of base units of at most 256 bits",
        "it has 'stray', which the first row lacks",
        "no JSON object (a value that is no object)",
        "'txid': a list or an object, not one value",
    ]
    assert [bad.offset_bytes for bad in reading.bad_rows] == sorted(bad.offset_bytes for bad in reading.bad_rows)


def test_a_first_line_that_is_no_json_refuses_the_file(tmp_path):
    with pytest.raises(UnreadableInputError, match="first line"):
        read(tmp_path, "{not json\n")


def test_parquet_gives_exact_types_and_refuses_floats(tmp_path):
    columns = {name: [GOOD[name]] * 2 for name in GOOD if name not in {"at_utc", "block_number", "position"}}
    columns["amount_units"] = pa.array([decimal.Decimal(10**30), decimal.Decimal(7)], pa.decimal128(38, 0))
    table = pa.table(
        columns
        | {
            "block_number": pa.array([7, 8], pa.uint64()),
            "position": pa.array([1, 2], pa.int32()),
            "at_utc": pa.array([dt.datetime(2026, 5, 1, tzinfo=dt.UTC)] * 2, pa.timestamp("ms", "UTC")),
        }
    )
    path = tmp_path / "exact.parquet"
    pq.write_table(table, path)
    assert [row["amount_units"] for row in values(read_token_transfers(path))] == [str(10**30), "7"]
    place = table.schema.get_field_index("amount_units")
    pq.write_table(table.set_column(place, "amount_units", pa.array([1.0, 2.0])), path)
    reading = read_token_transfers(path)
    assert not values(reading)
    assert all("floating-point" in reason for _, reason in reasons(reading))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UnreadableInputError, match="not a whole Parquet file"):
        read_token_transfers(path)


EXPORTED = {
    "etherscan-erc20": {
        "Transaction Hash": "0x" + TXID,
        "Blockno": "7",
        "UnixTimestamp": "1777629600",
        "DateTime (UTC)": "2026-05-01 10:00:00",
        "From": ANNA.lower(),
        "To": BERT.lower(),
        "TokenValue": "1,234.5",
        "USDValueDayOfTx": "$1,234.50",
        "ContractAddress": "0xdac17f958d2ee523a2206206994597c13d831ec7",
        "TokenName": "x",
        "TokenSymbol": "USDT",
    },
    "etherscan-ether": {
        "Transaction Hash": "0x" + TXID,
        "Blockno": "7",
        "UnixTimestamp": "1777629600",
        "DateTime (UTC)": "2026-05-01 10:00:00",
        "From": ANNA.lower(),
        "To": "",
        "ContractAddress": BERT.lower(),
        "Value_IN(ETH)": "0",
        "Value_OUT(ETH)": "0.0000000012345",
        "CurrentValue @ $1/ETH": "0",
        "TxnFee(ETH)": "0.00042",
        "TxnFee(USD)": "0",
        "Historical $Price/ETH": "1",
        "Status": "",
        "ErrCode": "",
        "Method": "",
    },
    "tronscan-trc20": {
        "Txn Hash": TXID,
        "Block": "7",
        "Time(UTC)": "2026-05-01 10:00:00",
        "From": "T9yD14Nj9j7xAB4dbGeiX9h8unkKHxuWwb",
        "To": TRON_TOKEN,
        "Amount/TokenID": "1234.5",
        "Token": TRON_TOKEN,
        "Status": "CONFIRMED",
    },
}


@pytest.mark.parametrize("export", EXPORTS["token-transfers"])
def test_each_ready_map_reads_its_export(tmp_path, export):
    path = tmp_path / "map.yaml"
    path.write_text(map_text("token-transfers", export))
    columns = read_column_map(path, "token-transfers")
    reading = read(tmp_path, csv_of(EXPORTED[export]), columns)
    assert not reasons(reading)
    (row,) = values(reading)
    assert row["amount_units"] == "1234500000"
    assert row["at_utc"] == dt.datetime(2026, 5, 1, 10, tzinfo=dt.UTC)
    assert row["txid"] == TXID
    assert row["position"] is None
    if export == "etherscan-ether":
        assert (row["to_address"], row["fee_units"]) == (BERT, "420000000000000")


def test_a_token_that_the_map_does_not_list_is_a_bad_row(tmp_path):
    path = tmp_path / "map.yaml"
    path.write_text(map_text("token-transfers", "etherscan-erc20"))
    row = {**EXPORTED["etherscan-erc20"], "ContractAddress": TOKEN}
    reading = read(tmp_path, csv_of(row), read_column_map(path, "token-transfers"))
    assert "which the column map does not list" in reasons(reading)[0][1]


def test_thousands_that_are_not_set_apart_as_stated_are_not_guessed(tmp_path):
    path = tmp_path / "map.yaml"
    path.write_text(map_text("token-transfers", "etherscan-erc20"))
    columns = read_column_map(path, "token-transfers")
    for amount in ("1,5", "12,34.5", "1.234,50", ",5"):
        reading = read(tmp_path, csv_of({**EXPORTED["etherscan-erc20"], "TokenValue": amount}), columns)
        assert "thousands are not set apart" in reasons(reading)[0][1], amount


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("{column: A, thousands: x}", "thousands is"),
        ("{column: A, otherwise: 3}", "otherwise is the name"),
    ],
)
def test_a_rule_that_is_none_is_told(tmp_path, rule, words):
    path = tmp_path / "map.yaml"
    path.write_text(map_text("token-transfers", "tronscan-trc20").replace(
        '{column: Amount/TokenID, thousands: ","}', rule
    ))  # fmt: skip
    with pytest.raises(ConfigError, match=words):
        read_column_map(path, "token-transfers")


def test_thousands_belong_to_amounts_alone(tmp_path):
    path = tmp_path / "map.yaml"
    path.write_text(
        map_text("token-transfers", "tronscan-trc20").replace("Block\n", '{column: B, thousands: ","}\n', 1)
    )
    with pytest.raises(ConfigError, match="of amounts alone"):
        read_column_map(path, "token-transfers")


def test_an_export_without_a_map_is_told():
    with pytest.raises(ConfigError, match="tronscan-trc20"):
        map_text("token-transfers", "other")


OTHERS = {
    "token-coverage": (
        "chain,token_contract,address,first_block,last_block,source\n",
        f"tron,{TRON_TOKEN},,5,9,node\ntron,,,,9,node\n",
        f"tron,{TRON_TOKEN},,9,5,node\n",
        "lies behind",
    ),
    "platform-accounts": (
        "chain,address,account_key,invoice_key,source\n",
        f"ethereum,{ANNA},4,,letter\n",
        f"ethereum,{ANNA},4,,letter\nethereum,{ANNA.lower()},5,,letter\n",
        "stands in this list already",
    ),
    "token-issuers": (
        "chain,token_contract,token_symbol,issuer,can_freeze,can_destroy,source,as_of\n",
        f"ethereum,{TOKEN},TST,mint,yes,unknown,page,2026-05-01\n",
        f"ethereum,{TOKEN},TST,mint,perhaps,unknown,page,2026-05-01\n",
        "known are yes, no, unknown",
    ),
    "issuer-events": (
        "chain,token_contract,address,event,amount_units,block_number,position,at_utc,source,txid\n",
        f"ethereum,{TOKEN},{ANNA},destroyed,5,7,,2026-05-01T10:00:00Z,node,0x{TXID}\n",
        f"ethereum,{TOKEN},{ANNA},frozen,5,7,,2026-05-01T10:00:00Z,node,\n",
        "what was destroyed",
    ),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_the_other_tables_are_read_and_refused(tmp_path, kind):
    header, good, bad, words = OTHERS[kind]
    path = tmp_path / "table.csv"
    path.write_text(header + bad)
    with pytest.raises(UnreadableInputError, match=words):
        import_reference(tmp_path, kind, path, name="one", version="1")
    path.write_text(header + good)
    done = import_reference(tmp_path, kind, path, name="one", version="1")
    assert done.rows == good.count("\n")
    with Session(reference_files(tmp_path)) as session:
        table = kind.replace("-", "_")
        assert session.arrow(table).num_rows == done.rows
