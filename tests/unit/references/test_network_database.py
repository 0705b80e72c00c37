"""Databases of network addresses: what an independent reader finds, and one clear line where they are damaged."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import random
from pathlib import Path
from typing import Any

import maxminddb
import pytest

from headwater.engine import Session
from headwater.errors import InputError, UnreadableInputError
from headwater.references import import_reference, reference_files
from headwater.references.mmdb import MaxMindFile
from headwater_synth.mmdb_writer import mmdb_bytes

BUILT = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
COUNTRIES = [
    ("203.0.113.0/24", {"country": {"iso_code": "SE", "names": {"en": "Sweden"}}}),
    ("198.51.100.0/25", {"country": {"iso_code": "PT"}, "registered_country": {"iso_code": "NL"}}),
    ("198.51.100.128/25", {"country": {"iso_code": "PT"}, "registered_country": {"iso_code": "NL"}}),
    ("192.0.2.0/24", {"registered_country": {"iso_code": "NL"}}),
    ("2001:db8:1000::/36", {"country": {"iso_code": "NL"}, "traits": {"is_anycast": True}}),
]


def written(path: Path, ranges: Any = COUNTRIES, **options: Any) -> Path:
    path.write_bytes(
        mmdb_bytes(ranges, database_type="Invented-Country", build_epoch=int(BUILT.timestamp()), **options)
    )
    return path


def taken(folder: Path, ranges: Any = COUNTRIES, **options: Any) -> dict[str, list[dict[str, Any]]]:
    """What an import of it leaves behind, by table."""
    path = written(folder / "a.mmdb", ranges)
    import_reference(folder / "case", "network-database", path, name="geo", version="1", **options)
    with Session(reference_files(folder / "case")) as session:
        return {name: session.arrow(name).to_pylist() for name in ("network_ranges", "network_databases", "defects")}


def shown(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    names = ("first_address", "last_address", "country", "hides_as", "system_number", "holder")
    return [tuple(row[name] for name in names) for row in rows]


def test_each_range_says_where_it_is_and_not_where_it_is_registered(tmp_path):
    tables = taken(tmp_path)
    assert shown(tables["network_ranges"]) == [
        ("198.51.100.0", "198.51.100.255", "PT", None, None, None),
        ("203.0.113.0", "203.0.113.255", "SE", None, None, None),
        ("2001:db8:1000::", "2001:db8:1fff:ffff:ffff:ffff:ffff:ffff", "NL", "anycast", None, None),
    ]
    assert [row["reference_row"] for row in tables["network_ranges"]] == [0, 1, 2]
    for row in tables["network_ranges"]:
        assert row["first_bytes"] == ipaddress.ip_address(row["first_address"]).packed
        assert row["last_bytes"] == ipaddress.ip_address(row["last_address"]).packed
    [database] = tables["network_databases"]
    assert database["database_type"] == "Invented-Country"
    assert database["built_at_utc"] == BUILT
    assert [database[name] for name in ("ranges", "ranges_with_country", "ranges_that_hide")] == [3, 3, 1]


def test_the_import_is_sealed_and_says_what_the_database_is(tmp_path):
    path = written(tmp_path / "a.mmdb")
    imported = import_reference(tmp_path / "case", "network-database", path, name="geo", version="1")
    assert imported.rows == 3
    assert "'Invented-Country', built 2026-10-01: 3 ranges, 3 with a country, 1 that hide" in imported.notes[0]
    seal = json.loads((imported.folder / "seal.json").read_bytes())
    assert seal["source_sha256"] == imported.source_sha256
    assert set(seal["tables"]) == {"network_ranges", "network_databases"}
    with pytest.raises(InputError, match="imported already"):
        import_reference(tmp_path / "case", "network-database", path, name="geo", version="1")
    again = import_reference(tmp_path / "other", "network-database", path, name="geo", version="1")
    assert again.tables == imported.tables


@pytest.mark.parametrize(
    ("said", "hides_as"),
    [
        ({"is_anonymous": True, "is_anonymous_vpn": True}, "vpn"),
        ({"is_anonymous": True, "is_tor_exit_node": True, "is_anonymous_vpn": True}, "tor"),
        ({"is_residential_proxy": True}, "proxy"),
        ({"hosting": True}, "hosting"),
        ({"is_hosting_provider": True, "is_anonymous": True}, "hosting"),
        ({"is_anonymous": True}, "anonymous"),
        ({"relay": True}, "relay"),
        ({"is_vpn": False, "country": "SE"}, None),
        ({"traits": {"is_tor": True}}, "tor"),
    ],
)
def test_a_flag_hides_by_its_strongest_word(tmp_path, said, hides_as):
    [row] = taken(tmp_path, [("203.0.113.0/24", said)])["network_ranges"]
    assert row["hides_as"] == hides_as


def test_an_autonomous_system_is_a_holder(tmp_path):
    said = {"autonomous_system_number": 64_500, "autonomous_system_organization": "Openmoor"}
    [row] = taken(tmp_path, [("203.0.113.0/24", said)])["network_ranges"]
    assert (row["system_number"], row["holder"]) == (64_500, "Openmoor")


def test_what_says_nothing_that_is_read_is_refused(tmp_path):
    with pytest.raises(InputError, match="says nothing of any address"):
        taken(tmp_path, [("203.0.113.0/24", {"city": {"names": {"en": "Anywhere"}}})])
    assert not (tmp_path / "case" / "references").exists()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"country": {"iso_code": "Sweden"}}, "country 'Sweden' is not two capital letters"),
        ({"is_vpn": "yes"}, "is_vpn 'yes' is neither true nor false"),
        ({"autonomous_system_number": "AS1"}, "autonomous_system_number 'AS1' is none"),
        ({"autonomous_system_organization": True}, "autonomous_system_organization is no text"),
    ],
)
def test_a_record_that_is_not_understood_refuses_the_file_or_becomes_a_defect(tmp_path, said, reason):
    ranges = [*COUNTRIES, ("192.0.2.0/25", said)]
    with pytest.raises(InputError, match=reason):
        taken(tmp_path, ranges)
    tables = taken(tmp_path, ranges, accept_defects=True)
    assert [row["reason"].partition(": ")[2] for row in tables["defects"]] == [reason]
    assert len(tables["network_ranges"]) == 3


@pytest.mark.parametrize("unknown", ["", "-", "ZZ"])
def test_a_country_that_the_publisher_does_not_know_is_none(tmp_path, unknown):
    ranges = [*COUNTRIES, ("192.0.2.0/24", {"country": {"iso_code": unknown}})]
    assert len(taken(tmp_path, ranges)["network_ranges"]) == 3


def ranges_of(generator: random.Random, ip_version: int) -> list[tuple[str, dict[str, Any]]]:
    found: dict[str, dict[str, Any]] = {}
    for _ in range(generator.randrange(1, 60)):
        if ip_version == 4 or generator.random() < 0.6:
            bits = generator.randrange(1, 33)
            network = ipaddress.ip_network((generator.getrandbits(32) >> (32 - bits) << (32 - bits), bits))
        else:
            bits = generator.randrange(17, 129)
            number = (0x2400 << 112) | generator.getrandbits(112)
            network = ipaddress.ip_network((number >> (128 - bits) << (128 - bits), bits))
        found[str(network)] = {"country": {"iso_code": generator.choice(["SE", "PT", "NL"])}, "a": [1, "b", True]}
    return sorted(found.items(), key=lambda item: ipaddress.ip_network(item[0]).prefixlen)


@pytest.mark.parametrize("seed", range(24))
def test_it_reads_what_an_independent_reader_reads(tmp_path, seed):
    generator = random.Random(seed)
    ip_version = generator.choice([4, 6])
    options = {"ip_version": ip_version, "record_bits": generator.choice([24, 28, 32])}
    path = written(tmp_path / "a.mmdb", ranges_of(generator, ip_version), **options)
    file = MaxMindFile(path)
    leaves = file.leaves()
    ours = {}
    for high, low, bits, offset in zip(leaves.high, leaves.low, leaves.prefix_bits, leaves.offset, strict=True):
        number = int(high) << 64 | int(low)
        is_ipv4 = number < 1 << 32 and bits >= 96
        network = (
            ipaddress.IPv4Network((number, int(bits) - 96)) if is_ipv4 else ipaddress.IPv6Network((number, int(bits)))
        )
        ours[str(network)] = file.record(int(offset))
    with maxminddb.open_database(path, maxminddb.MODE_FILE) as reader:
        theirs = {str(network): record for network, record in reader}
        assert reader.metadata().node_count == file.nodes
    assert ours == theirs
    firsts = [int(high) << 64 | int(low) for high, low in zip(leaves.high, leaves.low, strict=True)]
    assert firsts == sorted(firsts)


def test_any_byte_that_is_changed_or_cut_gives_an_import_or_one_clear_line(tmp_path):
    content = written(tmp_path / "a.mmdb").read_bytes()
    generator = random.Random("damage")
    damaged = [content[:at] for at in sorted(generator.sample(range(len(content)), 40))]
    changed = generator.sample(range(len(content)), 200)
    damaged += [content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :] for at in changed]
    refused = []
    path = tmp_path / "changed.mmdb"
    for number, bytes_now in enumerate(damaged):
        path.write_bytes(bytes_now)
        try:
            import_reference(tmp_path / "case", "network-database", path, name=f"geo{number}", version="1")
        except InputError as error:
            refused.append(str(error))
    assert all("\n" not in line and line.startswith(str(path)) for line in refused)
    assert len(refused) > 60  # whatever is cut, and much of what is changed: the format has no checksum of its own


def test_a_file_of_another_kind_is_refused_with_what_to_do(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("cidr,kind\n")
    with pytest.raises(UnreadableInputError, match=r"no metadata of a MaxMind DB at its end.*get the file again"):
        import_reference(tmp_path / "case", "network-database", path, name="geo", version="1")
    path.write_bytes(b"")
    with pytest.raises(UnreadableInputError, match="empty"):
        import_reference(tmp_path / "case", "network-database", path, name="geo", version="1")


def test_a_tree_that_comes_back_to_itself_is_refused_and_not_followed_for_ever(tmp_path):
    path = written(tmp_path / "a.mmdb", ip_version=6, with_aliases=False)
    content = bytearray(path.read_bytes())
    content[3:6] = bytes(3)  # the root's right side is the root
    path.write_bytes(content)
    with pytest.raises(UnreadableInputError, match="leads to one node twice"):
        MaxMindFile(path).leaves()


def test_a_tree_whose_every_node_has_the_next_on_both_sides_is_refused(tmp_path):
    """It would have 2 to the 100 ranges."""
    path = written(tmp_path / "a.mmdb", [("2400::/100", {"country": "SE"})], with_aliases=False)
    content = bytearray(path.read_bytes())
    for node in range(MaxMindFile(path).nodes - 1):
        content[6 * node : 6 * node + 6] = (node + 1).to_bytes(3, "big") * 2
    path.write_bytes(content)
    with pytest.raises(UnreadableInputError, match="leads to one node twice"):
        MaxMindFile(path).leaves()


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"\x20\x00", "a pointer to a pointer"),
        (b"\xe1\x41a" + b"\x20\x00", "a record without end"),  # a map that holds itself
        (b"\x5dA" + b"a" * 20, "runs out of the part"),
        (b"\xe1\xa1\x01\xa1\x01", "a key that is no text"),
        (b"\x02\x07", "a boolean that is neither"),
        (b"\x41\xff", "not UTF-8"),
        (b"\x00\x00", "a kind of value that there is not"),
        (b"\xe1\x41a\x63abc", "a value of kind 3 and 3 bytes"),
    ],
)
def test_a_record_that_is_none_is_refused_where_it_stands(tmp_path, record, reason):
    path = written(tmp_path / "a.mmdb", [("203.0.113.0/24", {"country": "SE", "filled": "x" * 28})])
    content = path.read_bytes()
    at = content.index(b"\x47country") - 1
    path.write_bytes(content[:at] + record.ljust(len(record), b"\0") + content[at + len(record) :])
    with pytest.raises(UnreadableInputError, match=reason):
        MaxMindFile(path).record(at)
