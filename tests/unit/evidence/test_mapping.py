"""A mapping says what it means, or is refused in one line that names the place."""

from __future__ import annotations

import copy

import pytest
import yaml

from headwater.errors import ConfigError
from headwater.evidence import read_mapping

GOOD = {
    "version": 1,
    "application": "test 1",
    "charset": "latin1",
    "tables": [
        {
            "table": "people",
            "binds": "accounts",
            "key": "id",
            "because": "one row for each login",
            "where": {"column": "kind", "not_equals": "bot"},
            "columns": {
                "nickname": {"column": "name", "charset": "utf8mb4"},
                "email": {"column": "mail"},
                "role": {"column": "lvl", "values": {1: "member", "9": "administrator"}},
                "registered_at_utc": {"column": "ts", "unit": "epoch_s"},
            },
        },
        {
            "table": "entries",
            "binds": "logins",
            "because": "a row for each visit",
            "columns": {
                "account": {"column": "who", "joins": "people"},
                "at_utc": {"column": "t", "unit": "epoch_ms"},
                "network_address": {"column": "src", "unit": "packed"},
            },
        },
    ],
}


def changed(*path_and_value):
    *path, last, value = path_and_value
    document = copy.deepcopy(GOOD)
    at = document
    for key in path:
        at = at[key]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return yaml.safe_dump(document).encode()


def test_a_good_mapping_is_understood():
    content = yaml.safe_dump(GOOD).encode()
    mapping = read_mapping(content)
    people, entries = mapping.bindings
    assert (people.table, people.binds, people.key, people.where) == (
        "people",
        "accounts",
        "id",
        ("kind", "bot", False),
    )
    columns = {column.target: column for column in people.columns}
    assert columns["nickname"].charset == "utf-8"
    assert columns["email"].charset == "cp1252"  # what MariaDB calls latin1
    assert columns["role"].values == {"1": "member", "9": "administrator"}
    assert entries.key is None
    assert {column.target: column.unit for column in entries.columns} == {
        "account": "key",
        "at_utc": "epoch_ms",
        "network_address": "packed",
    }
    assert mapping.mapping_id == read_mapping(content).mapping_id
    assert mapping.mapping_id != read_mapping(content + b"\n").mapping_id


PEOPLE = ("tables", 0)
COLUMNS = (*PEOPLE, "columns")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["no list 'tables'"]),
        (b"[1, 2]", ["no list 'tables'"]),
        (b"tables: {a: 1}", ["no list 'tables'"]),
        (b"a: [", ["not valid YAML"]),
        (b"\x00", ["not valid YAML"]),
        (b"version: 2024-99-99\ntables: []", ["a value in it is none"]),
        (b"[" * 20_000, ["a value in it is none"]),
        (changed("version", None), ["version None", "reads version 1"]),
        (changed("version", 2), ["version 2"]),
        (changed("version", "1"), ["version '1'"]),
        (changed("tables", [7]), ["tables[0] is not a mapping"]),
        (changed("tables", GOOD["tables"][:1] * 2), ["table 'people' is bound to accounts twice"]),
        (changed(*PEOPLE, "table", None), ["tables[0]", "no 'table'"]),
        (changed(*PEOPLE, "table", 7), ["tables[0] (7)", "no 'table'"]),
        (changed(*PEOPLE, "binds", "people"), ["tables[0] (people)", "binds 'people'", "known are accounts, logins"]),
        (changed(*PEOPLE, "binds", None), ["binds None"]),
        (changed(*PEOPLE, "key", None), ["no 'key'"]),
        (changed(*PEOPLE, "because", None), ["no 'because'"]),
        (changed(*PEOPLE, "colour", "red"), ["unknown key 'colour'"]),
        (changed(*PEOPLE, "columns", None), ["no 'columns'"]),
        (changed(*PEOPLE, "where", {"column": "x"}), ["'where' needs"]),
        (changed(*PEOPLE, "where", {"column": "x", "equals": 1, "not_equals": 2}), ["'where' needs"]),
        (changed(*PEOPLE, "where", "x = 1"), ["'where' needs"]),
        (changed(*COLUMNS, "role", None), ["'role' is not bound"]),
        (changed(*COLUMNS, "age", {"column": "x"}), ["tables[0] (people).age", "unknown column", "known are nickname"]),
        (changed(*COLUMNS, "email", "mail"), ["(people).email", "not a mapping"]),
        (changed(*COLUMNS, "email", {}), ["either 'column' or 'literal'"]),
        (changed(*COLUMNS, "email", {"column": "a", "literal": "b"}), ["either 'column' or 'literal'"]),
        (changed(*COLUMNS, "email", {"column": "a", "style": "b"}), ["unknown key 'style'"]),
        (changed(*COLUMNS, "email", {"column": "a", "unit": "hex"}), ["unit 'hex'", "declare one of text"]),
        (changed(*COLUMNS, "registered_at_utc", {"column": "ts"}), ["unit ''", "epoch_s, epoch_ms, epoch_us"]),
        (changed(*COLUMNS, "role", {"column": "a", "values": ["x"]}), ["'values' is not a mapping"]),
        (changed(*COLUMNS, "email", {"column": "a", "charset": "klingon"}), ["charset 'klingon' is unknown"]),
        (changed(*COLUMNS, "email", {"column": "a", "charset": "rot13"}), ["charset 'rot13' is unknown"]),
        (changed(*COLUMNS, "email", {"column": "a", "charset": "hex"}), ["charset 'hex' is unknown"]),
        (changed(*COLUMNS, "email", {"column": "a", "charset": "a\0b"}), ["is unknown"]),
        (changed(*COLUMNS, "registered_at_utc", {"column": "a", "unit": "datetime_local"}), ["needs a 'zone'"]),
        *(
            (
                changed(*COLUMNS, "registered_at_utc", {"column": "a", "unit": "datetime_local", "zone": zone}),
                ["registered_at_utc: no time zone"],
            )
            for zone in ("Europe", "Europe/Atlantis", "../../etc/hosts", "a\0b", "", "leapseconds", 7)
        ),
        (changed(*COLUMNS, "registered_at_utc", {"column": "a", "unit": "epoch_s", "zone": "UTC"}), ["goes with unit"]),
    ],
)
def test_what_is_not_understood_is_named_with_its_place(content, words):
    with pytest.raises(ConfigError) as refused:
        read_mapping(content, source="gantry.yaml")
    line = str(refused.value)
    assert line.startswith("gantry.yaml: ")
    assert "\n" not in line
    for word in words:
        assert word in line


def test_no_trait_of_a_person_can_be_bound():
    # What a platform notes of a person beyond contact data stays in the dump: no table of ours has a place for it.
    for trait in ("gender", "age", "date_of_birth", "language", "ethnicity"):
        with pytest.raises(ConfigError, match="unknown column"):
            read_mapping(changed(*COLUMNS, trait, {"column": "x"}))
