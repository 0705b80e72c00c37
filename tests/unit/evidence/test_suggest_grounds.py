"""What speaks for a column: attributes kept as rows, keys reached through others, files that were taken in, names."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from headwater.evidence.mapping_draft import draft_mapping
from headwater.evidence.profile import PlatformProfile, profile_of
from headwater.evidence.shapes import TimeWindow
from headwater.evidence.suggest import TableSuggestion, suggestions
from headwater.evidence.suggest_grounds import KnownFiles, name_points
from headwater_sealed.json_rows import parse_json_rows
from headwater_sealed.mysql_dump import parse_mysql_dump

WINDOW = TimeWindow(first_s=1_500_000_000, last_s=1_800_000_000)
NAMES = [f"{word}{n}" for n in range(10) for word in ("alder", "birch", "elm", "hazel")]


def profile(dump: str) -> PlatformProfile:
    batches: list[Any] = []
    parse_mysql_dump([io.BytesIO(dump.encode())], {}, batches.append)
    return profile_of(batches, WINDOW)


def table(name: str, columns: str, rows: Iterator[tuple[object, ...]]) -> str:
    def written(value: object) -> str:
        return str(value) if isinstance(value, int) else f"'{value}'"

    values = ",".join(f"({','.join(map(written, row))})" for row in rows)
    return f"CREATE TABLE `{name}` ({columns});\nINSERT INTO `{name}` VALUES {values};\n"


USERS = table(
    "members",
    "`id` int, `login` varchar(40), `made` int",
    ((n, name, 1_600_000_000 + n) for n, name in enumerate(NAMES, start=1)),
)
ATTRIBUTES = table(
    "member_more",
    "`n` int, `member` int, `what` varchar(40), `said` text",
    (
        row
        for n in range(1, len(NAMES) + 1)
        for row in (
            (3 * n, n, "phone", f"+4930{1_000_000 + n}"),
            (3 * n + 1, n, "mail", f"{NAMES[n - 1]}@mail.test"),
            (3 * n + 2, n, "colour", ("green", "red")[n % 2]),
        )
    ),
)
FILES = table(
    "pieces",
    "`id` int, `member` int, `at` int, `x` varchar(80), `y` char(64)",
    (
        (n, n, 1_650_000_000 + n, f"store/{n}.bin", hashlib.sha256(b"%d" % n).hexdigest())
        for n in range(1, len(NAMES) + 1)
    ),
)


def columns(found: dict[str, tuple[TableSuggestion, ...]], target: str) -> dict[str, Any]:
    return {ours: candidates[0] for ours, candidates in found[target][0].columns.items()}


def test_attributes_kept_as_rows_are_found_by_their_names() -> None:
    found = suggestions(profile(USERS + ATTRIBUTES))
    accounts = columns(found, "accounts")
    assert found["accounts"][0].table == "members"
    for ours, word in (("phone", "phone"), ("email", "mail")):
        via = accounts[ours].via
        assert (via.table, via.key, via.take, via.where) == ("member_more", "member", "said", ("what", word, True))
    assert "colour" not in str([one.via for one in accounts.values()])
    drafted = yaml.safe_load(draft_mapping(found))["tables"][0]["columns"]["phone"]
    assert drafted == {
        "column": "id",
        "via": {
            "table": "member_more",
            "key": "member",
            "take": "said",
            "where": {"column": "what", "equals": "phone"},
        },
    }


def test_a_table_of_many_names_keeps_no_attributes() -> None:
    more = ATTRIBUTES.replace("'colour'", "'shade'")
    assert profile(USERS + more).tables[0].attributes
    many = table("notes", "`n` int, `m` int, `k` text, `v` text", ((n, n, f"key_{n}", "x") for n in range(200)))
    assert not profile(USERS + many).tables[1].attributes


def test_files_that_were_taken_in_speak_for_digests_and_paths() -> None:
    known = profile(USERS + FILES)
    files = KnownFiles(
        digests=frozenset(hashlib.sha256(b"%d" % n).hexdigest() for n in range(1, 20)),
        names=frozenset(b"%d.bin" % n for n in range(5, 9)),
    )
    without, given = (columns(suggestions(known, one), "uploads") for one in (None, files))
    assert given["media_sha256"].points > without["media_sha256"].points
    assert "19 of 40 are digests of files that were taken in" in given["media_sha256"].evidence[0]
    assert "4 of 40 are names of files that were taken in" in given["media_path"].evidence[0]


def test_collections_that_differ_in_their_keys_are_not_parts_of_one() -> None:
    batches: list[Any] = []
    for number, keys in enumerate((("name", "at"), ("path", "size"), ("path", "size"))):
        rows = "".join(json.dumps(dict.fromkeys(keys, n)) + "\n" for n in range(5))
        parse_json_rows([io.BytesIO(rows.encode())], {"table_name": f"part_{number}"}, batches.append)
    assert [one.parts for one in profile_of(batches, WINDOW).tables] == [("part_0",), ("part_1", "part_2")]


@pytest.mark.parametrize(
    ("words", "wanted", "is_named"),
    [
        (("prc",), "price", True),
        (("hsh",), "hash", True),
        (("usr", "nm"), "name", False),  # two letters say too little
        (("st",), "state", False),
        (("tmp",), "time", False),
        (("mail", "address"), "mail", True),
        (("useremail",), "email", True),
    ],
)
def test_names_may_be_shortened(words: tuple[str, ...], wanted: str, *, is_named: bool) -> None:
    assert bool(name_points(words, frozenset({wanted}))) == is_named
