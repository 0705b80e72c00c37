"""The queue of a case: what it shows to whom, what it hides, and what is kept of it."""

from __future__ import annotations

import contextlib
import json
import sqlite3

import pytest

from headwater.errors import RefusedError
from headwater.judgements import KNOWN_CLAIM
from headwater.workflow import Case, Decisions, judge_link

PAIRS = (
    "claim,answer,source,left_key,left_nickname,left_email,left_phone,left_registered_at_utc,right_full_name,"
    "right_email,right_nickname\n"
    "used,same,invented,901,finch,ida.moor@mail.test,,2026-01-02T03:04:05Z,Ida Moor,ida.moor@mail.test,finch\n"
    "used,different,invented,902,heron,the.wards@mail.test,,2026-01-03T03:04:05Z,Una Ward,the.wards@mail.test,heron\n"
    "used,same,invented,903,stork,,,2026-01-04T03:04:05Z,Ida Moor,ida.moor@mail.test,finch\n"
)
ANALYST, OTHER = "B. Analyst", "C. Other"
SCORE = {"comparisons", "match_weight_mbits", "probability_ppm", "because", "rank", "value_mbits", "uncertainty_mbits"}


@pytest.fixture
def queue(small, headwater):
    def shown(*options, operator=ANALYST):
        done = headwater("queue", small.case, "--operator", operator, "--json", *options)
        assert done.status == 0, done.err
        return done.rows

    return shown


@pytest.fixture
def judge(small, headwater):
    def judged(link, verdict, operator=ANALYST):
        done = headwater(
            "judge", small.case, link, verdict, "--operator", operator, "--why", f"{operator}: {verdict}", "--json"
        )
        assert done.status == 0, done.err
        return done.rows[0]

    return judged


def configured(small, **values):
    path = small.case / "case.toml"
    lines = path.read_text().splitlines()
    for name, value in values.items():
        lines = [f"{name} = {json.dumps(value)}" if line.startswith(f"{name} =") else line for line in lines]
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def known(small, headwater):
    """The case with pairs of known answer, and every other place for one."""
    path = small.folder / "pairs.csv"
    path.write_text(PAIRS)
    done = headwater("reference", "add", small.case, "known-pairs", path, "--name", "pairs", "--version", "1")
    assert done.status == 0, done.err
    before = headwater("digests", small.case, "--json").rows
    assert headwater("run", small.case, "--allow-unsealed").status == 0
    after = headwater("digests", small.case, "--json").rows
    configured(small, known_pairs_ppm=1_000_000)
    return before, after


def known_ids(small, headwater):
    rows = headwater("show", small.case, "known_links", "--json").rows
    return {row["link_id"] for row in rows if row["known_pair_id"] and row["proposed"]}


# What is shown


def test_a_pair_comes_with_all_that_a_decision_needs(queue, small, headwater):
    (pair, *_) = queue()
    assert list(pair)[:7] == [
        "link_id", "claim", "left_table", "left_id", "right_table", "right_id", "contrary",
    ]  # fmt: skip
    assert pair["left"]["nickname"] == "alder"
    assert pair["right"]["full_name"] == "Marta Quill"
    assert pair["comparisons"][0]["field"] == "prior"
    assert pair["comparisons"][-1]["sum_mbits"] == pair["match_weight_mbits"]
    text = headwater("queue", small.case, "--operator", ANALYST).out
    assert text.index("against:") < text.index("Marta Quill") < text.index("rivals:") < text.index("prior")
    assert f"in all: {pair['match_weight_mbits'] / 1000:+.2f} bits" in text


def test_one_link_can_be_asked_for_and_no_other(queue, small, headwater):
    (pair, *_) = queue()
    assert [row["link_id"] for row in queue("--link", pair["link_id"])] == [pair["link_id"]]
    done = headwater("queue", small.case, "--link", "lnk-none")
    assert (done.status, done.err) == (
        2, "headwater: lnk-none: no such link; copy the id from 'headwater queue'\n",
    )  # fmt: skip


def test_the_order_is_that_of_the_table(queue, small, headwater):
    order = [row["link_id"] for row in headwater("show", small.case, "review_queue", "--json").rows]
    assert [row["link_id"] for row in queue("--limit", 0, "--judged")] == order


