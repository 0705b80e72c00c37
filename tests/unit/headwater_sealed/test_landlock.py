"""What each Landlock version takes away."""

from __future__ import annotations

from headwater_sealed.landlock import handled_rights


def test_every_version_takes_all_that_it_knows():
    assert handled_rights(1) == (0x1FFF, 0, 0)
    assert handled_rights(2) == (0x3FFF, 0, 0)
    assert handled_rights(3) == (0x7FFF, 0, 0)
    assert handled_rights(4) == (0x7FFF, 3, 0)
    assert handled_rights(5) == (0xFFFF, 3, 0)
    assert handled_rights(6) == (0xFFFF, 3, 3)


def test_a_newer_version_takes_at_least_as_much():
    assert handled_rights(99) == handled_rights(6)
