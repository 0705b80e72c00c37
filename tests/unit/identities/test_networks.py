"""Network lists: an address that any list flags is flagged, and what nobody understands is taken to hide."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.engine import Session
from headwater.identities import Networks
from headwater.identities.networks import plain_address
from headwater.schema import table_named

LISTED = {"reference_name": "n", "reference_version": "1", "reference_row": 0}
RANGES = ["203.0.113.0/24", "203.0.113.64/26", "203.0.113.77/32", "203.0.0.0/16", "2001:db8::/32", "2001:db8:7::/48"]
KINDS = ["access", "vpn", "proxy", "tor", "hosting"]


def networks(*ranges: tuple[str, str]) -> Networks:
    """Lists of these ranges, the earlier under the later id, so that ids do not decide by chance."""
    rows = [
        {"network_id": f"net-{99 - n}", "cidr": cidr, "kind": kind, "country": "SE", **LISTED}
        for n, (cidr, kind) in enumerate(ranges)
    ]
    with Session({}) as session:
        session.put("networks", table_named("networks").rows(rows))
        return Networks(session)


@given(st.lists(st.tuples(st.sampled_from(RANGES), st.sampled_from(KINDS)), unique=True, max_size=8), st.randoms())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=50)
def test_an_address_is_flagged_if_and_only_if_some_range_that_holds_it_is(ranges, generator):
    listed = networks(*ranges)
    shuffled = networks(*generator.sample(ranges, len(ranges)))
    for address, holding in {
        "203.0.113.77": set(RANGES[:4]),
        "203.0.113.8": {RANGES[0], RANGES[3]},
        "2001:db8:7::1": set(RANGES[4:]),
        "192.0.2.1": set(),
    }.items():
        kinds = {kind for cidr, kind in ranges if cidr in holding}
        found = listed.range_of(address)
        assert (found is None) == (not kinds)
        assert found is None or found.hides == (kinds != {"access"})
        again = shuffled.range_of(address)
        assert (found and found.network) == (again and again.network)


@pytest.mark.parametrize("kind", ["vpn", "proxy", "tor", "hosting", "VPN", "mobile", "Access", "-"])
def test_only_an_access_range_says_where_somebody_was(kind):
    found = networks(("203.0.113.0/24", kind)).range_of("203.0.113.9")
    assert found is not None
    assert found.hides


def test_the_longest_range_names_the_holder():
    listed = networks(("203.0.0.0/16", "access"), ("203.0.113.0/24", "access"))
    assert str(listed.range_of("203.0.113.9").network) == "203.0.113.0/24"
    assert str(listed.range_of("203.0.9.9").network) == "203.0.0.0/16"


@pytest.mark.parametrize("text", ["::ffff:203.0.113.9", "::FFFF:cb00:7109"])
def test_an_address_within_another_is_the_same_address(text):
    assert plain_address(text) == "203.0.113.9"
    assert networks(("203.0.113.0/24", "vpn")).range_of(text).hides


def test_no_address_is_in_no_range():
    assert networks(("0.0.0.0/0", "vpn"), ("::/0", "vpn")).range_of(None) is None
    assert networks().range_of("203.0.113.9") is None
    assert networks(("203.0.113.0/24", "vpn")).range_of("2001:db8::1") is None