def test_links_of_a_run_that_was_stopped_are_shown_without_a_place(small, headwater):
    with contextlib.closing(sqlite3.connect(small.case / "case.db")) as database:
        database.execute("DELETE FROM outputs WHERE table_name = 'review_queue'")
        database.commit()
    done = headwater("queue", small.case, "--json")
    assert done.rows
    assert "no place in the order of review" in done.err


# What is hidden


def leaked(rows, text, bars):
    """What of a link's score can be found in what was printed."""
    found = {name for row in rows for name in row if name in SCORE}
    found |= {name for row in rows for candidate in row["candidates"] for name in candidate if name in SCORE}
    forms = {f"{bar['weight_mbits'] / 1000:.2f}" for bar in bars if bar["weight_mbits"]}
    forms |= {str(bar["weight_mbits"]) for bar in bars if abs(bar["weight_mbits"]) > 99}
    forms |= {bar["sentence"] for bar in bars}
    return found | {form for form in forms if form in text or form in json.dumps(rows)}


@pytest.mark.parametrize("by", ["setting", "option"])
def test_nothing_printed_tells_the_score_before_the_first_judgement(by, queue, judge, small, headwater):
    (pair, *_) = queue(operator="D. Before")
    options = ("--hide-score",) if by == "option" else ()
    configured(small, hide_score_until_judged=by == "setting")
    text = headwater("queue", small.case, "--operator", ANALYST, *options).out
    rows = queue(*options)
    assert pair["link_id"] in text
    assert leaked(queue("--hide-score", "--link", pair["link_id"]), text, pair["comparisons"]) == set()
    assert leaked(rows, text, pair["comparisons"]) == set()
    assert "because" not in text
    assert "hidden until you have judged it" in text
    assert all(row["score_hidden"] for row in rows)
    judge(pair["link_id"], "unsure")
    (shown,) = queue(*options, "--link", pair["link_id"])
    assert shown["match_weight_mbits"] == pair["match_weight_mbits"]
    assert leaked([shown], "", pair["comparisons"])
    # Another person has not judged it.
    (still,) = queue(*options, "--link", pair["link_id"], operator=OTHER)
    assert still["score_hidden"]


def test_who_looks_must_be_said_where_the_score_is_hidden(small, headwater):
    done = headwater("queue", small.case, "--hide-score")
    assert done.status == 2
    assert done.err.startswith("headwater: --operator is missing")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("value", [1, "yes"])
def test_the_setting_is_true_or_false(value, small, headwater):
    configured(small, hide_score_until_judged=value)
    done = headwater("queue", small.case)
    assert done.status == 2
    assert "must be true or false" in done.err


# What a judgement says of what was seen


def test_a_judgement_says_on_what_it_was_given(queue, judge, small, headwater):
    (pair, *_) = queue()
    judge(pair["link_id"], "unsure")
    judge(pair["link_id"], "positive", OTHER)
    with Case(small.case) as case:
        shown, unseen = case.judgements()
        [links] = [o["sha256"] for o in case.current_outputs() if o["table_name"] == "links"]
    assert (shown.shown_as, shown.score_hidden, len(shown.bars_sha256)) == ("link", False, 64)
    assert (unseen.shown_as, unseen.bars_sha256) == ("", "")
    assert shown.links_sha256 == unseen.links_sha256 == links
    assert shown.headwater_version
    told = headwater("judge", small.case, "--history", pair["link_id"]).out
    assert "weights shown (" in told
    assert "not shown by the queue" in told


def test_weights_that_changed_since_they_were_shown_are_not_judged_unseen(queue, judge, small):
    (pair, *_) = queue()
    with contextlib.closing(sqlite3.connect(small.case / "case.db")) as database:
        database.execute("UPDATE shown_links SET bars_sha256 = ?", ("0" * 64,))
        database.commit()
    with Case(small.case) as case:
        with pytest.raises(RefusedError, match=r"its weights have changed since you were shown it on .*--link lnk-"):
            judge_link(case, case.actor(ANALYST), pair["link_id"], "positive", why="x")
        assert case.judgements() == []
        # Nobody showed them to this person.
        judge_link(case, case.actor(OTHER), pair["link_id"], "positive", why="x")
    queue("--link", pair["link_id"])
    assert judge(pair["link_id"], "positive")["verdict"] == "positive"


