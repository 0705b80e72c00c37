from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType

import pyarrow as pa
import pytest

from headwater.engine import Session
from headwater.schema import table_named
from headwater_synth import score_people
from headwater_synth.score import Measure, measured_tables
from headwater_synth.score_change import RULES
from headwater_synth.score_money import PROTOCOLS
from headwater_synth.score_truth import PairCounts, Truth, pair_counts
from headwater_synth.score_use import FACTS

MEASURES = (
    "ledger.unaccounted_bytes",
    "media.exact.recall",
    "media.near.recall",
    "media.near.precision",
    "media.cluster.pair_f1",
    "money.platform_addresses.recall",
    "money.cluster.pair_precision",
    "money.cluster.pair_recall",
    "money.coinjoin.excluded",
    *(f"money.coinjoin.excluded.{protocol}" for protocol in (*PROTOCOLS, "shape")),
    *(f"money.coinjoin.named.{protocol}" for protocol in PROTOCOLS),
    *(f"money.coinjoin.false.{protocol}" for protocol in PROTOCOLS),
    "money.coinjoin.false_exclusion",
    "money.payjoin.merged",
    *(f"money.change.{rule}.false_positive" for rule in RULES),
    "money.change.agreed.false_positive",
    "money.change.agreed.coverage",
    "money.peel.hop_accuracy",
    "money.peel.recall",
    "money.endpoint.recall",
    "money.taint_error_sat",
    "money.payments.reach_service",
    "money.payments.reach_payers_service",
    "token.taint_error_units",
    "token.endpoint.recall",
    "token.marks.recall",
    "token.marks.false",
    "links.paid.precision",
    "links.paid.recall",
    "links.used.precision",
    "links.used.recall",
    "links.used.own_data_recall",
    "links.held.precision",
    "links.held.recall",
    "links.held.blocking_recall",
    *(f"leads.{order}.first_{n}" for order in ("high_risk", "by_activity", "by_amount_paid") for n in (10, 100, 1000)),
    "leads.origin.worst_rank_percent",
    "leads.origin.worst_place_percent",
    "leads.origin.in_first_percent",
    "leads.origin.room_in_first_percent",
    "leads.innocents_named",
    *(f"facts.{name}.{kind}" for name in FACTS for kind in ("recall", "precision")),
    "rivals.recall",
    "rivals.payers_named_as_users",
)
NOTHING = Truth(accounts=(), people=(), payments=(), addresses=(), transactions=(), flows=(), media=())


def filler(kind: pa.DataType) -> object:
    if pa.types.is_integer(kind):
        return 0
    if pa.types.is_boolean(kind):
        return False
    if pa.types.is_timestamp(kind):
        return datetime(2025, 1, 1, tzinfo=UTC)
    if pa.types.is_list(kind):
        return []
    return b"" if pa.types.is_binary(kind) else ""


def put(session: Session, name: str, *rows: dict[str, object]) -> None:
    """Rows of a table of which a test says only what matters to it; keys are made up where they are not said."""
    table = table_named(name)
    full = []
    for number, row in enumerate(rows):
        given = {c.name: None if c.nullable else filler(c.type) for c in table.columns}
        invented = {key: f"{name}-{number}" for key in table.key if pa.types.is_string(table.arrow.field(key).type)}
        full.append(given | invented | row)
    session.put(name, table.rows(full))


def figures(session: Session, **truth: tuple[dict[str, str], ...]) -> dict[str, Measure]:
    parts = {name: truth.get(name, ()) for name in NOTHING.__dataclass_fields__}
    return {measure.measure: measure for measure in measured_tables(session, Truth(**parts))}


@pytest.fixture
def session():
    with Session({}) as opened:
        yield opened


def test_all_measures_are_there_and_none_is_good_by_having_nothing_to_measure(session):
    measures = tuple(measured_tables(session, NOTHING))
    assert tuple(measure.measure for measure in measures) == MEASURES
    assert all(measure.value is None and measure.n == 0 for measure in measures)


