"""Two files linked: what is bound, what is compared, what is refused, and that nothing half-written stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from headwater.errors import ConfigError, HeadwaterError, InputError
from headwater.identities import LinkOptions, link_files
from headwater.identities.linkage.column_map import read_column_map
from headwater.identities.linkage.features import features_of
from headwater.identities.linkage.forms import dates, email_parts, latin, phone_numbers, street_and_number
from headwater.identities.linkage.linkage_model import LEVELS, read_linkage_model
from headwater.identities.linkage.rivals import beside_rivals
from headwater.identities.linkage.weighed import SUMS, WeighedPairs
from headwater_synth.two_files import CLEAN, two_files, write_two_files

MADE = two_files(400, seed=3, left_errors=CLEAN, right_errors=CLEAN)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    return write_two_files(MADE, tmp_path)


def linked(files: tuple[Path, Path, Path], out: Path, **options: object) -> list[dict[str, object]]:
    link_files(*files, out, LinkOptions(**options))
    return pa_csv.read_csv(out).to_pylist()


def test_people_of_both_files_are_found_and_weights_add_up(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    rows = linked(files, tmp_path / "links.csv")
    right = MADE.right_links([r["left_id"] for r in rows], [r["right_id"] for r in rows])
    assert right.sum() >= 0.95 * MADE.same
    assert right.mean() >= 0.98
    report = link_files(*files, tmp_path / "links.csv", LinkOptions())
    for row in rows:
        parts = [v for name, v in row.items() if name.endswith("_bits") and name != "match_weight_bits"]
        total = report.priors.same_mbits / 1000 + sum(v for v in parts if v is not None)
        assert abs(total - row["match_weight_bits"]) < 0.0005
        assert row["model_id"] == report.model_id
    assert [(r["left_id"], r["right_id"]) for r in rows] == sorted((r["left_id"], r["right_id"]) for r in rows)
    assert abs(report.expected_precision_ppm / 1e6 - right.mean()) < 0.03


def test_parquet_in_and_out_gives_the_same_links(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    for side in (0, 1):
        pq.write_table(pa_csv.read_csv(files[side]), files[side].with_suffix(".parquet"))
    before = linked(files, tmp_path / "links.csv")
    swapped = tuple(f.with_suffix(".parquet") if f.suffix == ".csv" else f for f in files)
    link_files(*swapped, tmp_path / "links.parquet", LinkOptions())
    assert [r["left_id"] for r in pq.read_table(tmp_path / "links.parquet").to_pylist()] == [
        r["left_id"] for r in before
    ]


def test_a_file_with_itself_pairs_no_row_with_itself_and_each_pair_once(tmp_path: Path) -> None:
    both = pa.concat_tables([MADE.left, MADE.right])
    pa_csv.write_csv(both, tmp_path / "one.csv")
    (tmp_path / "map.toml").write_text("".join(f'{n} = "{n}"\n' for n in both.column_names))
    files = (tmp_path / "one.csv", tmp_path / "one.csv", tmp_path / "map.toml")
    rows = linked(files, tmp_path / "links.csv")
    pairs = {frozenset((r["left_id"], r["right_id"])) for r in rows}
    assert len(pairs) == len(rows)
    assert all(len(pair) == 2 for pair in pairs)
    assert len(rows) >= 0.95 * MADE.same


def test_one_to_one_uses_no_row_twice_and_a_forbidden_pair_stays_out(
    files: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    rows = linked(files, tmp_path / "links.csv", one_to_one=True, min_probability_ppm=1)
    for side in ("left_id", "right_id"):
        assert len({r[side] for r in rows}) == len(rows)
    best = max(rows, key=lambda r: r["match_weight_bits"])
    (tmp_path / "no.csv").write_text(f"left_id,right_id\n{best['left_id']},{best['right_id']}\n")
    without = linked(files, tmp_path / "links.csv", cannot_link=tmp_path / "no.csv")
    assert (best["left_id"], best["right_id"]) not in {(r["left_id"], r["right_id"]) for r in without}
    (tmp_path / "no.csv").write_text("left_id,right_id\nnobody,R1\n")
    with pytest.raises(InputError, match="'nobody' is not among the rows"):
        linked(files, tmp_path / "links.csv", cannot_link=tmp_path / "no.csv")


def test_twins_namesakes_and_absence_are_no_agreement(tmp_path: Path) -> None:
    """Beside four hundred others: a twin, a father and a son, and two rows that say nothing."""
    head = ("id", "given_name", "surname", "date_of_birth", "street_number", "address", "suburb", "postcode")
    home = ("7", "larch street", "dunmore", "20455")
    left = [("a1", "karolin", "mubasi", "1990-04-07", *home), ("a2", "peter", "tolvane", "1950-02-03", *home)]
    left += [("a3", *[None] * 7), ("a4", "adela", "quistor", "1981-09-12", *home)]
    right = [("b1", "judith", "mubasi", "1990-04-07", *home), ("b2", "peter", "tolvane", "1979-11-21", *home)]
    right += [("b3", *[None] * 7), ("b4", "quistor", "adela", "1981-12-09", "9", "high road", "elmford", "30001")]
    others = [MADE.left.select(list(head)).to_pylist(), MADE.right.select(list(head)).to_pylist()]
    paths = []
    for name, rows, rest in (("l", left, others[0]), ("r", right, others[1])):
        table = pa.Table.from_pylist([dict(zip(head, r, strict=True)) for r in rows] + rest)
        paths.append(tmp_path / f"{name}.csv")
        pa_csv.write_csv(table, paths[-1])
    (tmp_path / "map.toml").write_text("".join(f'{n} = "{n}"\n' for n in head))
    rows = linked((*paths, tmp_path / "map.toml"), tmp_path / "links.csv")
    ours = {(r["left_id"], r["right_id"]) for r in rows if r["left_id"].startswith("a")}
    assert ours == {("a4", "b4")}


def test_an_address_made_of_a_name_says_little_beside_the_name(tmp_path: Path) -> None:
    head = ("id", "given_name", "surname", "date_of_birth", "email")
    rows = ("nadia", "renwick"), ("1960-01-01", "1988-10-30")
    bits = []
    for email in ("nadia.renwick@mail.example", "xq77@mail.example"):
        for name, side, born in (("l", MADE.left, rows[1][0]), ("r", MADE.right, rows[1][1])):
            row = dict(zip(head, (f"{name}x", *rows[0], born, email), strict=True))
            others = side.select(list(head)).to_pylist()
            pa_csv.write_csv(pa.Table.from_pylist([row, *others]), tmp_path / f"{name}.csv")
        (tmp_path / "map.toml").write_text("".join(f'{n} = "{n}"\n' for n in head))
        found = linked((tmp_path / "l.csv", tmp_path / "r.csv", tmp_path / "map.toml"), tmp_path / "links.csv")
        bits += [r["email_bits"] for r in found if (r["left_id"], r["right_id"]) == ("lx", "rx")]
    made_of_name, other = bits
    assert made_of_name < 5
    assert other > 8


def test_full_names_are_compared_with_their_parts(tmp_path: Path) -> None:
    left = MADE.left.select(["id", "given_name", "surname", "date_of_birth", "postcode"])
    parts = zip(*(MADE.right[c].to_pylist() for c in ("given_name", "surname")), strict=True)
    whole = [None if not (g and s) else f"{s.upper()}, {g}" if n % 2 else f"{g} {s}" for n, (g, s) in enumerate(parts)]
    right = MADE.right.select(["id", "date_of_birth", "postcode"]).append_column("name", pa.array(whole, pa.string()))
    pa_csv.write_csv(left, tmp_path / "l.csv")
    pa_csv.write_csv(right, tmp_path / "r.csv")
    (tmp_path / "map.toml").write_text(
        'date_of_birth = "date_of_birth"\npostcode = "postcode"\n'
        '[left]\nid = "id"\ngiven_name = "given_name"\nsurname = "surname"\n[right]\nid = "id"\nfull_name = "name"\n'
    )
    rows = linked((tmp_path / "l.csv", tmp_path / "r.csv", tmp_path / "map.toml"), tmp_path / "links.csv")
    assert MADE.right_links([r["left_id"] for r in rows], [r["right_id"] for r in rows]).mean() > 0.9
    assert len(rows) > 0.7 * MADE.same
    assert all(r["given_name_bits"] is not None or r["surname_bits"] is not None for r in rows[:20])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f[2].write_text('id = "id"\nsurname = "family"\n'), "has no column 'family'"),
        (lambda f: f[2].write_text('id = "id"\nsurname = "email"\nemail = "email"\n'), "'email' is bound twice"),
        (lambda f: f[2].write_text('id = "surname"\nemail = "email"\n'), "is no id|has no id"),
        (lambda f: f[2].write_text('surname = "surname"\n'), "no id column for the left file"),
        (lambda f: f[2].write_text('id = "id"\nshoe = "surname"\n'), "'shoe' is no field"),
        (lambda f: f[2].write_text("id = \n"), "not a column map"),
        (lambda f: f[0].write_text(""), "is empty"),
        (lambda f: f[0].write_text("id,given_name\n"), "holds no rows|has no column"),
        (lambda f: f[0].write_bytes(b"PAR1 nothing"), "has no column|cannot be read|holds no rows"),
        (lambda f: f[0].unlink(), "no such file"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    files: tuple[Path, Path, Path], tmp_path: Path, change: object, message: str
) -> None:
    change(files)
    out = tmp_path / "links.csv"
    out.write_text("as it was")
    with pytest.raises(HeadwaterError, match=message) as caught:
        link_files(*files, out, LinkOptions())
    assert "\n" not in str(caught.value)
    assert out.read_text() == "as it was"
    assert not list(tmp_path.glob(".*part"))


def test_a_single_row_and_rows_that_say_nothing_give_no_link(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("id,email\n1,a@b.example\n")
    (tmp_path / "none.csv").write_text("id,email\n1,\n2,\n")
    (tmp_path / "map.toml").write_text('id = "id"\nemail = "email"\n')
    for right in ("one.csv", "none.csv"):
        report = link_files(
            tmp_path / "one.csv", tmp_path / right, tmp_path / "map.toml", tmp_path / "l.csv", LinkOptions()
        )
        assert (report.links, report.expected_precision_ppm) == (0, None)
        assert (tmp_path / "l.csv").read_text().startswith("left_id,right_id,match_weight_bits,probability,email_bits")


def test_an_unknown_suffix_is_refused_before_anything_is_read(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="suffix says no format"):
        link_files(*files, tmp_path / "links.xlsx", LinkOptions())


def test_a_map_may_say_once_what_is_the_same_and_join_columns(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(
        '[columns]\nid = "n"\naddress = ["street", "flat"]\nsurname = { left = "name", right = "family" }\n'
        '[left]\nemail = "mail"\n'
    )
    found = read_column_map(tmp_path / "m.toml")
    assert found.left.columns == {"address": ("street", "flat"), "surname": ("name",), "email": ("mail",)}
    assert found.right.columns == {"address": ("street", "flat"), "surname": ("family",)}
    assert found.left.id_column == found.right.id_column == "n"


def test_dates_are_read_in_many_forms_and_partly() -> None:
    texts = ["19081209", "09121908", "1908-12-09", "9.12.1908", "12/09/1908", "25/12/08", "12/25/1908", "9 Dec 1908"]
    texts += ["Dec 9, 1908", "1908-12", "1908", "1908-12-09T00:00:00", "nothing", "", "19451399"]
    expected = [19081209, 19081209, 19081209, 19081209, 19080912, 20081225, 19081225, 19081209]
    expected += [19081209, 19081200, 19080000, 19081209, 0, 0, 19451399]
    assert dates(pa.array(texts), 2029).tolist() == expected


def test_phones_emails_and_addresses_take_one_form() -> None:
    written, ends = phone_numbers(
        pa.array(["+49 (0)30 1234567", "030/1234567", "0049301234567", "030 1234567", "12", None]),
        pa.array(["", "DE", None, None, "DE", "DE"]),
    )
    assert written.to_pylist() == ["+49301234567", "+49301234567", "+49301234567", "301234567", None, None]
    assert ends.to_pylist()[:4] == ["01234567"] * 4
    whole, local = email_parts(pa.array(["A.B+x@GoogleMail.com", "a.b@mail.example", "nobody", None]))
    assert whole.to_pylist() == ["ab@gmail.com", "a.b@mail.example", None, None]
    assert local.to_pylist() == ["ab", "a.b", None, None]
    street, number = street_and_number(latin(pa.array(["12a Larch Street", "Lärchenstraße 7", "unknown", None])))
    assert street.to_pylist() == ["larchst", "larchenstrasse", None, None]
    assert [n or None for n in number.to_pylist()] == ["12a", "7", None, None]


def test_features_of_one_file_are_one_array() -> None:
    alone = features_of(MADE.left, None, latest_year=2029)
    assert alone.left is alone.right


def test_models_that_cannot_be_are_refused(tmp_path: Path) -> None:
    good = (Path(read_linkage_model.__code__.co_filename).with_name("linkage_model.toml")).read_text()
    assert list(read_linkage_model().comparisons) == list(LEVELS)
    for old, new, message in (
        ("format = 2", "format = 9", "model format 9"),
        ("moved_ppm = 80_000", "moved_ppm = 0", "moved_ppm is 0"),
        ('["email"],', '["shoe"],', "blocking column"),
        ('level = "one edit", m_ppm = 110_000', 'level = "an edit", m_ppm = 110_000', "has levels"),
        ("m_ppm = 750_000, usual_ppm = 4_000", "m_ppm = 750_000, u_ppm = 3", "leave u_ppm out"),
        ("[comparisons]", "[comparison]", "not a linkage model"),
    ):
        assert old in good
        (tmp_path / "m.toml").write_text(good.replace(old, new, 1))
        with pytest.raises(ConfigError, match=message):
            read_linkage_model(tmp_path / "m.toml")


def test_a_rival_takes_from_what_is_weaker_and_equal_ones_from_each_other() -> None:
    def pairs(listed: list[tuple[int, int, int]]) -> list[int]:
        table = np.array(listed)
        nothing = np.zeros((len(listed), len(LEVELS)), np.int32)
        found = beside_rivals(
            WeighedPairs(
                pairs=table[:, :2].astype(np.int32), levels=nothing,
                weights_mbits=np.zeros((len(listed), len(LEVELS) + len(SUMS)), np.int32), total_mbits=table[:, 2],
            )
        )  # fmt: skip
        return found.total_mbits.tolist()

    apart = [(n, n, 20_000) for n in range(1, 200)]
    strong, weak, *_ = pairs([(0, 0, 20_000), (0, 300, 3_000), *apart])
    assert strong == 20_000
    assert weak < -3_000
    first, second, *_ = pairs([(0, 0, 3_000), (0, 300, 3_000), *apart])
    assert first == second < 1_000
    # Where rows have many strong partners, the file has duplicates, and nothing much is taken.
    doubles = [(n, m, 20_000) for n in range(10_000) for m in (2 * n, 2 * n + 1)]
    assert min(pairs(doubles)) >= 19_990
