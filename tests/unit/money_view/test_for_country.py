"""What one country is shown of money: its leads and its services; the rest unnamed, and every satoshi counted."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from headwater.money_view import money_pages
from headwater.packages import Contents

COUNTRIES = {"alder": "IE", "birch": "DE", "cedar": "FR"}
RECEIPTS = {
    # receipt: account, satoshis, and where they ended
    "one": ("acc-ie", 1_000, {"alder": 600, "birch": 400}),
    "two": ("acc-x", 1_000, {"alder": 300, "birch": 500, "unspent": 200}),
    "three": ("acc-y", 700, {"cedar": 700}),
    "four": ("acc-de", 50, {"unspent": 50}),
}


@pytest.fixture
def several(made):
    for actor, country in COUNTRIES.items():
        made.service(actor, country)
    for policy in ("fifo", "pro_rata"):
        for name, (account, origin_sat, ends) in RECEIPTS.items():
            made.trace(f"{policy}-{name}", origin_sat, direction="forward", policy=policy)
            made.rows["traces"][-1] |= {"account_id": account, "origin_txid": name * 8}
            for end, amount_sat in ends.items():
                service = None if end == "unspent" else end
                reason = "unspent" if service is None else "service"
                made.end(f"{policy}-{name}", amount_sat, reason=reason, service=service)
    # A rule that a case may ask for beside the two; packages state two.
    made.trace("lifo-one", 1_000, direction="forward", policy="lifo")
    made.rows["traces"][-1] |= {"account_id": "acc-ie", "origin_txid": "one" * 8}
    made.end("lifo-one", 1_000, reason="unspent")
    return made


def pages(made, country, *accounts):
    leads = tuple({"account_id": account} for account in accounts)
    contents = Contents(leads=leads, requests=(), hash_references=(), references=(), withheld=())
    return money_pages(made.put(), country, contents)


def ends_of(svg):
    """Satoshis of each end in the picture, by its words."""
    nodes = re.findall(r'id="forward-end-\d+" data-sat="(\d+)".*?<title>(.*?): \d+ satoshis', svg)
    return {words: int(sat) for sat, words in nodes}


def test_a_country_sees_its_services_and_those_of_its_leads_and_the_rest_as_one(several):
    shown = pages(several, "IE", "acc-ie")
    assert [picture.policy for picture in shown.pictures] == ["fifo", "pro_rata"]
    for picture in shown.pictures:
        assert ends_of(picture.svg) == {
            "alder Ltd (IE)": 900,
            "birch Ltd (DE)": 400,  # of the lead's own money; the 500 of another receipt are not named
            "other services": 500,
            "unspent": 200,
        }
        assert 'id="platform" data-sat="2000"' in picture.svg
        assert "cedar" not in picture.svg
    sums = Counter()
    for row in shown.months:
        sums[row["service"], row["month"]] += row["fifo_sat"]
    assert sums == {("alder Ltd", "2026-05"): 900, ("birch Ltd", "2026-05"): 400, ("other services", ""): 500}
    unnamed = next(row for row in shown.months if row["service"] == "other services")
    assert (unnamed["country"], unnamed["service_id"], unnamed["transactions"]) == ("", "", None)


@pytest.mark.parametrize("country", ["IE", "DE", "FR", "ES"])
@pytest.mark.parametrize("accounts", [(), ("acc-ie",), ("acc-de",), ("acc-x", "acc-y")])
def test_no_other_service_is_named_and_every_satoshi_is_there(several, country, accounts):
    shown = pages(several, country, *accounts)
    named = {actor for actor, where in COUNTRIES.items() if where == country}
    named |= {end for account, _, ends in RECEIPTS.values() if account in accounts for end in ends}
    concerned = [
        origin_sat
        for account, origin_sat, ends in RECEIPTS.values()
        if account in accounts or any(COUNTRIES.get(end) == country for end in ends)
    ]
    text = "".join(picture.svg for picture in shown.pictures) + repr(shown.months)
    for actor in COUNTRIES:
        if actor not in named:
            assert actor not in text
    assert len(shown.pictures) == (2 if concerned else 0)
    for picture in shown.pictures:
        assert sum(ends_of(picture.svg).values()) == sum(concerned)
    # The number of services that are not named is not told either.
    assert not re.search(r"\d other services", text)


def test_the_same_tables_give_the_same_pages(several):
    assert pages(several, "IE", "acc-ie") == pages(several, "IE", "acc-ie")