def test_reference_page_explains_every_measure(repository):
    page = (repository / "docs" / "reference" / "score.md").read_text("utf-8")
    assert [name for name in MEASURES if f"`{name}`" not in page] == []


# --- ledger


def entry(path: str, size_bytes: int, **more: object) -> dict[str, object]:
    return {
        "exhibit_id": "EX-1",
        "path": path,
        "path_bytes": path.encode(),
        "directory": "srv",
        "entry_type": "file",
        "size_bytes": size_bytes,
        "disposition": "catalogued",
    } | more


def test_a_ledger_that_adds_up_has_nothing_unaccounted(session):
    put(session, "entries", entry("srv/a", 70), entry("srv/b", 30), entry("srv", 4096, entry_type="directory"))
    put(session, "items", entry("srv/a", 70), entry("srv/b", 30), entry("srv", 4096, entry_type="directory"))
    ledger = {"exhibit_id": "EX-1", "directory": "srv", "entry_bytes": 100, "catalogued_bytes": 70, "refused_bytes": 30}
    put(session, "ledger", ledger)
    assert figures(session)["ledger.unaccounted_bytes"] == Measure(measure="ledger.unaccounted_bytes", value=0, n=100)


@pytest.mark.parametrize(
    ("accounted", "listed", "unaccounted"),
    [(100, ("srv/a",), 30), (70, ("srv/a",), 30), (70, ("srv/a", "srv/b"), 30), (110, ("srv/a", "srv/b"), 10)],
    ids=["item lost and ledger lies", "item lost once, counted once", "short read", "more than there was"],
)
def test_what_went_nowhere_is_counted(session, accounted, listed, unaccounted):
    sizes = {"srv/a": 70, "srv/b": 30}
    put(session, "entries", *(entry(path, size) for path, size in sizes.items()))
    put(session, "items", *(entry(path, sizes[path]) for path in listed))
    put(
        session,
        "ledger",
        {"exhibit_id": "EX-1", "directory": "srv", "entry_bytes": 100, "catalogued_bytes": accounted},
    )
    assert figures(session)["ledger.unaccounted_bytes"].value == unaccounted


def test_a_directory_that_the_ledger_does_not_have_is_unaccounted(session):
    put(session, "entries", entry("srv/a", 70))
    assert figures(session)["ledger.unaccounted_bytes"].value == 70


# --- media


def media(name: str, scene: str, listed: str, comparable: str = "1") -> dict[str, str]:
    return {"path": f"/srv/media/{name}", "scene_key": scene, "listed": listed, "comparable": comparable}


def media_items(session: Session, verdicts: dict[str, str], clusters: dict[str, str]) -> None:
    names = sorted(verdicts)
    put(
        session,
        "items",
        *(entry(f"srv/media/{name}", 1, item_id=f"itm-{name}") for name in names),
    )
    put(session, "media_verdicts", *({"item_id": f"itm-{n}", "verdict": verdicts[n]} for n in names))
    put(
        session,
        "media_clusters",
        *({"item_id": f"itm-{name}", "media_cluster_id": cluster} for name, cluster in sorted(clusters.items())),
    )


def test_verdicts_are_measured_on_what_they_can_be_right_about(session):
    truth = (
        media("a", "1", "exact"),
        media("b", "1", "near"),
        media("c", "2", "near"),
        media("d", "2", "near", comparable="0"),
        media("e", "3", "none"),
    )
    verdicts = {"a": "exact", "b": "strong", "c": "none", "d": "possible", "e": "probable", "logo": "possible"}
    media_items(session, verdicts, {})
    found = figures(session, media=truth)
    assert (found["media.exact.recall"].value, found["media.exact.recall"].n) == (1.0, 1)
    assert (found["media.near.recall"].value, found["media.near.recall"].n) == (0.5, 2)
    assert found["media.near.precision"].value == pytest.approx(1 / 3, abs=1e-6)
    assert found["media.near.precision"].n == 3


