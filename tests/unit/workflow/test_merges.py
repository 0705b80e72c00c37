"""A person sees what joins two addresses, cuts a proof, sees what falls apart, and takes it back."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from headwater.errors import ConfigError, InputError
from headwater.money import fallen_apart
from headwater.workflow import Case, add_exhibit, cut_preview, joining_path, judge_link, run_stages, table_rows
from headwater_synth.chain import ROUTES, ChainPlan, PlannedInvoice, build_chain, write_blocks

START_S = 1_700_000_000


@pytest.fixture(scope="module")
def blocks(tmp_path_factory):
    """A chain in which exchanges and people spend from several addresses at once."""
    invoices = tuple(
        PlannedInvoice(
            invoice_key=number + 1,
            account_key=number + 1,
            amount_sat=200_000 + 7_919 * number,
            amount_cents=2_500,
            currency="EUR",
            issued_at_s=START_S + number * 600,
            paid_at_s=START_S + number * 600 + 900,
            payer_person_key=number + 1,
            route=ROUTES[number % len(ROUTES)],
            exchange=None if ROUTES[number % len(ROUTES)] == "self_funded" else "Alder",
        )
        for number in range(10)
    )
    plan = ChainPlan(
        seed=5, invoices=invoices, exchanges=("Alder", "Birch"), blocks=140, start_s=START_S, spacing_s=600
    )
    folder = tmp_path_factory.mktemp("merges") / "blocks"
    write_blocks(build_chain(plan), folder)
    return folder


@pytest.fixture
def case(tmp_path, blocks):
    with Case.create(tmp_path / "case", authority_ref="Order 1", operator="A. Examiner", purpose="a test") as opened:
        add_exhibit(opened, opened.actor(), blocks, exhibit_id="EX-1", allow_unsealed=True)
        run_stages(opened, opened.actor(), until="money", workers=1, allow_unsealed=True)
        yield opened


def pair_joined_by_one(case):
    """Two addresses of one cluster, and the one transaction that keeps them together."""
    with case.tables() as tables:
        for row in tables.arrow("cluster_merges").to_pylist():
            if not cut_preview(tables, row["txid"])["still_joined_by"]:
                return row["script_hex"], row["other_script_hex"], row["txid"]
    raise AssertionError("every merge is proved twice")


def test_what_joins_two_addresses_is_said_by_address_and_by_script(case):
    with case.tables() as tables:
        rows = {row["script_hex"]: row for row in tables.arrow("address_clusters").to_pylist()}
        sizes = Counter(row["address_cluster_id"] for row in rows.values())
        largest, _ = sizes.most_common(1)[0]
        members = [row for row in rows.values() if row["address_cluster_id"] == largest and row["address"]]
        first, last = members[0], members[-1]
        path = joining_path(tables, first["script_hex"], last["script_hex"])
        assert path == joining_path(tables, first["address"], last["address"])
        spent = [set(step["spends_from"]) for step in path]
        assert first["address"] in spent[0]
        assert last["address"] in spent[-1]
        assert all(earlier & later for earlier, later in pairwise(spent)), "each step holds the next"


def test_two_addresses_are_joined_from_the_last_of_their_path_on(case):
    script, other, txid = pair_joined_by_one(case)
    with case.tables() as tables:
        [*_, row] = [row for row in tables.arrow("transactions").to_pylist() if row["txid"] == txid]
        height = row["block_height"]
        assert joining_path(tables, script, other, height) == joining_path(tables, script, other)
        with pytest.raises(InputError, match=f"up to block {height - 1}; transaction {txid} of block {height} did"):
            joining_path(tables, script, other, height - 1)
        ids = [table_rows(tables, "address_clusters", where=[], columns=[], height=at) for at in (height - 1, height)]
        before, after = ({r["script_hex"]: r["address_cluster_id"] for r in rows.to_pylist()} for rows in ids)
        assert before[script] != before[other]
        assert after[script] == after[other]
        with pytest.raises(ConfigError, match="'blocks' is not kept by block height"):
            table_rows(tables, "blocks", where=[], columns=[], height=height)


def test_addresses_that_nothing_joins_and_addresses_that_are_none(case):
    with case.tables() as tables:
        rows = tables.arrow("address_clusters").to_pylist()
        one = rows[0]
        other = next(row for row in rows if row["address_cluster_id"] != one["address_cluster_id"])
        with pytest.raises(InputError, match="no chain of transactions joins"):
            joining_path(tables, one["script_hex"], other["script_hex"])
        with pytest.raises(InputError, match="holds no such address"):
            joining_path(tables, one["script_hex"], "bcrt1none")
        with pytest.raises(InputError, match="same script"):
            joining_path(tables, one["script_hex"], one["address"] or one["script_hex"])
        for txid in ("00" * 32, "none", ""):
            with pytest.raises(InputError, match="no transaction of this case"):
                cut_preview(tables, txid)


def test_a_cut_is_shown_before_it_is_made_and_changes_nothing_then(case):
    _, _, txid = pair_joined_by_one(case)
    before = case.digests()
    with case.tables() as tables:
        preview = cut_preview(tables, txid)
        assert tables.arrow("merge_cuts").num_rows == 0
    assert len(preview["parts"]) > 1
    assert sum(part["scripts"] for part in preview["parts"]) == preview["scripts"]
    assert not preview["is_cut"]
    assert case.digests() == before


def test_a_cut_takes_the_cluster_apart_as_foretold_and_a_later_judgement_undoes_it(case):
    script, other, txid = pair_joined_by_one(case)
    with case.tables() as tables:
        preview = cut_preview(tables, txid)
        merges_before = tables.arrow("cluster_merges").to_pylist()
    judge_link(case, case.actor("B. Analyst"), txid, "negative", why="a payment by two: both say so")
    run_stages(case, case.actor(), until="money", workers=1, allow_unsealed=True)
    with case.tables() as tables:
        assert tables.arrow("merge_cuts").to_pylist() == [{"txid": txid, "operator": "B. Analyst"}]
        assert txid not in tables.arrow("cluster_merges")["txid"].to_pylist()
        [row] = [row for row in tables.arrow("transactions").to_pylist() if row["txid"] == txid]
        assert (row["coinjoin"], row["coinjoin_rule"]) == ("yes", "cut_by_judgement")
        clusters = {
            row["script_hex"]: row["address_cluster_id"] for row in tables.arrow("address_clusters").to_pylist()
        }
        assert clusters[script] != clusters[other]
        sizes = Counter(clusters.values())
        foretold = sorted(part["scripts"] for part in preview["parts"])
        spent = [row["script_hex"] for row in tables.arrow("tx_inputs").to_pylist() if row["txid"] == txid]
        assert set(foretold) >= {sizes[clusters[each]] for each in spent}
        [said] = joining_path(tables, script, other)
        assert (said["txid"], said["cut_by"]) == (txid, "B. Analyst")
        assert cut_preview(tables, txid)["is_cut"]
    judge_link(case, case.actor("C. Other"), txid, "positive", why="they are one")
    run_stages(case, case.actor(), until="money", workers=1, allow_unsealed=True)
    with case.tables() as tables:
        assert tables.arrow("merge_cuts").num_rows == 1, "one person's negative is not outvoted"
    judge_link(case, case.actor("B. Analyst"), txid, "unsure", why="they took it back")
    run_stages(case, case.actor(), until="money", workers=1, allow_unsealed=True)
    with case.tables() as tables:
        assert tables.arrow("merge_cuts").num_rows == 0
        assert tables.arrow("cluster_merges").to_pylist() == merges_before


def test_a_judgement_on_a_merge_is_none_on_a_link(case):
    _, _, txid = pair_joined_by_one(case)
    with case.tables() as tables:
        before = tables.arrow("judgements").to_pylist()
    judge_link(case, case.actor("B. Analyst"), txid, "negative", why="x")
    with case.tables() as tables:
        assert tables.arrow("judgements").to_pylist() == before
        assert tables.arrow("hub_judgements").num_rows == 0


def test_what_joins_nothing_cannot_be_judged(case):
    with case.tables() as tables:
        [coinbase, *_] = [row["txid"] for row in tables.arrow("transactions").to_pylist() if row["is_coinbase"]]
    with pytest.raises(InputError, match="nor a transaction that merges"):
        judge_link(case, case.actor(), coinbase, "negative", why="x")
    _, _, txid = pair_joined_by_one(case)
    with pytest.raises(ConfigError, match="must not be empty"):
        judge_link(case, case.actor(), txid, "negative", why=" ")


def test_a_cluster_without_a_proof_falls_into_its_parts():
    spends = {"t1": ["a", "b"], "t2": ["b", "c"], "t3": ["d", "c"], "t4": ["d", "e", "x"]}
    apart = fallen_apart(spends, "abcde", "t2")
    assert apart.parts == (("c", "d", "e"), ("a", "b"))
    assert apart.still_joined_by == ()


def test_a_proof_that_is_not_the_only_one_changes_nothing_and_the_others_are_named():
    spends = {"t1": ["a", "b", "c"], "t2": ["b", "c"], "t3": ["a", "d"], "t4": ["d", "c"]}
    apart = fallen_apart(spends, "abcd", "t1")
    assert apart.parts == (("a", "b", "c", "d"),)
    assert set(apart.still_joined_by) == {"t2", "t3", "t4"}
