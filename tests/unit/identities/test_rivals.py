"""Other people beside a payer: who they are, what they share, what fits whom; never an order, a merge or a trait."""

from __future__ import annotations

import datetime as dt

import pytest

from headwater.identities import link_records, rival_hypotheses
from headwater.identities.visits import MOST_SHARERS
from headwater.schema import table_named

HOME = {"street_address": "4 Mill Lane", "suburb": "Quayside", "postcode": "QZ1 1AA"}
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
LINE = "203.0.113.9"


@pytest.fixture
def paid(case):
    """An account that a customer paid for, who is on record."""
    case.add("accounts", "acc-1", nickname="calm.thistle173")
    marta = {"full_name": "Marta Quill", "date_of_birth": "1980-03-04", "email": "marta@mail.test", **HOME}
    case.add("customers", "cus-1", **marta)
    case.add("records", "rec-1", **marta)
    case.payment("acc-1", ("cus-1", 1_000_000))
    return case


def known(case, owner: str, kind: str, value: str, *, at: dt.datetime | None = None) -> str:
    side = {"rec": "record", "cus": "customer"}[owner[:3]]
    table = f"{side}_identifiers"
    row = f"{side[0]}id-{len(case.rows[table])}"
    told = {f"{side}_id": owner, "identifier_kind": kind, "value": value, "at_utc": at}
    return case.add(table, row, **told)


def partner(case, **told: object) -> str:
    born = {"full_name": "Tom Quill", "date_of_birth": "1979-09-21"}
    return case.add("records", "rec-2", **(born | told))


def test_who_lives_with_the_payer_stands_beside_them_with_the_rows_that_say_so(paid):
    partner(paid, **HOME)
    (row,) = paid.rivals()
    assert (row["account_id"], row["payer_id"], row["other_table"], row["other_id"]) == (
        *("acc-1", "cus-1"),
        *("records", "rec-2"),
    )
    assert {(one["shared_kind"], one["payer_row_id"], one["other_row_id"]) for one in row["shared"]} == {
        ("household", "cus-1", "rec-2"),
        ("household", "rec-1", "rec-2"),
    }


@pytest.mark.parametrize(
    ("told", "shared"),
    [
        ({"street_address": "Mill Lane 4", "postcode": "qz1 1aa"}, True),
        ({"street_address": "4, Mill Lane", "suburb": "QUAYSIDE"}, True),
        ({"street_address": "4 Mill Lane"}, False),
        ({"street_address": "5 Mill Lane", "suburb": "Quayside", "postcode": "QZ1 1AA"}, False),
        ({"suburb": "Quayside", "postcode": "QZ1 1AA"}, False),
        ({"email": "Marta+x@mail.test"}, True),
        ({"nickname": "calm.thistle173"}, False),  # the account's nickname, nothing of the payer's
    ],
)
def test_a_household_or_contact_written_otherwise(paid, told, shared):
    partner(paid, **told)
    assert len(paid.rivals()) == shared


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("network_address", LINE, LINE),
        ("network_address", "2001:db8::1", "2001:db8::ffff"),
        ("device", "Tidetab-1", "tidetab-1"),
        ("phone", "+442079460018", "+44 20 7946 0018"),
    ],
)
def test_what_identifiers_say_counts_by_their_own_rows(paid, kind, one, other):
    partner(paid)
    ours, theirs = known(paid, "cus-1", kind, one), known(paid, "rec-2", kind, other)
    (row,) = paid.rivals()
    assert [(s["shared_kind"], s["payer_row_id"], s["other_row_id"]) for s in row["shared"]] == [(kind, ours, theirs)]


def test_another_customer_may_stand_beside_the_payer_too(paid):
    paid.add("customers", "cus-2", full_name="Tom Quill", date_of_birth="1979-09-21", **HOME)
    assert [(row["other_table"], row["other_id"]) for row in paid.rivals()] == [("customers", "cus-2")]


def test_what_many_share_says_nothing(paid):
    known(paid, "cus-1", "network_address", LINE)
    for number in range(MOST_SHARERS):
        paid.add("records", f"rec-x{number}", full_name=f"Nobody {number}")
        known(paid, f"rec-x{number}", "network_address", LINE)
    assert paid.rivals() == []


def test_the_payer_written_twice_is_no_other_person(paid):
    paid.add("records", "rec-2", full_name="Marta Quill", date_of_birth="1980", **HOME)
    assert paid.rivals() == []


def test_a_mother_and_a_daughter_of_one_name_are_two_people(paid):
    paid.add("records", "rec-2", full_name="Marta Quill", date_of_birth="2001-05-06", **HOME)
    assert "rec-2" in [row["other_id"] for row in paid.rivals()]


def test_a_link_that_is_not_proposed_has_nobody_beside_it(paid):
    partner(paid, **HOME)
    assert paid.rivals(queue_expected_precision_ppm=1_000_001) == []


def statements(row: dict[str, object], name: str) -> list[tuple[str, str]]:
    return [(told["statement"], told["row_id"]) for told in row[name]]


def test_the_same_is_asked_of_both(paid):
    partner(paid, **HOME, nickname="Calm Thistle 173")
    paid.rows["accounts"][0]["email"] = "marta@mail.test"
    (row,) = paid.rivals()
    assert ("the account's e-mail is this person's", "cus-1") in statements(row, "payer_support")
    assert ("the account's nickname is this person's", "rec-2") in statements(row, "other_support")