def test_clusters_are_measured_by_pairs_of_comparable_files(session):
    truth = (
        media("a", "1", "none"),
        media("b", "1", "none"),
        media("c", "1", "none"),
        media("d", "2", "none"),
        media("e", "1", "none", comparable="0"),
    )
    # Three pairs belong together; of two pairs found, one does.
    media_items(session, dict.fromkeys("abcde", "none"), {"a": "x", "b": "x", "c": "y", "d": "y", "e": "y"})
    found = figures(session, media=truth)["media.cluster.pair_f1"]
    assert found.value == pytest.approx(2 * 1 / (3 + 2))
    assert found.n == 4


def test_media_that_the_catalogue_lost_count_against_it(session):
    found = figures(session, media=(media("a", "1", "exact"), media("b", "1", "near"), media("c", "1", "near")))
    assert found["media.exact.recall"].value == 0.0
    assert found["media.near.recall"].value == 0.0
    assert found["media.near.precision"].value is None
    assert found["media.cluster.pair_f1"].value == 0.0


def test_pairs_are_counted_as_by_hand():
    expected = {"a": 1, "b": 1, "c": 1, "d": 2, "e": 2}
    found = {"a": "x", "b": "x", "d": "x", "e": "y", "stranger": "x"}
    assert pair_counts(expected, found) == PairCounts(expected=4, found=3, both=1)


# --- money


def flow(actor: str | None, sat: int, output: int = 0, policy: str = "fifo") -> dict[str, str]:
    return {
        "direction": "backward",
        "policy": policy,
        "origin_txid": "aa",
        "origin_output_index": "1",
        "endpoint_txid": "bb",
        "endpoint_output_index": str(output),
        "endpoint_kind": "service" if actor else "coinbase",
        "service_actor": actor or "",
        "amount_sat": str(sat),
    }


def traced(session: Session, *ends: tuple[str, int, int, str | None]) -> None:
    put(
        session,
        "traces",
        *(
            {
                "trace_id": f"trc-{policy}",
                "direction": "backward",
                "policy": policy,
                "origin_txid": "aa",
                "origin_output_index": 1,
            }
            for policy in ("fifo", "pro_rata")
        ),
    )
    put(session, "services", {"service_id": "svc-1", "actor": "kestrel"}, {"service_id": "svc-2", "actor": "heron"})
    put(
        session,
        "endpoints",
        *(
            {
                "trace_id": f"trc-{policy}",
                "txid": "bb",
                "output_index": output,
                "amount_sat": sat,
                "stop_reason": "service" if service else "coinbase",
                "service_id": service,
            }
            for policy, output, sat, service in ends
        ),
    )


def test_endpoints_right_to_the_satoshi(session):
    traced(session, ("fifo", 0, 900, "svc-1"), ("fifo", 1, 100, None), ("pro_rata", 0, 1000, "svc-1"))
    truth = (flow("kestrel", 900), flow(None, 100, 1), flow("kestrel", 1000, policy="pro_rata"))
    found = figures(session, flows=truth)
    assert found["money.endpoint.recall"] == Measure(measure="money.endpoint.recall", value=1.0, n=2)
    assert found["money.taint_error_sat"] == Measure(measure="money.taint_error_sat", value=0, n=2000)


def test_endpoints_missed_invented_or_of_another_amount(session):
    traced(session, ("fifo", 0, 850, "svc-2"), ("fifo", 7, 50, None))
    found = figures(session, flows=(flow("kestrel", 900), flow("kestrel", 1000, policy="pro_rata")))
    assert found["money.endpoint.recall"].value == 0.0
    assert found["money.taint_error_sat"].value == 50 + 50 + 1000


