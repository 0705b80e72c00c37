"""What is told of the last package: new, changed field by field, gone, recalled, sent again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.packages import lead_changes


def lead(number: int, **fields: object) -> dict[str, object]:
    return {"lead_id": f"led-{number}", "rank": number, "acts": [], "account": {}, "risk_tier": 1, **fields}


def states(before, now, **options) -> dict[str, str]:
    return {change.lead_id: change.state for change in lead_changes(before, now, **options)}


def test_each_lead_is_new_changed_gone_recalled_or_sent_again():
    before = [lead(1), lead(2), lead(3), lead(4), lead(5)]
    now = [lead(1), lead(2, risk_tier=2), lead(5), lead(6), lead(7)]
    found = states(before, now, recalled_before={"led-4", "led-5", "led-7"}, recalled_since={"led-4", "led-5"})
    assert found == {
        "led-2": "changed",
        "led-5": "reissued",
        "led-6": "new",
        "led-7": "reissued",
        "led-3": "gone",
        "led-4": "recalled",
    }


def test_a_change_is_told_field_by_field():
    old = lead(1, account={"email": "a@x.test", "phone": None}, acts=[{"id": 1}, {"id": 2}])
    new = lead(1, rank=9, risk_tier=2, account={"email": "b@x.test", "phone": None}, acts=[{"id": 2}, {"id": 3}])
    [change] = lead_changes([old], [new])
    assert [(one.field, one.before, one.after, one.added, one.removed) for one in change.fields] == [
        ("account.email", "a@x.test", "b@x.test", (), ()),
        ("acts", None, None, ({"id": 3},), ({"id": 1},)),
        ("risk_tier", 1, 2, (), ()),
    ]


def test_another_rank_alone_is_no_change():
    assert lead_changes([lead(1)], [lead(1, rank=4)]) == []


_LEADS = st.lists(
    st.builds(
        lead,
        st.integers(0, 6),
        risk_tier=st.integers(1, 3),
        acts=st.lists(st.integers(0, 3), max_size=4),
        account=st.dictionaries(st.sampled_from(["email", "phone"]), st.sampled_from([None, "a", "b"])),
    ),
    unique_by=lambda made: made["lead_id"],
)


@given(_LEADS, _LEADS)
def test_nothing_is_lost_and_no_change_is_made_up(before, now):
    changes = {change.lead_id: change for change in lead_changes(before, now)}
    # A field that is not there says as little as one that is empty: an older version may not have had it.
    old, new = (
        {made["lead_id"]: {**made, "account": {k: v for k, v in made["account"].items() if v}} for made in listed}
        for listed in (before, now)
    )
    for lead_id in old.keys() | new.keys():
        left, right = ({k: v for k, v in at.get(lead_id, {}).items() if k != "rank"} for at in (old, new))
        assert (lead_id in changes) == (left != right)
    assert {i for i, change in changes.items() if change.state == "gone"} == old.keys() - new.keys()
    assert {i for i, change in changes.items() if change.state == "new"} == new.keys() - old.keys()


def test_the_package_says_what_changed_and_repeats_nothing_that_was(case, rows):
    first = case.draft(rows)
    assert first.since.summary()["new"] == 2
    case.release(first)
    rows["accounts"][0]["email"] = "other@example.org"
    rows["leads"][1]["lead_country"] = "PT"
    rows["leads"][2]["shared_with"] = ["ES"]
    second = case.draft(rows, why="the second")
    manifest = json.loads((second.folder / "draft" / "manifest.json").read_bytes())
    assert manifest["sequence"]["number"] == second.number == 2
    assert manifest["sequence"]["previous_sha256"] == first.manifest_sha256
    assert manifest["changes"]["since"]["package_id"] == first.package_id
    content = (second.folder / "draft" / "changes.jsonl").read_bytes()
    told = {row["lead_id"]: row for row in map(json.loads, content.splitlines())}
    assert {lead_id: row["state"] for lead_id, row in told.items()} == {
        "led-1": "changed",
        "led-2": "gone",
        "led-3": "new",
    }
    assert told["led-1"]["fields"] == [{"field": "account.email", "after": "other@example.org"}]
    assert b"p1@example.org" not in content


def test_two_keys_of_one_country_are_counted_apart_and_compared_with_the_countrys_last(case, rows):
    import pyrage

    case.release(case.draft(rows))
    other = str(pyrage.x25519.Identity.generate().to_public())
    drafted = case.draft(rows, recipient_key=other)
    summary = drafted.since.summary()
    assert drafted.number == 1
    assert (summary["since"]["to_this_recipient"], summary["unchanged"]) == (False, 2)
    assert case.draft(rows, country="FR").since.summary()["since"] is None


@pytest.mark.parametrize("name", ["legal_basis", "handling_code", "onward_transfer", "purpose"])
def test_a_term_that_is_not_stated_is_asked_for(case, name):
    from dataclasses import replace

    from headwater.errors import InputError

    conftest = case.draft.__globals__["CASE_INFO"]
    with pytest.raises(InputError, match=name.replace("_", " ")):
        case.draft(case_info=replace(conftest, **{name: " "}))


def test_a_draft_that_something_overtook_is_drafted_again(case, rows):
    from headwater.errors import RefusedError

    one, two = case.draft(rows), case.draft(rows, why="another reason")
    case.release(one)
    with pytest.raises(RefusedError, match="something was released to this recipient since"):
        case.release(two)
