"""Hash lists that are damaged, hostile or merely long: refused in one line with a place, and never held whole."""

from __future__ import annotations

import io
import json
import sqlite3
import tracemalloc
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import HeadwaterError, InputError, UnreadableInputError, UnsupportedFormatError
from headwater.references import csv_text, list_json, list_store
from headwater.references.list_entries import MAX_KEYS
from headwater.references.list_json import JsonScanner

MD5, SHA1, SHA256, PDQ = "a1" * 16, "b2" * 20, "c3" * 32, "d4" * 32
ROOT = '<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2">'


# XML


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE queryResult [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>',
        '<!DOCTYPE queryResult SYSTEM "file:///etc/hostname">',
        '<!DOCTYPE queryResult [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
        "<!DOCTYPE queryResult>",
    ],
)
def test_a_document_type_or_an_entity_is_refused_before_it_is_expanded(lists, head):
    with pytest.raises(UnreadableInputError, match="declares a document type or an entity"):
        lists.take(f"{head}{ROOT}<images><image><id>&b;</id></image></images></queryResult>")


def test_an_entity_that_nobody_declared_is_not_xml(lists):
    with pytest.raises(UnreadableInputError, match="not valid XML"):
        lists.take(f"{ROOT}<images><image><id>&x;</id></image></images></queryResult>")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("<a>" * 100, "nested too deeply"),
        (f"<image><id>{'x' * (5 << 20)}</id></image>", "an entry longer than 4 MiB"),
        (f"<image a='{'x' * (9 << 20)}'/>", "a tag longer than 4 MiB"),
        (f"<!--{'x' * (9 << 20)}-->", "a tag longer than 4 MiB"),
        ("<image>", "not valid XML"),
        ("<image></video>", "not valid XML"),
    ],
)
def test_xml_that_would_fill_memory_or_is_none_is_refused(lists, body, told):
    with pytest.raises(UnreadableInputError, match=told):
        lists.take(f"{ROOT}<images>{body}")


# JSON


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"value": [{"MD5": "%s"}', "expecting ']'"),
        ('{"value": [{"MD5": "%s"}, ', "Expecting value"),
        ('{"value": [{"MD5": "%s"},]}', "Expecting value"),
        ('{"value": [{"MD5": "%s"} {"MD5": "x"}]}', "expecting ']'"),
        ('{"value": [{"MD5": "%s"}]} {"value": []}', "something follows"),
        ('{"value": [{"MD5": "%s"}], }', "expecting a key"),
        ('[{"MD5": "%s"}]]', "something follows"),
        ('[{"MD5": "%s", "x": NaN}]', "no number of JSON"),
        ('{"value": [{"CaseID": "1", "Media": [{"MD5": "%s"}, ]}]}', "Expecting value"),
    ],
)
def test_json_that_is_cut_or_not_json_is_refused_to_its_last_byte(lists, content, told):
    with pytest.raises(UnreadableInputError, match=told):
        lists.take(content.replace("%s", MD5))
    assert not (lists.case / "references").exists()


def test_a_key_that_is_there_twice_is_no_entry(lists):
    other = "f" * 32
    with pytest.raises(UnreadableInputError, match="row 0: key 'MD5' is there twice"):
        lists.take(f'[{{"MD5": "{MD5}", "MD5": "{other}"}}]')
    with pytest.raises(UnreadableInputError, match="row 0: key 'Make' is there twice"):
        lists.take(f'[{{"MD5": "{MD5}", "Exifs": [{{"Make": 1, "Make": 2}}]}}]')
    with pytest.raises(UnreadableInputError, match="key 'value' is there twice"):
        lists.take(f'{{"value": [{{"MD5": "{MD5}"}}], "value": [{{"MD5": "{other}"}}]}}')
    with pytest.raises(UnreadableInputError, match="key 'Media' is there twice"):
        lists.take(f'[{{"Media": [{{"MD5": "{MD5}"}}], "Media": [{{"MD5": "{other}"}}]}}]')
    with pytest.raises(UnreadableInputError, match="row 0: key 'md5' is there twice, in two spellings"):
        lists.take(f'[{{"MD5": "{MD5}", "md5": "{other}"}}]')


