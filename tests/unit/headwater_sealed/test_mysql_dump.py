"""Dumps: what mysqldump and mariadb-dump write, and what comes of what they do not."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from headwater_sealed.lookahead import Lookahead
from headwater_sealed.mysql_dump import MAX_STATEMENT_BYTES, parse_mysql_dump
from headwater_sealed.refusal import UnreadableError

Record = dict[str, Any]
COMPLETED = b"-- Dump completed on 2026-01-01\n"
TABLE = b"CREATE TABLE `t` (\n  `a` int(11),\n  `b` varchar(9)\n) ENGINE=InnoDB;\n"


def parsed(dump: bytes) -> list[Record]:
    found: list[Record] = []
    parse_mysql_dump([io.BytesIO(dump)], {}, lambda batch: found.extend(batch.to_pylist()))
    assert sum(r["length_bytes"] for r in found if r["record_kind"] == "range") == len(dump)
    return found


def values(dump: bytes) -> list[list[bytes | None]]:
    return [record["values"] for record in parsed(dump) if record["record_kind"] == "row"]


def defects(dump: bytes) -> list[tuple[str, bytes]]:
    return [
        (record["code"], dump[record["offset_bytes"] :][: record["length_bytes"]])
        for record in parsed(dump)
        if record["record_kind"] == "defect"
    ]


def insert(*rows: bytes) -> bytes:
    return TABLE + b"INSERT INTO `t` VALUES " + b",".join(rows) + b";\n" + COMPLETED


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        (b"'plain'", b"plain"),
        (b"''", b""),
        (rb"'\0\n\r\t\b\Z\\\'\"'", b"\0\n\r\t\x08\x1a\\'\""),
        (b"'it''s'", b"it's"),
        (rb"'50\% \_x'", rb"50\% \_x"),
        (rb"'\q'", b"q"),
        (b'"say ""x"" \\" y"', b'say "x" " y'),
        (b"_binary '\xff\xfe\\0'", b"\xff\xfe\0"),
        (b"_utf8mb4'x'", b"x"),
        (b"_binary 0xFF", b"\xff"),
        (b"0xDEADBEEF", b"\xde\xad\xbe\xef"),
        (b"0xABC", b"\x0a\xbc"),
        (b"0x", b""),
        (b"X'4142'", b"AB"),
        (b"b'101'", b"\x05"),
        (b"b'100000001'", b"\x01\x01"),
        (b"N'x'", b"x"),
        (b'"\'x"', b"'x"),
        (b"NULL", None),
        (b"-1", b"-1"),
        (b"3.14", b"3.14"),
        (b"-1.5e-10", b"-1.5e-10"),
        (b"'a raw\nline break'", b"a raw\nline break"),
    ],
)
def test_literals(literal: bytes, expected: bytes | None) -> None:
    assert values(insert(b"(1," + literal + b")")) == [[b"1", expected]]


PLAIN_MODE = b"SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES');\n"
PLAIN_ROW = b"INSERT INTO `t` VALUES (1,'c:\\dir\\'),(2,'it''s \\n'),(3,\"a\"\"b\\\");\n"
ESCAPED_ROW = b"INSERT INTO `t` VALUES (4,'c:\\\\dir\\\\'),(5,'it\\'s');\n"
AS_MEANT = [[b"1", b"c:\\dir\\"], [b"2", b"it's \\n"], [b"3", b'a"b\\']]
AS_ESCAPED = [[b"4", b"c:\\dir\\"], [b"5", b"it's"]]


def test_a_dump_in_the_mode_without_backslash_escapes_is_read_as_it_is_meant() -> None:
    assert values(TABLE + PLAIN_MODE + PLAIN_ROW + COMPLETED) == AS_MEANT
    conditional = b"/*!40101 SET SQL_MODE='NO_BACKSLASH_ESCAPES' */;\n"
    assert values(TABLE + conditional + PLAIN_ROW + COMPLETED) == AS_MEANT
    # Without a word of it a backslash is one: what follows no longer is what it was meant to be, and that is a defect.
    assert defects(TABLE + PLAIN_ROW + COMPLETED)


def test_many_rows_in_that_mode_are_read_alike() -> None:
    rows = b",".join(b"(%d,'\\%d\\')" % (n, n) for n in range(3000))
    found = values(TABLE + PLAIN_MODE + b"INSERT INTO `t` VALUES " + rows + b";\n" + COMPLETED)
    assert found == [[b"%d" % n, b"\\%d\\" % n] for n in range(3000)]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (b"SET sql_mode='';\n", AS_ESCAPED),
        (b"SET sql_mode=REPLACE(@@sql_mode,'NO_BACKSLASH_ESCAPES','');\n", AS_ESCAPED),
        (b"/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;\n", AS_ESCAPED),
    ],
)
def test_the_mode_ends_where_the_dump_ends_it(statement: bytes, expected: list[list[bytes | None]]) -> None:
    kept = b"/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_BACKSLASH_ESCAPES' */;\n"
    assert values(TABLE + kept + PLAIN_ROW + statement + ESCAPED_ROW + COMPLETED) == AS_MEANT + expected


def test_a_mode_that_was_kept_is_put_back() -> None:
    routine = (
        b"/*!50003 SET @saved_sql_mode = @@sql_mode */ ;\n/*!50003 SET sql_mode = 'ANSI' */ ;\n"
        b"/*!50003 SET sql_mode = @saved_sql_mode */ ;\n"
    )
    assert values(TABLE + PLAIN_MODE + routine + PLAIN_ROW + COMPLETED) == AS_MEANT
    assert values(TABLE + routine + ESCAPED_ROW + COMPLETED) == AS_ESCAPED


def test_quoted_tells_strings_from_bare_numbers() -> None:
    dump = insert(b"(1,'1')", b"(0x31,NULL)")
    assert [r["quoted"] for r in parsed(dump) if r["record_kind"] == "row"] == [[False, True], [True, False]]


def test_columns_with_their_types() -> None:
    dump = rb"""CREATE TABLE IF NOT EXISTS `shop`.`odd ``name` (
  `id` bigint(20) unsigned zerofill NOT NULL AUTO_INCREMENT,
  `a,b` enum('x','y,)z','it''s') COLLATE utf8mb4_bin DEFAULT 'x' COMMENT 'not a -- comment',
  `price` decimal(10,2) NOT NULL DEFAULT 0.00,
  `ratio` double precision,
  `made` timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
  `twice` int(11) GENERATED ALWAYS AS (`id` * 2) STORED,
  `short` varchar(8) AS (left(`a,b`,1)) VIRTUAL,
  `hidden` int /*!80023 INVISIBLE */ DEFAULT NULL,
  bare text,
  PRIMARY KEY (`id`,`price`),
  UNIQUE KEY `u` (`a,b`(3)),
  CONSTRAINT `c` FOREIGN KEY (`id`) REFERENCES `o` (`id`),
  CHECK (`price` > 0)
) ENGINE=InnoDB /*!50100 PARTITION BY HASH (`id`) */;
"""
    [table] = [r for r in parsed(dump) if r["record_kind"] == "table"]
    assert table["table_name"] == "odd `name"
    assert dict(zip(table["names"], table["types"], strict=True)) == {
        "id": "bigint(20) unsigned zerofill",
        "a,b": "enum('x','y,)z','it''s')",
        "price": "decimal(10,2)",
        "ratio": "double precision",
        "made": "timestamp",
        "twice": "int(11)",
        "short": "varchar(8)",
        "hidden": "int",
        "bare": "text",
    }


GENERATED = b"CREATE TABLE `t` (`a` int, `g` int GENERATED ALWAYS AS (`a`+1) VIRTUAL, `b` int);\n"


def test_names_in_double_quotes() -> None:
    dump = b'CREATE TABLE "odd ""t" ("a" int, "b,c" int);\nINSERT INTO "odd ""t" ("b,c","a") VALUES (1,2);\n'
    records = parsed(dump + COMPLETED)
    assert [(r["table_name"], r["names"] or r["values"]) for r in records if r["table_name"]] == [
        ('odd "t', ["a", "b,c"]),
        ('odd "t', [b"2", b"1"]),
    ]


@pytest.mark.parametrize(
    "statement",
    [
        b"CREATE TABLE `t` LIKE `u`;",
        b"CREATE TABLE `t` (`a`);",
        b"CREATE TABLE ;",
        b"create temporary table [t] (a int);",
    ],
)
def test_a_table_whose_columns_cannot_be_told_is_a_defect(statement: bytes) -> None:
    assert defects(statement + b"\n" + COMPLETED) == [("bad_schema", statement)]


def test_values_go_to_the_columns_that_are_listed() -> None:
    assert values(TABLE + b"INSERT INTO `t` (`b`,`a`) VALUES ('x',1);\n") == [[b"1", b"x"]]
    assert values(TABLE + b"INSERT INTO `t` (b) VALUES ('x');\n") == [[None, b"x"]]
    assert values(GENERATED + b"INSERT INTO `t` (`a`, `b`) VALUES (1,2);\n") == [[b"1", None, b"2"]]


def test_a_computed_column_may_be_left_out_without_a_list() -> None:
    assert values(GENERATED + b"INSERT INTO `t` VALUES (1,2),(3,NULL,4);\n") == [
        [b"1", None, b"2"],
        [b"3", None, b"4"],
    ]


def test_a_list_that_does_not_fit_rejects_its_rows() -> None:
    dump = TABLE + b"INSERT INTO `t` (`a`,`z`) VALUES (1,2),(3,4);\n" + insert(b"(5,'6')")
    assert defects(dump) == [("bad_row", b"(1,2)"), ("bad_row", b"(3,4)")]
    assert [r["number"] for r in parsed(dump) if r["record_kind"] == "row"] == [2]


def test_a_row_that_does_not_parse_is_a_defect_and_the_next_one_is_read() -> None:
    dump = insert(b"(1,'a')", b"(2,now())", b"(3)", b"(4,'d',5)", b"(6,x'0g')", b"(7,'g')")
    assert values(dump) == [[b"1", b"a"], [b"7", b"g"]]
    assert defects(dump) == [
        ("bad_row", b"(2,now())"),
        ("bad_row", b"(3)"),
        ("bad_row", b"(4,'d',5)"),
        ("bad_row", b"(6,x'0g')"),
    ]
    records = [r for r in parsed(dump) if r["record_kind"] in {"row", "defect"}]
    assert [r["number"] for r in records] == [0, 1, 2, 3, 4, 5]
    assert [r["reason"] for r in records if r["code"]][1:3] == ["1 values for 2 columns", "3 values for 2 columns"]


def test_behind_damage_reading_goes_on_at_the_next_statement() -> None:
    dump = TABLE + b"INSERT INTO `t` VALUES (1,'a'),(2,'lost " + b"\n" + insert(b"(3,'c')")
    assert values(dump) == [[b"1", b"a"], [b"3", b"c"]]
    [(code, taken)] = defects(dump)
    assert (code, taken.split(b"\n")[0]) == ("bad_row", b"(2,'lost ")


def test_a_statement_that_lost_its_end_does_not_swallow_rows() -> None:
    dump = TABLE.replace(b";", b"") + b"LOCK TABLES `t` WRITE;\n" + insert(b"(1,'a')")
    assert values(dump) == [[b"1", b"a"]]
    assert [code for code, _ in defects(dump)] == ["unparsed"]


def test_rows_without_a_schema_are_kept_and_told() -> None:
    dump = b"INSERT INTO `t` VALUES (1,'a'),(2,'b');\nINSERT INTO `t` VALUES (3,'c');\n" + COMPLETED
    assert values(dump) == [[b"1", b"a"], [b"2", b"b"], [b"3", b"c"]]
    assert defects(dump) == [("no_schema", b"")]


def test_a_list_names_the_columns_where_no_schema_does() -> None:
    records = parsed(b"INSERT INTO t (x, `y`) VALUES (1,2);\n" + COMPLETED)
    assert [r["names"] for r in records if r["record_kind"] == "table"] == [["x", "y"]]


@pytest.mark.parametrize(
    "statement",
    [
        b"UPDATE `t` SET `a` = ';';\n",
        b"DELETE FROM `t`;\n",
        b"INSERT INTO `t` SET `a` = 1;\n",
        b"INSERT INTO `t` SELECT * FROM `u`;\n",
    ],
)
def test_what_is_not_applied_is_a_defect(statement: bytes) -> None:
    assert defects(TABLE + statement + COMPLETED) == [("statement_not_read", statement.strip())]


def test_a_later_database_has_its_own_tables() -> None:
    dump = b"USE `one`;\n" + insert(b"(1,'a')") + b"USE `two`;\n" + insert(b"(2,'b')")
    found = [(r["table_name"], r["number"]) for r in parsed(dump) if r["record_kind"] == "row"]
    assert found == [("t", 0), ("two.t", 0)]


def test_an_ending_on_duplicate_key_is_part_of_the_statement() -> None:
    dump = TABLE + b"INSERT INTO `t` VALUES (1,'a') ON DUPLICATE KEY UPDATE `b` = ';';\n" + COMPLETED
    assert values(dump) == [[b"1", b"a"]]
    assert defects(dump) == []


def test_line_ends_of_another_system_and_a_byte_order_mark() -> None:
    dump = b"\xef\xbb\xbf" + insert(b"(1,'a')").replace(b"\n", b"\r\n")
    assert values(dump) == [[b"1", b"a"]]
    assert defects(dump) == []


def test_a_dump_without_its_last_line_is_told() -> None:
    dump = insert(b"(1,'a')").removesuffix(COMPLETED)
    assert defects(b"-- MySQL dump 10.13\n" + dump) == [("truncated", b"")]
    assert defects(dump) == [("end_not_stated", b"")], "made without comments, it has no last line to lose"
    assert defects(b"") == [("end_not_stated", b"")]


def test_other_files_are_told_apart_from_dumps() -> None:
    with pytest.raises(UnreadableError, match="unpack it first"):
        parsed(b"\x1f\x8b\x08\0\0")
    noise = bytes(range(256)) * 400
    assert values(noise) == []
    assert sum(len(taken) for _, taken in defects(noise)) > len(noise) * 0.9


class _Generated(io.RawIOBase):
    """A dump larger than it would be wise to hold."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        super().__init__()
        self._parts = parts
        self._rest = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = next(self._parts, b"")
        part, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


