"""The two sides of the seal agree about every job, and the protocol's constants are the same."""

from __future__ import annotations

from headwater.evidence import sealed_channel
from headwater.evidence.sealed_report import ALL_LAYERS
from headwater.evidence.sealed_schemas import EXPECTED, TEST_EXPECTED
from headwater_sealed import channel
from headwater_sealed.basic import BASIC_JOBS
from headwater_sealed.jobs import JOBS
from headwater_sealed.misbehaviour import TEST_JOBS
from headwater_sealed.seal import LAYERS


def test_the_parent_expects_the_jobs_that_there_are():
    assert [one.name for one in EXPECTED] == [job.name for job in JOBS]
    assert [one.name for one in TEST_EXPECTED] == [job.name for job in TEST_JOBS]


def test_every_schema_is_the_same_on_both_sides():
    theirs = {job.name: job.schema for job in (*JOBS, *TEST_JOBS)}
    differing = [one.name for one in (*EXPECTED, *TEST_EXPECTED) if not one.schema.equals(theirs[one.name])]
    assert differing == []


def test_schemas_serialise_alike():
    # The parent compares the bytes, as it does not parse a schema of the child's.
    theirs = {job.name: job.schema.serialize() for job in JOBS}
    assert [one.name for one in EXPECTED if not one.schema.serialize().equals(theirs[one.name])] == []


def test_no_name_stands_for_two_jobs():
    names = [job.name for job in (*JOBS, *TEST_JOBS)]
    assert len(names) == len(set(names))
    assert JOBS[: len(BASIC_JOBS)] == BASIC_JOBS


def test_what_stands_for_a_refused_entry_fits_the_schema():
    for one in EXPECTED:
        assert set(one.refused) <= set(one.schema.names)
        if "entry_index" in one.schema.names:
            required = {field.name for field in one.schema if not field.nullable}
            assert required <= {*one.refused, "entry_index", "reason"}, one.name


def test_test_jobs_are_not_among_the_product_s():
    assert {job.name for job in TEST_JOBS}.isdisjoint({job.name for job in JOBS})


def test_the_constants_of_the_protocol_are_the_same_on_both_sides():
    for name in ("SEALED", "SCHEMA", "BATCH", "END"):
        assert getattr(channel, name) == getattr(sealed_channel, name)
    assert channel.HEADER.format == sealed_channel._HEADER.format
    assert channel.PACKET_BYTES == sealed_channel._PACKET_BYTES
    assert channel.DESCRIPTORS_PER_MESSAGE == sealed_channel._DESCRIPTORS_PER_MESSAGE


def test_the_layers_are_the_same_on_both_sides():
    assert tuple(name for name, _do in LAYERS) == ALL_LAYERS