def test_addresses_clusters_and_coinjoins(session):
    addresses = tuple(
        {"script_hex": script, "kind": kind, "cluster_expected": owner}
        for script, kind, owner in (
            ("01", "platform", "platform"),
            ("02", "platform", "platform"),
            ("03", "platform", "platform"),
            ("04", "payer", "person-1"),
            ("05", "payer", "person-1"),
            ("06", "honest", "person-2"),
        )
    )
    put(session, "platform_addresses", {"script_hex": "01"}, {"script_hex": "03"}, {"script_hex": "99"})
    spent = ("01", "02", "04", "05", "06")  # nothing was ever spent from 03
    put(session, "tx_inputs", *({"input_index": n, "script_hex": script} for n, script in enumerate(spent)))
    groups = {"01": "a", "02": "a", "03": "a", "04": "b", "05": "c", "06": "b"}
    put(session, "address_clusters", *({"script_hex": s, "address_cluster_id": c} for s, c in groups.items()))
    judged = {"t1": "yes", "t2": "abstain", "t3": "no"}
    put(session, "transactions", *({"txid": txid, "coinjoin": answer} for txid, answer in judged.items()))
    transactions = tuple({"txid": txid, "kind": "coinjoin"} for txid in (*judged, "t4"))
    found = figures(session, addresses=addresses, transactions=transactions)
    assert found["money.platform_addresses.recall"].value == pytest.approx(2 / 3, abs=1e-6)
    assert found["money.cluster.pair_precision"] == Measure(measure="money.cluster.pair_precision", value=0.5, n=2)
    assert found["money.cluster.pair_recall"] == Measure(measure="money.cluster.pair_recall", value=0.5, n=2)
    assert found["money.coinjoin.excluded"] == Measure(measure="money.coinjoin.excluded", value=0.5, n=4)


def test_coinjoins_are_told_by_protocol_and_honest_ones_counted_against(session):
    rows = {
        "t1": ("yes", "wasabi2"),
        "t2": ("abstain", "wasabi2_shape"),
        "t3": ("yes", "joinmarket"),
        "t4": ("yes", "joinmarket"),
        "t5": ("no", "batch_payout"),
        "t6": ("no", "few_outputs"),
    }
    made = ({"txid": txid, "coinjoin": answer, "coinjoin_rule": rule} for txid, (answer, rule) in rows.items())
    put(session, "transactions", *made)
    spent = [(txid, script) for txid in rows for script in ("01", "02")]
    put(session, "tx_inputs", *({"txid": t, "input_index": n, "script_hex": s} for n, (t, s) in enumerate(spent)))
    kinds = {
        "t1": "coinjoin_wasabi2",
        "t2": "coinjoin_wasabi2",
        "t3": "coinjoin",  # of no named protocol: JoinMarket's form is no mistake
        "t4": "honest",
        "t5": "coinjoin_wasabi1",
        "t6": "honest",
    }
    found = figures(session, transactions=tuple({"txid": txid, "kind": kind} for txid, kind in kinds.items()))
    told = {
        "excluded": (0.75, 4),
        "excluded.wasabi2": (1.0, 2),
        "excluded.wasabi1": (0.0, 1),
        "excluded.shape": (1.0, 1),
        "excluded.whirlpool": (None, 0),
        "named.wasabi2": (0.5, 2),
        "named.wasabi1": (0.0, 1),
        "false.wasabi2": (0.0, 2),
        "false.joinmarket": (0.5, 2),
        "false_exclusion": (0.5, 2),
    }
    for name, expected in told.items():
        assert (found[f"money.coinjoin.{name}"].value, found[f"money.coinjoin.{name}"].n) == expected, name


