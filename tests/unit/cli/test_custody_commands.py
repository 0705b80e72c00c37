"""The commands about the custody log, from one head to a proof, an erasure and what verifies them."""

from __future__ import annotations

import json

import pytest

import headwater_verify


def made(headwater, folder):
    case = folder / "case"
    assert headwater("case", "create", case, "--authority", "Warrant 1", "--operator", "Ana").status == 0
    return case


def test_a_head_is_kept_and_the_growth_since_is_proved(headwater, tmp_path):
    case = made(headwater, tmp_path)
    kept = headwater("custody", "head", case)
    assert kept.status == 0
    headwater("ledger", case)
    proof = tmp_path / "growth.json"
    done = headwater("custody", "consistency", case, "--from", kept.out.strip(), "--out", proof)
    assert done.status == 0, done.err
    assert headwater("verify", proof).status == 0
    assert headwater_verify.main([str(proof), "--key", str(case / "public" / "case-signing.pem")]) == 0
    wrong = headwater("custody", "consistency", case, "--from", f"2:{'ab' * 32}", "--out", tmp_path / "no.json")
    assert wrong.status == 2
    assert "does not begin" in wrong.err
    assert headwater("custody", "consistency", case, "--from", kept.out.strip(), "--out", proof).status == 2


def test_an_entry_is_proved_with_and_without_its_texts_and_erased_with_a_receipt(headwater, tmp_path):
    case = made(headwater, tmp_path)
    headwater("custody", "head", case, "--why", "about Iva Example")
    for number, options in enumerate(((), ("--without-texts",))):
        proof = tmp_path / f"{number}.json"
        assert headwater("custody", "prove", case, 1, "--out", proof, *options).status == 0
        assert headwater("verify", proof).status == 0
        assert ("Iva" in proof.read_text()) == (number == 0)
    receipt = tmp_path / "receipt.json"
    options = ("--receipt", receipt, "--operator", "Ana", "--why", "retention is over", "--json")
    done = headwater("custody", "erase", case, "--entry", 1, *options)
    assert done.status == 0, done.err
    assert done.rows[0]["erased"] == [1]
    assert json.loads(receipt.read_bytes())["entry"]["object_ids"] == ["entry-1"]
    assert headwater_verify.main([str(receipt)]) == 0
    assert headwater("verify", case).status == 0
    assert headwater_verify.main([str(case)]) == 0
    again = headwater("custody", "erase", case, "--entry", 1, *options)
    assert again.status == 2


def test_a_request_for_a_time_stamp_is_written_and_what_is_no_reply_is_refused(headwater, tmp_path):
    case = made(headwater, tmp_path)
    assert headwater("custody", "timestamp-request", case, "--out", tmp_path / "head.tsq").status == 0
    refused = headwater(
        "custody", "timestamp-import", case, tmp_path / "head.tsq", "--authority", tmp_path / "head.tsq"
    )
    assert refused.status == 2
    assert "no time stamp on a tree head of this log" in refused.err
    assert headwater("verify", case).status == 0


@pytest.mark.parametrize("kind", ["case", "log", "package", "proof"])
def test_verify_prints_one_object_for_each_check(headwater, tmp_path, kind):
    case = made(headwater, tmp_path)
    path = case
    if kind == "log":
        (case / "case.toml").unlink()
    elif kind == "proof":
        path = tmp_path / "proof.json"
        headwater("custody", "prove", case, 0, "--out", path)
    elif kind == "package":
        path = tmp_path / "package"
        path.mkdir()
        (path / "envelope.json").write_text("{}")
    done = headwater("verify", path, "--json")
    assert done.status == (1 if kind == "package" else 0)
    assert {tuple(sorted(row)) for row in done.rows} == {("check", "first_bad", "ok")}
    assert all(row["ok"] for row in done.rows) is (kind != "package")
