"""The mapping that comes with a seizure names tables and columns that its dump has, and says why."""

from __future__ import annotations

import re
from importlib import resources

import pytest
import yaml

from headwater import schema
from headwater_synth.platform_tables import PlatformContent, platform_tables
from headwater_synth.population import build_population
from headwater_synth.population_activity import drawn_logins

_UNITS = {
    "_utc": {"epoch_s", "epoch_ms", "datetime_utc"},
    "amount_sat": {"sat", "btc"},
    "amount_cents": {"cents", "currency_units"},
    "network_address": {"text", "packed"},
    "media_sha256": {"hex", "raw_bytes"},
    "txid": {"hex", "raw_bytes"},
}


@pytest.fixture(scope="module")
def mapping():
    return yaml.safe_load(
        resources.files("headwater_synth").joinpath("data", "mapping.yaml").read_text(encoding="utf-8")
    )


@pytest.fixture(scope="module")
def dump_columns():
    population = build_population(1, accounts=40, payers=0)
    content = PlatformContent(
        population=population,
        logins=drawn_logins(population),
        uploads=(),
        invoices=(),
        invoice_address={},
        payment_txid={},
    )
    return {
        table.name: [found[1] for line in table.definitions if (found := re.match(r"`(\w+)` ", line))]
        for table in platform_tables(content)
    }


def test_every_binding_says_why_and_names_what_is_there(mapping, dump_columns):
    assert mapping["version"] == 1
    assert [binding["binds"] for binding in mapping["tables"]] == [
        "accounts",
        "logins",
        "identifiers",
        "uploads",
        "invoices",
        "payments",
    ]
    for binding in mapping["tables"]:
        assert binding["because"].strip()
        columns = dump_columns[binding["table"]]
        assert binding["key"] in columns
        for told in binding["columns"].values():
            assert ("column" in told) != ("literal" in told)
            assert told.get("column", columns[0]) in columns
    assert len(dump_columns) > len(mapping["tables"])  # the others mean nothing


def test_every_column_is_one_of_the_schema_and_carries_the_unit_it_needs(mapping):
    tables = {table.name: {column.name for column in table.columns} for table in schema.EVIDENCE_TABLES}
    bound = {binding["table"]: binding["binds"] for binding in mapping["tables"]}
    for binding in mapping["tables"]:
        for name, told in binding["columns"].items():
            if "joins" in told:
                assert f"{name}_id" in tables[binding["binds"]]
                assert bound[told["joins"]] == f"{name}s"
                continue
            assert name in tables[binding["binds"]]
            allowed = next((units for key, units in _UNITS.items() if name.endswith(key)), {None})
            assert told.get("unit") in allowed


def test_the_reference_page_tells_of_every_key(mapping, repository):
    page = (repository / "docs/reference/mapping.md").read_text(encoding="utf-8")
    keys = {*mapping} | {key for binding in mapping["tables"] for key in binding}
    keys |= {key for binding in mapping["tables"] for told in binding["columns"].values() for key in told}
    keys |= {name for binding in mapping["tables"] for name in binding["columns"]}
    keys |= {unit for units in _UNITS.values() for unit in units}
    assert sorted(key for key in keys if f"`{key}`" not in page) == []
