"""A search finds what is there with so many letters wrong and nothing that has more, counted in another way."""

from __future__ import annotations

import string
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.engine import Session
from headwater.schema import table_named
from headwater.search import SEARCHED, SearchIndex, folded, forget_index, index_at, index_name, make_index
from headwater.search.finding import _edits
from headwater.search.folding import folded_column
from headwater.search.index import buffers_of
from headwater.search.kernels import FAR, pair_masks

HEX = st.text("0123456789abcdef", min_size=64, max_size=64)


def fewest_edits(query: str, text: str) -> int:
    """The fewest edits from the query to any part of the text, by the table of all prefixes."""
    before: list[int] | None = None
    row = list(range(len(query) + 1))
    best = row[-1]
    last = ""
    for letter in text:
        following = [0]
        for place, wanted in enumerate(query, 1):
            cost = min(following[-1] + 1, row[place] + 1, row[place - 1] + (wanted != letter))
            if before is not None and place > 1 and wanted == last and query[place - 2] == letter:
                cost = min(cost, before[place - 2] + 1)
            following.append(cost)
        before, row, last = row, following, letter
        best = min(best, row[-1])
    return best


WORD = st.text("abc ", min_size=1, max_size=24).map(lambda text: text.strip() or "a")


@settings(deadline=None)
@given(word=st.text("abc", min_size=1, max_size=18), texts=st.lists(WORD, min_size=1, max_size=12))
def test_the_distance_is_that_of_the_table_of_all_prefixes(word: str, texts: list[str]) -> None:
    most = 2 if len(word) >= 12 else 1 if len(word) >= 5 else 0
    content, offsets = buffers_of(pa.array(texts))
    masks = np.zeros(len(texts), np.uint64)
    pair_masks(content, offsets, masks)
    expected = [fewest_edits(word, text) for text in texts]
    assert _edits(content, offsets, masks, word).tolist() == [e if e <= most else FAR for e in expected]


@st.composite
def slipped(draw: st.DrawFn) -> tuple[str, str]:
    """A word, and a text it stands in with a slip or three, which may reach over the middle or a third of it."""
    word = draw(st.text(string.ascii_lowercase, min_size=5, max_size=40))
    letters = list(word)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.sampled_from([0, len(letters) // 3, len(letters) // 2, 2 * len(letters) // 3, len(letters) - 1]))
        letter = draw(st.sampled_from(string.ascii_lowercase))
        how = draw(st.sampled_from(["exchange", "leave out", "put in", "change"]))
        if how == "exchange" and at:
            letters[at - 1], letters[at] = letters[at], letters[at - 1]
        elif how == "leave out":
            del letters[at]
        elif how == "put in":
            letters.insert(at, letter)
        else:
            letters[at] = letter
    around = st.text(string.ascii_lowercase + " ", max_size=12)
    return word, draw(around) + "".join(letters) + draw(around)


@settings(deadline=None, max_examples=400)
@given(slipped())
def test_a_word_with_slips_is_found_wherever_they_are(pair: tuple[str, str]) -> None:
    word, text = pair
    most = 2 if len(word) >= 12 else 1
    content, offsets = buffers_of(pa.array([text]))
    masks = np.zeros(1, np.uint64)
    pair_masks(content, offsets, masks)
    expected = fewest_edits(word, text)
    assert _edits(content, offsets, masks, word).tolist() == [expected if expected <= most else FAR]


def test_of_those_with_as_few_edits_the_whole_comes_first_then_the_beginning_then_the_shortest(tmp_path: Path) -> None:
    names = [*(f"a meadow {number:03}" for number in range(300)), "meadow grass is greener here", "ye meadow", "meadow"]
    index = made(
        tmp_path, accounts=[row("accounts", account_id=f"acc-{n}", nickname=name) for n, name in enumerate(names)]
    )
    found, fitting = index.find("meadow", most=4)
    assert [one.value for one in found] == ["meadow", "meadow grass is greener here", "ye meadow", "a meadow 000"]
    assert fitting == len(names)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Zo\u00eb", "zoe"),
        ("  a\tB\n\nc ", "a b c"),
        ("\u0416\u0430\u043d\u043d\u0430", "zhanna"),
        ("", ""),
        ("\u202eabc", "abc"),
    ],
)
def test_capitals_accents_and_scripts_do_not_matter(text: str, expected: str) -> None:
    assert folded(text) == expected


