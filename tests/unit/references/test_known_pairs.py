"""Pairs of known answer: what a good row is, and which are none."""

from __future__ import annotations

import pytest

from headwater.engine import Session
from headwater.errors import InputError
from headwater.references import import_reference, reference_files

HEADER = "claim,answer,source,left_nickname,left_email,left_full_name,left_actor,left_registered_at_utc,right_full_name"
USED = "used,same,closed case 7,owl,owl@mail.test,,,2026-01-02T03:04:05Z,Ana Reed"
HELD = "held,different,invented,,,Ana Reed,northquay,,Ana Reed"


def imported(case, *rows, name="pairs", **options):
    path = case / "source.csv"
    path.write_text("\n".join((HEADER, *rows)) + "\n")
    import_reference(case, "known-pairs", path, name=name, version="1", **options)
    with Session(reference_files(case)) as session:
        return session.arrow("known_pairs").to_pylist()


def test_a_pair_has_an_id_of_what_it_says_on_either_side(tmp_path):
    first, second = sorted(imported(tmp_path, USED, HELD), key=lambda row: row["reference_row"])
    assert (first["claim"], first["answer"], first["left_email"]) == ("used", "same", "owl@mail.test")
    assert first["left_id"].startswith("acc-")
    assert second["left_id"].startswith("cus-")
    assert first["right_id"] == second["right_id"]
    assert first["right_id"].startswith("rec-")
    again = [row for row in imported(tmp_path, HELD, name="more") if row["reference_name"] == "more"]
    assert again[0]["left_id"] == second["left_id"]
    assert again[0]["known_pair_id"] != second["known_pair_id"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (USED.replace("used", "paid", 1), "a payment is tied by its trace alone"),
        (USED.replace("same", "perhaps", 1), "none of same, different"),
        (USED.replace("closed case 7", ""), "'source' is empty"),
        (USED.replace("Ana Reed", ""), "'right_full_name' is empty"),
        ("used,same,x,,,Ana Reed,,,Ana Reed", "the left row holds nothing of left_nickname, left_email, left_phone"),
        (HELD.replace("northquay", ""), "'left_actor' is empty"),
        (USED.replace("05Z", "05"), "zone"),
    ],
)
def test_what_is_no_pair_is_refused_with_its_reason(row, reason, tmp_path):
    with pytest.raises(InputError, match=reason):
        imported(tmp_path, row)


def test_a_pair_stands_once(tmp_path):
    with pytest.raises(InputError, match="stands here already"):
        imported(tmp_path, USED, USED)
    assert len(imported(tmp_path, USED, USED, accept_defects=True)) == 1
