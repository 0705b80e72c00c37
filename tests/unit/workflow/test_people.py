"""Who acts: operators and their keys, roles in the log, judgements, and two people for a package."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from pyrage import x25519

from headwater.engine import Session
from headwater.errors import ConfigError, InputError, RefusedError
from headwater.schema import table_named
from headwater.schema.state import OPERATORS
from headwater.workflow import (
    Actor,
    Case,
    draft_package,
    judge_link,
    queued_hubs,
    ranked_leads,
    release_package,
    show_queue,
)


@pytest.fixture
def case(small):
    with Case(small.case) as opened:
        yield opened


def operators(case) -> dict[str, tuple[str, str]]:
    with case.database.connect() as connection:
        return {row.name: (row.role, row.public_key) for row in connection.execute(sa.select(OPERATORS))}


def last(case):
    return list(case.custody.entries())[-1]


def queued(case, operator=None, **options):
    return show_queue(case, case.actor(operator), **options).rows


def first_link(case) -> str:
    return queued(case, judged=True)[0]["link_id"]


# Operators


def test_who_opened_the_case_is_known_and_acts_unless_another_is_named(case):
    assert list(operators(case)) == ["A. Examiner", "S. Second"]
    assert case.actor() == Actor(name="A. Examiner", justification="investigation")
    assert case.actor("B", role="analyst", why="asked") == Actor(name="B", role="analyst", justification="asked")


def test_an_operator_has_one_key_of_their_own_from_the_first_act_on(case):
    case.register(case.actor("B. Analyst", role="analyst"))
    first = operators(case)
    assert first["B. Analyst"][0] == "analyst"
    assert len({key for _, key in first.values()}) == 3
    case.register(case.actor("B. Analyst", role="approver"))
    assert operators(case) == first


def test_what_a_person_says_is_the_reason_in_the_log_and_the_purpose_where_nothing_is_said(case):
    case.record("consulted", case.actor("B", role="analyst", why="order 7"))
    assert (last(case).actor, last(case).role, last(case).justification) == ("B", "analyst", "order 7")
    case.record("consulted", case.actor())
    assert (last(case).role, last(case).justification) == ("operator", "investigation")


@pytest.mark.parametrize(("authority", "operator"), [("", "A"), (" ", "A"), ("Order 1", ""), ("Order 1", "\t")])
def test_a_case_is_opened_by_someone_under_something(authority, operator, tmp_path):
    with pytest.raises(ConfigError, match="must not be empty"):
        Case.create(tmp_path / "case", authority_ref=authority, operator=operator, purpose="test")
    assert not (tmp_path / "case").exists()


@pytest.mark.parametrize(
    "command", [("show", "items"), ("ledger",), ("queue",), ("leads",), ("digests",)], ids=" ".join
)
def test_every_reading_is_in_the_log_with_who_and_why(command, small, headwater):
    name, *rest = command
    assert headwater(name, small.case, *rest, "--operator", "C. Reader", "--why", "order 7").status == 0
    with Case(small.case) as case:
        entry = last(case)
    assert (entry.event, entry.actor, entry.justification) == ("consulted", "C. Reader", "order 7")


# Judgements


def test_a_judged_link_leaves_the_queue_and_is_shown_on_demand(case):
    link = first_link(case)
    judge_link(case, case.actor("B. Analyst"), link, "unsure", why="two of one name")
    assert (last(case).event, last(case).actor) == ("judged", "B. Analyst")
    assert last(case).object_ids[0] == link
    assert link not in {row["link_id"] for row in queued(case)}
    (shown,) = (row for row in queued(case, judged=True) if row["link_id"] == link)
    assert shown["judged"] == "unsure"


def test_judging_again_adds_and_never_removes(case):
    link = first_link(case)
    for verdict in ("positive", "negative", "positive"):
        judge_link(case, case.actor("B. Analyst"), link, verdict, why=f"now {verdict}")
    assert [j.verdict for j in case.judgements()] == ["positive", "negative", "positive"]
    judge_link(case, case.actor("C. Other"), link, "negative", why="another man")
    with case.tables() as tables:
        (stands,) = tables.arrow("judgements").to_pylist()
    assert (stands["verdict"], stands["operator"]) == ("negative", "C. Other")


@pytest.mark.parametrize(
    ("verdict", "why", "error"),
    [
        ("perhaps", "x", ConfigError),
        ("Positive", "x", ConfigError),
        ("positive", " ", ConfigError),
        ("", "x", ConfigError),
    ],
)
def test_a_judgement_without_a_verdict_or_a_reason_is_none(verdict, why, error, case):
    with pytest.raises(error):
        judge_link(case, case.actor(), first_link(case), verdict, why=why)
    assert case.judgements() == []


def test_a_judgement_on_no_link_is_none(case):
    with pytest.raises(InputError, match="no such link"):
        judge_link(case, case.actor(), "lnk-none", "positive", why="x")
    assert case.judgements() == []


@pytest.mark.parametrize("claim", ["used", "paid", "held"])
def test_the_queue_can_be_of_one_claim(claim, case):
    assert {row["claim"] for row in queued(case, claim=claim)} <= {claim}
    with pytest.raises(ConfigError, match="known are used, paid, held, hub"):
        queued(case, claim="owned")


# Leads and packages


def test_leads_of_one_country_are_those_with_evidence_for_it(case):
    with case.tables() as tables:
        every, french = ranked_leads(tables), ranked_leads(tables, country="FR")
        assert ranked_leads(tables, country="XX") == []
    assert 0 < len(french) < len(every)
    assert [lead["nickname"] for lead in french] == ["alder"]


def draft(case, operator="A. Examiner", **options) -> str:
    settings = {"country": "FR", "recipient": str(x25519.Identity.generate().to_public()), "handling_code": "x"}
    settings |= {"legal_basis": "test", "onward_transfer": "ask", **options}
    return str(draft_package(case, case.actor(operator), **settings)["package_id"])


def release(case, package, operator, **options):
    settings = {"why": "every lead read", "leads_opened": (), "all_opened": True, "sample": "", **options}
    return release_package(case, case.actor(operator, role="approver"), package, **settings)


def test_one_drafts_another_releases_and_the_log_knows_both(case, headwater):
    package = draft(case)
    assert (last(case).event, last(case).actor, last(case).object_ids[0]) == ("exported", "A. Examiner", package)
    release(case, package, "B. Approver")
    entry = last(case)
    assert (entry.event, entry.actor, entry.role, entry.object_ids[0]) == (
        "transferred",
        "B. Approver",
        "approver",
        package,
    )
    assert headwater("verify", case.path).status == 0


@pytest.mark.parametrize("operator", ["A. Examiner", "a. examiner", "A. Examiner "])
def test_who_drafted_does_not_release_under_any_spelling(operator, case, headwater):
    package = draft(case)
    with pytest.raises(RefusedError):
        release(case, package, operator)
    assert last(case).outcome.startswith("refused: ")
    assert not (case.path / "packages" / "FR" / package / "sealed").exists()
    assert headwater("verify", case.path).status == 0


def named_by(case, headwater, *operators) -> str:
    """The link that names somebody in a lead, once these people have judged it positive and the case has run."""
    link = first_link(case)
    for operator in operators:
        judge_link(case, case.actor(operator), link, "positive", why="the keeper confirms it")
    assert headwater("run", case.path, "--allow-unsealed").status == 0
    return link


def test_a_name_by_one_person_leaves_in_no_package(case, headwater):
    link = named_by(case, headwater, "A. Examiner")
    with pytest.raises(RefusedError, match=f"link {link} was judged positive by one person; have a second operator"):
        draft(case)
    assert last(case).outcome.startswith("refused: lead led-")
    judge_link(case, case.actor("a. examiner"), link, "positive", why="again")
    with pytest.raises(RefusedError, match="by one person"):
        draft(case)


def test_a_name_by_two_people_leaves_and_is_verified(case, headwater):
    named_by(case, headwater, "A. Examiner", "B. Analyst")
    release(case, draft(case), "C. Approver")
    done = headwater("verify", case.path, "--json")
    assert done.status == 0
    assert "I6.names_by_two" in {row["check"] for row in done.rows}


def test_a_name_that_somebody_took_back_since_the_draft_does_not_leave(case, headwater):
    link = named_by(case, headwater, "A. Examiner", "B. Analyst")
    package = draft(case)
    judge_link(case, case.actor("B. Analyst"), link, "negative", why="another person")
    with pytest.raises(RefusedError, match="no positive judgement stands on it"):
        release(case, package, "C. Approver")
    assert not (case.path / "packages" / "FR" / package / "sealed").exists()
    judge_link(case, case.actor("B. Analyst"), link, "unsure", why="not sure any more")
    with pytest.raises(RefusedError, match="no positive judgement stands on it"):
        release(case, package, "C. Approver")


def test_a_name_that_left_on_one_person_s_word_fails_verification(case, headwater, monkeypatch):
    link = named_by(case, headwater, "A. Examiner")
    for place in ("drafting.check_names", "check_names"):
        monkeypatch.setattr(f"headwater.packages.{place}", lambda *_: None)
    package = draft(case)
    release(case, package, "C. Approver")
    # Judged by a second person afterwards: that was not so when it left.
    judge_link(case, case.actor("B. Analyst"), link, "positive", why="late")
    done = headwater("verify", case.path, "--json")
    assert done.status == 1
    [bad] = [row for row in done.rows if not row["ok"]]
    assert bad["check"] == "I6.names_by_two"
    assert package in bad["first_bad"]
    assert "on the positive judgement of 1 of 2 people" in bad["first_bad"]


@pytest.mark.parametrize("options", [{"all_opened": False}, {"why": " "}])
def test_a_release_without_a_look_or_a_reason_is_refused(options, case):
    package = draft(case)
    with pytest.raises((InputError, RefusedError)):
        release(case, package, "B. Approver", **options)
    assert not (case.path / "packages" / "FR" / package / "sealed").exists()


def test_what_was_never_drafted_here_is_not_released(case):
    with pytest.raises(InputError, match="no such package"):
        release(case, "pkg-none", "B. Approver")


def test_a_recipient_is_a_key_or_a_file_with_one(case, tmp_path):
    key = tmp_path / "key.txt"
    key.write_text(f"# of the country\n{x25519.Identity.generate().to_public()}\n")
    assert draft(case, recipient=str(key)).startswith("pkg-")
    with pytest.raises(InputError, match="neither an age public key nor a file"):
        draft(case, recipient=str(tmp_path / "none"))
    assert last(case).outcome.startswith("refused: ")


def test_a_package_for_a_country_without_leads_is_refused_and_recorded(case):
    with pytest.raises((InputError, RefusedError)):
        draft(case, country="NZ")
    assert last(case).outcome.startswith("refused: ")


# Hubs


def test_a_listed_hash_that_is_set_aside_is_judged_like_a_link_and_leaves_the_links_alone(case, monkeypatch):
    hub = {
        "media_hub_id": "hub-1", "pdq": "ab" * 32, "entries": 1, "entry_id": "", "items": 9, "distant_items": 7,
        "standing": "undecided",
    }  # fmt: skip
    with case.tables() as tables:
        hub["entry_id"] = tables.arrow("hash_list_entries")["entry_id"][0].as_py()
        before = tables.arrow("judgements").to_pylist()
    arrow = Session.arrow
    monkeypatch.setattr(
        Session,
        "arrow",
        lambda self, name: table_named(name).rows([hub]) if name == "media_hubs" else arrow(self, name),
    )
    with case.tables() as tables:
        [queued] = queued_hubs(tables)
    assert (queued["media_hub_id"], queued["items"]) == ("hub-1", 9)
    assert queued["reference_name"]
    judge_link(case, case.actor("B. Analyst"), "hub-1", "negative", why="a caption card")
    with case.tables() as tables:
        assert tables.arrow("hub_judgements").to_pylist() == [
            {"pdq": "ab" * 32, "standing": "template", "operator": "B. Analyst"}
        ]
        assert tables.arrow("judgements").to_pylist() == before
    judge_link(case, case.actor("B. Analyst"), "hub-1", "unsure", why="let somebody else look")
    with case.tables() as tables:
        assert tables.arrow("hub_judgements").num_rows == 0
    with pytest.raises(InputError, match="no such link or hub"):
        judge_link(case, case.actor(), "hub-2", "positive", why="x")