def test_each_judgement_says_what_it_did(queue, judge):
    (pair, *_) = queue()
    link = pair["link_id"]
    assert judge(link, "positive")["changes"] == [
        "1 of 2 people say so: a lead that names this person leaves once a second operator agrees"
    ]
    queue("--link", link, operator=OTHER)
    assert judge(link, "positive", OTHER)["changes"] == ["2 people say so: a lead may name this person, and leave"]
    first, second, *_ = judge(link, "negative", OTHER)["changes"]
    assert first.startswith("it replaces your positive of ")
    assert second.startswith("it stands, whatever others say later, until you judge otherwise")
    assert "C. Other's negative stands before it" in judge(link, "positive")["changes"]


# Two people


def test_what_one_person_judged_positive_waits_for_another_who_is_told_nothing(queue, judge):
    (pair, *_) = queue()
    judge(pair["link_id"], "positive")
    assert pair["link_id"] not in {row["link_id"] for row in queue()}
    (second, *_) = queue(operator=OTHER)
    assert second == pair
    judge(pair["link_id"], "positive", OTHER)
    assert pair["link_id"] not in {row["link_id"] for row in queue(operator="D. Third")}


@pytest.mark.parametrize("verdict", ["negative", "unsure"])
def test_what_somebody_doubts_waits_for_nobody(verdict, queue, judge):
    (pair, *_) = queue()
    judge(pair["link_id"], verdict)
    assert pair["link_id"] not in {row["link_id"] for row in queue(operator=OTHER)}
    (shown,) = (row for row in queue("--judged", operator=OTHER) if row["link_id"] == pair["link_id"])
    assert shown["judged"] == verdict


def test_a_judgement_survives_a_new_id_of_its_link(queue, judge, small, monkeypatch):
    (pair, *_) = queue()
    judge(pair["link_id"], "negative")
    monkeypatch.setattr("headwater.workflow.decided._link_ids", lambda _, js: {j.subject: "lnk-new" for j in js})
    with Case(small.case) as case, case.tables() as tables:
        (row,) = tables.arrow("judgements").to_pylist()
    assert (row["link_id"], row["verdict"]) == ("lnk-new", "negative")


def test_ids_of_judged_links_are_looked_for_once_for_each_state(queue, judge, small, monkeypatch):
    looked_for, ids_now = [], iter(["lnk-a", "lnk-b", "lnk-c"])

    def linked(_, judgements):
        looked_for.append(len(judgements))
        new_id = next(ids_now)
        return {one.subject: new_id for one in judgements}

    monkeypatch.setattr("headwater.workflow.decided._link_ids", linked)
    (pair, *_) = queue()
    with Case(small.case) as case:
        decisions = Decisions(case.database, case.custody.subject_keys)

        def shown(state):
            with case.tables() as tables:
                decisions.put(tables, state)
                return tables.arrow("judgements")["link_id"].to_pylist()

        judge(pair["link_id"], "negative")
        assert [shown("before"), shown("before")] == [["lnk-a"], ["lnk-a"]]
        judge(pair["link_id"], "negative", OTHER)
        assert shown("before") == ["lnk-b"]
        assert looked_for == [1, 1], "one judgement came, and one is looked at"
        assert shown("after a run") == ["lnk-c"]
        assert looked_for == [1, 1, 2]


# Pairs of known answer


def test_importing_them_changes_no_link_no_fact_and_no_lead(known):
    before, after = known
    changed = {row["table"] for row in after if row not in before}
    assert changed <= {"known_links"}


def test_only_those_that_could_be_proposed_are_given(known, queue, small, headwater):
    ids = known_ids(small, headwater)
    assert len(ids) == 2  # the third agrees in nothing
    assert {row["link_id"] for row in queue()} & ids == ids


def test_nothing_tells_them_from_links(known, queue, small, headwater):
    ids = known_ids(small, headwater)
    rows = queue()
    links = [row for row in rows if row["link_id"] not in ids]
    assert links
    for row in rows:
        assert row.keys() == links[0].keys()
        assert row["left"].keys() == links[0]["left"].keys()
        assert row["right"].keys() == links[0]["right"].keys()
        assert row["comparisons"][0] == links[0]["comparisons"][0]
        assert row["model_id"] == links[0]["model_id"]
        for value in (row["link_id"], row["left_id"], row["right_id"]):
            assert len(value) == 36
    printed = headwater("queue", small.case, "--operator", ANALYST).out + json.dumps(rows)
    assert not any(word in printed for word in ("known", "repeated", "training", "invented", "answer"))


