import pytest

pytestmark = [pytest.mark.case, pytest.mark.xdist_group("case")]


def test_the_ledger_adds_up_to_the_byte(finished, headwater):
    done = headwater("ledger", finished.case, "--json")
    assert done.status == 0, done.err
