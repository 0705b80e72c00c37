"""The invented applications: written, read without a defect, and true to what they say of themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.evidence.mapping import UNITS
from headwater.evidence.targets import TARGETS
from headwater_sealed.json_rows import parse_json_rows
from headwater_sealed.mysql_dump import parse_mysql_dump
from headwater_synth.schemas import HELD_OUT, TUNING, application, write_application


@pytest.mark.parametrize("name", [*TUNING, *HELD_OUT])
def test_what_a_right_mapping_binds_is_there(name: str, tmp_path: Path) -> None:
    app = application(name)
    tables: dict[str, list[str]] = {}
    rows: dict[str, int] = {}
    for form, path in write_application(app, tmp_path, seed=3, accounts=60):
        batches: list[dict[str, object]] = []
        with path.open("rb") as file:
            job = parse_mysql_dump if form == "mysql-dump" else parse_json_rows
            job([file], {"table_name": path.stem}, lambda batch, into=batches: into.extend(batch.to_pylist()))
        assert [record for record in batches if record["record_kind"] == "defect"] == []
        for record in batches:
            table = str(record["table_name"])
            if record["record_kind"] == "table":
                tables[table] = list(record["names"])  # type: ignore[call-overload]  # a list of texts
            rows[table] = rows.get(table, 0) + (record["record_kind"] == "row")
    truth = app.truth()
    assert {binding.target for binding in truth} >= {
        "accounts",
        "logins",
        "uploads",
        "invoices",
        "payments",
        "messages",
    }
    for binding in truth:
        target = TARGETS[binding.target]
        parts = [
            table for table in tables if table == binding.table or table.startswith(binding.table.rstrip("*") + "_")
        ]
        parts = parts if binding.table.endswith("*") else [binding.table]
        assert parts
        for part in parts:
            assert binding.column.partition("->")[0] in tables[part]
            assert rows[part]
        if binding.target_column == "key":
            assert target.keyed
            continue
        assert binding.unit in UNITS[target.columns[binding.target_column]]
        if binding.via is not None:
            table, key, value, where = binding.via
            assert {key, value, *([where[0]] if where else [])} <= set(tables[table])
    assert len(app.ignored()) >= 7
    assert not {binding.table for binding in truth} & set(app.ignored())


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_application(application("juniper"), tmp_path / folder, seed=5, accounts=45)
    assert (tmp_path / "a/dump.sql").read_bytes() == (tmp_path / "b/dump.sql").read_bytes()