def test_rules_of_change_and_hops_are_held_to_who_holds_each_output(session):
    owners = {"01": "ann", "02": "ann", "03": "ben", "04": "cat"}
    addresses = tuple({"script_hex": s, "kind": "honest", "cluster_expected": o} for s, o in owners.items())
    paid = {"t1": ("03", "02"), "t2": ("03", "02"), "t3": ("01", "02"), "t4": ("03", "04"), "t5": ("03", "99")}
    put(session, "tx_inputs", *({"txid": txid, "script_hex": "01"} for txid in paid))
    put(
        session,
        "tx_outputs",
        *({"txid": t, "output_index": n, "script_hex": s} for t, two in paid.items() for n, s in enumerate(two)),
    )
    guesses = [
        ("t1", "fresh_script", 1, "yes"),
        ("t2", "fresh_script", 0, "conflict"),
        ("t2", "round_amount", 1, "conflict"),
        ("t3", "fresh_script", 1, "yes"),  # both are the payer's own
        ("t4", "fresh_script", 0, "yes"),  # neither is
        ("t5", "fresh_script", 0, "yes"),  # whose the other is, nobody knows
    ]
    put(
        session,
        "change_candidates",
        *(
            {"txid": t, "rule": rule, "output_index": n, "rejected_output_index": 1 - n, "fired": fired}
            for t, rule, n, fired in guesses
        ),
    )
    hops = [("t1", 1), ("t2", 0), ("t3", 1)]
    put(
        session,
        "peel_hops",
        *({"hop": at, "txid": t, "output_index": n, "rejected_output_index": 1 - n} for at, (t, n) in enumerate(hops)),
    )
    transactions = tuple({"txid": txid, "kind": "service_peel"} for txid in ("t1", "t2", "t9"))
    found = figures(session, addresses=addresses, transactions=transactions)
    told = {
        "change.fresh_script.false_positive": (pytest.approx(2 / 3, abs=1e-6), 3),
        "change.round_amount.false_positive": (0.0, 1),
        "change.agreed.false_positive": (0.5, 2),
        "change.agreed.coverage": (0.5, 2),
        "peel.hop_accuracy": (0.5, 2),
        "peel.recall": (pytest.approx(1 / 3, abs=1e-6), 3),
    }
    for name, expected in told.items():
        assert (found[f"money.{name}"].value, found[f"money.{name}"].n) == expected, name


def test_payments_that_reach_a_service_and_the_payers_own(session):
    traced(session, ("fifo", 0, 900, "svc-1"))
    payments = (
        {"invoice_key": "1", "payer_person_key": "1", "exchange": "kestrel", "txid": "aa", "output_index": "1"},
        {"invoice_key": "2", "payer_person_key": "2", "exchange": "heron", "txid": "aa", "output_index": "1"},
        {"invoice_key": "3", "payer_person_key": "3", "exchange": "", "txid": "cc", "output_index": "0"},
    )
    found = figures(session, payments=payments)
    assert (found["money.payments.reach_service"].value, found["money.payments.reach_service"].n) == (
        pytest.approx(2 / 3, abs=1e-6),
        3,
    )
    assert found["money.payments.reach_payers_service"].value == 0.5


def test_the_rules_measured_are_those_there_are():
    from headwater.money.change import CHANGE_RULES

    assert tuple(CHANGE_RULES) == RULES


# --- links and leads

PEOPLE = (
    {"person_key": "1", "record_keys": "R-1;R-1b", "customer_keys": "kestrel:K-1", "only_paid_for_relative": "0"},
    {"person_key": "2", "record_keys": "R-2", "customer_keys": "kestrel:K-2", "only_paid_for_relative": "1"},
    {"person_key": "3", "record_keys": "", "customer_keys": "", "only_paid_for_relative": "0"},
)
ACCOUNTS = tuple(
    {"account_key": key, "role": "member", "person_key": person, "is_origin": origin}
    | dict.fromkeys(("identity_reachable", "own_data_leads"), reachable)
    for key, person, origin, reachable in (
        ("10", "1", "1", "1"), ("11", "3", "1", "0"), ("12", "3", "0", "0"), ("13", "1", "1", "1"),
    )
)  # fmt: skip
PAYMENTS = (
    {"invoice_key": "500", "payer_person_key": "2", "exchange": "kestrel", "txid": "aa", "output_index": "1"},
    {"invoice_key": "501", "payer_person_key": "1", "exchange": "", "txid": "bb", "output_index": "0"},
    {"invoice_key": "502", "payer_person_key": "3", "exchange": "heron", "txid": "cc", "output_index": "0"},
)
TRUTH = MappingProxyType({"people": PEOPLE, "accounts": ACCOUNTS, "payments": PAYMENTS})