def test_memory_is_bounded_by_the_row_not_by_the_statement() -> None:
    row = b"(1,'" + b"x" * 20_000 + b"')"

    def parts() -> Iterator[bytes]:
        yield TABLE + b"INSERT INTO `t` VALUES " + row
        for _ in range(3_000):
            yield b"," + row
        yield b";\n" + COMPLETED

    rows = 0

    def emit(batch: pa.RecordBatch) -> None:
        nonlocal rows
        rows += sum(kind == "row" for kind in batch.column("record_kind").to_pylist())

    tracemalloc.start()
    try:
        parse_mysql_dump([io.BufferedReader(_Generated(parts()))], {}, emit)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert rows == 3_001
    assert peak_bytes < 40_000_000


def test_a_row_over_several_reads_is_read_whole() -> None:
    content = b"y" * 9_000_000
    assert values(insert(b"(1,'" + content + b"')", b"(2,'b')")) == [[b"1", content], [b"2", b"b"]]


def test_looking_ahead_stops_at_its_limit() -> None:
    text = Lookahead(io.BytesIO(b"'" + b"z" * 20_000_000), limit_bytes=8_000_000)
    text.fill()
    while text.grow():
        pass
    assert 8_000_000 <= len(text.buffer) <= 16_000_000
    assert MAX_STATEMENT_BYTES >= 64 * 2**20
