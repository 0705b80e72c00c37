"""Money of a seized platform, shown and asked about: sums, pictures, months, request sheets, a return in XLSX."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from headwater.workflow import Case

pytestmark = pytest.mark.case
WHO = ("--operator", "B. Analyst", "--why", "order 7/2026")


def entries(path: Path):
    with Case(path) as case:
        return list(case.custody.entries())


def test_sums_months_and_pictures_tell_the_same(own_case, headwater, tmp_path):
    rows = headwater("money", own_case, "--json").rows
    ended, named = Counter(), Counter()
    for row in rows:
        if row["kind"] == "end":
            ended[row["direction"], row["policy"]] += row["amount_sat"]
            if row["stop_reason"] == "service":
                named[row["direction"], row["policy"]] += row["amount_sat"]
    sums = {(row["direction"], row["policy"]): row for row in rows if row["kind"] == "sum"}
    assert {key: row["followed_sat"] for key, row in sums.items()} == dict(ended)
    assert all(row["named_service_sat"] > 0 for row in sums.values())
    traces = Counter()
    for row in headwater("show", own_case, "traces", "--json").rows:
        traces[row["direction"], row["policy"]] += row["origin_sat"]
    assert traces == ended

    months = Counter()
    for row in headwater("money", own_case, "--by-month", "--json").rows:
        for policy in ("fifo", "pro_rata"):
            months[row["direction"], policy] += row[f"{policy}_sat"]
    assert months == named
    done = headwater("money", own_case, "--csv", tmp_path / "m.csv", *WHO)
    assert done.status == 0, done.err
    assert (
        (tmp_path / "m.csv")
        .read_text()
        .startswith("country,service,direction,month,fifo_sat,pro_rata_sat,transactions")
    )

    pictures = headwater("money", own_case, "--sankey", tmp_path / "flows.svg", *WHO, "--json").rows
    assert [Path(row["file"]).name for row in pictures] == ["flows-fifo.svg", "flows-pro_rata.svg"]
    for row in pictures:
        content = Path(row["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row["sha256"]
        policy = Path(row["file"]).stem.removeprefix("flows-")
        held = re.search(r'id="platform" data-sat="(\d+)"', content.decode())
        assert int(held[1]) == sums["backward", policy]["followed_sat"]
    newest = entries(own_case)[-1]
    assert (newest.event, set(newest.output_digests)) == ("exported", {"flows-fifo.svg", "flows-pro_rata.svg"})
    assert "is there already" in headwater("money", own_case, "--sankey", tmp_path / "flows.svg", *WHO).err


def test_sheets_rest_on_the_tables_and_are_the_same_every_time(own_case, headwater, tmp_path):
    written = headwater("request", own_case, "--all", "--out", tmp_path / "one", *WHO, "--json").rows
    assert headwater("request", own_case, "--all", "--out", tmp_path / "two", *WHO).status == 0
    first, second = ({p.name: p.read_bytes() for p in (tmp_path / n).iterdir()} for n in ("one", "two"))
    assert first == second
    assert len(first) == 3 * len(written)
    newest = entries(own_case)[-1]
    assert newest.event == "exported"
    assert newest.output_digests == {name: hashlib.sha256(content).hexdigest() for name, content in first.items()}

    requests = {row["request_id"]: row for row in headwater("show", own_case, "request_sheets", "--json").rows}
    digests = {row["table"]: row["sha256"] for row in headwater("digests", own_case, "--json").rows}
    steps = {(row["from_txid"], row["to_txid"]) for row in headwater("show", own_case, "trace_flows", "--json").rows}
    origins = {row["origin_txid"] for row in headwater("show", own_case, "traces", "--json").rows}
    accounts = {row["account_id"] for row in headwater("show", own_case, "accounts", "--json").rows}
    asked = []
    for name in sorted(first):
        if not name.endswith(".json") or name.endswith("_tokens.json"):  # of tokens: tests/case/test_tokens.py
            continue
        document = json.loads(first[name])
        assert all(digests[table] == digest for table, digest in document["basis"]["tables"].items())
        recorded = entries(own_case)[document["basis"]["custody_entry"]]
        assert recorded.output_digests["request_sheets.parquet"] == digests["request_sheets"]
        after = entries(own_case)[document["basis"]["custody_entry"] + 1]
        assert after.prev_hash == document["basis"]["custody_entry_sha256"]
        for request in document["requests"]:
            asked.append(request["request_id"])
            row = requests[request["request_id"]]
            assert request["by_policy"] == {"fifo": row["fifo_sat"], "pro_rata": row["pro_rata_sat"]}
            assert request["what_would_make_it_false"]
            assert len(request["receipts"]) == row["traces"]
            for path in request["paths"]:
                way = [hop["txid"] for hop in path["hops"]]
                assert way[0] in origins
                assert set(itertools.pairwise(way)) <= steps
            if not request["tag"]["is_direct"]:
                assert request["merges"]
        assert not any(account in first[name].decode() for account in accounts)
        text = subprocess.run(
            ["pdftotext", "-layout", tmp_path / "one" / name.replace(".json", ".pdf"), "-"],
            capture_output=True, check=True, text=True,
        ).stdout  # fmt: skip
        assert document["service"]["legal_contact"] in text
        shown = "".join(text.split())
        assert all(f"{row['txid']}:{row['output_index']}" in shown for row in document["requests"])
        assert text.count("What would make this false") == len(document["requests"])
    assert sorted(asked) == sorted(requests)
    assert headwater("verify", own_case, "--skip-evidence").status == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--service", "nobody", "--out", "new", *WHO), "no trace ends at this service"),
        (("--out", "new", *WHO), "give --out DIR, and --service ACTOR or --all"),
        (("--all", "--service", "x", "--out", "new", *WHO), "give --out DIR, and --service ACTOR or --all"),
        (("--all", "--out", "new", "--operator", "B", "--why", " "), "must not be empty"),
        (("--all", "--out", "case/tables/new", *WHO), "lies inside of the case"),
        (("--all", "--out", "new", *WHO, "--currency", "EUR"), "no prices of it were imported"),
    ],
)
def test_a_request_that_cannot_be_made_leaves_nothing_and_is_on_record(own_case, headwater, options, words):
    options = [own_case.parent / value if value.endswith("new") else value for value in options]
    done = headwater("request", own_case, *options)
    assert done.status == 2
    assert words in done.err
    assert not list(own_case.parent.glob("*new*"))
    if "give" not in words:
        assert entries(own_case)[-1].event == "failed"


def test_nobody_is_asked_on_altered_evidence(own_case, headwater, tmp_path, monkeypatch):
    from headwater.workflow import money

    class Altered:
        """Tables in which the exhibit of the blocks failed its check."""

        def __init__(self, tables):
            self._tables = tables

        def arrow(self, name):
            rows = self._tables.arrow(name)
            if name != "exhibits":
                return rows
            place = rows.schema.get_field_index("integrity")
            return rows.set_column(place, "integrity", [["failed"] * rows.num_rows])

        def __getattr__(self, name):
            return getattr(self._tables, name)

    checked = money._require_money
    monkeypatch.setattr(money, "_require_money", lambda case, tables: checked(case, Altered(tables)))
    done = headwater("request", own_case, "--all", "--out", tmp_path / "out", *WHO)
    assert done.status == 2
    assert "its integrity check failed" in done.err
    assert not (tmp_path / "out").exists()