def identities(session: Session) -> None:
    keys = ("R-1", "R-1b", "R-2")
    put(session, "records", *({"record_id": f"rec-{key}", "source_key": key} for key in keys))
    customers = ({"customer_id": f"cus-{n}", "actor": "kestrel", "source_key": f"K-{n}"} for n in (1, 2))
    put(session, "customers", *customers)
    put(session, "accounts", *({"account_id": f"acc-{n}", "platform_key": str(n)} for n in range(10, 14)))
    put(session, "invoices", *({"invoice_id": f"inv-{n}", "platform_key": str(n)} for n in (500, 501, 502)))
    put(session, "payments", *({"payment_id": f"pay-{n}", "invoice_id": f"inv-{n}"} for n in (500, 501, 502)))


def link(claim: str, left: str, right: str, *, proposed: bool = True) -> dict[str, object]:
    sides = {"used": ("accounts", "records"), "paid": ("payments", "customers"), "held": ("customers", "records")}
    tables = sides[claim]
    return {
        "claim": claim,
        "left_table": tables[0],
        "left_id": left,
        "right_table": tables[1],
        "right_id": right,
        "proposed": proposed,
    }


def test_a_payment_is_its_payers_and_not_the_accounts(session):
    identities(session)
    put(
        session,
        "links",
        link("paid", "pay-500", "cus-2"),  # the relative who paid
        link("paid", "pay-501", "cus-2"),
        link("paid", "pay-501", "cus-1", proposed=False),  # a rival only
        link("paid", "pay-502", "cus-1"),  # the payer is in no return
    )
    found = figures(session, **TRUTH)
    assert (found["links.paid.precision"].value, found["links.paid.precision"].n) == (pytest.approx(1 / 3, abs=1e-6), 3)
    assert (found["links.paid.recall"].value, found["links.paid.recall"].n) == (0.5, 2)
    assert found["links.used.precision"].value is None


def test_an_account_is_its_users_by_any_record_of_theirs(session):
    identities(session)
    put(
        session,
        "links",
        link("used", "acc-10", "rec-R-1"),
        link("used", "acc-10", "rec-R-1b"),
        link("used", "acc-11", "rec-R-2"),
        link("used", "acc-unheard-of", "rec-R-2"),
    )
    found = figures(session, **TRUTH)
    assert (found["links.used.precision"].value, found["links.used.precision"].n) == (0.5, 4)
    assert (found["links.used.recall"].value, found["links.used.recall"].n) == (0.5, 2)


def test_a_customer_is_a_person_by_any_record_of_theirs(session):
    identities(session)
    links = (link("held", "cus-1", "rec-R-1b"), link("held", "cus-2", "rec-R-1"))
    put(session, "links", *links)
    found = figures(session, **TRUTH)
    assert (found["links.held.precision"].value, found["links.held.precision"].n) == (0.5, 2)
    assert (found["links.held.recall"].value, found["links.held.recall"].n) == (0.5, 2)
    # No row says anything of its person: no rule brings the three true pairs together.
    assert (found["links.held.blocking_recall"].value, found["links.held.blocking_recall"].n) == (0.0, 3)


