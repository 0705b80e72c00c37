"""The charts of each lead in the report: of the package's own rows, the same bytes each time."""

from __future__ import annotations

import re

from headwater.leads import lead_timelines
from headwater.packages.contents import contents_for
from headwater.packages.lead_charts import lead_charts


def test_each_lead_has_a_timeline_and_a_link_chart_of_what_the_package_holds(make_session, rows):
    session = make_session(rows)
    contents = contents_for(session, "FR")
    charts = lead_charts(session, contents)
    assert charts.keys() == {lead["lead_id"] for lead in contents.leads}
    for lead in contents.leads:
        timeline, links = charts[lead["lead_id"]]
        assert timeline.sentences[0].endswith("without a time.")
        assert links.rows
        named = {row[5] for row in links.rows if row[4] == "links"}
        assert named == {link["link_id"] for link in lead["links"]}
        services = {row[5] for row in links.rows if row[4] == "request_sheets"}
        own = {r["request_id"] for r in contents.requests if lead["lead_id"] in r["lead_ids"]}
        assert services <= own
        assert "href" not in timeline.svg + links.svg


def test_a_link_that_nobody_found_positive_is_in_no_drawing(make_session, rows):
    session = make_session(rows)
    contents = contents_for(session, "FR")
    given = {link["link_id"] for lead in contents.leads for link in lead["links"]}
    kept_back = {row["link_id"] for row in rows["links"]} - given
    assert kept_back
    drawn = "".join(part.svg + str(part.rows) for pair in lead_charts(session, contents).values() for part in pair)
    assert not [link for link in kept_back if link in drawn]


def test_the_charts_stand_in_the_report_and_are_the_same_bytes(case):
    drafted = case.draft()
    pdf = (drafted.folder / "draft" / "report.pdf").read_bytes()
    assert not re.search(rb"/Subtype\s*/Image", pdf)
    case.folder = case.folder / "again"
    assert (case.draft().folder / "draft" / "report.pdf").read_bytes() == pdf


def test_the_timeline_has_every_event_of_the_account(make_session, rows):
    session = make_session(rows)
    leads = contents_for(session, "FR").leads
    for lead, told in zip(leads, lead_timelines(session, leads), strict=True):
        acts = {(act["act"], act["act_id"]) for act in lead["acts"]}
        assert told.timeline.events >= len(acts - {("registration", lead["account_id"])}) or not acts
        assert sum(one.events for one in told.timeline.bins) == told.events.num_rows - told.events["at_utc"].null_count
