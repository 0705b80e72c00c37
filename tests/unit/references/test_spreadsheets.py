"""Customer returns in spreadsheets and through column maps: what a cell becomes, and what is refused."""

from __future__ import annotations

import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.engine import Session
from headwater.errors import ConfigError, HeadwaterError, UnreadableInputError
from headwater.references import (
    KINDS,
    REGISTER_COLUMNS,
    import_reference,
    read_column_map,
    reference_files,
    template_text,
)

TXID = "c" * 64
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STYLES = (
    f'<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="170" formatCode="dd\\.mm\\.yyyy\\ hh:mm"/>'
    '<numFmt numFmtId="171" formatCode="&quot;days&quot;\\ 0.00"/></numFmts>'
    '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="170"/><xf numFmtId="171"/></cellXfs></styleSheet>'
)


def cell(value):
    """A cell of the sheet: text, (number, style) or raw XML."""
    if isinstance(value, tuple):
        return f'<c s="{value[1]}"><v>{value[0]}</v></c>'
    return value if value.startswith("<c") else f'<c t="inlineStr"><is><t>{value}</t></is></c>'


def book(path, rows, *, sheets=("One",), strings=(), properties="", extra=None):
    body = "".join(f'<row r="{n}">{"".join(map(cell, row))}</row>' for n, row in rows)
    listed = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in enumerate(sheets, start=1))
    shared = "".join(f"<si>{text}</si>" for text in strings)
    parts = {
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{LINKS}">{properties}'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": "<Relationships>"
        + "".join(f'<Relationship Id="r{n}" Target="worksheets/sheet{n}.xml"/>' for n in range(1, len(sheets) + 1))
        + "</Relationships>",
        "xl/styles.xml": STYLES,
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{shared}</sst>',
        f"xl/worksheets/sheet{len(sheets)}.xml": f'<worksheet xmlns="{MAIN}"><sheetData>{body}</sheetData></worksheet>',
        **(extra or {}),
    }
    for number in range(1, len(sheets)):
        parts[f"xl/worksheets/sheet{number}.xml"] = f'<worksheet xmlns="{MAIN}"/>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return path


def rows_of(case, table):
    with Session(reference_files(case)) as session:
        return sorted(session.arrow(table).to_pylist(), key=lambda row: row["reference_row"])


def taken(case, path, kind, columns=None, **options):
    chosen = None
    if columns is not None:
        (case / "map.yaml").write_text(columns)
        chosen = read_column_map(case / "map.yaml", kind)
    return import_reference(case, kind, path, name=options.pop("name", "one"), version="1", columns=chosen, **options)


CUSTOMERS = """version: 1
header_row: 3
sheet: People
constants: {actor: northquay}
columns:
  source_key: Customer No
  full_name: Name
  date_of_birth: Born
"""
MOVES = """version: 1
constants: {actor: northquay}
columns:
  source_key: Customer
  direction: {column: Type, values: {IN: deposit, OUT: withdrawal}}
  txid: Hash
  address: Wallet
  amount_sat: {column: BTC, unit: btc}
  at_utc: {column: Booked, zone: Europe/Berlin}
"""
HEAD = ["Customer", "Type", "Hash", "Wallet", "BTC", "Booked"]


def test_a_return_in_a_spreadsheet_with_its_own_columns(tmp_path):
    strings = ("<t>Marta Quill</t>", "<r><t>Otto </t></r><r><t>Reed</t></r><rPh><t>o-to</t></rPh>")
    people = [
        (1, ["Return of customers"]),
        (3, ["Customer No", "Name", "Born", "Note"]),
        (4, [(1001, 0), '<c t="s"><v>0</v></c>', (29221, 1), '<c t="e"><v>#REF!</v></c>']),
        (6, ["A-7", '<c t="s"><v>1</v></c>', "1980-05", ""]),
    ]
    taken(
        tmp_path, book(tmp_path / "p.xlsx", people, sheets=("Notes", "People"), strings=strings), "customers", CUSTOMERS
    )
    found = [(r["actor"], r["source_key"], r["full_name"], r["date_of_birth"]) for r in rows_of(tmp_path, "customers")]
    assert found == [
        ("northquay", "1001", "Marta Quill", "1980-01-01"),
        ("northquay", "A-7", "Otto Reed", "1980-05"),
    ]
    moves = [
        (1, HEAD),
        (2, ["1001", "OUT", TXID, "bcrt1qone", (0.12345677999999999, 0), (46000.5, 2)]),
        (3, ["A-7", "IN", "", "bcrt1qtwo", "0.00000001", "2026-01-02T03:04:05Z"]),
    ]
    taken(tmp_path, book(tmp_path / "m.xlsx", moves), "customer-transactions", MOVES, name="moves")
    first, second = rows_of(tmp_path, "customer_transactions")
    assert (first["amount_sat"], first["direction"]) == (12_345_678, "withdrawal")
    assert first["at_utc"].isoformat() == "2025-12-09T11:00:00+00:00"
    assert (second["amount_sat"], second["txid"], second["direction"]) == (1, None, "deposit")
    assert second["at_utc"].isoformat() == "2026-01-02T03:04:05+00:00"
    seal = (tmp_path / "references" / "moves@1" / "seal.json").read_text()
    assert "Europe/Berlin" in seal