def test_a_value_longer_than_any_entry_is_refused(lists, monkeypatch):
    monkeypatch.setattr(list_json, "MAX_VALUE_CHARACTERS", 4 << 20)
    with pytest.raises(UnreadableInputError, match="one value is longer than 4 MiB"):
        lists.take(f'[{{"MD5": "{MD5}", "Tags": "{"x" * (9 << 20)}')


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(
    values=st.lists(JSON, max_size=8), chunk=st.integers(1, 40), indent=st.sampled_from([None, 2]), mark=st.booleans()
)
@settings(max_examples=150, deadline=None)
def test_the_scanner_gives_what_the_decoder_gives_and_where(tmp_path_factory, values, chunk, indent, mark):
    text = json.dumps(values, ensure_ascii=False, indent=indent)
    content = (b"\xef\xbb\xbf" if mark else b"") + text.encode("utf-8", "replace")
    wanted = json.loads(content.decode("utf-8-sig"))
    scanner = JsonScanner(io.BytesIO(content), tmp_path_factory.getbasetemp(), chunk_bytes=chunk)
    scanner.expect("[")
    found = []
    if not scanner.take("]"):
        while True:
            scanner.peek()
            begin = scanner.offset_bytes
            found.append(scanner.value())
            assert json.loads(content[begin : scanner.offset_bytes]) == found[-1]
            if not scanner.take(","):
                scanner.expect("]")
                break
    assert found == wanted
    assert not scanner.peek()
    assert scanner.offset_bytes == len(content)


