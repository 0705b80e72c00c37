"""What a rule may read: acts, each from columns it declares; who somebody is changes nothing."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import pyarrow as pa
import pytest
from ibis.common.exceptions import IbisError

from headwater.errors import RefusedError
from headwater.leads import ACT_TABLES, read_rules
from headwater.leads.acts import Act, DeclaredColumns, observed_acts
from headwater.schema import table_named

# Ids, what was done, what lists say of media, the role on the platform, what a person judged, and the one fact about a
# person that design allows: a conviction on record, behind a link that was judged. A name, date of birth, address,
# telephone, e-mail, nickname, country, device, weight or probability is never to be added here.
ALLOWED = frozenset(
    {
        "accounts.account_id",
        "accounts.role",
        "judgements.claim",
        "judgements.left_id",
        "judgements.link_id",
        "judgements.right_id",
        "judgements.verdict",
        "media_origins.account_id",
        "media_origins.media_cluster_id",
        "media_origins.verdict_group",
        "media_origins.victim_identified",
        "media_verdicts.item_id",
        "media_verdicts.verdict_group",
        "media_verdicts.victim_identified",
        "noted_matches.file_is_gone",
        "noted_matches.polarity",
        "noted_matches.upload_id",
        "noted_matches.victim_identified",
        "payments.account_id",
        "payments.payment_id",
        "records.convicted",
        "records.record_id",
        "upload_items.item_id",
        "upload_items.upload_id",
        "uploads.account_id",
        "uploads.upload_id",
    }
)


@pytest.mark.parametrize("name", ACT_TABLES)
def test_an_act_declares_columns_that_are_there_and_no_trait(name):
    reads = ACT_TABLES[name].reads
    assert len(set(reads)) == len(reads)
    assert set(reads) <= ALLOWED
    for read in reads:
        table, column = read.split(".")
        assert column in {c.name for c in table_named(table).columns}


def test_every_act_is_read_by_a_rule_and_every_column_allowed_is_needed():
    assert {rule.act for rule in read_rules().rules} == set(ACT_TABLES)
    assert {read for act in ACT_TABLES.values() for read in act.reads} == ALLOWED


@pytest.mark.parametrize("name", ACT_TABLES)
def test_an_act_is_computed_from_what_it_declares_and_from_all_of_it(case, name):
    act, tables = ACT_TABLES[name], case.session()
    act.rows(DeclaredColumns(tables, name, act))
    for read in act.reads:
        fewer = dataclasses.replace(act, reads=tuple(other for other in act.reads if other != read))
        with pytest.raises((RefusedError, IbisError, AttributeError)):
            fewer.rows(DeclaredColumns(tables, name, fewer))


@pytest.mark.parametrize(
    ("table", "key", "trait"),
    [
        ("accounts", "account_id", "nickname"),
        ("accounts", "account_id", "email"),
        ("records", "record_id", "date_of_birth"),
        ("records", "record_id", "country"),
    ],
)
def test_an_act_that_reads_a_trait_without_saying_so_does_not_run(case, monkeypatch, table, key, trait):
    def rows(tables: Any) -> Any:
        chosen = tables.table(table)
        return chosen.filter(chosen[trait].notnull()).select(account_id=key, example_id=key)

    silent = Act(about="a trait", reads=(f"{table}.{key}",), table=table, rows=rows)
    monkeypatch.setitem(ACT_TABLES, "trait", silent)
    with pytest.raises(IbisError, match=trait):
        observed_acts(case.session())


def test_an_act_that_reads_a_table_without_saying_so_does_not_run(case, monkeypatch):
    def rows(tables: Any) -> Any:
        return tables.table("records").select(account_id="record_id", example_id="record_id")

    monkeypatch.setitem(ACT_TABLES, "people", Act(about="-", reads=("accounts.role",), table="records", rows=rows))
    with pytest.raises(RefusedError, match="'people' reads table 'records'"):
        observed_acts(case.session())


TRAITS = {
    "accounts": ("nickname", "email", "phone", "pgp_fingerprint"),
    "records": (
        "full_name",
        "given_name",
        "surname",
        "date_of_birth",
        "street_address",
        "suburb",
        "postcode",
        "country",
        "phone",
        "email",
        "nickname",
    ),
    "customers": ("full_name", "date_of_birth", "street_address", "country", "phone", "email"),
    "logins": ("network_address", "device"),
    "uploads": ("network_address", "media_path"),
    "links": ("match_weight_mbits", "probability_ppm", "proposed"),
    "networks": ("country", "kind", "holder"),
}


def test_who_somebody_is_changes_neither_tier_nor_rank_nor_reason(busy):
    ranked = ("lead_id", "rank", "risk_tier", "rules_fired", "rules_not_fired", "rules_version", "why_now")
    before = [{name: lead[name] for name in ranked} for lead in busy.leads().values()]
    generator = random.Random("traits")
    for table, columns in TRAITS.items():
        types = {c.name: c.type for c in table_named(table).columns}
        for row in busy.rows[table]:
            for column in columns:
                if column == "network_address":
                    row[column] = f"192.0.2.{generator.randrange(256)}"
                elif pa.types.is_boolean(types[column]):
                    row[column] = generator.random() < 0.5
                elif pa.types.is_integer(types[column]):
                    row[column] = generator.randrange(1_000_000)
                else:
                    row[column] = f"value {generator.randrange(1_000_000)}"
    after = busy.leads()
    assert [{name: lead[name] for name in ranked} for lead in after.values()] == before
    assert {lead["risk_tier"] for lead in before} == {1, 2, 3, 4, 5}


def observed(case):
    """For each act, for each account that did it: how often, and the first row to see it by."""
    return {
        name: {row["account_id"]: (row["observed"], row["example_id"]) for row in rows.to_pylist()}
        for name, rows in observed_acts(case.session()).items()
    }


def test_a_conviction_counts_only_behind_a_positive_judgement_of_use(case):
    case.account("acc-1")
    case.add("records", "rec-1", convicted=True)
    case.add("records", "rec-2", convicted=False)

    def convicted():
        return observed(case)["judged_convicted"]

    case.link("used", "acc-1", "rec-1")
    assert convicted() == {}
    case.judge("held", "acc-1", "rec-1", "positive")
    case.judge("used", "acc-1", "rec-1", "unsure")
    case.judge("used", "acc-1", "rec-2", "positive")
    assert convicted() == {}
    case.judge("used", "acc-1", "rec-1", "positive")
    assert convicted()["acc-1"][0] == 1
    case.judge("used", "acc-1", "rec-1", "negative", operator="B. Analyst")
    assert convicted() == {}


def acts_of(case):
    """For each account, the acts it did, with their number and first row."""
    found = observed(case)
    accounts = [row["account_id"] for row in case.rows["accounts"]]
    return [{name: done[a] for name, done in found.items() if a in done} for a in accounts]


def test_the_origin_of_a_media_cluster_is_an_act_by_what_the_lists_say(case):
    expected = [
        ("none", None, {"origin_unseen"}),
        ("known", "no", {"origin_series_unidentified"}),
        ("near", "no", {"origin_series_unidentified"}),
        ("known", "yes", set()),
        ("known", "unknown", set()),
        ("near", "yes", set()),
        ("benign", "no", set()),
        ("benign", None, set()),
        ("not_comparable", None, set()),
    ]
    for number, (group, victim, _) in enumerate(expected):
        case.origin(case.account(f"acc-{number}"), group, victim)
        case.origin(None, group, victim)  # nobody is known to have uploaded this one
    assert [set(done) for done in acts_of(case)] == [acts for _, _, acts in expected]


def test_an_upload_is_an_act_by_what_the_lists_say(case):
    expected = [
        ("none", None, {"uploads"}),
        ("known", "yes", {"uploads", "uploads_known"}),
        ("near", "unknown", {"uploads", "uploads_known"}),
        ("near", "no", {"uploads", "uploads_known", "uploads_series_unidentified"}),
        ("benign", "no", {"uploads"}),
        ("not_comparable", None, {"uploads"}),
    ]
    firsts = []
    for number, (group, victim, _) in enumerate(expected):
        account = case.account(f"acc-{number}")
        firsts.append(case.upload(account, group=group, victim=victim))
        case.upload(account, group=group, victim=victim)
    assert acts_of(case) == [
        dict.fromkeys(acts, (2, first)) for (_, _, acts), first in zip(expected, firsts, strict=True)
    ]


def test_an_upload_of_several_listed_items_is_one_upload(case):
    case.account("acc-1")
    upload = case.upload("acc-1", group="known", victim="no")
    case.rows["upload_items"].append(case.rows["upload_items"][0] | {"item_id": "itm-2"})
    case.add("media_verdicts", "itm-2", verdict_group="known", victim_identified="no")
    found = observed(case)
    assert found["uploads_known"] == found["uploads_series_unidentified"] == {"acc-1": (1, upload)}


def test_only_the_two_roles_are_acts(case):
    for role in ("administrator", "moderator", "member", "unknown"):
        case.account(f"acc-{role}", role=role)
    assert [set(done) for done in acts_of(case)] == [{"administers"}, {"moderates"}, set(), set()]
