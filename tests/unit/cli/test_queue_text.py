"""A pair on a terminal: both rows side by side, whatever the letters; a narrow terminal has one below the other."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from headwater.cli.queue_text import agreement_text, band_text, judgement_text, known_answers_text, pair_text

LONG = "Rua da Travessa do Poço dos Negros e das Oliveiras " * 3


def pair(**changes):
    bars = [("prior", -10_459, None, "so seldom"), ("email", 15_873, 2, "e-mail: equal"), ("phone", -1_322, None, "no")]
    total, comparisons = 0, []
    for field, weight, rows, sentence in bars:
        total += weight
        comparisons.append(
            {"field": field, "level": "x", "weight_mbits": weight, "sum_mbits": total, "rows_with_value": rows,
             "sentence": sentence}
        )  # fmt: skip
    return {
        "link_id": "lnk-1",
        "claim": "held",
        "left_table": "customers",
        "right_table": "records",
        "contrary": ["1 other person on record at the same address"],
        "left": {"customer_id": "cus-1", "actor": "northquay", "full_name": "山田 太郎", "street_address": LONG},
        "right": {"record_id": "rec-1", "full_name": "Taro Yamada", "street_address": "", "nickname": None},
        "candidates": [],
        "comparisons": comparisons,
        "match_weight_mbits": total,
        "probability_ppm": 943_300,
        "because": "e-mail",
        "score_hidden": False,
        "judged": None,
        "beside": [],
        **changes,
    }


def candidate(**changes):
    return {
        "right": {"record_id": "rec-2", "full_name": "Jiro Yamada", "phone": None},
        "match_weight_mbits": -3_210,
        "probability_ppm": 4_000,
        "differs": [{"field": "given_name", "level": "different", "better_by_mbits": -7_300}],
        **changes,
    }


@pytest.mark.parametrize("columns", [80, 100, 180])
def test_columns_stand_where_they_should_whatever_the_letters(columns):
    lines = pair_text(pair(), columns=columns).splitlines()
    (head,) = (line for line in lines if line.strip().startswith("customer "))
    place = head.index("record")
    (name,) = (line for line in lines if "Taro Yamada" in line)
    assert cell_len(name[: name.index("Taro")]) == place
    assert all(cell_len(line) <= columns for line in lines[: lines.index(name)])


def test_a_long_value_goes_on_in_the_next_line_and_nothing_is_cut():
    text = pair_text(pair(), columns=100)
    cells = [line[24:] for line in text.splitlines() if line.startswith((" " * 24, "  street address"))]
    assert "".join(cells).replace(" ", "").count("Oliveiras") == 3


def test_a_narrow_terminal_has_one_row_below_the_other():
    lines = pair_text(pair(), columns=60).splitlines()
    assert lines.index("  customer") < lines.index("    full name: 山田 太郎") < lines.index("  record")
    assert "    full name: Taro Yamada" in lines


def test_what_neither_row_holds_takes_no_line():
    assert "nickname" not in pair_text(pair(), columns=100)


def test_bars_have_their_sign_their_sum_and_how_many_rows_have_the_value():
    lines = pair_text(pair(), columns=120).splitlines()
    prior, email = (next(line for line in lines if line.strip().startswith(name)) for name in ("prior ", "email "))
    assert prior.split()[:3] == ["prior", "-10.46", "-10.46"]
    assert prior.rstrip().endswith("--|")
    assert email.split()[:4] == ["email", "+15.87", "+5.41", "2"]
    assert email.rstrip().endswith("|++++++++++++")
    assert "    e-mail: equal" in lines
    assert "  in all: +4.09 bits, probability 94.33 %" in lines


def test_a_rival_has_its_weight_and_what_is_better_or_worse():
    text = pair_text(pair(candidates=[candidate()]), columns=100)
    assert "rivals: 1 other candidate(s) for this customer" in text
    assert "rec-2  Jiro Yamada\n" in text
    assert "-3.21 bits, probability 0.40 %; worse in given name by 7.30 (different)" in text
    alike = candidate(differs=[])
    assert "equal in every field" in pair_text(pair(candidates=[alike]), columns=100)
    assert "rivals: no other candidate for this customer" in pair_text(pair(), columns=100)


@pytest.mark.parametrize(
    ("ppm", "words"),
    [(0, "under 0.01 %"), (100, "0.01 %"), (999_900, "99.99 %"), (999_999, "over 99.99 %"), (500_000, "50.00 %")],
)
def test_nothing_is_rounded_to_certainty(ppm, words):
    assert f"bits, probability {words}\n" in pair_text(pair(probability_ppm=ppm), columns=100)


def test_nothing_against_it_is_said_and_not_left_out():
    assert "  against: nothing on record\n" in pair_text(pair(contrary=[]), columns=100)


def test_a_hidden_score_is_told_and_not_shown():
    hidden = {name: value for name, value in pair(score_hidden=True).items() if name not in {
        "comparisons", "match_weight_mbits", "probability_ppm", "because",
    }}  # fmt: skip
    hidden["candidates"] = [{"right": candidate()["right"]}]
    text = pair_text(hidden, columns=100)
    assert "hidden until you have judged it" in text
    assert "bits" not in text
    assert "rec-2  Jiro Yamada" in text


TOLD = {
    "at_utc": "2026-01-01T00:00:00.000000Z", "operator": "B", "verdict": "negative", "claim": "used",
    "link_id": "lnk-1", "why": "no", "was_shown": True, "score_hidden": False, "weight_mbits": 1_500,
    "headwater_version": "2026.11", "judgement_id": "jdg-1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "weights shown (+1.50 bits); headwater 2026.11; jdg-1"),
        ({"score_hidden": True}, "weights hidden; headwater 2026.11"),
        ({"was_shown": False, "headwater_version": ""}, "not shown by the queue; version not recorded"),
    ],
)
def test_a_judgement_tells_on_what_it_was_given(changes, words):
    assert words in judgement_text({**TOLD, **changes})


def share(name, *values):
    return dict(zip((f"{name}_ppm", f"{name}_least_ppm", f"{name}_most_ppm"), values or (None,) * 3, strict=True))


def test_what_is_not_measured_is_said_to_be_so():
    known = {
        "operator": "B", "same_right": 0, "same_wrong": 0, "different_right": 0, "different_wrong": 0, "unsure": 2,
        "expected_ppm": None, **share("right"), **share("positives_right"),
    }  # fmt: skip
    text = known_answers_text(known)
    assert "0 of 0 known answers right, not measured; 2 unsure" in text
    assert "nothing, as they judged no link yet" in text
    told = {"expected_ppm": 900_000, **share("positives_right", 950_000, 900_000, 990_000)}
    assert "95.0 % (95 %: 90.0 to 99.0 %)" in known_answers_text({**known, **told})
    repeated = {"measure": "with_self", "operator": "B", "other": "B", "pairs": 1, "agreed": 1, "kappa_ppm": None}
    assert "B on pairs shown again: agreed in 1 of 1" in agreement_text({**repeated, **share("agreed", 1, 1, 1)})
    other = {**repeated, "measure": "with_other", "other": "C", "kappa_ppm": 400_000, **share("agreed", 1, 1, 1)}
    assert "B and C: agreed in 1 of 1" in agreement_text(other)
    assert "kappa 0.40" in agreement_text(other)
    assert "kappa not defined" in agreement_text({**repeated, **share("agreed", 1, 1, 1)})
    band = {
        "claim": "paid", "least_ppm": 990_000, "below_ppm": 999_000, "links": 3, "expected_ppm": 995_000,
        "judged_positive": 0, "judged_negative": 0, "judged_unsure": 0, "outcome_right": 0, "outcome_wrong": 0,
        **share("observed"),
    }  # fmt: skip
    assert band_text(band).startswith("paid, 99 to 99.9 %: 3 links; expected right 99.50 %, observed not measured")