@given(st.lists(st.none() | st.text(max_size=250), min_size=1, max_size=8))
def test_a_column_is_folded_as_each_of_its_values_is(texts: list[str | None]) -> None:
    found = folded_column(pa.chunked_array([pa.array(texts, pa.string())])).to_pylist()
    assert found == [None if text is None else folded(text) for text in texts]
    assert all(text is None or (text.isascii() and (text.isprintable())) for text in found)


def row(table: str, **given: Any) -> dict[str, Any]:
    filled: dict[str, Any] = {}
    for column in table_named(table).columns:
        kind = column.type
        if column.nullable:
            continue
        filled[column.name] = (
            [] if pa.types.is_list(kind) else 0 if pa.types.is_integer(kind) else b"" if pa.types.is_binary(kind)
            else False if pa.types.is_boolean(kind) else ""
        )  # fmt: skip
    return {**filled, **given}


def made(folder: Path, **tables: list[dict[str, Any]]) -> Any:
    with Session({}) as session:
        for name, rows in tables.items():
            session.put(name, table_named(name).rows(row(name, **one) for one in rows))
        (folder / "case").mkdir(exist_ok=True)
        index = SearchIndex(make_index(session, folder / "case", "x" * 32))
    return SimpleNamespace(
        find=index.find, best=lambda query: [(f.value, f.edits) for f in index.find(query)[0]], index=index
    )


ACCOUNTS = [
    {"account_id": f"acc-{n}", "platform_key": str(n), "nickname": name}
    for n, name in enumerate(["lake.walker", "LakeWalker77", "meadow", "Bj\u00f6rn Skog", "anna", "hannah"])
]


@pytest.fixture
def people(tmp_path: Path) -> Any:
    return made(tmp_path, accounts=ACCOUNTS)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("lakewalker", [("LakeWalker77", 0), ("lake.walker", 1)]),
        ("laekwalker", [("LakeWalker77", 1)]),  # two neighbours exchanged
        ("meadoww", [("meadow", 1)]),
        ("mxxdow", []),  # two letters wrong in six
        ("skog bjorn", [("Bj\u00f6rn Skog", 0)]),  # words in any order
        ("anna", [("anna", 0), ("hannah", 0)]),
        ("a", []),
        ("%", []),
    ],
)
def test_words_are_found_anywhere_the_likest_first(people: Any, query: str, expected: list[tuple[str, int]]) -> None:
    assert people.best(query) == expected


@settings(deadline=None, max_examples=30)
@given(
    codes=st.lists(HEX, min_size=1, max_size=20, unique=True),
    place=st.integers(0, 63),
    wrong=st.sampled_from("0123456789abcdef"),
)
def test_a_digest_is_found_with_any_one_digit_wrong(
    tmp_path_factory: pytest.TempPathFactory, codes: list[str], place: int, wrong: str
) -> None:
    items = [{"item_id": f"itm-{n}", "path_bytes": str(n).encode(), "sha256": code} for n, code in enumerate(codes)]
    index = made(tmp_path_factory.mktemp("index"), items=items)
    for code in codes:
        assert (code, 0) in index.best(code)
        assert (code, 0) in index.best(code[:12].upper())
        assert (code, 0) in index.best(code[-12:])
        slip = code[:place] + wrong + code[place + 1 :]
        assert (code, int(wrong != code[place])) in index.best(slip)


def test_what_is_told_is_counted_and_the_rest_too(tmp_path: Path) -> None:
    accounts = [
        {"account_id": f"acc-{n:03}", "platform_key": f"{n}", "nickname": "walker" + "x" * (n % 7)} for n in range(250)
    ]
    index = made(tmp_path, accounts=accounts)
    found, fitting = index.find("walker", most=20)
    assert (len(found), fitting) == (20, 250)
    assert {one.value for one in found} == {"walker"}


def test_an_index_is_of_what_the_case_holds_and_goes_when_asked(tmp_path: Path, people: Any) -> None:
    assert index_name({"a": "1"}, []) != index_name({"a": "2"}, []) != index_name({"a": "2"}, ["acc-1"])
    case = tmp_path / "case"
    assert index_at(case, "x" * 32) is not None
    forget_index(case)
    assert index_at(case, "x" * 32) is None
    assert not (case / "search").exists()
    del people


def test_every_searched_column_is_one_of_text() -> None:
    for one in SEARCHED:
        assert table_named(one.table).arrow.field(one.column).type == pa.string(), one
    assert len(set(SEARCHED)) == len(SEARCHED)
    assert set(string.hexdigits.lower()) <= set(folded(string.hexdigits))
