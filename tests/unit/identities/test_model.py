"""The linkage model: probabilities that sum to one, weights in whole numbers, and a refusal of anything else."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from headwater.identities.model import weight_mbits
from hypothesis import given
from hypothesis import strategies as st

from headwater import identities
from headwater.errors import ConfigError
from headwater.identities import read_model

MODEL = Path(identities.__file__).with_name("model.toml")
COMPARISONS = [
    (name, comparison) for name, claim in sorted(read_model().claims.items()) for comparison in claim.comparisons
]


def ids(value):
    return value if isinstance(value, str) else getattr(value, "field", None)


def test_the_three_claims_are_apart():
    model = read_model()
    assert sorted(model.claims) == ["held", "paid", "used"]
    assert model.model_id.startswith("mdl-")
    # A payer's match never asserts use: nothing that a customer return says is compared for it.
    used = {name for comparison in model.claims["used"].comparisons for name in comparison.needs}
    assert used == {"email", "phone", "nickname"}


@pytest.mark.parametrize(("claim", "comparison"), COMPARISONS, ids=ids)
def test_probabilities_are_probabilities(claim, comparison):
    assert sum(level.m_ppm for level in comparison.levels) == 1_000_000
    if claim != "paid":
        assert sum(level.u_ppm for level in comparison.levels) == 1_000_000
        assert comparison.levels[-1].rule == "otherwise"
        assert comparison.levels[-1].weight_mbits < 0
    for level in comparison.levels:
        assert 0 < level.m_ppm < 1_000_000
        assert 0 < level.u_ppm < 1_000_000
        assert isinstance(level.weight_mbits, int)
    # What agrees speaks for the link, and what differs never more than what agrees.
    assert comparison.levels[0].weight_mbits > 0
    assert comparison.levels[-1].weight_mbits == min(level.weight_mbits for level in comparison.levels)


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_weight_is_the_log_of_a_ratio_in_whole_thousandths(m_ppm, u_ppm):
    weight = weight_mbits(m_ppm, u_ppm)
    assert isinstance(weight, int)
    assert abs(weight - 1000 * math.log2(m_ppm / u_ppm)) <= 0.5
    assert weight_mbits(u_ppm, m_ppm) == -weight


@given(st.integers(1, 10**6))
def test_more_rows_to_be_confused_with_lower_the_prior(rows):
    claim = read_model().claims["held"]
    assert claim.prior_mbits(rows) >= claim.prior_mbits(rows + 1)
    assert claim.prior_mbits(0) == claim.prior_mbits(1)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("m_ppm = 780_000", "m_ppm = 780_001", "m_ppm sums to 1000001"),
        ("u_ppm = 8_000", "u_ppm = 9_000", "u_ppm sums to"),
        ('rule = "equal"', 'rule = "same"', "rule 'same' is unknown"),
        ("\nexpected_share_ppm", "\nexpected_share", "not a linkage model"),
        ("m_ppm", "m_pm", "not a linkage model"),
        ("version = ", "version : ", "not a linkage model"),
    ],
)
def test_a_model_that_does_not_hold_together_is_refused(tmp_path, old, new, reason):
    path = tmp_path / "model.toml"
    path.write_text(MODEL.read_text().replace(old, new, 1))
    with pytest.raises(ConfigError, match=reason):
        read_model(path)


@pytest.mark.parametrize("side", ["m_ppm", "u_ppm"])
def test_a_probability_of_nothing_is_refused(tmp_path, side):
    """It would weigh infinitely much, for or against, and no other field could ever speak against that."""
    email = "m_ppm = 550_000, u_ppm = 20", "m_ppm = 450_000, u_ppm = 999_980"
    gone = {"m_ppm": ("m_ppm = 1_000_000, u_ppm = 20", "m_ppm = 0, u_ppm = 999_980")}
    gone["u_ppm"] = ("m_ppm = 550_000, u_ppm = 0", "m_ppm = 450_000, u_ppm = 1_000_000")
    path, text = tmp_path / "model.toml", MODEL.read_text()
    for old, new in zip(email, gone[side], strict=True):
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"held.email: a probability of nothing"):
        read_model(path)


def test_any_change_of_the_file_is_another_model(tmp_path):
    path = tmp_path / "model.toml"
    path.write_bytes(MODEL.read_bytes())
    assert read_model(path).model_id == read_model().model_id
    path.write_bytes(MODEL.read_bytes() + b"\n")
    assert read_model(path).model_id != read_model().model_id