def test_a_line_that_the_account_used_supports_whoever_was_there(paid):
    partner(paid, **HOME)
    paid.login("acc-1", LINE)
    ours, theirs = known(paid, "cus-1", "network_address", LINE), known(paid, "rec-2", "network_address", LINE)
    (row,) = paid.rivals()
    told = "this person came over a line that the account used"
    assert (told, ours) in statements(row, "payer_support")
    assert (told, theirs) in statements(row, "other_support")


@pytest.mark.parametrize("barred", ["vpn", "single client"])
def test_a_line_that_hides_supports_nobody(paid, barred):
    partner(paid, **HOME)
    if barred == "vpn":
        paid.network("203.0.113.0/24", "NL", kind="vpn")
    else:
        paid.add("web_logs", "-", largest_client=LINE, single_client=True)
    paid.login("acc-1", LINE)
    for owner in ("cus-1", "rec-2"):
        known(paid, owner, "network_address", LINE)
    (row,) = paid.rivals()
    assert not any("line" in told for told, _ in statements(row, "other_support") + statements(row, "payer_support"))


@pytest.mark.parametrize(("minutes", "near"), [(59, True), (60, False)])
def test_a_payer_who_was_in_another_country_at_the_time_is_contradicted(paid, minutes, near):
    partner(paid, **HOME)
    paid.network("203.0.113.0/24", "GB")
    paid.network("198.51.100.0/24", "PL")
    paid.login("acc-1", LINE, minutes=0)
    seen = known(paid, "cus-1", "network_address", "198.51.100.9", at=START + dt.timedelta(minutes=minutes))
    (row,) = paid.rivals()
    told = f"this person was in PL {minutes} minute(s) from a login of the account in GB"
    assert statements(row, "payer_contradiction") == ([(told, seen)] if near else [])


def test_times_that_coincide_on_one_line_support(paid):
    partner(paid, **HOME)
    paid.login("acc-1", LINE, minutes=0)
    seen = known(paid, "cus-1", "network_address", LINE, at=START + dt.timedelta(minutes=10))
    (row,) = paid.rivals()
    told = "this person was on the account's line within 60 minutes of a login of it"
    assert (told, seen) in statements(row, "payer_support")


def test_an_account_of_their_own_from_the_same_line_speaks_against(paid):
    partner(paid, **HOME, email="tom@mail.test")
    paid.add("accounts", "acc-2", email="tom@mail.test")
    for account in ("acc-1", "acc-2"):
        paid.login(account, LINE)
    (row,) = paid.rivals()
    ((told, link),) = statements(row, "other_contradiction")
    assert told == (
        "a proposed link takes this record for the user of another account, which came over a line of this one"
    )
    assert link in {row["link_id"] for row in paid.links().values()}


def test_every_row_that_is_named_is_there(paid):
    partner(paid, **HOME, email="tom@mail.test")
    paid.add("accounts", "acc-2", email="tom@mail.test")
    known(paid, "cus-1", "network_address", LINE, at=START)
    paid.login("acc-1", LINE, minutes=1)
    context = paid.context()
    tables = link_records(context) | rival_hypotheses(context)
    (row,) = tables["rival_hypotheses"].to_pylist()
    cited = [(s[f"{who}_row_table"], s[f"{who}_row_id"]) for s in row["shared"] for who in ("payer", "other")]
    for name in (f"{who}_{side}" for who in ("payer", "other") for side in ("support", "contradiction")):
        cited += [(told["table"], told["row_id"]) for told in row[name]]
    assert len(cited) > 4
    for table, row_id in cited:
        rows = tables[table] if table in tables else table_named(table).rows(paid.rows[table])
        assert row_id in rows[table_named(table).key[0]].to_pylist()


def test_no_number_ranks_one_person_above_the_other(paid):
    partner(paid, **HOME)
    table = rival_hypotheses_of(paid)
    assert [column.name for column in table_named("rival_hypotheses").columns] == table.column_names
    assert not [field for field in table.schema if "int" in str(field.type) or "float" in str(field.type)]
    assert table["rival_id"].to_pylist() == sorted(table["rival_id"].to_pylist())


def rival_hypotheses_of(case, *, shuffled: int | None = None):
    context = case.context(shuffled=shuffled)
    link_records(context)
    return rival_hypotheses(context)["rival_hypotheses"]


def test_the_order_of_rows_does_not_show(paid):
    partner(paid, **HOME)
    paid.add("records", "rec-3", full_name="Ada Quill", date_of_birth="1955-01-01", **HOME)
    first = rival_hypotheses_of(paid)
    assert len(first) == 2
    assert all(rival_hypotheses_of(paid, shuffled=seed).equals(first) for seed in (1, 2))


def test_a_record_that_may_be_the_payers_own_says_so(paid):
    """Names written otherwise: no proposed link, and no certainty that it is somebody else."""
    paid.add("records", "rec-2", full_name="Martha Quil", date_of_birth="1980-03-04", **HOME)
    rivals = [row for row in paid.rivals() if row["other_id"] == "rec-2"]
    for row in rivals:
        assert any("may be the payer's own" in told for told, _ in statements(row, "other_contradiction"))
