"""Rows by a value: the same rows, whatever finds them."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from headwater.engine import RowIndexes, Session, text_numbers, write_parquet
from headwater.engine.keyed import text_bounds
from headwater.engine.row_index import _looked_for
from headwater.schema import table_named

LOGINS = table_named("logins")


def login(number: int) -> dict[str, object]:
    return {
        "login_id": f"lgn-{number:032x}",
        "account_id": f"acc-{number * 7919 % 50:032x}",
        "at_utc": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        "exhibit_id": "EX-1",
        "source_item_id": "itm-1",
        "source_table": "logins",
        "source_row": number,
        "source_offset_bytes": number,
        "source_length_bytes": 1,
        "mapping_id": "map-1",
    }


@pytest.fixture
def rows():
    return LOGINS.rows(login(number) for number in range(2_000))


@pytest.fixture
def path(rows, tmp_path):
    place = tmp_path / "logins.parquet"
    pq.write_table(rows, place, row_group_size=64)
    return place


def by_filter(rows: pa.Table, column: str, values: list[str]) -> pa.Table:
    return rows.filter(pc.is_in(rows[column], value_set=pa.array(values, pa.string())))


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("login_id", [f"lgn-{n:032x}" for n in (0, 63, 64, 1_999)]),
        ("login_id", ["lgn-none", "zzz"]),
        ("account_id", [f"acc-{n:032x}" for n in (3, 4)]),
        ("network_address", ["192.0.2.1"]),
        ("account_id", []),
    ],
)
def test_the_rows_are_those_of_a_filter(rows, path, column, values):
    with Session({"logins": [path]}) as tables:
        assert tables.keyed("logins", column, values) == by_filter(rows, column, values)
        some = ["login_id", "account_id"]
        assert tables.keyed("logins", column, values, columns=some) == by_filter(rows, column, values).select(some)


def test_row_groups_that_cannot_hold_a_value_are_not_read(path, monkeypatch):
    read = []
    inner = pq.ParquetFile.read_row_group
    monkeypatch.setattr(
        pq.ParquetFile, "read_row_group", lambda self, n, **words: (read.append(n), inner(self, n, **words))[1]
    )
    with Session({"logins": [path]}) as tables:
        tables.keyed("logins", "login_id", [f"lgn-{700:032x}"])
    assert set(read) == {700 // 64}


def test_rows_that_are_put_are_found_too(rows, path):
    with Session({"logins": [path]}) as tables:
        tables.put("logins", rows.slice(0, 10))
        assert tables.keyed("logins", "account_id", [f"acc-{0:032x}"]).num_rows == 1
        tables.put_later("logins", lambda: rows)
        assert tables.keyed("logins", "account_id", [f"acc-{0:032x}"]).num_rows == 40


class Counting(RowIndexes):
    """An index that tells how often rows were looked for."""

    asked = 0

    def rows(self, path, schema, column, values):
        self.asked += 1
        return super().rows(path, schema, column, values)


def test_what_a_page_asks_for_again_is_looked_for_once(path, tmp_path):
    index, few, many = Counting(tmp_path), [f"lgn-{5:032x}"], [f"lgn-{n:032x}" for n in range(65)]
    with Session({"logins": [path]}) as tables:
        tables.find_by(index)
        whole = tables.keyed("logins", "login_id", few)
        assert tables.keyed("logins", "login_id", few) == whole
        assert tables.keyed("logins", "login_id", few, columns=["at_utc"]) == whole.select(["at_utc"])
        assert index.asked == 1
        # Neither many values nor many rows are kept.
        for column, values in (("login_id", many), ("exhibit_id", ["EX-1"])):
            before = index.asked
            assert tables.keyed("logins", column, values) == tables.keyed("logins", column, values)
            assert index.asked == before + 2
    index.close()


def test_ids_of_another_table_are_not_looked_for(path, indexes, monkeypatch):
    assert text_bounds(path, "login_id") == (f"lgn-{0:032x}", f"lgn-{1_999:032x}")
    assert text_bounds(path, "device") is None
    assert text_bounds(path, "none") is None
    monkeypatch.setattr(indexes, "_order", lambda *_: pytest.fail("the order of the ids was asked for"))
    with Session({"logins": [path]}) as tables:
        tables.find_by(indexes)
        assert tables.keyed("logins", "login_id", ["acc-1", "zzz-1"]).num_rows == 0
        with pytest.raises(pytest.fail.Exception):
            tables.keyed("logins", "login_id", [f"lgn-{5:032x}"])


def test_what_is_withheld_is_not_found_by_any_value(rows, path):
    gone = f"acc-{3:032x}"
    with Session({"logins": [path]}, withheld=[gone]) as tables:
        assert tables.keyed("logins", "account_id", [gone]).num_rows == 0
        one = by_filter(rows, "account_id", [gone])["login_id"][0].as_py()
        kept = [row["account_id"] for row in tables.keyed("logins", "login_id", [one]).to_pylist()]
        assert kept == [row["account_id"] for row in tables.arrow("logins").to_pylist() if row["login_id"] == one]


def test_several_files_are_one_table_in_its_order(rows, tmp_path):
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    write_parquet(rows.slice(1_000), paths[0])
    write_parquet(rows.slice(0, 1_000), paths[1])
    wanted = [f"acc-{3:032x}"]
    with Session({"logins": paths}) as tables:
        assert tables.keyed("logins", "account_id", wanted) == by_filter(rows, "account_id", wanted)


@pytest.fixture
def indexes(tmp_path):
    made = RowIndexes(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("indexed", [True, False])
def test_an_index_finds_what_the_bounds_find(rows, path, indexes, indexed):
    with Session({"logins": [path]}) as tables:
        if indexed:
            tables.find_by(indexes)
        for column in ("login_id", "account_id", "network_address", "exhibit_id"):
            for values in ([rows[column][5].as_py() or "none", "zz"], ["", "é"]):
                assert tables.keyed("logins", column, values) == by_filter(rows, column, values)
        assert tables.at("logins", [700, 3, 1_999]) == rows.take([3, 700, 1_999])
        assert tables.count("logins") == 2_000


def test_numbers_of_texts_are_those_of_the_published_vectors():
    # Landon Curt Noll, FNV hash, test vectors for 64-bit FNV-1a.
    texts = pa.array(["none of it", "", "a", None, "foobar"])[1:]
    expected = [0xCBF29CE484222325, 0xAF63DC4C8601EC8C, 0xCBF29CE484222325, 0x85944171F73967E8]
    assert text_numbers(texts).tolist() == expected


def test_numbers_of_many_values_are_not_kept(path, indexes):
    many = [f"lgn-{n:032x}" for n in range(65)]
    before = _looked_for.cache_info().currsize
    assert len(indexes.places(path, "login_id", many)) == 65
    assert _looked_for.cache_info().currsize == before
    indexes.places(path, "login_id", [f"lgn-{1_234:032x}"])
    assert _looked_for.cache_info().currsize == before + 1


def test_texts_of_one_number_are_told_apart(rows, tmp_path, indexes):
    long = ["x" * 64 + str(n) for n in range(3)]
    path = tmp_path / "long.parquet"
    pq.write_table(rows.slice(0, 3).set_column(0, "login_id", pa.array(long)), path)
    assert len(set(text_numbers(pa.array(long)).tolist())) == 1
    with Session({"logins": [path]}) as tables:
        tables.find_by(indexes)
        assert tables.keyed("logins", "login_id", [long[1]])["login_id"].to_pylist() == [long[1]]


def test_a_column_that_an_earlier_file_lacks_is_absent(rows, tmp_path, indexes):
    path = tmp_path / "old.parquet"
    pq.write_table(rows.drop_columns(["device"]), path)
    for finds in (indexes, None):
        with Session({"logins": [path]}) as tables:
            if finds:
                tables.find_by(finds)
            assert tables.keyed("logins", "login_id", [f"lgn-{5:032x}"])["device"].to_pylist() == [None]
            assert tables.keyed("logins", "device", ["phone"]).num_rows == 0


def test_what_is_made_of_files_is_made_once(path, rows, indexes):
    made = []
    for withheld in ((), (), ("acc-1",)):
        with Session({"logins": [path]}, withheld=withheld) as tables:
            tables.find_by(indexes)
            tables.once("it", ["logins"], lambda: made.append(1))
    assert len(made) == 2
    with Session({"logins": [path]}) as tables:
        tables.find_by(indexes)
        tables.put("logins", rows)
        tables.once("it", ["logins"], lambda: made.append(1))
    assert len(made) == 3
