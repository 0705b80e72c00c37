"""What is shown of a lead besides its rank: events, clocks, connections, rows behind claims, countries, movers."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from headwater.errors import InputError
from headwater.leads import (
    ClockComparison,
    account_events,
    apart_text,
    claim_rows,
    clock_comparisons,
    country_names,
    lead_connections,
    lead_timelines,
    leads_by_country,
    local_time_of,
    moved_leads,
    short_moves,
    timeline_sentences,
    timeline_words,
    zones_of_country,
)
from headwater.leads.connections import MOST_CONNECTED
from headwater.leads.of_account import AccountRows

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
JULY = dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)


def lead(country: str | None = "DE") -> dict[str, object]:
    pieces = [{"country": country, "evidence": "telephone of the account"}] if country else []
    return {"lead_id": "led-1", "account_id": "acc-1", "lead_country": country, "jurisdiction": pieces}


# Zones


def test_a_country_of_one_clock_needs_no_choice():
    told = local_time_of(lead("DE"), [JULY])
    assert told is not None
    assert (told.zone.key, told.zones, told.differ_by_s) == ("Europe/Berlin", 2, 0)
    assert told.evidence == ("telephone of the account",)


def test_how_far_the_zones_of_a_country_are_apart_is_said():
    told = local_time_of(lead("ES"), [JULY])
    assert told is not None
    assert (told.zone.key, told.differ_by_s) == ("Europe/Madrid", 3600)


def test_a_zone_may_be_asked_for_and_must_exist():
    told = local_time_of(lead("DE"), [JULY], "Asia/Tokyo")
    assert told is not None
    assert (told.zone.key, told.country) == ("Asia/Tokyo", None)
    with pytest.raises(InputError, match="no time zone"):
        local_time_of(lead("DE"), [JULY], "../etc/passwd")


def test_no_country_and_no_zone_give_no_local_time():
    assert local_time_of(lead(None), [JULY]) is None
    assert local_time_of(lead("ZZ"), [JULY]) is None
    assert zones_of_country("ZZ") == ()
    assert country_names()["DE"] == "Germany"


# Events and clocks


def test_events_have_their_lane_their_kind_and_their_row(case):
    case.account("acc-1", registered_at_utc=START)
    case.account("acc-2", registered_at_utc=START)
    case.login("acc-1", "192.0.2.1", day=1)
    known = case.upload("acc-1", day=2, group="known")
    unseen = case.upload("acc-1", day=3, group="none")
    bare = case.upload("acc-1", day=4)
    paid = case.payment("acc-1", day=5)
    case.login("acc-2", "192.0.2.1", day=6)
    events = account_events(case.session(), ["acc-1"])
    told = [(row["lane"], row["kind"], row["row_id"]) for row in events.to_pylist()]
    assert told[2:] == [
        ("media", "known", known),
        ("media", "none", unseen),
        ("media", "not_compared", bare),
        ("money", "payment", paid),
    ]
    assert [row[:2] for row in told[:2]] == [("account", "registration"), ("account", "login")]
    assert account_events(case.session(), []).num_rows == 0


def test_a_reference_without_a_time_is_counted_and_stands_in_no_bin(case):
    case.account("acc-1", registered_at_utc=START)
    case.add("media_references", account_id="acc-1")
    case.add("message_counts", account_id="acc-1", messages=9, first_at_utc=START, last_at_utc=JULY)
    [told] = lead_timelines(case.session(), [lead()])
    words = timeline_words(told)
    assert (words["events"], words["in_bins"], words["undated"]) == (2, 1, 1)
    assert words["messages"][0]["messages"] == 9
    assert "9" in timeline_sentences(told)[0]


@pytest.mark.parametrize(("off_s", "shown"), [(0, False), (3600, True)])
def test_a_clock_that_is_steadily_off_is_said(case, off_s, shown):
    case.account("acc-1")
    for number in range(4):
        upload = case.add("uploads", account_id="acc-1", at_utc=START + dt.timedelta(days=number))
        item = case.add("items", f"itm-{number}", modified_at_utc=START + dt.timedelta(days=number, seconds=-off_s))
        case.add("upload_items", upload, item_id=item, resolved_by="path")
    [clock] = clock_comparisons(case.session())
    assert (clock.compared, clock.pairs, clock.median_s, clock.shows_skew) == ("uploads", 4, off_s, shown)


def test_differences_that_vary_are_no_skew():
    apart = {"exhibit_id": "E", "compared": "payments", "pairs": 9, "median_s": -5000}
    assert not ClockComparison(**apart, least_s=-9000, most_s=-60).shows_skew
    assert ClockComparison(**apart, least_s=-5020, most_s=-4990).shows_skew
    assert (apart_text(-95676), apart_text(0)) == ("1 d 2 h earlier", "the same")


# Connections and claims


def test_each_edge_has_a_number_and_the_row_it_was_read_from(case):
    case.account("acc-1", nickname="Ana", email="ana@example.org")
    case.add("identifiers", "idf-1", account_id="acc-1", identifier_kind="phone", value="+4930")
    case.add("invoices", "inv-1", account_id="acc-1", address="addr-1")
    case.add("payments", "pay-1", account_id="acc-1", invoice_id="inv-1", amount_sat=5, at_utc=START)
    case.add("links", "lnk-1", claim="used", left_table="accounts", left_id="acc-1", right_table="records",
             right_id="rec-1", proposed=True, match_weight_mbits=-1250)  # fmt: skip
    told = lead_connections(case.session(), "acc-1")
    assert [(row.number, row.table, row.row_id) for row in told.rows] == [
        (1, "accounts", "acc-1"),
        (2, "identifiers", "idf-1"),
        (3, "invoices", "inv-1"),
        (4, "links", "lnk-1"),
    ]
    assert told.rows[2].told == "1 booked, 5 sat"
    assert told.rows[3].told == "used, -1.2 bits, nobody judged it"
    assert [row.is_found for row in told.rows] == [True, True, True, False]
    assert {edge.label for edge in told.chart.edges} == {"1", "2", "3", "4"}


def test_what_the_cap_leaves_out_is_in_the_rows_and_said(case):
    case.account("acc-1")
    for number in range(MOST_CONNECTED + 5):
        case.add("identifiers", account_id="acc-1", identifier_kind="device", value=f"device {number}")
    told = lead_connections(case.session(), "acc-1")
    assert len(told.rows) == MOST_CONNECTED + 5
    assert told.chart.omitted == sum(not row.is_drawn for row in told.rows) == 6


def test_rows_beside_a_claim_are_those_it_was_read_from(case):
    case.account("acc-1")
    origins = [case.origin("acc-1") for _ in range(5)]
    case.origin("acc-2")
    fired = [{"rule": "origin_of_unseen_media", "table": "media_origins", "example_id": origins[0], "observed": 5}]
    claims = claim_rows(case.session(), {**lead(None), "rules_fired": fired, "contrary": []})
    [claim] = claims["rules"]
    assert [row["media_cluster_id"] for row in claim["rows"]] == sorted(origins)[:3]
    assert claim["count"] == 5
    assert "account_id" not in claim["columns"]


def test_the_row_of_one_observation_is_the_one_that_the_query_finds(case, monkeypatch):
    case.account("acc-1")
    origin = case.origin("acc-1")
    fired = [{"rule": "origin_of_unseen_media", "table": "media_origins", "example_id": origin, "observed": 1}]
    told = {**lead(None), "rules_fired": fired, "contrary": []}
    assert AccountRows(case.session(), "acc-1").of_act("origin_unseen") == [origin]
    monkeypatch.setattr(AccountRows, "of_act", lambda *_: pytest.fail("one row needs no query"))
    [claim] = claim_rows(case.session(), told)["rules"]
    assert [row["media_cluster_id"] for row in claim["rows"]] == [origin]


# Countries and movers


def ranked(*leads: tuple[str, int, dict[str, int]]) -> pa.Table:
    rows = [
        {
            "lead_id": name, "account_id": f"acc-{name}", "rank": rank, "risk_tier": tier,
            "rules_fired": [{"rule": rule, "observed": n} for rule, n in rules.items()],
            "lead_country": None, "latest_act_at_utc": START,
        }
        for rank, (name, tier, rules) in enumerate(leads, start=1)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows)


def test_movers_are_counted_and_say_what_of_their_own_changed():
    before = ranked(("a", 1, {"x": 1}), ("b", 2, {"y": 1}), ("c", 2, {"y": 1}), ("gone", 3, {"z": 1}))
    now = ranked(("c", 1, {"x": 2, "y": 1}), ("a", 1, {"x": 1}), ("b", 2, {"y": 1}), ("new", 3, {"z": 1}))
    told = moved_leads(before, now, most=10)
    assert told.counts == {"up": 1, "down": 2, "new": 1, "gone": 1, "stays": 0}
    by_name = {one["lead_id"]: one for one in told.movers}
    assert by_name["c"]["why"] == [{"rule": "x", "before": 0, "now": 2}]
    assert (by_name["c"]["state"], by_name["c"]["places"]) == ("up", 2)
    assert by_name["a"]["why"] == []
    assert {by_name[name]["state"] for name in ("new", "gone")} == {"new", "gone"}
    assert told.movers[0]["lead_id"] in {"c", "gone", "new"}  # a tier that changed stands first
    assert len(moved_leads(before, now, most=2).movers) == 2
    assert moved_leads(now, now, most=10).movers == ()


def test_countries_add_up_to_all_leads():
    class Told:
        def columns(self, name: str, names: list[str]) -> pa.Table:
            rows = [("DE", ["FR"], 1), ("DE", [], 2), ("FR", [], 1), (None, [], 2)]
            return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])

    rows = leads_by_country(Told())
    assert [(row["country"], row["leads"], row["shared"]) for row in rows] == [("DE", 2, 0), ("FR", 1, 1), (None, 1, 0)]
    assert rows[0]["by_tier"] == {"1": 1, "2": 1}


def test_what_would_move_a_lead_in_short():
    told = short_moves({"risk_tier": 2, "rules_fired": [{"rule": "r", "tier": 2}, {"rule": "s", "tier": 4}]})
    assert told["up"]["tier"] == 1
    assert told["rests_on"] == "r"
    even = {"risk_tier": 1, "rules_fired": [{"rule": "r", "tier": 1}, {"rule": "s", "tier": 1}]}
    assert short_moves(even) == {"up": None, "rests_on": None}
