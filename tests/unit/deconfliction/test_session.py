"""A session between two cases: what each side learns, what is left behind, and what is refused."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import stat
from dataclasses import replace

import pytest

from headwater.custody import load_case_key
from headwater.deconfliction import message_file, read_header
from headwater.errors import InputError
from headwater.workflow import Case, Stated, answer_offer, deconflict_sessions, finish_session, start_session

from .conftest import CONSENTS, RUNS, SHARED


def whole_session(north, south, folder, *, start=None, both=True, **options):
    """The files of a session that both sides went through."""
    offer, answer, result = (folder / name for name in ("offer", "answer", "result"))
    north.do("start", peer=south, out=offer, **(start or {}), **options)
    south.do("answer", offer, peer=north, out=answer, **options)
    if both:
        north.do("finish", answer, peer=south, out=result, **options)
        south.do("finish", result, peer=north, **options)
    return offer, answer, result


EXPECTED = [f"email:{address}" for address in SHARED]


def test_both_sides_learn_what_both_hold(pair, tmp_path):
    north, south = pair
    whole_session(north, south, tmp_path)
    assert north.shared() == south.shared() == EXPECTED


def test_one_side_learns_where_that_was_agreed(pair, tmp_path):
    north, south = pair
    _, answer, _ = whole_session(north, south, tmp_path, start={"learns": "starter"}, both=False)
    assert "not due" in north.refused("finish", answer, peer=south, out=tmp_path / "result")
    done = north.do("finish", answer, peer=south)
    assert done.rows[0]["shared"] == len(SHARED)
    assert north.shared() == EXPECTED
    assert south.shared() == []
    sessions = south.headwater("deconflict", "show", south.case)
    assert "finished" in sessions.out
    assert "no session has told this side what is shared" in sessions.err


def test_the_simple_mode_comes_to_the_same(pair, tmp_path, key_file):
    north, south = pair
    _, answer, _ = whole_session(north, south, tmp_path, both=False, key=key_file)
    assert south.shared() == EXPECTED
    north.do("finish", answer, peer=south, key=key_file)
    assert north.shared() == EXPECTED


def test_nothing_in_common_is_said_as_such(pair, tmp_path, headwater):
    north, south = pair
    offer, answer = tmp_path / "offer", tmp_path / "answer"
    north.do("start", peer=south, out=offer, kind="email")
    told = south.refused("answer", offer, peer=north, out=answer, key=tmp_path / "none")
    assert "takes no key" in told
    south.do("answer", offer, peer=north, out=answer)
    # The answerer's session waits: it has not been told yet.
    assert "no session has told this side" in headwater("deconflict", "show", south.case).err
    north.do("finish", answer, peer=south, out=tmp_path / "result")
    assert north.shared() == EXPECTED


def test_the_number_of_threads_changes_no_result(pair, tmp_path):
    north, south = pair
    whole_session(north, south, tmp_path, workers=1)
    (tmp_path / "again").mkdir()
    whole_session(north, south, tmp_path / "again", workers=3)
    assert north.shared() == south.shared() == EXPECTED
    sizes = {(tmp_path / name).stat().st_size for name in ("offer", "again/offer")}
    assert len(sizes) <= 2


def test_no_identifier_and_no_secret_is_in_what_is_sent_or_said(pair, tmp_path):
    north, south = pair
    offer, answer, result = (tmp_path / name for name in ("offer", "answer", "result"))
    said = north.do("start", peer=south, out=offer)
    kept = [*(north.case / "private" / "deconfliction").glob("*/scalar")]
    assert len(kept) == 1
    scalar = kept[0].read_bytes()
    assert stat.S_IMODE(kept[0].stat().st_mode) == 0o600
    assert stat.S_IMODE(kept[0].parent.stat().st_mode) == 0o700
    outputs = [said.out + said.err, south.do("answer", offer, peer=north, out=answer).out]
    outputs.append(north.do("finish", answer, peer=south, out=result).out)
    outputs.append(north.headwater("deconflict", "show", north.case).out)
    outputs.append(north.headwater("deconflict", "read", offer).out)
    written = [path.read_bytes() for path in (offer, answer, result)]
    written += [path.read_bytes() for case in (north.case, south.case) for path in case.glob("custody.*")]
    for secret in (scalar, scalar.hex().encode(), scalar[::-1].hex().encode()):
        assert not any(secret in content for content in written)
        assert not any(secret.decode("latin-1") in output for output in outputs)
    assert not any(b"mail.test" in content for content in written)
    # Destroyed on both sides; the answerer's was never there.
    for side in (north, south):
        assert not [path for path in (side.case / "private").rglob("scalar") if path.is_file()]
    assert not [*(north.case / "private" / "deconfliction").iterdir()]


def test_two_sessions_have_nothing_in_common(pair, tmp_path):
    north, south = pair
    for name in ("one", "two"):
        north.do("start", peer=south, out=tmp_path / name)
    values = [set(_values((tmp_path / name).read_bytes())) for name in ("one", "two")]
    assert len(values[0]) == len(values[1]) == 1_024
    assert not values[0] & values[1]


def _values(content):
    body = content.split(b"\n", 2)[2]
    return [body[n : n + 32] for n in range(0, len(body), 32)]


def test_who_consented_and_what_came_of_it_is_in_the_log_by_counts_alone(pair, tmp_path):
    north, south = pair
    whole_session(north, south, tmp_path)
    entries = [line for line in (north.case / "custody.log").read_text().splitlines() if '"dcs-' in line]
    assert [next(e for e in ("judged", "exported", "received", "combined") if f'"event":"{e}"' in line)
            for line in entries] == ["judged", "exported", "received", "combined", "exported"]  # fmt: skip
    assert CONSENTS in entries[0]
    assert RUNS in entries[1]
    verified = north.headwater("verify", north.case, "--json").rows
    checks = {row["check"]: row["ok"] for row in verified}
    assert checks["I6.consent_by_two"]
    assert checks["I7.deconfliction_in_custody"]


def test_a_result_that_was_altered_fails_verification(pair, tmp_path):
    north, south = pair
    whole_session(north, south, tmp_path)
    [result] = (north.case / "deconfliction").glob("*/shared.jsonl")
    result.write_bytes(result.read_bytes().replace(b"both1", b"both9"))
    done = north.headwater("verify", north.case, "--json")
    assert done.status == 1
    [failed] = [row for row in done.rows if not row["ok"]]
    assert failed["check"] == "I7.deconfliction_in_custody"
    assert "shared.jsonl: altered" in failed["first_bad"]
    result.unlink()
    assert (
        "gone"
        in next(row for row in north.headwater("verify", north.case, "--json").rows if not row["ok"])["first_bad"]
    )


def test_what_a_message_is_can_be_read_before_anything_is_agreed(pair, tmp_path, headwater):
    north, south = pair
    north.do("start", peer=south, out=tmp_path / "offer", kind="email")
    [header] = headwater("deconflict", "read", tmp_path / "offer", "--json").rows
    assert header["kinds"] == ["email"]
    assert header["purpose"] == "who else enquires"
    assert header["starter_values"] == 1_024
    text = headwater("deconflict", "read", tmp_path / "offer").out
    assert "legal_basis: Agreement 7" in text


# What is refused.


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"consent_by": RUNS}, "a second operator must"),
        ({"consent_by": f" {RUNS.upper()} "}, "a second operator must"),
        ({"consent_by": ""}, "--consent-by"),
        ({"why": " "}, "--why"),
        ({"purpose": ""}, "--purpose"),
        ({"legal_basis": "x" * 1_001}, "--legal-basis"),
        ({"kind": "face"}, "unknown"),
        ({"learns": "answerer"}, "unknown"),
    ],
)
def test_a_start_without_what_it_takes_is_refused(pair, tmp_path, options, told):
    north, south = pair
    assert told in north.refused("start", peer=south, out=tmp_path / "offer", **options)
    assert not (north.case / "private" / "deconfliction").exists()


def test_limits_of_the_case_hold(pair, tmp_path):
    north, south = pair
    offer = tmp_path / "offer"
    north.settings(deconflict_least_identifiers=31)
    assert "at least 31" in north.refused("start", peer=south, out=offer)
    north.settings(deconflict_least_identifiers=1, deconflict_most_identifiers=29)
    assert "at most 29" in north.refused("start", peer=south, out=offer)
    north.settings(deconflict_most_identifiers=30, deconflict_sessions_per_day=1)
    north.do("start", peer=south, out=offer)
    assert "the case allows 1" in north.refused("start", peer=south, out=tmp_path / "second")
    south.settings(deconflict_most_times_ours=0)
    assert "as if they were guesses" in south.refused("answer", offer, peer=north, out=tmp_path / "answer")
    south.settings(deconflict_most_times_ours=1, deconflict_session_days=1)
    assert "longer than" in south.refused("answer", offer, peer=north, out=tmp_path / "answer")


def test_an_offer_larger_than_a_session_is_refused_before_it_is_read(pair, tmp_path):
    north, south = pair
    lines = [f"Elm,{number},P,more{number}@mail.test" for number in range(1_100)]
    (tmp_path / "more.csv").write_text("\n".join(["actor,source_key,full_name,email", *lines]) + "\n")
    added = ("reference", "add", north.case, "customers", tmp_path / "more.csv", "--name", "elm", "--version", "1")
    assert north.headwater(*added).status == 0
    north.do("start", peer=south, out=tmp_path / "offer")
    south.settings(deconflict_most_identifiers=1_000)
    assert "more values than a session may" in south.refused(
        "answer", tmp_path / "offer", peer=north, out=tmp_path / "answer"
    )


@pytest.mark.parametrize("count", [0, 1, 1_025])
def test_an_offer_that_is_not_padded_is_refused(pair, tmp_path, count):
    """A set of one is a question about a person, and an empty one is none."""
    north, south = pair
    north.do("start", peer=south, out=tmp_path / "offer")
    header = read_header(tmp_path / "offer")
    with message_file(
        tmp_path / "small", replace(header, starter_values=count), os.urandom(32 * count), load_case_key(north.case)
    ):
        pass
    told = south.refused("answer", tmp_path / "small", peer=north, out=tmp_path / "answer")
    assert "no set is padded to" in told


def test_a_message_is_for_one_case_and_from_one(pair, tmp_path, headwater):
    north, south = pair
    offer, answer = tmp_path / "offer", tmp_path / "answer"
    north.do("start", peer=south, out=offer)
    assert "own key" in north.refused("answer", offer, peer=north, out=answer)
    assert "for another case" in north.refused("answer", offer, peer=south, out=answer)
    done = headwater("case", "create", tmp_path / "west", "--authority", "O", "--operator", RUNS)
    assert done.status == 0
    west = type(north)(case=tmp_path / "west", headwater=headwater)
    assert "comes from another case" in south.refused("answer", offer, peer=west, out=answer)


def test_nothing_is_answered_or_read_twice(pair, tmp_path):
    north, south = pair
    offer, answer, result = whole_session(north, south, tmp_path)
    again = tmp_path / "again"
    assert "answered, or made, here before" in south.refused("answer", offer, peer=north, out=again)
    assert "is finished" in north.refused("finish", answer, peer=south, out=again)
    assert "is finished" in south.refused("finish", result, peer=north)
    assert "is an answer" in south.refused("answer", answer, peer=north, out=again)
    assert "is an offer" in north.refused("finish", offer, peer=south)


def test_a_second_answer_to_one_offer_is_refused(pair, tmp_path, monkeypatch):
    """A peer who may ask again and again with other sets would learn more than was agreed."""
    north, south = pair
    north.do("start", peer=south, out=tmp_path / "offer")
    twin = type(south)(case=tmp_path / "twin", headwater=south.headwater)
    shutil.copytree(south.case, twin.case)
    south.do("answer", tmp_path / "offer", peer=north, out=tmp_path / "answer")
    twin.do("answer", tmp_path / "offer", peer=north, out=tmp_path / "other")
    (tmp_path / "taken").write_text("")
    assert "is there already" in north.refused("finish", tmp_path / "other", peer=south, out=tmp_path / "taken")

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:  # the first is read, and the step does not come to its end
        patched.setattr("headwater.workflow.deconfliction.record_received", interrupted)
        done = north.do("finish", tmp_path / "answer", peer=south, out=tmp_path / "result", ok=False)
    assert done.status == 130
    assert "another answer" in north.refused("finish", tmp_path / "other", peer=south, out=tmp_path / "result")
    north.do("finish", tmp_path / "answer", peer=south, out=tmp_path / "result")
    assert north.shared() == EXPECTED


def test_answers_of_two_sessions_are_not_exchanged(pair, tmp_path):
    north, south = pair
    for name in ("one", "two"):
        north.do("start", peer=south, out=tmp_path / name)
        south.do("answer", tmp_path / name, peer=north, out=tmp_path / f"answer-{name}")
    north.do("finish", tmp_path / "answer-one", peer=south, out=tmp_path / "result-one")
    south.do("finish", tmp_path / "result-one", peer=north)
    north.do("finish", tmp_path / "answer-two", peer=south, out=tmp_path / "result-two")
    assert "is finished" in south.refused("finish", tmp_path / "result-one", peer=north)


def test_a_wrong_key_is_no_empty_result(pair, tmp_path, key_file):
    north, south = pair
    offer = tmp_path / "offer"
    north.do("start", peer=south, out=offer, key=key_file)
    assert "name the file of the key" in south.refused("answer", offer, peer=north, out=tmp_path / "answer")
    other = tmp_path / "other.key"
    other.write_text("6b" * 32)
    other.chmod(0o600)
    assert "not the key" in south.refused("answer", offer, peer=north, out=tmp_path / "answer", key=other)
    other.chmod(0o644)
    assert "others may read it" in south.refused("answer", offer, peer=north, out=tmp_path / "answer", key=other)
    other.chmod(0o600)
    other.write_text("6b" * 31)
    assert "no key of 64" in south.refused("answer", offer, peer=north, out=tmp_path / "answer", key=other)
    assert "both learn" in north.refused("start", peer=south, out=tmp_path / "x", key=key_file, learns="starter")


def test_a_session_can_be_withdrawn_and_its_secret_goes(pair, tmp_path):
    north, south = pair
    session = north.do("start", peer=south, out=tmp_path / "offer").rows[0]["session_id"]
    south.do("answer", tmp_path / "offer", peer=north, out=tmp_path / "answer")
    withdrawn = ("deconflict", "withdraw", north.case, session, "--operator", RUNS, "--why", "no longer needed")
    assert north.headwater(*withdrawn).status == 0
    assert not [*(north.case / "private" / "deconfliction").iterdir()]
    assert "only an open session" in north.headwater(*withdrawn).err
    assert "is withdrawn" in north.refused("finish", tmp_path / "answer", peer=south, out=tmp_path / "result")


def test_a_file_may_not_lie_in_the_case(pair):
    north, south = pair
    assert "inside of the case" in north.refused("start", peer=south, out=north.case / "offer")


def test_a_scalar_that_others_may_read_is_refused(pair, tmp_path):
    north, south = pair
    north.do("start", peer=south, out=tmp_path / "offer")
    south.do("answer", tmp_path / "offer", peer=north, out=tmp_path / "answer")
    [scalar] = (north.case / "private" / "deconfliction").glob("*/scalar")
    scalar.chmod(0o640)
    assert "others may read it" in north.refused("finish", tmp_path / "answer", peer=south, out=tmp_path / "result")


def test_an_interrupted_step_leaves_nothing_and_may_be_repeated(pair, tmp_path, monkeypatch):
    north, south = pair
    north.do("start", peer=south, out=tmp_path / "offer")

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    for name in ("answered", "keep_order", "record_sent"):
        with monkeypatch.context() as patched:
            patched.setattr(f"headwater.workflow.deconfliction.{name}", interrupted)
            done = south.do("answer", tmp_path / "offer", peer=north, out=tmp_path / "answer", ok=False)
            assert done.status == 130
        assert sorted(path.name for path in tmp_path.iterdir()) == ["offer", "pair"]
        assert not [path for path in (south.case / "private").rglob("*") if path.is_file() and "dcs-" in str(path)]
        assert not [*(south.case / "deconfliction").glob("*")]
    south.settings(deconflict_sessions_per_day=1)  # attempts of one session are one session
    south.do("answer", tmp_path / "offer", peer=north, out=tmp_path / "answer")
    north.do("finish", tmp_path / "answer", peer=south, out=tmp_path / "result")
    assert north.shared() == EXPECTED


def test_a_session_ends_and_a_day_passes(pair, tmp_path):
    north, south = pair
    now = dt.datetime.now(dt.UTC)

    def later(side, **passed):
        return Case(side.case, clock=lambda: now + dt.timedelta(**passed))

    stated = Stated(consent_by=CONSENTS, purpose="who else enquires", legal_basis="Agreement 7")
    north.settings(deconflict_sessions_per_day=1, deconflict_session_days=2)
    for name, passed in (("one", {}), ("two", {"hours": 25})):
        with later(north, **passed) as case:
            start_session(case, case.actor(RUNS, why="x"), peer=south.key, out=tmp_path / name, stated=stated)
    with later(south, days=3) as case, pytest.raises(InputError, match="its session ended on"):
        answer_offer(
            case, case.actor(RUNS, why="x"), tmp_path / "one", peer=north.key, out=tmp_path / "a", stated=stated
        )
    with later(south, days=1) as case:
        actor = case.actor(RUNS, why="x")
        answer_offer(case, actor, tmp_path / "one", peer=north.key, out=tmp_path / "a", stated=stated)
    with later(north, days=3) as case:
        with pytest.raises(InputError, match="its session ended on"):
            finish_session(case, case.actor(RUNS, why="x"), tmp_path / "a", peer=south.key, out=tmp_path / "r")
        assert sorted(one["state"] for one in deconflict_sessions(case)) == ["expired", "open"]


def test_what_left_without_a_second_person_fails_verification(pair, tmp_path, monkeypatch):
    north, south = pair
    monkeypatch.setattr("headwater.workflow.deconfliction.consent_recorded", lambda *_: None)
    north.do("start", peer=south, out=tmp_path / "offer")
    checks = {row["check"]: row for row in north.headwater("verify", north.case, "--json").rows}
    assert not checks["I6.consent_by_two"]["ok"]
    assert "without the consent of a second operator" in checks["I6.consent_by_two"]["first_bad"]
