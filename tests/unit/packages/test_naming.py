"""A lead that leaves with a name in it rests on two people's judgements."""

from __future__ import annotations

import pytest

from headwater.errors import IntegrityError, RefusedError
from headwater.packages import check_names, package_leads, unsupported_names


def lead(number: int, record: str | None) -> dict[str, object]:
    return {"lead_id": f"led-{number}", "account_id": f"acc-{number}", "named_record_id": record}


def judged(number: int, record: str, *, verdict: str = "positive", people: int = 2, claim: str = "used"):
    return {
        "link_id": f"lnk-{number}-{record}", "claim": claim, "left_id": f"acc-{number}", "right_id": record,
        "verdict": verdict, "operator": "B", "positive_operators": people,
    }  # fmt: skip


def test_a_name_by_two_and_no_name_at_all_may_leave():
    check_names([lead(1, "rec-1"), lead(2, None)], [judged(1, "rec-1")])


@pytest.mark.parametrize(
    ("judgements", "told"),
    [
        ([judged(1, "rec-1", people=1)], "link lnk-1-rec-1 was judged positive by one person"),
        ([judged(1, "rec-1", verdict="negative", people=2)], "no positive judgement stands on it (link lnk-1-rec-1)"),
        ([judged(1, "rec-2")], "no positive judgement stands on it"),
        ([judged(2, "rec-1")], "no positive judgement stands on it"),
        ([judged(1, "rec-1", claim="paid")], "no positive judgement stands on it"),
        ([], "no positive judgement stands on it"),
    ],
)
def test_a_name_by_fewer_is_refused_in_one_line_that_says_what_to_do(judgements, told):
    with pytest.raises(RefusedError) as refused:
        check_names([lead(1, "rec-1")], judgements)
    text = str(refused.value)
    assert text.startswith("lead led-1 names record rec-1, and " + told)
    assert "draft again" in text
    assert "\n" not in text


def test_each_such_lead_is_found_and_counted():
    leads = [lead(1, "rec-1"), lead(2, "rec-2"), lead(3, "rec-3")]
    found = list(unsupported_names(leads, [judged(1, "rec-1", people=1), judged(2, "rec-2")]))
    assert [(name.lead_id, name.people) for name in found] == [("led-1", 1), ("led-3", 0)]
    with pytest.raises(RefusedError, match=r"\(and 1 more\)"):
        check_names(leads, [judged(2, "rec-2")])


@pytest.mark.parametrize("content", [None, b"{", b"[]\n", b'{"lead_id": "led-1"}\n'])
def test_leads_that_cannot_be_read_are_not_taken_for_none(content, tmp_path):
    (tmp_path / "draft").mkdir()
    if content is not None:
        (tmp_path / "draft" / "leads.jsonl").write_bytes(content)
    with pytest.raises(IntegrityError, match="draft it again"):
        package_leads(tmp_path)
    with pytest.raises(IntegrityError, match="neither a draft nor a record"):
        package_leads(tmp_path / "draft")
