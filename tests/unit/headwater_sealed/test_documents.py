"""Exports of a document store: BSON, mongodump's archive, and JSON, read frame by frame and object by object."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_sealed.bson import bson_document
from headwater_sealed.json_rows import parse_json_rows
from headwater_sealed.mongo_dump import parse_bson, parse_mongo_archive
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.sniff import sniffed

Record = dict[str, Any]
Pairs = Sequence[tuple[str, bytes, bytes]]
"""Keys, types and encoded values."""

END = b"\xff\xff\xff\xff"
MAGIC = b"\x6d\xe2\x99\x81"


def document(*pairs: tuple[str, int, bytes]) -> bytes:
    body = b"".join(bytes([kind]) + key.encode() + b"\0" + value for key, kind, value in pairs) + b"\0"
    return struct.pack("<i", len(body) + 4) + body


def text(value: str) -> bytes:
    raw = value.encode() + b"\0"
    return struct.pack("<i", len(raw)) + raw


def member(number: int, name: str = "lake") -> bytes:
    return document(("_id", 0x07, bytes(11) + bytes([number])), ("name", 0x02, text(name)))


def records(job: Callable[..., None], content: bytes, **parameters: str) -> list[Record]:
    found: list[Record] = []
    job([io.BytesIO(content)], parameters, lambda batch: found.extend(batch.to_pylist()))
    assert sum(r["length_bytes"] for r in found if r["record_kind"] == "range") == len(content)
    return found


def rows(found: Sequence[Record]) -> list[tuple[bytes | None, Any]]:
    return [(r["values"][0], json.loads(r["values"][1])) for r in found if r["record_kind"] == "row"]


def defects(found: Sequence[Record]) -> list[tuple[str, int, int]]:
    return [(r["code"], r["offset_bytes"], r["length_bytes"]) for r in found if r["record_kind"] == "defect"]


EVERY_TYPE: Mapping[str, tuple[int, bytes, Any]] = {
    "double": (0x01, struct.pack("<d", 1.5), 1.5),
    "not_a_number": (0x01, struct.pack("<d", float("nan")), "NaN"),
    "infinite": (0x01, struct.pack("<d", float("-inf")), "-Infinity"),
    "text": (0x02, text("Grüße"), "Grüße"),
    "object": (0x03, document(("a", 0x10, struct.pack("<i", 1))), {"a": 1}),
    "list": (0x04, document(("0", 0x08, b"\1"), ("1", 0x08, b"\0")), [True, False]),
    "bytes": (0x05, struct.pack("<iB", 3, 0) + b"\x01\x02\xff", "0102ff"),
    "old_bytes": (0x05, struct.pack("<iBi", 6, 2, 2) + b"\x01\x02", "0102"),
    "uuid": (0x05, struct.pack("<iB", 16, 4) + bytes(range(16)), "00010203-0405-0607-0809-0a0b0c0d0e0f"),
    "undefined": (0x06, b"", None),
    "id": (0x07, bytes(range(12)), "000102030405060708090a0b"),
    "date": (0x09, struct.pack("<q", 1714557600123), "2024-05-01T10:00:00.123Z"),
    "early": (0x09, struct.pack("<q", -1), "1969-12-31T23:59:59.999Z"),
    "beyond": (0x09, struct.pack("<q", 2**60), str(2**60)),
    "nothing": (0x0A, b"", None),
    "pattern": (0x0B, b"^a\0i\0", {"pattern": "^a", "options": "i"}),
    "reference": (0x0C, text("members") + bytes(12), {"$ref": "members", "$id": "00" * 12}),
    "code": (0x0D, text("x"), "x"),
    "scoped": (0x0F, struct.pack("<i", 15) + text("y") + document(), "y"),
    "whole": (0x10, struct.pack("<i", -7), -7),
    "stamp": (0x11, struct.pack("<II", 5, 1714557600), {"t": 1714557600, "i": 5}),
    "long": (0x12, struct.pack("<q", 2**62), 2**62),
    "decimal": (0x13, struct.pack("<QQ", 1999, 0x303C << 48), "19.99"),
    "large": (0x13, struct.pack("<QQ", 1, 0x3048 << 48), "1E+4"),
    "least": (0xFF, b"", {"$minKey": 1}),
    "most": (0x7F, b"", {"$maxKey": 1}),
}


def test_every_type_of_bson_has_a_plain_form() -> None:
    raw = document(*((key, kind, value) for key, (kind, value, _) in EVERY_TYPE.items()))
    found, repeated = bson_document(raw)
    assert found == {key: plain for key, (_, _, plain) in EVERY_TYPE.items()}
    assert not repeated


def test_documents_are_rows_with_their_place() -> None:
    content = member(1) + member(2, "shore")
    found = records(parse_bson, content, table_name="members")
    assert rows(found) == [
        (b"000000000000000000000001", {"_id": "000000000000000000000001", "name": "lake"}),
        (b"000000000000000000000002", {"_id": "000000000000000000000002", "name": "shore"}),
    ]
    second = [record for record in found if record["record_kind"] == "row"][1]
    assert content[second["offset_bytes"] :][: second["length_bytes"]] == member(2, "shore")
    assert {record["table_name"] for record in found if record["record_kind"] == "row"} == {"members"}


def test_keys_that_stand_twice_are_both_kept() -> None:
    content = document(("_id", 0x10, struct.pack("<i", 1)), ("mail", 0x02, text("a")), ("mail", 0x02, text("b")))
    found = records(parse_bson, content)
    assert rows(found) == [(b"1", {"_id": 1, "mail": "a", "mail#2": "b"})]
    assert defects(found) == [("key_repeated", 0, len(content))]


def test_a_bad_document_is_a_defect_and_not_the_end() -> None:
    bad = bytearray(member(2))
    bad[4] = 0x55  # no such type
    content = member(1) + bytes(bad) + member(3)
    found = records(parse_bson, content)
    assert [key for key, _ in rows(found)] == [bytes(f"{n:024x}", "ascii") for n in (1, 3)]
    assert defects(found) == [("row_not_readable", len(member(1)), len(bad))]


def test_a_lost_length_costs_one_document() -> None:
    bad = b"\xff\xff\xff\x7f" + member(2)[4:]
    content = member(1) + bad + member(3)
    found = records(parse_bson, content)
    assert [key for key, _ in rows(found)] == [bytes(f"{n:024x}", "ascii") for n in (1, 3)]
    assert defects(found) == [("row_not_readable", len(member(1)), len(bad))]


@given(st.integers(1, 2 * len(member(1)) - 1))
def test_a_cut_file_keeps_what_was_whole(cut: int) -> None:
    content = (member(1) + member(2))[:cut]
    found = records(parse_bson, content)
    assert len(rows(found)) == cut // len(member(1))
    assert bool(defects(found)) == bool(cut % len(member(1)))


def test_documents_in_each_other_end_somewhere() -> None:
    raw = document()
    for _ in range(200):
        raw = document(("a", 0x03, raw))
    with pytest.raises(UnreadableError, match="deep"):
        bson_document(raw)


def header(collection: str, *, ended: bool = False, crc: int = 0) -> bytes:
    return document(
        ("db", 0x02, text("forum")),
        ("collection", 0x02, text(collection)),
        ("EOF", 0x08, bytes([ended])),
        ("CRC", 0x12, struct.pack("<q", crc)),
    )


def crc64(content: bytes) -> int:
    """CRC-64 (ECMA), bit by bit, as a signed number."""
    crc = 2**64 - 1
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xC96C5795D7870F42 if crc & 1 else 0)
    crc ^= 2**64 - 1
    return crc - 2**64 if crc >> 63 else crc


def archive(*, crc: int | None = None) -> bytes:
    """Two collections, whose documents come in turns."""
    members, posts = member(1) + member(2), member(9, "post")
    return b"".join(
        [
            MAGIC,
            document(("version", 0x02, text("0.1")), ("server_version", 0x02, text("6.0"))),
            document(
                ("db", 0x02, text("forum")), ("collection", 0x02, text("members")), ("metadata", 0x02, text("{}"))
            ),
            document(("db", 0x02, text("forum")), ("collection", 0x02, text("empty")), ("metadata", 0x02, text("{}"))),
            END,
            header("members") + member(1) + END,
            header("posts") + posts + END,
            header("members") + member(2) + END,
            header("members", ended=True, crc=crc64(members) if crc is None else crc) + END,
            header("posts", ended=True, crc=crc64(posts)) + END,
            header("empty", ended=True) + END,
        ]
    )


def test_an_archive_holds_its_collections() -> None:
    assert crc64(b"123456789") & (2**64 - 1) == 0x995DC9BBDF1939FA, "the check value that is published of this CRC"
    found = records(parse_mongo_archive, archive())
    tables = [record["table_name"] for record in found if record["record_kind"] == "table"]
    assert sorted(tables) == ["forum.empty", "forum.members", "forum.posts"]
    assert [record["table_name"] for record in found if record["record_kind"] == "row"] == [
        "forum.members",
        "forum.posts",
        "forum.members",
    ]
    assert defects(found) == []


def test_a_wrong_checksum_of_a_collection_is_told() -> None:
    assert [code for code, _, _ in defects(records(parse_mongo_archive, archive(crc=5)))] == ["checksum_wrong"]


def test_an_archive_that_was_cut_says_of_which_collections_the_end_is_missing() -> None:
    whole = archive()
    cut = whole[: whole.index(header("members", ended=True, crc=crc64(member(1) + member(2))))]
    found = records(parse_mongo_archive, cut)
    lost = [r["table_name"] for r in found if r["record_kind"] == "defect" and r["code"] == "truncated"]
    assert lost == ["forum.empty", "forum.members"]


def test_what_is_no_archive_is_refused() -> None:
    with pytest.raises(UnreadableError, match="not an archive"):
        records(parse_mongo_archive, member(1))


EXTENDED = """\
{"_id":{"$oid":"000102030405060708090a0b"},"at":{"$date":"2024-05-01T10:00:00.123Z"},"n":{"$numberLong":"7"}}
{"_id":"b","at":{"$date":{"$numberLong":"1714557600123"}},"price":{"$numberDecimal":"19.99"},"x":{"$numberDouble":"NaN"}}
{"_id":3,"raw":{"$binary":{"base64":"AQL/","subType":"00"}},"old":{"$binary":"AQL/","$type":"0"},"$keep":{"a":1}}
"""


def test_extended_json_comes_in_the_form_that_bson_comes_in() -> None:
    found = records(parse_json_rows, EXTENDED.encode(), table_name="members")
    assert rows(found) == [
        (
            b"000102030405060708090a0b",
            {"_id": "000102030405060708090a0b", "at": "2024-05-01T10:00:00.123Z", "n": 7},
        ),
        (b"b", {"_id": "b", "at": "2024-05-01T10:00:00.123Z", "price": "19.99", "x": "NaN"}),
        (b"3", {"_id": 3, "raw": "0102ff", "old": "0102ff", "$keep": {"a": 1}}),
    ]


@pytest.mark.parametrize("content", [b'[{"a":1},{"a":2}]', b'[\n{"a": 1},\n{"a": 2}\n]\n', b'{"a":1}\n\n{"a":2}'])
def test_objects_come_by_line_or_as_a_list(content: bytes) -> None:
    found = records(parse_json_rows, content)
    assert [value for _, value in rows(found)] == [{"a": 1}, {"a": 2}]
    assert defects(found) == []


@pytest.mark.parametrize(
    ("content", "kept", "lost"),
    [
        (b'{"a":1}\n{"a":\n{"a":3}\n', [1, 3], ["row_not_readable"]),
        (b'{"a":1}\n[1]\n', [1], ["row_not_readable"]),
        (b'[{"a":1},\n{"a"!},\n{"a":3}]', [1, 3], ["row_not_readable"]),
        (b'[{"a":1},\n{"a":2', [1], ["row_not_readable", "truncated"]),
        (b'{"a":1,"a":2}\n', [1], ["key_repeated"]),
        (b"[" * 100_000, [], ["row_not_readable", "truncated"]),
        (b'{"a":1}\n' + b'{"a":' * 100_000 + b"\n", [1], ["row_not_readable"]),
    ],
)
def test_a_bad_object_is_a_defect_and_not_the_end(content: bytes, kept: list[int], lost: list[str]) -> None:
    found = records(parse_json_rows, content)
    assert [value["a"] for _, value in rows(found)] == kept
    assert [code for code, _, _ in defects(found)] == lost


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (member(1) + member(2), "bson"),
        (document(), "other"),
        (archive(), "mongo-archive"),
        (EXTENDED.encode(), "json-rows"),
        (b'[{"name":"a","n":1},{"name":"b","n":2}]', "json-rows"),
        (b'{\n  "name": "package",\n  "version": "1"\n}\n', "other"),
        (b'[\n  "a",\n  "b"\n]\n', "other"),
        (b'[{"a":1},{"b":1}]', "other"),
    ],
)
def test_exports_are_told_from_other_contents(content: bytes, word: str) -> None:
    assert sniffed(content) == word