def test_the_same_map_reads_csv(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("Returned by Northquay\nCustomer No;Name;Born\n7;Marta Quill;03.04.1980\n")
    columns = CUSTOMERS.replace("header_row: 3", "header_row: 2").replace(
        "date_of_birth: Born", 'date_of_birth: {column: Born, format: "%d.%m.%Y"}'
    )
    taken(tmp_path, path, "customers", columns)
    assert [row["date_of_birth"] for row in rows_of(tmp_path, "customers")] == ["1980-04-03"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({1: "BOTH"}, "does not list"),
        ({4: "0.123456789"}, "no whole number of satoshis"),
        ({4: "1,5"}, "not an amount of bitcoin"),
        ({5: "2025-10-26T02:30:00"}, "showed twice"),
        ({5: "2026-03-29T02:30:00"}, "showed twice or never"),
        ({5: (46000, 0)}, "not as the column map says"),
        ({0: (12345678901234567, 0)}, "more digits"),
        ({0: '<c t="e"><v>#N/A</v></c>'}, "the spreadsheet says #N/A"),
        ({0: '<c t="s"><v>9</v></c>'}, "a text that is not there"),
    ],
)
def test_a_cell_that_cannot_be_relied_upon_makes_its_row_a_bad_one(tmp_path, changed, reason):
    row = ["1001", "OUT", TXID, "bcrt1qone", "1.5", "2026-01-02T03:04:05"]
    for place, value in changed.items():
        row[place] = value
    path = book(tmp_path / "m.xlsx", [(1, HEAD), (2, row)])
    with pytest.raises(UnreadableInputError, match=reason):
        taken(tmp_path, path, "customer-transactions", MOVES)
    assert reference_files(tmp_path) == {}


def test_dates_of_both_systems_and_formats(tmp_path):
    rows = [(1, ["actor", "source_key", "full_name", "date_of_birth"]), (2, ["a", "1", "A", (100, 1)])]
    taken(tmp_path, book(tmp_path / "a.xlsx", rows), "customers", name="a")
    rows[1][1][1] = "2"
    path = book(tmp_path / "b.xlsx", rows, properties='<workbookPr date1904="1"/>')
    taken(tmp_path, path, "customers", name="b")
    rows[1][1][1] = "3"
    rows[1][1][3] = (2.5, 3)  # the letters in quotation marks are no date
    taken(tmp_path, book(tmp_path / "c.xlsx", rows), "customers", name="c")
    born = {row["source_key"]: row["date_of_birth"] for row in rows_of(tmp_path, "customers")}
    assert born == {"1": "1900-04-09", "2": "1904-04-10", "3": "2.5"}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"sheets": ("One", "Two")}, "2 sheets"),
        ({"extra": {"xl/worksheets/sheet1.xml": "<!DOCTYPE x [<!ENTITY a 'b'>]><worksheet/>"}}, "document type"),
        ({"extra": {"xl/worksheets/sheet1.xml": "<worksheet"}}, "not valid XML"),
        ({"extra": {"xl/_rels/workbook.xml.rels": "<Relationships/>"}}, "the part that holds the sheet"),
        ({"extra": {"xl/worksheets/sheet1.xml": '<w><row><c r="ZZZZ1"><v>1</v></c></row></w>'}}, "columns"),
    ],
)
def test_a_spreadsheet_that_is_none_or_does_harm_is_refused(tmp_path, options, reason):
    with pytest.raises(UnreadableInputError, match=reason):
        taken(tmp_path, book(tmp_path / "x.xlsx", [(1, HEAD)], **options), "customers")


def test_what_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("headwater.references.spreadsheet._MOST_BYTES", 1 << 20)
    path = book(tmp_path / "x.xlsx", [], extra={"xl/worksheets/sheet1.xml": "<w>" + " " * (4 << 20) + "</w>"})
    with pytest.raises(UnreadableInputError, match="unpacks to more"):
        taken(tmp_path, path, "customers")


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64), "under a password"), (b"PK\x03\x04", "XLSX")],
)
def test_another_kind_of_file_is_named(tmp_path, content, reason):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(UnreadableInputError, match=reason):
        taken(tmp_path, tmp_path / "x", "customers")


