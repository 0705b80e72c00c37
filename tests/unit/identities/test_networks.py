"""Network lists: an address that any list flags is flagged, and what nobody understands is taken to hide."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterable, Iterator

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
    return with_databases(ranges)


def with_databases(ranges: Iterable[tuple[str, str]], *databases: Iterable[tuple[str, dict[str, str]]]) -> Networks:
    """The same beside databases, each of ranges in order and of what is said of them."""
    rows = [
        {"network_id": f"net-{99 - n}", "cidr": cidr, "kind": kind, "country": "SE", **LISTED}
        for n, (cidr, kind) in enumerate(ranges)
    ]
    with Session({}) as session:
        session.put("networks", table_named("networks").rows(rows))
        session.put("network_ranges", table_named("network_ranges").rows(_rows_of(databases)))
        return Networks(session)


def _rows_of(databases: Iterable[Iterable[tuple[str, dict[str, str]]]]) -> Iterator[dict[str, object]]:
    for name, said in enumerate(databases):
        for number, (cidr, values) in enumerate(said):
            network = ipaddress.ip_network(cidr)
            yield {
                "network_range_id": f"nrg-{name}-{number}",
                "reference_name": f"db-{name}",
                "reference_version": "1",
                "reference_row": number,
                "first_address": str(network[0]),
                "last_address": str(network[-1]),
                "first_bytes": network[0].packed,
                "last_bytes": network[-1].packed,
                **values,
            }


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
        assert (found and found.hides) == (again and again.hides)
        length = {cidr: int(cidr.partition("/")[2]) for cidr in holding}
        counting = [r for r in ranges if r[0] in holding and (r[1] != "access") == (kinds != {"access"})]
        longest = max((length[cidr] for cidr, _ in counting), default=None)
        assert found is None or found.network_id in {
            f"net-{99 - n}" for n, r in enumerate(ranges) if r in counting and length[r[0]] == longest
        }


@pytest.mark.parametrize("kind", ["vpn", "proxy", "tor", "hosting", "VPN", "mobile", "Access", "-"])
def test_only_an_access_range_says_where_somebody_was(kind):
    found = networks(("203.0.113.0/24", kind)).range_of("203.0.113.9")
    assert found is not None
    assert found.hides


def test_the_longest_range_names_the_holder():
    listed = networks(("203.0.0.0/16", "access"), ("203.0.113.0/24", "access"))
    assert listed.range_of("203.0.113.9").network_id == "net-98"
    assert listed.range_of("203.0.9.9").network_id == "net-99"
    assert listed.range_of("203.0.114.1").network_id == "net-99"  # behind the longer one


@pytest.mark.parametrize("text", ["::ffff:203.0.113.9", "::FFFF:cb00:7109"])
def test_an_address_within_another_is_the_same_address(text):
    assert plain_address(text) == "203.0.113.9"
    assert networks(("203.0.113.0/24", "vpn")).range_of(text).hides


def test_no_address_is_in_no_range():
    assert networks(("0.0.0.0/0", "vpn"), ("::/0", "vpn")).range_of(None) is None
    assert networks().range_of("203.0.113.9") is None
    assert networks(("203.0.113.0/24", "vpn")).range_of("2001:db8::1") is None


def test_a_database_places_an_address_that_no_list_has():
    known = with_databases([], [("203.0.113.0/24", {"country": "SE"}), ("2001:db8::/32", {"country": "NL"})])
    for address, country in (("203.0.113.0", "SE"), ("203.0.113.255", "SE"), ("::ffff:203.0.113.9", "SE")):
        found = known.range_of(address)
        assert (found.country, found.hides, found.is_open, found.table) == (country, False, False, "network_ranges")
    assert known.range_of("2001:db8::7").country == "NL"
    for outside in ("203.0.112.255", "203.0.114.0", "2001:db9::", "::203.0.113.9"):
        assert known.range_of(outside) is None


def test_a_flag_of_either_counts_whatever_the_other_says():
    flagging = [("203.0.113.0/25", {"hides_as": "vpn", "country": "CH"})]
    known = with_databases([("203.0.113.0/24", "access")], flagging)
    assert (known.range_of("203.0.113.9").kind, known.range_of("203.0.113.9").table) == ("vpn", "network_ranges")
    assert known.range_of("203.0.113.200").is_open
    known = with_databases([("203.0.113.0/24", "tor")], [("203.0.113.0/24", {"country": "SE"})])
    assert (known.range_of("203.0.113.9").kind, known.range_of("203.0.113.9").table) == ("tor", "networks")
    second = [("203.0.113.0/24", {"country": "SE"})]
    known = with_databases([], second, flagging)
    assert known.range_of("203.0.113.9").hides
    assert not known.range_of("203.0.113.200").hides


def test_what_a_list_and_several_databases_say_of_countries_stands_beside_each_other():
    first = [("203.0.113.0/24", {"country": "SE"}), ("203.0.114.0/24", {"country": "NO"})]
    second = [("203.0.113.0/25", {"country": "FI"})]
    holders = [("203.0.113.0/24", {"holder": "Openmoor"})]
    known = with_databases([("203.0.113.0/26", "access")], first, second, holders)
    addresses = ["203.0.113.9", "203.0.113.70", "203.0.113.200", "203.0.114.1", "192.0.2.1"]
    found = known.looked_up(addresses)
    countries = [*found.countries, None]
    assert [[countries[number] for number in numbers] for numbers in found.database_countries] == [
        ["SE", "SE", "SE", "NO", None],
        ["FI", "FI", None, None, None],
    ]
    counting = [None if place < 0 else found.ranges[place] for place in found.of_address]
    assert [of and of.holder for of in counting] == [None, "Openmoor", "Openmoor", None, None]
    assert [of and of.is_open for of in counting] == [True, False, False, False, None]


def test_many_addresses_are_looked_up_as_one_by_one():
    generator = random.Random("many")

    def network(version: int) -> str:
        bits = generator.randrange(8, 33) if version == 4 else generator.randrange(20, 129)
        number = generator.getrandbits(32) if version == 4 else 0x20010DB8 << 96 | generator.getrandbits(96)
        return str(
            ipaddress.ip_network((number, bits), strict=False)
            if version == 6
            else ipaddress.IPv4Interface((number, bits)).network
        )

    ranges = [(network(generator.choice([4, 6])), generator.choice(KINDS)) for _ in range(60)]
    known = with_databases(ranges)
    inside = [ipaddress.ip_network(cidr) for cidr, _ in ranges]
    addresses = [str(n[generator.randrange(min(n.num_addresses, 99))]) for n in inside for _ in range(4)]
    found = known.looked_up(addresses)
    for address, place in zip(addresses, found.of_address.tolist(), strict=True):
        holding = [(k, n) for (_, k), n in zip(ranges, inside, strict=True) if ipaddress.ip_address(address) in n]
        flagged = [(k, n) for k, n in holding if k != "access"] or holding
        longest = max(n.prefixlen for _, n in flagged)
        assert found.ranges[place].kind in {k for k, n in flagged if n.prefixlen == longest}
        assert known.range_of(address) == found.ranges[place]