@given(cut=st.integers(0, 400), chunk=st.integers(1, 50))
@settings(max_examples=150, deadline=None)
def test_a_document_cut_anywhere_is_refused_and_never_read_as_a_shorter_one(new_lists, cut, chunk):
    media = [{"MediaID": n, "MD5": MD5, "Series": "Straße", "Size": -1.5e3, "Ok": True} for n in range(6)]
    content = json.dumps({"odata.metadata": "x", "value": media}, ensure_ascii=False).encode()
    cut = min(cut, len(content) - 1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(list_json, "CHUNK_BYTES", chunk)
        with pytest.raises(HeadwaterError):
            new_lists().take(content[:cut], accept_defects=True)


# SQLite


def database(path, *statements):
    with closing(sqlite3.connect(path)) as opened:
        for statement in statements:
            opened.execute(statement)
        opened.commit()
    return path.read_bytes()


FILE = "CREATE TABLE FILE (sha256 TEXT, sha1 TEXT, md5 TEXT, file_size INTEGER)"


def test_a_view_is_not_asked_for_its_rows(lists, tmp_path):
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS sha1, x AS md5 FROM n"
    content = database(tmp_path / "view", f"CREATE VIEW FILE AS {endless}", "CREATE TABLE t (a)")
    with pytest.raises(UnsupportedFormatError, match="a database without files of the NSRL"):
        lists.take(content)


def test_a_function_in_a_table_is_not_called(lists, tmp_path):
    made = "CREATE TABLE FILE (sha1 TEXT, md5 TEXT GENERATED ALWAYS AS (hex(zeroblob(200000000))) VIRTUAL)"
    content = database(tmp_path / "made", made, f"INSERT INTO FILE (sha1) VALUES ('{SHA1}')")
    with pytest.raises(InputError):
        lists.take(content)


def test_a_damaged_database_is_refused_and_the_file_not_written_to(lists, tmp_path):
    rows = [f"INSERT INTO FILE VALUES ('{SHA256}', '{SHA1}', '{n:032x}', {n})" for n in range(2000)]
    content = database(tmp_path / "good", FILE, *rows)
    damaged = bytearray(content)
    damaged[4096 * 3 : 4096 * 4] = b"\xff" * 4096
    with pytest.raises(UnreadableInputError, match="the database cannot be read"):
        lists.take(bytes(damaged))
    with pytest.raises(InputError):
        lists.take(content[: len(content) // 2])
    assert lists.take(content).rows == 2000
    assert (lists.case / "source").read_bytes() == content
    assert sorted(path.name for path in lists.case.iterdir()) == ["good", "references", "source"]


def test_a_database_that_was_not_closed_is_refused(lists, tmp_path):
    content = database(tmp_path / "good", FILE, f"INSERT INTO FILE VALUES ('{SHA256}', '{SHA1}', '{MD5}', 1)")
    (lists.case / "source-wal").write_bytes(b"x")
    with pytest.raises(UnreadableInputError, match="was not closed"):
        lists.take(content)


# Text


def test_a_quote_that_is_never_closed_does_not_swallow_the_list(lists, monkeypatch):
    monkeypatch.setattr(csv_text, "MAX_RECORD_BYTES", 4096)
    content = f'md5,series\n{MD5},"never closed\n' + f"{MD5},a\n" * 1000
    with pytest.raises(UnreadableInputError, match="byte 11: a record longer than") as refused:
        lists.take(content, accept_defects=True)
    assert refused.value.offset_bytes == len("md5,series\n")
    with pytest.raises(UnreadableInputError, match="a record longer than"):
        lists.take("md5\n" + "a" * 3_000_000, accept_defects=True)


def test_a_column_that_is_there_twice_is_refused(lists):
    with pytest.raises(UnreadableInputError, match="column 'md5' is there twice"):
        lists.take(f"md5,MD5\n{MD5},{'f' * 32}\n")


def test_a_list_that_lists_the_empty_file_is_said_to(lists):
    assert not lists.take(f"md5\n{MD5}\n").notes
    (note,) = lists.take(f"md5\n{MD5}\nd41d8cd98f00b204e9800998ecf8427e\n").notes
    assert "row 1 lists the digest of no content" in note


def test_as_many_keys_as_a_list_likes_fill_no_memory(lists):
    media = [{"MD5": MD5, f"key {n}": 1} for n in range(MAX_KEYS + 50)]
    done = lists.take(json.dumps(media))
    assert len(done.further_keys) == MAX_KEYS + 1
    assert done.further_keys[""] == 50


# Good rows and bad ones


def test_many_bad_rows_are_counted_and_kept_apart_with_their_place(lists):
    count = 3 * list_store.BATCH_ROWS // 2
    content = "md5\n" + "".join(f"{MD5}\n" if n % 2 else f"bad {n}\n" for n in range(count))
    with pytest.raises(
        UnreadableInputError, match=rf"row 0: 'md5' is not 32 hex digits \(and {count // 2 - 1:,} more\)"
    ):
        lists.take(content)
    done = lists.take(content, accept_defects=True)
    assert (done.rows, done.defects) == (count // 2, count // 2)
    for row in lists.rows("defects")[:100]:
        assert content[row["offset_bytes"] :].startswith(f"bad {row['reason'].split(':')[0].removeprefix('row ')}\n")


def test_a_list_that_changes_while_it_is_read_is_refused(lists, monkeypatch):
    found = list_store.format_of

    def touching(source):
        recognised = found(source)
        with source.path.open("ab") as file:
            file.write(b"\n")
        return recognised

    monkeypatch.setattr(list_store, "format_of", touching)
    with pytest.raises(InputError, match="was changed while it was read"):
        lists.take(f"md5\n{MD5}\n")
    assert not (lists.case / "references").exists()


@pytest.mark.parametrize("form", ["csv", "vics", "case", "xml"])
def test_memory_does_not_grow_with_the_list(lists, form, monkeypatch):
    monkeypatch.setattr(list_store, "BATCH_ROWS", 256)
    monkeypatch.setattr(list_json, "CHUNK_BYTES", 1 << 14)
    monkeypatch.setattr(csv_text, "_CHUNK_BYTES", 1 << 14)

    def content(rows):
        media = (f'{{"MediaID": {n}, "MD5": "{n:032x}", "Tags": "{"t" * 60}"}}' for n in range(rows))
        entries = (f"<image><id>{n}</id><fingerprints><md5>{n:032x}</md5></fingerprints></image>" for n in range(rows))
        return {
            "csv": lambda: "md5,tags\n" + "".join(f"{n:032x},{'t' * 60}\n" for n in range(rows)),
            "vics": lambda: f'{{"value": [{",".join(media)}]}}',
            "case": lambda: f'{{"value": [{{"CaseID": "c", "Media": [{",".join(media)}]}}]}}',
            "xml": lambda: f"{ROOT}<images>{''.join(entries)}</images></queryResult>",
        }[form]()

    def peak(rows):
        text = content(rows).encode()
        (lists.case / "big").write_bytes(text)
        del text
        tracemalloc.start()
        try:
            lists.take_path(lists.case / "big")
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    lists.take(content(10))  # what is loaded once
    small, large = peak(1_000), peak(4_000)
    assert large < 1.3 * small


def test_progress_goes_from_nothing_to_all_of_the_bytes(lists):
    told = []
    lists.take(f"md5\n{MD5}\n", progress=lambda *step: told.append(step))
    assert {counted for counted, _, _ in told} == {"bytes"}
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[-1][1] == told[-1][2]
