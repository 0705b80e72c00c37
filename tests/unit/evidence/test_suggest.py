"""Suggestions for a mapping, on the platform of the synthetic seizure, whose names are abbreviated and odd."""

from __future__ import annotations

import hashlib
import io
import random
from importlib import resources

import pytest
import yaml
from embit import bech32

from headwater.evidence.mapping import TARGETS
from headwater.evidence.profile import profile_of
from headwater.evidence.shapes import TimeWindow
from headwater.evidence.suggest import suggestions
from headwater_sealed.mysql_dump import parse_mysql_dump
from headwater_synth.platform_dump import write_dump
from headwater_synth.platform_tables import DATABASE, PlatformContent, platform_tables
from headwater_synth.population import build_population
from headwater_synth.population_activity import drawn_logins, drawn_uploads
from headwater_synth.population_payments import chain_plan

WINDOW = TimeWindow(first_s=1_500_000_000, last_s=1_800_000_000)


@pytest.fixture(scope="module")
def batches(tmp_path_factory):
    population = build_population(9, accounts=300, payers=120)
    invoices = chain_plan(population, blocks=200).invoices
    digest = {i.invoice_key: hashlib.sha256(b"%d" % i.invoice_key) for i in invoices}
    content = PlatformContent(
        population=population,
        logins=drawn_logins(population),
        uploads=drawn_uploads(population, ()),
        invoices=invoices,
        invoice_address={key: bech32.encode("bcrt", 0, list(d.digest()[:20])) for key, d in digest.items()},
        payment_txid={i.invoice_key: (digest[i.invoice_key].hexdigest(), 1) for i in invoices if i.paid_at_s},
    )
    path = tmp_path_factory.mktemp("dump") / "platform.sql"
    write_dump(path, DATABASE, platform_tables(content), at_s=1_790_832_667)
    found = []
    with path.open("rb") as dump:
        parse_mysql_dump([dump], {}, found.append)
    return found


@pytest.fixture(scope="module")
def suggested(batches):
    return suggestions(profile_of(batches, WINDOW))


@pytest.fixture(scope="module")
def truth():
    """The mapping that was written by hand, as {(target, column of ours): (table, column, unit)}."""
    read = yaml.safe_load(resources.files("headwater_synth").joinpath("data", "mapping.yaml").read_text("utf-8"))
    bound = {}
    for table in read["tables"]:
        if TARGETS[table["binds"]].keyed:
            bound[table["binds"], "key"] = (table["table"], table["key"], "key")
        for ours, column in table["columns"].items():
            if "column" in column:
                bound[table["binds"], ours] = (table["table"], column["column"], column.get("unit"))
    return bound


def test_each_table_is_found(suggested, truth):
    wanted = {target: table for (target, _), (table, _, _) in truth.items()}
    assert {target: tables[0].table for target, tables in suggested.items() if target in wanted} == wanted


def test_nearly_every_column_is_found_with_its_unit(suggested, truth):
    missed = {}
    for (target, ours), (_, column, unit) in truth.items():
        candidates = suggested[target][0].columns.get(ours, ())
        best = candidates[0] if candidates else None
        if best is None or best.column != column or (unit is not None and best.unit != unit):
            missed[target, ours] = best
    # There are no uploads in this population, so nothing tells their columns but the names. Of further identifiers the
    # suggestion is a value and an owner; kinds are read of tables that hold attributes of every sort.
    left_out = {("identifiers", "identifier_kind"), ("identifiers", "at_utc")}
    assert {key for key in missed if key[0] != "uploads"} <= left_out


def test_the_evidence_tells_counts_and_no_value(suggested, batches):
    values = set()
    for batch in batches:
        for row in batch.to_pylist():
            values |= {value for value in row["values"] or () if value is not None and len(value) > 8}
    told = " ".join(
        text for tables in suggested.values() for table in tables for found in table.columns.values()
        for one in found for text in one.evidence
    )  # fmt: skip
    assert "keys of gx_mbr" in told
    assert not [value for value in values if value.decode("latin-1") in told]


def test_the_order_of_rows_and_batches_does_not_show(suggested, batches):
    shuffled = list(batches)
    declared = [batch for batch in shuffled if set(batch["record_kind"].to_pylist()) == {"table"}]
    rest = [batch for batch in shuffled if batch not in declared]
    random.Random(3).shuffle(rest)
    assert suggestions(profile_of([*reversed(declared), *rest], WINDOW)) == suggested


def test_a_platform_with_nothing_to_bind_has_no_suggestion():
    found = []
    dump = b"CREATE TABLE `settings` (`k` text, `v` text);\nINSERT INTO `settings` VALUES ('a','b'),('c','b');\n"
    parse_mysql_dump([io.BytesIO(dump)], {}, found.append)
    assert {target: tables for target, tables in suggestions(profile_of(found, WINDOW)).items() if tables} == {}
