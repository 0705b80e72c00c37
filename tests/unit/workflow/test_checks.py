"""Each check of a case fails when what it promises is broken, and says where first."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pytest

from headwater.schema import table_named
from headwater.workflow.case import Case


def changed(table: pa.Table, column: str, value: object, row: int = 0) -> pa.Table:
    """The table with one cell set."""
    index = table.schema.get_field_index(column)
    cells = table[column].to_pylist()
    cells[row] = value
    return table.set_column(index, table.schema.field(index), pa.array(cells, table.schema.field(index).type))


def more(table: pa.Table, column: str, by: int) -> pa.Table:
    return changed(table, column, table[column][0].as_py() + by)


def failed(outcome: Any) -> dict[str, str]:
    return {row["check"]: row["first_bad"] for row in outcome.rows if not row["ok"]}


class Altered:
    """A session in which one table is another."""

    def __init__(self, session: Any, name: str, alter: Any) -> None:
        self._session, self._name, self._alter = session, name, alter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def arrow(self, name: str) -> pa.Table:
        table = self._session.arrow(name)
        return self._alter(table) if name == self._name else table

    def parts(self, name: str, columns: Any = None) -> Any:
        return [self.arrow(name).select(columns or table_named(name).arrow.names)]


def filled(table: pa.Table, **cells: object) -> pa.Table:
    """One row of the table's own columns; what is not given is nothing."""
    return pa.Table.from_pylist([dict.fromkeys(table.schema.names) | cells], table.schema)


CASES = [
    ("I1.ledger_adds_up", "items", lambda t: t.slice(1), "entries and"),
    ("I4.dump_bytes", "dump_ranges", lambda t: more(t, "range_bytes", 1), "exhibit DUMP: ranges add up to"),
    ("I4.dump_rows", "dump_tables", lambda t: more(t, "rows_read", 1), "rows do not add up"),
    (
        "I5.every_row_cites",
        "logins",
        lambda t: changed(t, "account_id", "acc-" + "0" * 32),
        "logins.account_id: acc-" + "0" * 32 + " is no row of accounts",
    ),
    ("I5.every_row_cites", "accounts", lambda t: t.slice(0, 0), "is no row of accounts"),
    (
        "I9.transactions_conserve",
        "transactions",
        lambda t: filled(t, txid="a" * 64, input_sat=10, output_sat=8, fee_sat=1),
        "10 in, 8 out, 1 fee",
    ),
    (
        "I9.traces_conserve",
        "traces",
        lambda t: filled(t, trace_id="trc-1", origin_sat=5, fee_sat=1),
        "trace trc-1: 5 satoshis in, 1 out",
    ),
    (
        "I9.token_traces_conserve",
        "token_traces",
        lambda t: filled(t, trace_id="ttr-1", origin_units=str(1 << 255), fee_units="1"),
        f"trace ttr-1: {1 << 255} base units in, 1 out",
    ),
    (
        "I9.token_balances_conserve",
        "token_balances",
        lambda t: filled(
            t,
            chain="tron",
            token_contract="native",
            address="T",
            opening_units="0",
            received_units="5",
            sent_units="1",
            closing_units="3",
        ),
        "tron native T: 0 + 5 - 1 is not 3",
    ),
]


@pytest.mark.parametrize(("check", "name", "alter", "words"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_a_broken_invariant_is_named(check, name, alter, words, small, headwater, monkeypatch):
    whole = Case.tables

    @contextmanager
    def tables(self, **options):
        with whole(self, **options) as session:
            yield Altered(session, name, alter)

    monkeypatch.setattr(Case, "tables", tables)
    done = headwater("verify", small.case, "--json")
    assert done.status == 1
    assert words in failed(done)[check]


def test_a_case_as_it_was_left_has_no_broken_invariant(small, headwater):
    done = headwater("verify", small.case, "--json")
    assert done.status == 0, failed(done)
    assert {check for check, *_ in CASES} <= {row["check"] for row in done.rows}


def test_a_table_with_one_bit_changed_is_named(small, headwater):
    path = next((small.case / "tables" / "accounts").iterdir())
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)
    found = failed(headwater("verify", small.case, "--json"))
    assert path.name in found["I7.tables_in_custody"]


def test_evidence_with_one_byte_changed_or_gone_is_named(small, headwater):
    dump = small.folder / "platform.sql"
    content = dump.read_bytes()
    dump.write_bytes(content.replace(b"cedar", b"ceder"))
    assert "exhibit DUMP" in failed(headwater("verify", small.case, "--json"))["evidence.unchanged"]
    assert "evidence.unchanged" not in failed(headwater("verify", small.case, "--json", "--skip-evidence"))
    dump.unlink()
    assert "gone" in failed(headwater("verify", small.case, "--json"))["evidence.unchanged"]


def test_a_file_beside_a_sealed_reference_is_named(small, headwater):
    folder = next(small.case.glob("references/records@1"))
    os.chmod(folder, 0o700)  # noqa: PTH101 - the folder itself, whatever it is called
    (folder / "people.parquet").write_bytes(b"more")
    assert "people.parquet" in failed(headwater("verify", small.case, "--json"))["I7.references_in_custody"]


def test_a_log_cut_short_is_seen(small, headwater):
    log = small.case / "custody.log"
    lines = log.read_bytes().splitlines(keepends=True)
    log.chmod(0o600)
    log.write_bytes(b"".join(lines[:-1]))
    assert any(check.startswith("custody.") for check in failed(headwater("verify", small.case, "--json")))
