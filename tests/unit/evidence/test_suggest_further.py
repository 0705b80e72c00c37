"""Further identifiers and references to files: suggested where they stand, drafted, approved and bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from headwater.evidence.mapping import read_mapping
from headwater.evidence.mapping_draft import UNCONFIRMED, draft_mapping
from headwater.evidence.platform import PlatformTables
from headwater.evidence.profile import profile_of
from headwater.evidence.row_source import RowSource
from headwater.evidence.shapes import PLAUSIBLE_WINDOW
from headwater.evidence.suggest import likeliest, suggestions
from headwater.evidence.suggestion import TableSuggestion
from headwater_sealed.json_rows import parse_json_rows
from headwater_sealed.mysql_dump import parse_mysql_dump
from headwater_synth.schemas import application, write_application

SEED, ACCOUNTS = 11, 80


def batches_of(name: str, folder: Path) -> list[tuple[RowSource, pa.RecordBatch]]:
    found: list[tuple[RowSource, pa.RecordBatch]] = []
    for form, path in write_application(application(name), folder, seed=SEED, accounts=ACCOUNTS):
        source = RowSource(exhibit_id="EX-1", item_id=f"itm-{path.stem}", source_format=form)
        job = parse_mysql_dump if form == "mysql-dump" else parse_json_rows
        with path.open("rb") as file:
            job([file], {"table_name": path.stem}, lambda batch, of=source: found.append((of, batch)))
    return found


def suggested(batches: Sequence[tuple[RowSource, pa.RecordBatch]]) -> Mapping[str, tuple[TableSuggestion, ...]]:
    return suggestions(profile_of([batch for _, batch in batches], PLAUSIBLE_WINDOW))


def bound(batches: Sequence[tuple[RowSource, pa.RecordBatch]], text: str) -> dict[str, list[dict[str, Any]]]:
    mapping = read_mapping(text.replace(UNCONFIRMED, "read against the dump").encode())
    tables = PlatformTables(exhibit_id="EX-1", mapping=mapping)
    for source, batch in batches:
        tables.take(source, batch)
    return {name: table.to_pylist() for name, table in tables.finished().items()}


@pytest.mark.parametrize("name", ["anchor", "birke", "cobalt", "zest"])
def test_what_is_drafted_binds_every_identifier_that_the_truth_has(name: str, tmp_path: Path) -> None:
    batches = batches_of(name, tmp_path)
    found = bound(batches, draft_mapping(suggested(batches)))
    assert [defect["code"] for defect in found["defects"] if defect["code"] != "row_not_readable"] == []
    truth = application(name).truth()
    places = {binding.table for binding in truth if binding.target == "identifiers"}
    assert {row["source_table"] for row in found["identifiers"]} == places
    kinds = {binding.kind for binding in truth if binding.kind is not None and binding.where is None}
    assert {row["identifier_kind"] for row in found["identifiers"]} >= kinds
    assert all(row["value"] and row["account_id"] for row in found["identifiers"])
    refers = {binding.table for binding in truth if binding.target == "media_references"}
    assert {row["source_table"] for row in found["media_references"]} == refers
    assert all(row["media_path"] or row["media_sha256"] for row in found["media_references"])


def test_a_column_beside_an_account_is_written_with_its_kind_and_whose_it_is(tmp_path: Path) -> None:
    drafted = yaml.safe_load(draft_mapping(suggested(batches_of("anchor", tmp_path))))["tables"]
    jabber = next(t for t in drafted if t["columns"].get("identifier_kind") == {"literal": "jabber"})
    assert (jabber["table"], jabber["binds"]) == ("customers", "identifiers")
    assert jabber["columns"]["account"] == {"column": "id", "joins": "customers"}
    assert jabber["columns"]["value"] == {"column": "jabber"}


def test_an_attribute_is_written_with_the_rows_that_are_meant(tmp_path: Path) -> None:
    drafted = yaml.safe_load(draft_mapping(suggested(batches_of("cobalt", tmp_path))))["tables"]
    icq = next(t for t in drafted if t["columns"].get("identifier_kind") == {"literal": "icq"})
    assert icq["table"] == "acc_ext"
    assert icq["where"] == {"column": "fld", "equals": "icq_no"}


@pytest.mark.parametrize("name", ["granite", "harbour", "juniper", "meadow"])
def test_mail_queues_templates_bans_and_tokens_are_suggested_for_nothing(name: str, tmp_path: Path) -> None:
    best = likeliest(suggested(batches_of(name, tmp_path)))
    assert [one.table for one in best if one.target in {"identifiers", "media_references"}] == []


def test_no_value_stands_in_the_evidence(tmp_path: Path) -> None:
    batches = batches_of("birke", tmp_path)
    told = " ".join(
        text for tables in suggested(batches).values() for table in tables for ones in table.columns.values()
        for one in ones for text in one.evidence
    )  # fmt: skip
    assert "rows are of kinds that are known" in told
    for _, batch in batches:
        for row in batch.to_pylist():
            for value in row["values"] or ():
                assert value is None or len(value) <= 8 or value.decode("latin-1") not in told
