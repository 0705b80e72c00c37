"""Who used an account: where times, devices, lines and contacts say two people, and where one person explains them."""

from __future__ import annotations

import datetime as dt

import pytest

from headwater.identities.facts.resold import CONTACT_DAYS, LEAST_LOGINS_A_SIDE, LEAST_LOGINS_WITHOUT_CONTACT
from headwater.identities.facts.several import LEAST_TURNS
from headwater.identities.facts.times import SESSION_MINUTES
from headwater.identities.visits import MOST_SHARERS

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
HERE, THERE = "203.0.113.9", "198.51.100.9"


@pytest.fixture
def account(case):
    case.add("accounts", "acc-1")
    case.network("203.0.113.0/24", "GB")
    case.network("198.51.100.0/24", "PL")
    return case


def facts(case, kind: str) -> list[dict[str, object]]:
    return [row for row in case.derived()["contrary_facts"].to_pylist() if row["fact_kind"] == kind]


# --- times


def test_the_statement_names_times_addresses_and_countries_and_the_row(account):
    account.login("acc-1", HERE, minutes=0)
    second = account.login("acc-1", THERE, minutes=12)
    (fact,) = facts(account, "impossible_times")
    for word in ("2026-01-01 00:00 UTC", HERE, "(GB)", "12 minute(s) later", THERE, "(PL)", "1 time(s)"):
        assert word in str(fact["statement"])
    assert (fact["source_table"], fact["source_id"]) == ("logins", second)


def test_what_hides_is_nowhere_and_so_is_what_no_list_places(account):
    account.network("192.0.2.0/24", "NL", kind="vpn")
    account.login("acc-1", HERE, minutes=0)
    account.login("acc-1", "192.0.2.1", minutes=5)
    account.login("acc-1", "10.9.9.9", minutes=10)
    assert facts(account, "impossible_times") == []


def test_a_hidden_login_in_between_does_not_hide_that_two_places_are_too_far_apart(account):
    account.network("192.0.2.0/24", "NL", kind="vpn")
    for minutes, address in ((0, HERE), (5, "192.0.2.1"), (10, THERE)):
        account.login("acc-1", address, minutes=minutes)
    assert len(facts(account, "impossible_times")) == 1


def test_two_accounts_may_be_in_two_countries_at_once(account):
    account.add("accounts", "acc-2")
    account.login("acc-1", HERE, minutes=0)
    account.login("acc-2", THERE, minutes=1)
    assert facts(account, "impossible_times") == []


@pytest.mark.parametrize(
    ("logins", "told"),
    [
        (((0, HERE, "oak"), (5, "203.0.113.20", "elm"), (SESSION_MINUTES, HERE, "oak")), 1),
        (((0, HERE, "oak"), (5, "203.0.113.20", "elm"), (SESSION_MINUTES + 1, HERE, "oak")), 0),
        (((0, HERE, "oak"), (5, HERE, "elm"), (10, HERE, "oak")), 0),  # two devices at home
        (((0, HERE, "oak"), (5, "203.0.113.20", "oak"), (10, HERE, "oak")), 0),  # one device that went out
        (((0, HERE, "oak"), (5, "203.0.113.20", "elm")), 0),  # left, and took another
    ],
)
def test_two_devices_on_two_lines_at_once(account, logins, told):
    for minutes, address, device in logins:
        account.login("acc-1", address, minutes=minutes, device=device)
    assert len(facts(account, "impossible_times")) == told


# --- lines in turn


def in_turn(case, turns: str, lines: dict[str, tuple[str, str]]) -> None:
    for letter in turns:
        address, device = lines[letter]
        case.login("acc-1", address, device=device)


TWO = {"a": (HERE, "oak"), "b": (THERE, "elm")}


@pytest.mark.parametrize(("turns", "told"), [("abab", 1), ("aabb", 0), ("aaba", 0), ("aaabba", 0), ("abbbba", 0)])
def test_from_three_changes_on_and_two_logins_each_two_lines_are_used_in_turn(account, turns, told):
    assert LEAST_TURNS == 3
    in_turn(account, turns, TWO)
    assert len(facts(account, "several_users")) == told


def test_a_device_that_was_in_both_places_went_there_with_somebody(account):
    in_turn(account, "abac", TWO | {"c": (THERE, "oak")})
    in_turn(account, "abab", TWO)
    assert facts(account, "several_users") == []


def test_a_line_that_many_accounts_use_is_nobodys_household(account):
    in_turn(account, "abab", TWO)
    for number in range(MOST_SHARERS):
        account.add("accounts", f"acc-{number + 2}")
        account.login(f"acc-{number + 2}", THERE)
    assert facts(account, "several_users") == []


