"""Whatever a list holds, and in whichever format it comes, its digests arrive, once each and unchanged."""

from __future__ import annotations

import csv
import io
import itertools
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.engine import ParquetParts, parquet, write_parquet
from headwater.references import import_reference
from headwater.schema import SchemaMismatchError, content_id, table_named

Entry = dict[str, str | None]
HEX = {"md5": 32, "sha1": 40, "sha256": 64, "pdq": 64}


def digests(*names: str) -> st.SearchStrategy[list[Entry]]:
    """Files with some of these digests, at least one each."""
    one = {name: st.none() | st.text("0123456789abcdef", min_size=HEX[name], max_size=HEX[name]) for name in names}
    return st.lists(st.fixed_dictionaries(one).filter(lambda entry: any(entry.values())), min_size=1, max_size=12)


def as_csv(entries: list[Entry], words: str) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*HEX, "series"])
    writer.writerows([*(entry[name] for name in HEX), words] for entry in entries)
    return text.getvalue().encode()


def as_vics(entries: list[Entry], words: str) -> bytes:
    media = [
        {"MediaID": n, "Series": words, "MD5": e["md5"], "SHA1": (e["sha1"] or "").upper(), "SHA256": e["sha256"]}
        | {"AlternativeHashes": [{"HashName": "PDQ", "HashValue": e["pdq"]}] if e["pdq"] else None}
        for n, e in enumerate(entries)
    ]
    return json.dumps({"@odata.context": "x", "value": media}, ensure_ascii=False).encode("utf-8-sig")


def as_case(entries: list[Entry], words: str) -> bytes:
    media = json.loads(as_vics(entries, words).decode("utf-8-sig"))["value"]
    half = len(media) // 2
    cases = [{"CaseID": "a", "Media": media[:half]}, {"Media": media[half:], "CaseID": words}]
    return json.dumps({"value": cases}).encode()


def as_ncmec(entries: list[Entry], words: str) -> bytes:
    def marked(entry: Entry) -> str:
        return "".join(f"<{name}>{entry[name]}</{name}>" for name in HEX if entry[name])

    parts = (
        f"<video><id>{n}</id><classification>{escape(words)}</classification>"
        f"<fingerprints>{marked(e)}</fingerprints></video>"
        for n, e in enumerate(entries)
    )
    return f"<queryResult><videos>{''.join(parts)}</videos></queryResult>".encode()


def as_banked(entries: list[Entry], words: str) -> bytes:
    rows = [{"id": n, "signals": {k: v for k, v in e.items() if v}, "note": words} for n, e in enumerate(entries)]
    return "\n".join(map(json.dumps, rows)).encode()


def as_nsrl_3(entries: list[Entry], words: str, path: Path) -> bytes:
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE FILE (sha256, sha1, md5, file_name, file_size, package_id)")
        rows = [(e["sha256"], e["sha1"], e["md5"], words, n, 0) for n, e in enumerate(entries)]
        database.executemany("INSERT INTO FILE VALUES (?, ?, ?, ?, ?, ?)", rows)
        database.commit()
    return path.read_bytes()


WRITERS: dict[str, Callable[[list[Entry], str], bytes]] = {
    "csv": as_csv,
    "vics": as_vics,
    "case": as_case,
    "ncmec": as_ncmec,
    "hma": as_banked,
}
# What no format here can hold: half characters, and control characters that XML forbids.
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=10)


def imported(case: Path, content: bytes) -> list[dict[str, Any]]:
    path = case / "list"
    path.write_bytes(content)
    done = import_reference(case, "hash-list", path, name="one", version="1", polarity="known-benign")
    return pq.read_table(done.folder / "hash_list_entries.parquet").to_pylist()


@pytest.mark.parametrize("form", sorted(WRITERS))
@given(entries=digests(*HEX), words=WORDS)
@settings(max_examples=40, deadline=None)
def test_digests_arrive_once_each_and_unchanged(tmp_path_factory, form, entries, words):
    case = tmp_path_factory.mktemp("case")
    rows = imported(case, WRITERS[form](entries, words))
    assert [{name: row[name] for name in HEX} for row in rows] == entries
    assert [row["reference_row"] for row in rows] == list(range(len(entries)))
    # The ids are those of every version of headwater: digest of list, version and number.
    assert [row["entry_id"] for row in rows] == [content_id("hle", "one", "1", n) for n in range(len(entries))]


@given(entries=digests("md5", "sha1", "sha256"), words=WORDS)
@settings(max_examples=30, deadline=None)
def test_digests_of_a_database_arrive(tmp_path_factory, entries, words):
    case = tmp_path_factory.mktemp("case")
    rows = imported(case, as_nsrl_3(entries, words, case / "made"))
    assert [{name: row[name] for name in ("md5", "sha1", "sha256")} for row in rows] == entries
    assert [row["size_bytes"] for row in rows] == list(range(len(entries)))


@given(
    lines=st.lists(
        st.sampled_from([32, 40, 64]).flatmap(lambda n: st.text("0123456789ABCDEF", min_size=n, max_size=n)), min_size=1
    )
)
@settings(max_examples=40, deadline=None)
def test_digests_of_a_plain_list_arrive(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("case") / "list"
    path.write_text("\n".join(lines))
    done = import_reference(
        path.parent, "hash-list", path, name="one", version="1", polarity="known-benign", plain="pdq"
    )
    rows = pq.read_table(done.folder / "hash_list_entries.parquet").to_pylist()
    assert [row["md5"] or row["sha1"] or row["pdq"] for row in rows] == [line.lower() for line in lines]


@given(cuts=st.lists(st.integers(0, 900), max_size=6), group=st.integers(1, 300))
@settings(max_examples=40, deadline=None)
def test_a_file_written_in_parts_has_the_bytes_of_one_written_whole(tmp_path_factory, cuts, group):
    folder = tmp_path_factory.mktemp("parts")
    whole = pa.table({"a": [f"{n % 7}" for n in range(900)], "b": [n * n if n % 5 else None for n in range(900)]})
    bounds = [0, *sorted(cuts), 900]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(parquet, "ROW_GROUP_ROWS", group)
        wanted = write_parquet(whole, folder / "whole")
        with ParquetParts(folder / "parts", whole.schema) as parts:
            for begin, end in itertools.pairwise(bounds):
                parts.write(whole.slice(begin, end - begin))
            found = parts.finish()
    assert (folder / "parts").read_bytes() == (folder / "whole").read_bytes()
    assert found == wanted
    assert sorted(path.name for path in folder.iterdir()) == ["parts", "whole"]


def test_a_file_that_is_not_finished_leaves_nothing(tmp_path):
    with ParquetParts(tmp_path / "parts", pa.schema([("a", pa.int64())])) as parts:
        parts.write(pa.table({"a": [1]}))
    assert not list(tmp_path.iterdir())


def test_a_part_is_checked_like_a_table():
    table = table_named("reference_keys")
    with pytest.raises(SchemaMismatchError, match="values absent"):
        table.part({"reference_name": ["a"], "reference_version": [None], "key_name": ["k"], "rows": [1]})
    with pytest.raises(SchemaMismatchError, match="a value with a fraction"):
        table.part({"reference_name": ["a"], "reference_version": ["b"], "key_name": ["k"], "rows": [1.0]})
