"""Profiles of tables: counts of what is there, and columns found where applications hide them."""

from __future__ import annotations

import io
import json

import pytest

from headwater.evidence.profile import name_words, profile_of
from headwater.evidence.shapes import TimeWindow
from headwater_sealed.mysql_dump import parse_mysql_dump

WINDOW = TimeWindow(first_s=1_600_000_000, last_s=1_700_000_000)


def profile(*statements):
    batches = []
    parse_mysql_dump([io.BytesIO("\n".join((*statements, "-- Dump completed\n")).encode())], {}, batches.append)
    return {table.table: table for table in profile_of(batches, WINDOW).tables}


def columns(table):
    return {column.column: column for column in table.columns}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("userId2", ("user", "id", "2")),
        ("USER_ID", ("user", "id")),
        ("xf7_member", ("xf", "7", "member")),
        ("HTTPServerName", ("http", "server", "name")),
        ("größe", ("größe",)),
        ("profile->e-mail", ("profile", "e", "mail")),
        ("f1", ("f", "1")),
        ("", ()),
    ],
)
def test_a_name_is_cut_into_its_words(name, words):
    assert name_words(name) == words


def test_counts_and_shares_of_a_table():
    rows = ",".join(
        f"({n},'n{n % 7}@mail.test',{1_650_000_000 + n},{'NULL' if n % 2 else chr(39) * 2})" for n in range(500)
    )
    table = profile(
        "CREATE TABLE `people` (`id` int NOT NULL, `mail` varchar(40), `since` bigint, `note` text);",
        f"INSERT INTO `people` VALUES {rows};",
    )["people"]
    found = columns(table)
    assert (table.rows, table.parts, table.rows_of_other_width) == (500, ("people",), 0)
    assert found["id"].is_unique
    assert not found["mail"].is_unique
    assert found["mail"].sketch.distinct == 7
    assert found["mail"].shares_ppm["email"] == 1_000_000
    assert found["since"].shares_ppm["epoch_s"] == 1_000_000
    assert "epoch_s" not in found["id"].shares_ppm
    assert (found["note"].sketch.nulls, found["note"].sketch.empty, found["note"].shares_ppm) == (250, 250, {})
    assert found["id"].declared_type == "int"


def test_a_table_in_parts_is_one_table_and_tables_of_another_form_are_not_part_of_it():
    made = [f"CREATE TABLE `posts_{n:02}` (`id` int, `who` int);" for n in range(3)]
    made += ["CREATE TABLE `posts_9` (`id` int, `title` text);", "CREATE TABLE `posts` (`id` int, `who` int);"]
    filled = [f"INSERT INTO `posts_{n:02}` VALUES ({n},1),({n + 10},2);" for n in range(3)]
    found = profile(*made, *filled)
    assert sorted(found) == ["posts", "posts*", "posts_9"]
    assert found["posts*"].parts == ("posts_00", "posts_01", "posts_02")
    assert found["posts*"].rows == 6
    assert columns(found["posts*"])["id"].sketch.distinct == 6


def test_paths_inside_objects_are_columns():
    values = [json.dumps({"contact": {"mail": f"n{n}@mail.test"}, "level": n % 3, "gone": None}) for n in range(50)]
    rows = ",".join(f"({n},'{value}')" for n, value in enumerate(values))
    found = columns(profile("CREATE TABLE `t` (`id` int, `meta` text);", f"INSERT INTO `t` VALUES {rows};")["t"])
    assert sorted(found) == ["id", "meta", "meta->contact->mail", "meta->gone", "meta->level"]
    assert found["meta->contact->mail"].shares_ppm["email"] == 1_000_000
    assert found["meta->level"].sketch.distinct == 3
    assert found["meta->gone"].sketch.nulls == found["meta->gone"].sketch.rows


def test_keys_without_end_are_no_columns():
    rows = ",".join(f"({n},'{json.dumps({f'k{n}': 1})}')" for n in range(200))
    found = columns(profile("CREATE TABLE `t` (`id` int, `meta` text);", f"INSERT INTO `t` VALUES {rows};")["t"])
    assert sorted(found) == ["id", "meta"]


def test_the_order_of_rows_and_tables_does_not_show():
    one, two = "CREATE TABLE `a` (`x` int);", "CREATE TABLE `b` (`y` text);"
    rows = ["INSERT INTO `a` VALUES (1),(2),(3);", "INSERT INTO `b` VALUES ('p'),('q');"]
    turned = ["INSERT INTO `b` VALUES ('q'),('p');", "INSERT INTO `a` VALUES (3),(1),(2);"]

    def state(found):
        return {
            name: [(c.column, c.sketch.values, c.shares_ppm) for c in table.columns] for name, table in found.items()
        }

    assert state(profile(one, two, *rows)) == state(profile(two, one, *turned))
    assert list(profile(two, one, *rows)) == ["a", "b"]