@given(cut=st.integers(0, 10_000), flipped=st.integers(0, 10_000), to=st.integers(0, 255))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_damage_is_read_or_refused_in_one_clear_line(tmp_path, cut, flipped, to):
    path = book(tmp_path / "x.xlsx", [(1, HEAD), (2, ["1", "IN", TXID, "a", "1", "2026-01-02T03:04:05"])])
    content = bytearray(path.read_bytes())
    content[flipped % len(content)] = to
    path.write_bytes(content[: len(content) - cut % 40])
    (tmp_path / "map.yaml").write_text(MOVES)
    columns = read_column_map(tmp_path / "map.yaml", "customer-transactions")
    refusal, read = "", 0
    try:
        reading = KINDS["customer-transactions"].read(path, columns)
        read = len(reading.bad_rows) + sum(map(len, reading.tables.values()))
    except HeadwaterError as error:
        refusal = str(error)
    assert not refusal or (str(path) in refusal and "\n" not in refusal)
    assert read <= 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", "not valid YAML"),
        ("version: 2\ncolumns: {}", "version: 1"),
        ("version: 1\nrows: 3\ncolumns: {}", "the map has 'rows'; known are version, sheet"),
        ("version: 1\ncolumns: {fullname: Name}", "no column 'fullname' of ours; known are actor, source_key"),
        ("version: 1\ncolumns: {actor: A, source_key: B}", "nothing gives 'full_name'"),
        ("version: 1\ncolumns: {actor: {clm: A}}", "known are column, zone"),
        ("version: 1\ncolumns: {actor: {zone: Europe/Berlin}}", "column is the name of a column"),
        ("version: 1\ncolumns: {full_name: {column: A, unit: btc}}", "unit is 'btc'; known are none"),
        ("version: 1\ncolumns: {full_name: {column: A, zone: Mars}}", "zone is 'Mars'"),
        ("version: 1\nconstants: {actor: 1.5}\ncolumns: {full_name: A, source_key: B}", "write it as text"),
        ("version: 1\nconstants: {actor: a}\ncolumns: {actor: A, full_name: A, source_key: B}", "both a column and"),
        ("version: 1\nheader_row: 0\nconstants: {actor: a}\ncolumns: {full_name: A, source_key: B}", "row number"),
    ],
)
def test_a_map_that_is_not_understood_says_what_is_wrong(tmp_path, text, words):
    (tmp_path / "map.yaml").write_text(text)
    with pytest.raises(ConfigError, match=words):
        read_column_map(tmp_path / "map.yaml", "customers")


def test_a_map_names_columns_that_are_there(tmp_path):
    path = book(tmp_path / "m.xlsx", [(1, [*HEAD[:5], "Time"])])
    with pytest.raises(UnreadableInputError, match=r"'Booked' is missing \(found: Customer, Type"):
        taken(tmp_path, path, "customer-transactions", MOVES)
    path = book(tmp_path / "n.xlsx", [(1, [*HEAD, "Type"])])
    with pytest.raises(UnreadableInputError, match="'Type' stands in the header 2 times"):
        taken(tmp_path, path, "customer-transactions", MOVES)
    with pytest.raises(ConfigError, match="--columns is for services"):
        read_column_map(tmp_path / "map.yaml", "tag-pack")


def test_prices_stand_once_and_are_whole(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text(
        "day,currency,price_minor,source\n2026-01-01,EUR,5000000,x\n2026-01-01,EUR,5000001,x\n2026-01-02,eur,5,x\n"
        "2026-1-3,EUR,5,x\n2026-01-04,EUR,5.5,x\n2026-01-05,EUR,0,x\n2026-01-06,EUR,7,\n2026-01-06,JPY,7000000,x\n"
    )
    done = taken(tmp_path, path, "prices", accept_defects=True)
    assert (done.rows, done.defects) == (2, 6)
    assert [(r["day"], r["currency"], r["price_minor"]) for r in rows_of(tmp_path, "prices")] == [
        ("2026-01-01", "EUR", 5_000_000),
        ("2026-01-06", "JPY", 7_000_000),
    ]


def test_a_register_made_before_it_had_a_source_is_read(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text(
        "actor,name,kind,country,legal_contact,custodial,source\nnq,North,exchange,IE,a@b.example,yes,letter\n"
    )
    taken(tmp_path, path, "services")
    (file,) = reference_files(tmp_path)["services"]
    old = pq.read_table(file).drop_columns(["source"])
    pq.write_table(pa.Table.from_arrays(old.columns, schema=old.schema), file)
    assert [row["source"] for row in rows_of(tmp_path, "services")] == [None]


@pytest.mark.parametrize("kind", REGISTER_COLUMNS)
def test_a_template_is_a_file_of_its_kind_without_a_row(tmp_path, kind):
    path = tmp_path / "t.csv"
    path.write_text(template_text(kind))
    with pytest.raises(UnreadableInputError, match="holds no row"):
        taken(tmp_path, path, kind)
