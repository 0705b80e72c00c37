"""What people state the subjects of leads to be: categories, and the leads of victims apart from all others."""

from __future__ import annotations

import pytest

from headwater.errors import InputError
from headwater.references import import_reference

HEADER = "lead_id,category,stated_on,stated_by,reason"
VICTIMS = ("--victims", "--operator", "V. Analyst", "--why", "to protect the child")


def stated(small, headwater, *lines):
    path = small.folder / "subjects.csv"
    path.write_text("\n".join((HEADER, *lines)) + "\n")
    done = headwater("reference", "add", small.case, "data-subjects", path, "--name", "subjects", "--version", "1")
    assert done.status == 0, done.err
    assert headwater("run", small.case, "--allow-unsealed").status == 0


def leads_of(small, headwater, *options):
    done = headwater("leads", small.case, "--limit", "0", "--json", *options)
    assert done.status == 0, done.err
    return done.rows


def test_nobody_is_anything_until_a_person_states_it(small, headwater):
    leads = leads_of(small, headwater)
    assert {lead["data_subject_category"] for lead in leads} == {"unclassified"}
    stated(small, headwater, f"{leads[0]['lead_id']},convicted,2026-05-01,B. Analyst,read in the register")
    after = leads_of(small, headwater)
    assert [lead["lead_id"] for lead in after] == [lead["lead_id"] for lead in leads]
    assert after[0]["data_subject_category"] == "convicted"


def test_the_lead_of_a_victim_stands_apart_and_in_no_queue(small, headwater):
    first, *others = leads_of(small, headwater)
    stated(small, headwater, f"{first['lead_id']},victim,2026-05-01,B. Analyst,told by the partner unit")
    after = leads_of(small, headwater)
    assert [lead["lead_id"] for lead in after] == [lead["lead_id"] for lead in others]
    assert [lead["rank"] for lead in after] == list(range(1, len(others) + 1))
    (apart,) = leads_of(small, headwater, *VICTIMS)
    assert (apart["lead_id"], apart["rank"], apart["data_subject_category"]) == (first["lead_id"], 1, "victim")
    told = headwater("explain", small.case, first["lead_id"])
    assert "victim_leads" not in told.out
    for table in ("lead_acts", "review_queue"):
        rows = headwater("show", small.case, table, "--json").rows
        assert first["lead_id"] not in {row["lead_id"] for row in rows}
    assert headwater("verify", small.case).status == 0


def test_the_last_statement_counts(small, headwater):
    first, *_ = leads_of(small, headwater)
    stated(
        small,
        headwater,
        f"{first['lead_id']},victim,2026-05-01,B. Analyst,told by the partner unit",
        f"{first['lead_id']},unclassified,2026-05-02,B. Analyst,another account was meant",
    )
    assert leads_of(small, headwater)[0]["lead_id"] == first["lead_id"]
    assert leads_of(small, headwater, *VICTIMS) == []


def test_who_reads_about_victims_says_who_they_are_and_why(small, headwater):
    for options in (("--victims",), ("--victims", "--operator", "V. Analyst")):
        done = headwater("leads", small.case, *options)
        assert (done.status, done.out) == (2, "")
        assert "give --operator and --why" in done.err
    done = headwater("show", small.case, "victim_leads")
    assert (done.status, done.out) == (2, "")
    assert "is about victims" in done.err


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("led-1,victim,2026-05-01,B,why", "is no lead"),
        (f"led-{'0' * 32},suspect,2026-05-01,B,why", "category 'suspect' is none of"),
        (f"led-{'0' * 32},victim,soon,B,why", "soon"),
        (f"led-{'0' * 32},victim,2026-05-01,B,", "'reason' is empty"),
    ],
)
def test_a_statement_that_says_nothing_is_refused(line, told, tmp_path):
    path = tmp_path / "subjects.csv"
    path.write_text(f"{HEADER}\n{line}\n")
    with pytest.raises(InputError) as refused:
        import_reference(tmp_path, "data-subjects", path, name="subjects", version="1")
    assert told in str(refused.value)