def test_the_first_leads_are_measured_beside_orders_that_need_no_rules(session, monkeypatch):
    monkeypatch.setattr(score_people, "FIRST", (1, 2))
    accounts = tuple(
        {
            "account_key": str(n),
            "person_key": "1",
            "role": role,
            "is_origin": origin,
            "identity_reachable": "0",
            "own_data_leads": "0",
        }
        for n, role, origin in ((10, "member", "1"), (11, "administrator", "0"), (12, "member", "0"))
    )
    identities(session)
    put(session, "logins", *({"account_id": "acc-12"} for _ in range(3)), {"account_id": "acc-11"})
    paid = (("acc-10", 5), ("acc-12", 9), ("acc-12", None))
    put(session, "payments", *({"account_id": account, "amount_sat": amount} for account, amount in paid))
    put(session, "leads", *({"rank": rank, "account_id": f"acc-{rank + 9}"} for rank in (1, 2, 3)))
    found = figures(session, accounts=accounts)
    values = {name.removeprefix("leads."): (one.value, one.n) for name, one in found.items() if ".first_" in name}
    assert values == {
        "high_risk.first_1": (1.0, 1),
        "high_risk.first_2": (1.0, 2),
        "by_activity.first_1": (0.0, 1),
        "by_activity.first_2": (0.5, 2),
        "by_amount_paid.first_1": (0.0, 1),
        "by_amount_paid.first_2": (0.5, 2),
    }


def test_an_origin_without_a_lead_has_the_last_rank(session):
    identities(session)
    put(session, "leads", {"rank": 1, "account_id": "acc-12"}, {"rank": 2, "account_id": "acc-10"})
    assert figures(session, **TRUTH)["leads.origin.worst_rank_percent"].value == 100.0
    put(session, "leads", {"rank": 1, "account_id": "acc-13"}, {"rank": 2, "account_id": "acc-10"})
    found = figures(session, **TRUTH)["leads.origin.worst_rank_percent"]
    assert (found.value, found.n) == (50.0, 2)


@pytest.mark.parametrize(
    ("account", "record", "innocents"),
    [
        ("acc-10", None, 0),
        ("acc-10", "rec-R-1b", 0),
        ("acc-10", "rec-R-2", 1),
        ("acc-11", "rec-R-1", 1),
        ("acc-10", "rec-unheard-of", 1),
    ],
)
def test_whoever_is_named_wrongly_is_counted(session, account, record, innocents):
    identities(session)
    put(session, "leads", {"rank": 1, "account_id": account, "named_record_id": record})
    assert figures(session, **TRUTH)["leads.innocents_named"] == Measure(
        measure="leads.innocents_named", value=innocents, n=1
    )


def test_somebody_who_only_paid_is_innocent_even_if_an_account_were_theirs(session):
    identities(session)
    put(session, "leads", {"rank": 1, "account_id": "acc-10", "named_record_id": "rec-R-2"})
    accounts = ({**ACCOUNTS[0], "person_key": "2"},)
    assert figures(session, **{**TRUTH, "accounts": accounts})["leads.innocents_named"].value == 1


# --- reading the truth


def test_media_are_measured_by_kind_of_edit(session):
    truth = [
        media("a", "1", "exact") | {"edit": "original"},
        media("b", "1", "near") | {"edit": "trim"},
        media("c", "1", "near") | {"edit": "trim"},
        media("d", "2", "none") | {"edit": "trim"},
        media("e", "1", "near", comparable="0") | {"edit": "flat"},
    ]
    verdicts = {"a": "exact", "b": "strong", "c": "none", "d": "possible", "e": "possible"}
    media_items(session, verdicts, {"a": "x", "b": "x", "c": "y", "d": "z", "e": "x"})
    found = figures(session, media=tuple(truth))
    assert (found["media.near.recall.trim"].value, found["media.near.recall.trim"].n) == (0.5, 2)
    assert (found["media.near.precision.trim"].value, found["media.near.precision.trim"].n) == (0.5, 2)
    assert (found["media.cluster.pair_recall.trim"].value, found["media.cluster.pair_recall.trim"].n) == (0.25, 4)
    assert (found["media.near.recall.original"].value, found["media.near.recall.original"].n) == (None, 0)
    assert not any(name.endswith(".flat") for name in found)
