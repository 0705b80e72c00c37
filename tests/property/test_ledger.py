"""The ledger: whatever became of the entries, enumerated = catalogued + refused + deferred, and a gap shows."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.catalogue import catalogue_entries, ledger_sums, unaccounted
from headwater.engine import Session, StageContext
from headwater.schema import table_named


@st.composite
def entries(draw: st.DrawFn) -> list[dict[str, Any]]:
    names = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["EX-1", "EX-2"]),
                st.integers(0, 1),
                st.sampled_from(["", "a", "a/b", "ü"]),
                st.binary(min_size=1, max_size=2),
            ),
            unique=True,
            max_size=12,
        )
    )
    rows = []
    for exhibit, volume, directory, name in names:
        kind = draw(st.sampled_from(["file", "file", "directory", "symlink", "device"]))
        size = draw(st.integers(0, 2**40))
        disposition = draw(st.sampled_from(["catalogued", "refused", "deferred"]))
        rows.append(
            {
                "exhibit_id": exhibit,
                "volume_index": volume,
                "path": f"{directory}/{name!r}",
                "path_bytes": directory.encode() + b"/" + name,
                "directory": directory,
                "entry_type": kind,
                "size_bytes": size,
                "disposition": disposition,
                "reason": None if disposition == "catalogued" else "for a test",
                "read_bytes": size if disposition == "catalogued" and kind == "file" else 0,
                "head": b"text",
            }
        )
    return rows


def catalogued(rows: list[dict[str, Any]], tables: Session) -> None:
    tables.put("entries", table_named("entries").rows(rows))
    for name, table in catalogue_entries(StageContext(tables=tables)).items():
        tables.put(name, table)


@given(entries())
@settings(max_examples=25, deadline=None)
def test_every_entry_and_byte_goes_somewhere(rows):
    with Session({}) as tables:
        catalogued(rows, tables)
        assert unaccounted(tables) is None
        sums = ledger_sums(tables)
        ledger = tables.arrow("ledger").to_pylist()
    assert [line.source for line in sums] == sorted({row["exhibit_id"] for row in rows})
    for line in sums:
        mine = [row for row in rows if row["exhibit_id"] == line.source]
        assert line.entries == len(mine)
        assert line.entry_bytes == sum(row["size_bytes"] for row in mine if row["entry_type"] == "file")
        assert line.refused == sum(row["disposition"] == "refused" for row in mine)
        assert (line.unaccounted_entries, line.unaccounted_bytes) == (0, 0)
    places = {(row["exhibit_id"], row["volume_index"], row["directory"]) for row in rows}
    assert {(row["exhibit_id"], row["volume_index"], row["directory"]) for row in ledger} == places


@given(entries(), st.randoms())
@settings(max_examples=10, deadline=None)
def test_the_order_of_entries_does_not_show(rows, random):
    with Session({}) as one, Session({}) as other:
        catalogued(rows, one)
        random.shuffle(rows)
        catalogued(rows, other)
        for name in ("items", "ledger", "upload_items"):
            assert one.arrow(name).equals(other.arrow(name))


@given(entries().filter(lambda rows: any(r["entry_type"] == "file" and r["read_bytes"] for r in rows)))
@settings(max_examples=10, deadline=None)
def test_a_file_read_short_shows(rows):
    short = next(row for row in rows if row["entry_type"] == "file" and row["read_bytes"])
    short["read_bytes"] -= 1
    with Session({}) as tables:
        catalogued(rows, tables)
        found = unaccounted(tables)
    assert found is not None
    assert "0 entries and 1 bytes" in found
    assert short["exhibit_id"] in found


@given(entries().filter(bool))
@settings(max_examples=10, deadline=None)
def test_an_item_that_went_nowhere_shows(rows):
    rows[0]["disposition"] = "forgotten"
    with Session({}) as tables:
        catalogued(rows, tables)
        found = unaccounted(tables)
    assert found is not None
    assert "1 entries" in found
