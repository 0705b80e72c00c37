"""Dumps: every byte is accounted for, and a cut costs no row that was whole before it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater_sealed import mysql_rows
from headwater_sealed.mysql_dump import parse_mysql_dump

Record = dict[str, Any]
_RECORDS = 200

ESCAPES = {0: b"\\0", 10: b"\\n", 13: b"\\r", 26: b"\\Z", 34: b'\\"', 39: b"\\'", 92: b"\\\\"}


def parsed(dump: bytes, *, in_runs: bool = True) -> list[Record]:
    """The records of a dump, its rows looked for in runs wherever they may be, or each read singly."""
    found: list[Record] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mysql_rows, "_FEW_ROWS", 0)
        patch.setattr(mysql_rows, "_FEW_BYTES", 0 if in_runs else 2**62)
        parse_mysql_dump([io.BytesIO(dump)], {}, lambda batch: found.extend(batch.to_pylist()))
    return found


def of_kind(records: list[Record], kind: str) -> list[Record]:
    return [record for record in records if record["record_kind"] == kind]


def accounted(records: list[Record]) -> int:
    ranges = of_kind(records, "range")
    assert [r["range_kind"] for r in ranges] == ["rows", "schema", "comment", "skipped", "unparsed"]
    return sum(r["length_bytes"] for r in ranges)


def quoted(content: bytes, *, double: bool = False) -> bytes:
    if double:
        return b"'" + content.replace(b"\\", b"\\\\").replace(b"'", b"''") + b"'"
    return b"'" + b"".join(ESCAPES.get(byte, bytes([byte])) for byte in content) + b"'"


@st.composite
def literals(draw: st.DrawFn) -> tuple[bytes, bytes | None, bool]:
    """A literal as a dump may write it, the bytes it stands for, and whether it is quoted."""
    content = draw(st.binary(max_size=24) | st.sampled_from([b"),(", b"';--", b"\\'", b"/*", b"*/;", b"\n-- x", b"%_"]))
    number = draw(st.sampled_from([b"0", b"-1", b"12.50", b"-0.5", b"1e10", b"1.5E-3", b"18446744073709551615"]))
    forms: list[tuple[bytes, bytes | None, bool]] = [
        (quoted(content), content, True),
        (quoted(content, double=True), content, True),
        (b"_binary " + quoted(content), content, True),
        (b"0x" + content.hex().encode(), content, True),
        (b"x'" + content.hex().upper().encode() + b"'", content, True),
        (number, number, False),
        (b"NULL", None, False),
    ]
    return draw(st.sampled_from(forms))


NAMES = st.text("abcxyz_ `-é(),;'", min_size=1, max_size=8).map(str.strip).filter(bool)


@st.composite
def dumps(draw: st.DrawFn) -> tuple[bytes, dict[str, list[list[tuple[bytes | None, bool]]]]]:
    """A dump with noise of every kind between its statements, and the rows it holds by table."""
    noise = st.sampled_from(
        [
            b"-- a comment; with 'quotes\n", b"--\n", b"# hash ; comment\n", b"/* block; ' */\n", b"\n\n", b";\n",
            b"/*!40101 SET character_set_client = utf8 */;\n", b"/*M!999999\\- enable the sandbox mode */ \n",
            b"LOCK TABLES `t` WRITE;\n", b"UNLOCK TABLES;\n", b"SET @x = 'a;b';\n", b"DROP TABLE IF EXISTS `gone`;\n",
            b"DELIMITER ;;\n/*!50003 CREATE*/ /*!50003 TRIGGER x BEFORE INSERT ON t BEGIN END */;;\nDELIMITER ;\n",
            b"DELIMITER //\nCREATE PROCEDURE p() BEGIN\nSELECT '//'; INSERT INTO `t` VALUES (1); END //\nDELIMITER ;\n",
        ]
    )  # fmt: skip
    parts = [b"-- MySQL dump\n"]
    expected: dict[str, list[list[tuple[bytes | None, bool]]]] = {}
    for name in draw(st.lists(NAMES, min_size=1, max_size=3, unique=True)):
        columns = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
        shown = [b"`" + column.replace("`", "``").encode() + b"`" for column in columns]
        table = b"`" + name.replace("`", "``").encode() + b"`"
        kinds = st.sampled_from([b"int(11) NOT NULL", b"varchar(9) DEFAULT 'a),;'", b"blob", b"enum('a','(')"])
        lines = b",\n  ".join(column + b" " + draw(kinds) for column in shown)
        parts.append(b"CREATE TABLE " + table + b" (\n  " + lines + b",\n  PRIMARY KEY (" + shown[0] + b")\n);\n")
        expected[name] = []
        for _ in range(draw(st.integers(0, 3))):
            parts.append(draw(noise))
            order = draw(st.permutations(range(len(columns)))) if draw(st.booleans()) else None
            rows = draw(st.lists(st.tuples(*[literals()] * len(columns)), min_size=1, max_size=3))
            head = draw(st.sampled_from([b"INSERT INTO ", b"REPLACE INTO ", b"INSERT IGNORE INTO ", b"insert into "]))
            listed = b""
            if order is not None:
                listed = b" (" + b", ".join(shown[place] for place in order) + b")"
            places = list(order) if order is not None else list(range(len(columns)))
            written = [b"(" + b",".join(row[place][0] for place in places) + b")" for row in rows]
            between = draw(st.sampled_from([b",", b",\n", b" ,\t"]))
            values = draw(st.sampled_from([b" VALUES ", b" VALUES\n", b" VALUE"]))
            parts.append(head + table + listed + values + between.join(written) + b";\n")
            expected[name] += [[(content, is_quoted) for _, content, is_quoted in row] for row in rows]
    parts.append(draw(noise))
    parts.append(b"-- Dump completed on 2026-01-01\n")
    return b"".join(parts), expected


@given(dumps())
@settings(max_examples=_RECORDS, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_value_comes_back_and_every_byte_is_accounted_for(
    made: tuple[bytes, dict[str, list[list[tuple[bytes | None, bool]]]]],
) -> None:
    dump, expected = made
    records = parsed(dump)
    assert accounted(records) == len(dump)
    assert of_kind(records, "defect") == []
    found: dict[str, list[list[tuple[bytes | None, bool]]]] = {name: [] for name in expected}
    for row in of_kind(records, "row"):
        assert row["number"] == len(found[row["table_name"]])
        assert dump[row["offset_bytes"] :].startswith(b"(")
        assert dump[row["offset_bytes"] + row["length_bytes"] - 1 :].startswith(b")")
        found[row["table_name"]].append(list(zip(row["values"], row["quoted"], strict=True)))
    assert found == expected
    assert of_kind(records, "range")[-1]["length_bytes"] == 0


@given(dumps(), st.data())
@settings(max_examples=_RECORDS, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_damage_never_raises_and_never_loses_a_byte(made: tuple[bytes, Any], data: st.DataObject) -> None:
    dump = bytearray(made[0])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(dump)))
        length = data.draw(st.integers(0, 40))
        dump[at : at + length] = data.draw(
            st.binary(max_size=20) | st.sampled_from([b"'", b"(", b")", b"/*", b"\n", b";"])
        )
    records = parsed(bytes(dump))
    assert records == parsed(bytes(dump), in_runs=False)
    assert accounted(records) == len(dump)
    places = [(r["offset_bytes"], r["length_bytes"]) for r in records if r["record_kind"] in {"row", "defect"}]
    ends = 0
    for offset, length in places:
        if length:
            assert offset >= ends
            ends = offset + length
    unparsed = sum(r["length_bytes"] for r in of_kind(records, "defect") if r["code"] != "bad_schema")
    assert unparsed == of_kind(records, "range")[-1]["length_bytes"]


SMALL = rb"""/*M!999999\- enable the sandbox mode */
-- MariaDB dump
/*!40101 SET NAMES utf8mb4 */;
CREATE TABLE `a` (
  `id` int(10) unsigned NOT NULL,
  `t` varchar(10) DEFAULT 'x;y',
  PRIMARY KEY (`id`)
);
INSERT INTO `a` VALUES (1,'it\'s'),(2,NULL),
(3,_binary '\0),(4');
DELIMITER ;;
CREATE TRIGGER `x` BEFORE INSERT ON `a` FOR EACH ROW BEGIN SET NEW.t = ';'; END ;;
DELIMITER ;
INSERT INTO `a` (`t`) VALUES ('last');
-- Dump completed on 2026-01-01
"""


@pytest.mark.parametrize("first", [0, 1, 2, 3])
def test_a_cut_at_any_byte_costs_no_earlier_row(first: int) -> None:
    whole = {row["number"]: row for row in of_kind(parsed(SMALL), "row")}
    assert len(whole) == 4
    for cut in range(first, len(SMALL) + 1, 4):
        records = parsed(SMALL[:cut])
        assert accounted(records) == cut
        rows = {row["number"]: row for row in of_kind(records, "row")}
        assert rows == {n: r for n, r in whole.items() if r["offset_bytes"] + r["length_bytes"] <= cut}
        completed = b"-- Dump completed" in SMALL[:cut]
        assert any(record["code"] in {"truncated", "end_not_stated"} for record in records) != completed


PIECES = st.sampled_from(
    [
        b"(", b")", b",", b";", b"'", b"\\", b'"', b"`", b" ", b"\n", b"a", b"1", b"-", b".", b"NULL", b"null", b"TRUE",
        b"_binary '", b"_binary ", b"0x", b"0xAf", b"x'", b"b'01'", b"1e5", b"''", b"\\'", b"\\\\", b"\\%", b"\\n",
        b"),(", b"','", b"',1,'",
    ]
)  # fmt: skip


@given(st.integers(1, 4), st.lists(PIECES, max_size=40), st.integers(0, 3))
@settings(max_examples=_RECORDS * 10, deadline=None)
def test_rows_in_runs_are_the_rows_read_singly(width: int, pieces: list[bytes], whole: int) -> None:
    columns = b",".join(b"`c%d` int" % number for number in range(width))
    rows = b",".join([b"(" + b",".join([b"'a\\\\b''c'"] * width) + b")"] * whole + [b"(" + b"".join(pieces)])
    dump = b"CREATE TABLE `t` (" + columns + b");\nINSERT INTO `t` VALUES " + rows + b");\n-- Dump completed\n"
    assert parsed(dump) == parsed(dump, in_runs=False)


def test_a_row_is_taken_in_a_run_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    whole = mysql_rows.row_run

    def counted(*arguments: Any) -> Any:
        run = whole(*arguments)
        taken.append(0 if run is None else len(run.starts))
        return run

    monkeypatch.setattr(mysql_rows, "row_run", counted)
    rows = b",".join(b"(%d,'it\\'s \\\\ %d',NULL,_binary 'x\\0',0xAB,-1.5)" % (n, n) for n in range(1000))
    dump = b"INSERT INTO `t` (`a`,`b`,`c`,`d`,`e`,`f`) VALUES " + rows + b";\n-- Dump completed\n"
    records: list[Record] = []
    parse_mysql_dump([io.BytesIO(dump)], {}, lambda batch: records.extend(batch.to_pylist()))
    assert sum(taken) == 1000
    found = [record["values"] for record in of_kind(records, "row")]
    assert found == [[b"%d" % n, b"it's \\ %d" % n, None, b"x\0", b"\xab", b"-1.5"] for n in range(1000)]
