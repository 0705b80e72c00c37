"""Two agencies compare: the whole synthetic case against another case that holds a few of the same identifiers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.case

RUNS, CONSENTS = "A. Examiner", "B. Analyst"


def test_a_shared_identifier_leads_to_the_account_and_its_lead(own_case: Path, tmp_path: Path, headwater: Any) -> None:
    shown = headwater("show", own_case, "accounts", "--json").rows
    with_email = [row for row in shown if row["email"]]
    wanted = sorted({row["email"] for row in with_email})[:5]
    assert len(wanted) == 5
    lines = [f"Alder,{n},Person {n},{email.upper()}" for n, email in enumerate(wanted)]
    lines += [f"Alder,{n},Person {n},other{n}@elsewhere.test" for n in range(10, 40)]
    (tmp_path / "customers.csv").write_text("actor,source_key,full_name,email\n" + "\n".join(lines) + "\n")
    other = tmp_path / "other"
    for step in (
        ("case", "create", other, "--authority", "Order 2", "--operator", RUNS),
        ("reference", "add", other, "customers", tmp_path / "customers.csv", "--name", "alder", "--version", "1"),
    ):
        assert headwater(*step).status == 0
    keys = {case: case / "public" / "case-signing.pem" for case in (own_case, other)}
    stated = ("--purpose", "who else enquires", "--legal-basis", "Agreement 7", "--consent-by", CONSENTS)
    by = ("--operator", RUNS, "--why", "agreed")
    offer, answer, result = (tmp_path / name for name in ("offer", "answer", "result"))
    for words in (
        ("start", own_case, "--with", keys[other], "--out", offer, *stated, *by),
        ("answer", other, offer, "--with", keys[own_case], "--out", answer, *stated, *by),
        ("finish", own_case, answer, "--with", keys[other], "--out", result, *by),
        ("finish", other, result, "--with", keys[own_case], *by),
    ):
        done = headwater("deconflict", *words)
        assert done.status == 0, done.err
    rows = [row for row in headwater("deconflict", "show", own_case, "--json").rows if row["row"] == "shared"]
    held = {row["account_id"] for row in rows if row["table"] == "accounts"}
    assert held == {row["account_id"] for row in with_email if row["email"] in wanted}
    leads = {row["account_id"]: row["lead_id"] for row in headwater("leads", own_case, "--limit", 0, "--json").rows}
    assert {row["account_id"]: row["lead_id"] for row in rows if row["account_id"] in leads} == {
        account: leads[account] for account in held & leads.keys()
    }
    theirs = [row for row in headwater("deconflict", "show", other, "--json").rows if row["row"] == "shared"]
    assert {row["identifier"] for row in theirs} == {row["identifier"] for row in rows}
    assert {row["table"] for row in theirs} == {"customers"}
    assert headwater("verify", own_case, "--skip-evidence").status == 0