def test_addresses_of_one_line_of_version_6_are_one_line(account):
    in_turn(account, "abab", {"a": ("2001:db8::1", "oak"), "b": ("2001:db8::2", "elm")})
    assert facts(account, "several_users") == []
    in_turn(account, "cdcd", {"c": ("2001:db8:1::1", "oak"), "d": ("2001:db8:2::2", "elm")})
    assert len(facts(account, "several_users")) == 1


# --- contacts of several people


def two_people(case, **second: object) -> None:
    case.rows["accounts"][0] |= {"email": "marta@mail.test", "phone": "+442079460018"}
    case.add("records", "rec-1", full_name="Marta Quill", email="marta@mail.test", date_of_birth="1980-01-02")
    born = {"full_name": "Anders Holm", "phone": "+44 20 7946 0018", "date_of_birth": "1975-11-30"}
    case.add("records", "rec-2", **(born | second))


def test_two_contacts_that_lead_to_two_people(account):
    two_people(account)
    (fact,) = facts(account, "several_users")
    assert "rec-1" in str(fact["statement"])
    assert "rec-2" in str(fact["statement"])


def test_two_rows_about_one_person_are_no_two_people(account):
    two_people(account, full_name="Marta Quill", date_of_birth="1980")
    assert facts(account, "several_users") == []


def test_a_contact_that_the_platform_kept_apart_counts_too(account):
    two_people(account)
    account.rows["accounts"][0]["phone"] = None
    assert facts(account, "several_users") == []
    told = {"identifier_kind": "phone", "value": "+442079460018"}
    row = account.add("identifiers", "idn-1", account_id="acc-1", **told)
    (fact,) = facts(account, "several_users")
    assert (fact["source_table"], fact["source_id"]) == ("identifiers", row)


# --- resold


def lived(case, *parts: tuple[int, str, str]) -> None:
    for many, address, device in parts:
        for _ in range(many):
            case.login("acc-1", address, device=device)


def noted(case, *, day: float, account: str = "acc-1") -> None:
    told = {"identifier_kind": "email", "value": "new@mail.test", "at_utc": START + dt.timedelta(days=day)}
    case.add("identifiers", f"idn-{len(case.rows['identifiers'])}", account_id=account, **told)


def test_range_device_and_contact_change_for_good_and_the_acts_are_told_apart(account):
    lived(account, (3, HERE, "oak"), (4, THERE, "elm"))
    noted(account, day=2.5)
    for number, day in enumerate((0.5, 1.5, 5.5)):
        at_utc = START + dt.timedelta(days=day)
        account.add("uploads", f"upl-{number}", account_id="acc-1", at_utc=at_utc)
    (fact,) = facts(account, "resold_account")
    for word in ("from 2026-01-04 on", "a new email was noted", "3 login(s), 2 upload(s)", "4 login(s), 1 upload(s)"):
        assert word in str(fact["statement"])
    assert fact["source_id"] == "log-003"


@pytest.mark.parametrize("day", [2 - CONTACT_DAYS - 1, 3 + CONTACT_DAYS + 1])
def test_a_contact_that_was_noted_at_another_time_says_nothing(account, day):
    lived(account, (3, HERE, "oak"), (4, THERE, "elm"))
    noted(account, day=day)
    assert facts(account, "resold_account") == []


def test_where_the_platform_kept_contacts_a_move_with_a_new_device_is_no_sale(account):
    lived(account, (6, HERE, "oak"), (6, THERE, "elm"))
    assert len(facts(account, "resold_account")) == 1
    account.add("accounts", "acc-2")
    noted(account, day=5, account="acc-2")
    assert facts(account, "resold_account") == []


@pytest.mark.parametrize(
    "parts",
    [
        ((6, HERE, "oak"), (6, THERE, "oak")),  # moved house
        ((6, HERE, "oak"), (6, HERE, "elm")),  # bought a device
        ((6, HERE, "oak"), (6, THERE, "elm"), (1, HERE, "oak")),  # came back
        ((6, HERE, "oak"), (6, THERE, "elm"), (6, "192.0.2.1", "ash")),  # changes often
        ((LEAST_LOGINS_WITHOUT_CONTACT - 1, HERE, "oak"), (6, THERE, "elm")),
        ((6, HERE, "oak"), (6, "203.0.113.77", "elm")),  # another address of the same range
    ],
)
def test_what_is_no_change_for_good_of_everything(account, parts):
    lived(account, *parts)
    assert facts(account, "resold_account") == []


def test_few_logins_on_one_side_are_too_few_even_with_a_contact(account):
    lived(account, (LEAST_LOGINS_A_SIDE - 1, HERE, "oak"), (6, THERE, "elm"))
    noted(account, day=1.5)
    assert facts(account, "resold_account") == []


def test_the_order_of_rows_does_not_show(account):
    lived(account, (6, HERE, "oak"), (6, THERE, "elm"))
    in_turn(account, "abab", TWO)
    first = account.derived()["contrary_facts"]
    assert all(account.derived(shuffled=seed)["contrary_facts"].equals(first) for seed in (1, 2))
