"""The linkage model: probabilities that are some, three claims apart, and a refusal of anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.errors import ConfigError
from headwater.identities import linkage, read_linkage_model
from headwater.identities.linkage.linkage_model import BY_FREQUENCY, IDENTIFIERS, OTHER_WRITING
from headwater.references.identifier_rows import IDENTIFIER_KINDS

MODEL = Path(linkage.__file__).with_name("linkage_model.toml")


def test_the_claims_and_whatever_has_an_identifier_stand_in_it():
    model = read_linkage_model()
    assert set(model.uses) == {"files", "held", "used", "paid", "reused"}
    assert model.model_id.startswith("mdl-")
    assert set(IDENTIFIER_KINDS) | {"other"} == set(IDENTIFIERS) == set(model.identifiers)


def test_the_levels_of_a_field_leave_nothing_out_and_count_nothing_twice():
    for field, levels in read_linkage_model().comparisons.items():
        # Other groups of levels are for dates of which less is known, and for towns that agree.
        if field not in {"date_of_birth", "postcode", "state"}:
            told = [level for level in levels if level.level != OTHER_WRITING]
            assert 950_000 <= sum(level.m_ppm for level in told) <= 1_050_000
            assert sum(level.u_ppm or 0 for level in told if (field, level.level) not in BY_FREQUENCY) <= 1_050_000
        assert levels[0].level == "equal"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("m_ppm = 720_000", "m_ppm = 0", "m_ppm is 0"),
        ("m_ppm = 720_000", "m_ppm = 1_000_001", "m_ppm is 1000001"),
        ("m_ppm = 720_000, usual_ppm = 8_000", "m_ppm = 720_000", "usual_ppm stands where"),
        ('level = "spelled alike"', 'level = "alike"', "given_name has levels"),
        ("format = 2", "format = 1", "model format 1 is not read here"),
        ("[uses.held]", "[uses.hold]", "use 'hold' is unknown"),
        ("iban = {", "ibans = {", "identifier 'ibans' is unknown"),
        ("again_ppm = 5_000", "again_ppm = 0", "again_ppm is 0"),
        ("fit_most_times = 2", "fit_most_times = 0", "fit_most_times is 0"),
        ('["national_id"],', '["shoe_size"],', "blocking column"),
        ("m_ppm = 800_000, u_ppm = 20 }", "m_ppm = 800_000, u_ppm = 0 }", "u_ppm is 0"),
        ("\nmoved_ppm", "\nmoved", "not a linkage model"),
        ("version = ", "version : ", "not a linkage model"),
    ],
)
def test_a_model_that_does_not_hold_together_is_refused(tmp_path, old, new, reason):
    text = MODEL.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "model.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=reason):
        read_linkage_model(path)


def test_any_change_of_the_file_is_another_model(tmp_path):
    path = tmp_path / "model.toml"
    path.write_bytes(MODEL.read_bytes())
    assert read_linkage_model(path).model_id == read_linkage_model().model_id
    path.write_bytes(MODEL.read_bytes() + b"\n")
    assert read_linkage_model(path).model_id != read_linkage_model().model_id
