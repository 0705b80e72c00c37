"""What would move a lead is what does move it when it happens."""

from __future__ import annotations

import pytest

from headwater.engine import StageContext
from headwater.errors import InputError
from headwater.leads import explained_lead, rank_leads, read_rules


def ranked(case):
    """A session in which the leads are made."""
    session = case.session()
    for name, rows in rank_leads(StageContext(tables=session)).items():
        session.put(name, rows)
    return session


def leads_of(session):
    return session.arrow("leads").to_pylist()


def moves(told, direction):
    return {move["rule"]: move for move in told["moves"] if move["direction"] == direction}


def test_every_rule_is_told_fired_or_not_for_every_lead(busy):
    session = ranked(busy)
    for lead in leads_of(session):
        told = explained_lead(session, lead["lead_id"])
        assert told == explained_lead(session, lead["account_id"]) == explained_lead(session, str(lead["rank"]))
        assert {rule["rule"] for rule in told["rules"]} == {rule.name for rule in read_rules().rules}
        assert {r["rule"]: r["observed"] for r in told["rules"] if r["fired"]} == {
            r["rule"]: r["observed"] for r in lead["rules_fired"]
        }
        tiers = [rule["tier"] for rule in told["rules"]]
        assert tiers == sorted(tiers)


def test_neighbours_differ_in_the_first_part_of_the_order_that_is_not_equal(busy):
    session = ranked(busy)
    leads = leads_of(session)
    for lead in leads:
        told = {other["place"]: other for other in explained_lead(session, lead["lead_id"])["neighbours"]}
        assert ("before" in told) == (lead["rank"] > 1)
        assert ("after" in told) == (lead["rank"] < len(leads))
        for other in told.values():
            tiers = {lead["risk_tier"], leads[other["rank"] - 1]["risk_tier"]}
            assert (other["differs_in"] == "tier") == (len(tiers) == 2)
            assert other["here"] != other["there"]


@pytest.mark.parametrize("number", range(0, 24, 2))
def test_one_more_act_moves_a_lead_to_the_place_that_was_told(busy, number):
    account = f"acc-{number:02}"
    before = ranked(busy)
    if account not in {lead["account_id"] for lead in leads_of(before)}:
        busy.payment(account)
        before = ranked(busy)
    told = moves(explained_lead(before, account), "up").get("origin_of_unseen_media")
    busy.origin(account)
    [after] = [lead for lead in leads_of(ranked(busy)) if lead["account_id"] == account]
    if told is None:
        assert any(rule["rule"] == "origin_of_unseen_media" and rule["observed"] > 1 for rule in after["rules_fired"])
    else:
        assert (after["rank"], after["risk_tier"]) == (told["rank"], told["risk_tier"])


def test_without_what_it_rests_on_a_lead_falls_to_the_place_that_was_told(busy):
    session = ranked(busy)
    origins = busy.rows["media_origins"]
    seen = 0
    for account in sorted({row["account_id"] for row in origins if row["verdict_group"] == "none"}):
        told = moves(explained_lead(session, account), "down")
        if set(told) != {"origin_of_unseen_media"}:
            continue
        busy.rows["media_origins"] = [
            row for row in origins if (row["account_id"], row["verdict_group"]) != (account, "none")
        ]
        after = {lead["account_id"]: lead for lead in leads_of(ranked(busy))}.get(account)
        move = told["origin_of_unseen_media"]
        assert (move["rank"], move["risk_tier"]) == (after and after["rank"], after and after["risk_tier"])
        seen += 1
    assert seen > 1


def test_a_judgement_that_is_waited_for_moves_only_where_a_rule_reads_it(case):
    case.account("acc-1")
    case.account("acc-2")
    for account in ("acc-1", "acc-2"):
        case.payment(account)
    case.upload("acc-2")
    case.add("records", "rec-1", convicted=True)
    case.add("records", "rec-2", convicted=False)
    convicted, other = case.link("used", "acc-1", "rec-1"), case.link("used", "acc-1", "rec-2")
    told = {
        move["what"].split()[4].rstrip(","): move
        for move in explained_lead(ranked(case), "acc-1")["moves"]
        if "lnk" in move["what"]
    }
    assert (told[convicted]["rank"], told[convicted]["risk_tier"]) == (1, 1)
    assert (told[other]["rank"], told[other]["direction"]) == (2, "none")
    case.judge("used", "acc-1", "rec-1", "positive")
    session = ranked(case)
    assert [lead["account_id"] for lead in leads_of(session)] == ["acc-1", "acc-2"]
    left = [move["what"] for move in explained_lead(session, "acc-1")["moves"] if "lnk" in move["what"]]
    assert left == [f"a positive judgement on {other}, which waits for one"]


def test_what_is_no_lead_and_leads_of_other_rules_are_refused(busy):
    session = ranked(busy)
    for wanted in ("led-0", "0", "999", "", "٣"):
        with pytest.raises(InputError, match="no lead, account or rank"):
            explained_lead(session, wanted)
    rows = session.arrow("leads")
    place = rows.schema.get_field_index("rules_version")
    session.put("leads", rows.set_column(place, "rules_version", [["2020-01"] * rows.num_rows]).cast(rows.schema))
    with pytest.raises(InputError, match="rules of version 2020-01"):
        explained_lead(session, "1")