def test_judging_one_reads_like_judging_a_link_and_reaches_nothing(known, queue, judge, small, headwater):
    ids = known_ids(small, headwater)
    one, *_ = sorted(ids)
    queue()
    told = judge(one, "positive")
    assert told["changes"] == [
        "1 of 2 people say so: a lead that names this person leaves once a second operator agrees"
    ]
    assert one not in {row["link_id"] for row in queue()}
    with Case(small.case) as case:
        [judgement] = case.judgements()
        with case.tables() as tables:
            assert tables.arrow("judgements").num_rows == 0
    assert (judgement.claim, judgement.shown_as) == (KNOWN_CLAIM, "known")
    done = headwater("run", small.case, "--allow-unsealed", "--json")
    assert not any(row["changed"] for row in done.rows)
    (record,) = headwater("judge", small.case, "--history", "--json").rows
    assert record["claim"] == "used"
    assert "known" not in json.dumps(record)
    assert headwater("verify", small.case).status == 0


def test_agreement_counts_them_by_person(known, queue, judge, small, headwater):
    queue()
    for link in sorted(known_ids(small, headwater)):
        judge(link, "positive")
    done = headwater("queue", small.case, "--agreement", "--json")
    [row] = [row for row in done.rows if row["measure"] == "known_answers"]
    assert (row["operator"], row["same_right"], row["different_wrong"]) == (ANALYST, 1, 1)
    assert (row["right_ppm"], row["expected_ppm"], row["positives_right_ppm"]) == (500_000, None, None)
    assert "3 pairs of known answer in the case; the queue can show 2" in done.err
    text = headwater("queue", small.case, "--agreement").out
    assert f"{ANALYST}: 1 of 2 known answers right, 50.0 % (95 %: " in text


def test_agreement_says_so_where_there_is_none(small, headwater):
    done = headwater("queue", small.case, "--agreement")
    assert done.status == 0
    assert "nobody has judged a pair of known answer yet" in done.err
    assert "no pair was judged twice yet" in done.err


# The record


def test_the_record_is_checked_against_the_custody_log(queue, judge, small, headwater):
    (pair, *_) = queue()
    judge(pair["link_id"], "negative")
    assert headwater("verify", small.case).status == 0
    for statement in ("UPDATE judgements SET verdict = 'positive'", "DELETE FROM judgements"):
        with contextlib.closing(sqlite3.connect(small.case / "case.db")) as database:
            database.execute(statement)
            database.commit()
        done = headwater("verify", small.case, "--json")
        assert [row["check"] for row in done.rows if not row["ok"]] == ["I7.judgements_in_custody"]


def test_history_of_what_nobody_judged_is_one_clear_line(small, headwater):
    done = headwater("judge", small.case, "--history", "lnk-none")
    assert (done.status, done.out) == (2, "")
    assert done.err == "headwater: lnk-none: nobody has judged this; see 'headwater judge CASE --history' for all\n"
    assert "nobody has judged anything yet" in headwater("judge", small.case, "--history").err


def test_judge_without_a_link_or_a_verdict_says_what_is_missing(small, headwater):
    for arguments in ((), ("lnk-1",)):
        done = headwater("judge", small.case, *arguments, "--why", "x")
        assert done.status == 2
        assert done.err.startswith("headwater: judge needs LINK_ID and positive, negative or unsure")


def test_a_case_of_before_keeps_its_judgements_and_their_ids(queue, judge, small, headwater, before_0004):
    (pair, *_) = queue()
    with Case(small.case) as case:
        judge_link(case, case.actor(OTHER), pair["link_id"], "unsure", why="x")
    with contextlib.closing(sqlite3.connect(small.case / "case.db")) as database:
        for statement in (*before_0004, "UPDATE alembic_version SET version_num = '0003'"):
            database.execute(statement)
        database.commit()
    with Case(small.case) as case:
        [old] = case.judgements()
    assert (old.verdict, old.headwater_version, old.score_hidden, old.shown_as) == ("unsure", "", False, "")
    judge(pair["link_id"], "negative")
    rows = headwater("judge", small.case, "--history", pair["link_id"], "--json").rows
    assert [row["verdict"] for row in rows] == ["unsure", "negative"]
