"""headwater-verify on packages, as a recipient and as the case itself would run it."""

from __future__ import annotations

import json

from cryptography.hazmat.primitives import serialization

import headwater_verify


def in_a_case(case):
    """A released package in a folder that also holds the case's log, and the files a recipient has."""
    who = {"actor": "Iva Example", "role": "analyst", "justification": "exercise", "clock": case.clock}
    case.begin_log(case.folder)
    drafted = case.draft()
    released = case.release(drafted, custody_head=case.log.head())
    case.log.append(event="transferred", recipient="ES", output_digests=released.output_digests, **who)
    identity = case.folder / "identity.txt"
    identity.write_text(f"# invented\n{case.identity}\n")
    return drafted, released, case.folder / "public" / "case-signing.pem", identity


def test_the_recipient_checks_outside_and_inside(case, capsys):
    drafted, released, key, identity = in_a_case(case)
    assert headwater_verify.main([str(released.sealed_folder), "--key", str(key)]) == 0
    assert "only the outside was checked" in capsys.readouterr().err
    arguments = [str(released.sealed_folder), "--key", str(key), "--identity", str(identity), "--json"]
    assert headwater_verify.main(arguments) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    checks = {json.loads(line)["check"] for line in printed.out.splitlines()}
    assert {"envelope.signers", "package.opens", "package.two_people", "package.files", "package.recipient"} <= checks
    assert str(case.identity) not in printed.out
    assert headwater_verify.main([str(drafted.folder)]) == 0
    assert headwater_verify.main([str(drafted.folder / "record"), "--key", str(key)]) == 0


def test_the_case_is_checked_with_its_packages_as_witnesses(case, capsys):
    drafted, _, _, _ = in_a_case(case)
    assert headwater_verify.main([str(case.folder), "--json"]) == 0
    checks = [json.loads(line)["check"] for line in capsys.readouterr().out.splitlines()]
    assert "custody.witness" in checks
    assert f"ES/{drafted.package_id} package.files" in checks
    (drafted.folder / "record" / "methods.txt").write_text("other")
    assert headwater_verify.main([str(case.folder)]) == 1
    assert f"FAIL ES/{drafted.package_id} package.files: methods.txt" in capsys.readouterr().out


def test_a_stranger_who_signs_everything_anew_is_noticed_by_the_key(case, tmp_path):
    _, released, _, _ = in_a_case(case)
    stranger = case.author_key.public_key()
    pem = tmp_path / "stranger.pem"
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    pem.write_bytes(stranger.public_bytes(*form))
    assert headwater_verify.main([str(released.sealed_folder), "--key", str(pem)]) == 1


def test_the_wrong_identity_is_a_finding_and_is_not_repeated(case, tmp_path, capsys):
    import pyrage

    _, released, _, _ = in_a_case(case)
    other = tmp_path / "other.txt"
    other.write_text(str(pyrage.x25519.Identity.generate()))
    assert headwater_verify.main([str(released.sealed_folder), "--identity", str(other)]) == 1
    printed = capsys.readouterr()
    assert "FAIL package.opens" in printed.out
    assert "AGE-SECRET" not in printed.out + printed.err
    other.write_text("no key here")
    assert headwater_verify.main([str(released.sealed_folder), "--identity", str(other)]) == 2
