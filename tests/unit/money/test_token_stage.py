"""The stage of tokens on tables small enough to read."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict

import pytest

from headwater.config import Parameters
from headwater.engine import Session, StageContext
from headwater.money import trace_tokens
from headwater.money.token_issuers import known_issuers
from headwater.references import account_address
from headwater.references.keccak import keccak_256
from headwater.schema import table_named

BEGIN = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
NOBODY = "0x" + "00" * 20


def account(name, chain="ethereum"):
    digits = keccak_256(name.encode())[:20].hex()
    return account_address(chain, ("41" if chain == "tron" else "") + digits)


TOKEN = account("token")


class World:
    """Tables of a case, by one call each."""

    def __init__(self):
        self.rows = {}
        self.parameters = {}

    def add(self, table, **cells):
        """A row; what is not given is absent or nothing, and its id is its number."""
        known = table_named(table)
        rows = self.rows.setdefault(table, [])
        row = {column.name: None if column.nullable else FILLERS[str(column.type)] for column in known.columns}
        if len(known.key) == 1:
            row[known.key[0]] = f"{table}-{len(rows)}"
        row |= (
            {"reference_name": "one", "reference_version": "1", "reference_row": len(rows)}
            if ("reference_row" in row)
            else {}
        )
        row |= cells
        rows.append(row)
        return row

    def send(self, sender, receiver, units, block, **cells):
        made = {"chain": "ethereum", "token_contract": TOKEN, "token_symbol": "TST", "decimals": 2, "kind": "transfer"}
        made |= {"position": len(self.rows.get("token_transfers", [])), "txid": f"{block:064x}"}
        made |= {"at_utc": BEGIN + dt.timedelta(hours=block), "block_number": block, "amount_units": str(units)}
        made |= {"from_address": named(sender), "to_address": named(receiver)} | cells
        if NOBODY in {made["from_address"], made["to_address"]}:
            made["kind"] = "mint" if made["from_address"] == NOBODY else "burn"
        return self.add("token_transfers", **made)

    def whole(self, name=None, first=None, last=10_000):
        self.add(
            "token_coverage",
            chain="ethereum",
            address=None if name is None else account(name),
            first_block=first,
            last_block=last,
        )

    def platform(self, *names):
        for name in names:
            self.add("platform_accounts", chain="ethereum", address=account(name), source="letter")

    def tag(self, name, actor, category="exchange", network="ETH", **cells):
        cells = {"last_modified": "2026-01-01"} | cells
        self.add("tags", address=account(name), network=network, label=actor, actor=actor, category=category, **cells)

    def run(self):
        with Session({}) as session:
            for name, rows in self.rows.items():
                session.put(name, table_named(name).rows(rows))
            context = StageContext(tables=session, parameters=asdict(Parameters()) | self.parameters)
            return {name: table.to_pylist() for name, table in trace_tokens(context).items()}


FILLERS = {"string": "", "int64": 0, "bool": False, "timestamp[us, tz=UTC]": BEGIN}


def named(name):
    return NOBODY if name == "nobody" else account(name)


@pytest.fixture
def world():
    """One whose tables are whole."""
    made = World()
    made.whole()
    made.platform("hub")
    return made


def ends(tables, direction):
    traces = {row["trace_id"] for row in tables["token_traces"] if row["direction"] == direction}
    return sorted(
        (row["stop_reason"], row["address"], int(row["amount_units"]), row["hops"])
        for row in tables["token_endpoints"]
        if row["trace_id"] in traces
    )


def codes(tables):
    return sorted({row["code"] for row in tables["defects"]})


def test_the_oldest_units_go_first(world):
    world.send("nobody", "a", 5, 1)
    world.send("nobody", "b", 5, 2)
    world.send("a", "payer", 5, 3)
    world.send("b", "payer", 5, 4)
    world.send("payer", "other", 3, 5)
    world.send("payer", "hub", 6, 6)
    tables = world.run()
    assert ends(tables, "backward") == [("mint", NOBODY, 2, 3), ("mint", NOBODY, 4, 3)]
    assert sorted((row["hop"], row["through_address"], row["amount_units"]) for row in tables["token_flows"]) == sorted(
        [(2, account("payer"), "2"), (2, account("payer"), "4"), (3, account("a"), "2"), (3, account("b"), "4")]
    )
    balances = {row["address"]: row for row in tables["token_balances"]}
    assert {
        name: balances[account("payer")][f"{name}_units"] for name in ("opening", "received", "sent", "closing")
    } == {
        "opening": "0",
        "received": "10",
        "sent": "9",
        "closing": "1",
    }
    assert codes(tables) == ["issuer_unknown"]


def test_amounts_of_256_bits_are_exact(world):
    units = (1 << 256) - 1
    world.send("nobody", "payer", units, 1)
    world.send("payer", "hub", units, 2)
    tables = world.run()
    assert tables["token_traces"][0]["origin_units"] == tables["token_endpoints"][0]["amount_units"] == str(units)


def test_a_service_a_bridge_and_a_contract_stop_traces(world):
    world.tag("exchange", "northquay")
    world.tag("bridge", "ford", category="bridge")
    world.add("services", actor="northquay", service_id="svc-1", name="Northquay", country="IE", custodial=True)
    world.send("exchange", "hub", 5, 1)
    world.send("hub", "bridge", 2, 2)
    world.send("hub", "router", 1, 3, to_is_contract=True)
    world.send("router", "x", 1, 4)
    tables = world.run()
    assert ends(tables, "backward") == [("service", account("exchange"), 5, 1)]
    assert ends(tables, "forward") == [
        ("bridge", account("bridge"), 2, 1),
        ("swap_or_contract", account("router"), 1, 1),
    ]
    (request,) = tables["token_requests"]
    assert (request["service_id"], request["question_kind"], request["traced_units"]) == ("svc-1", "withdrawal", "5")
    assert "service_not_in_register" in codes(tables)


def test_tags_of_another_chain_are_not_used(world):
    world.tag("exchange", "northquay", network="BTC")
    world.send("nobody", "exchange", 5, 1)
    world.send("exchange", "hub", 5, 2)
    assert ends(world.run(), "backward") == [("mint", NOBODY, 5, 2)]


def test_tags_that_disagree_stop_traces_and_name_nobody(world):
    world.tag("exchange", "northquay")
    world.tag("exchange", "lindenmarkt")
    world.add("services", actor="northquay", service_id="svc-1", custodial=True)
    world.send("exchange", "hub", 5, 1)
    tables = world.run()
    assert [row["service_id"] for row in tables["token_endpoints"]] == [None]
    assert not tables["token_requests"]
    assert "tags_disagree" in codes(tables)


def test_a_tag_on_an_address_of_the_platform_is_told_and_not_used(world):
    world.tag("hub", "northquay")
    world.send("nobody", "hub", 5, 1)
    world.send("hub", "x", 5, 2)
    tables = world.run()
    assert "platform_at_service" in codes(tables)
    assert ends(tables, "forward") == [("unspent", account("x"), 5, 1)]


def test_a_balance_that_the_table_does_not_show_is_a_lot_of_its_own():
    world = World()
    world.platform("hub")
    world.whole(first=1)
    world.send("a", "payer", 5, 2)
    world.send("payer", "hub", 7, 3)
    tables = world.run()
    assert ends(tables, "backward") == [
        ("balance_before_table", account("a"), 5, 2),
        ("balance_before_table", account("payer"), 2, 1),
    ]
    assert codes(tables) == ["token_balance_before_table"]


def test_a_balance_below_nothing_where_the_table_is_whole_is_a_defect_of_each_account(world):
    world.send("a", "payer", 5, 2)
    world.send("payer", "hub", 7, 3)
    tables = world.run()
    assert codes(tables) == ["token_balance_negative"]
    assert len(tables["defects"]) == 2
    assert any("2 base units more" in row["reason"] for row in tables["defects"])


@pytest.mark.parametrize(
    ("statements", "stop"),
    [
        ((), "snapshot_end"),
        (((None, 1, 100),), "unspent"),
        ((("x", 1, 100),), "unspent"),
        ((("y", 1, 100),), "snapshot_end"),
        ((("x", 5, 100),), "snapshot_end"),
        ((("x", 1, 2),), "snapshot_end"),
    ],
)
def test_still_held_is_said_only_where_the_table_is_whole(statements, stop):
    world = World()
    world.platform("hub")
    for name, first, last in statements:
        world.whole(name, first, last)
    world.send("hub", "x", 5, 3)
    assert ends(world.run(), "forward") == [(stop, account("x"), 5, 1)]


def test_a_trace_does_not_pass_a_gap():
    """What came before a stretch and went out in it may not be what came in last."""
    world = World()
    world.platform("hub")
    world.whole("payer", 5, 9)
    world.send("nobody", "payer", 5, 3)
    world.send("payer", "hub", 5, 6)
    assert ends(world.run(), "backward") == [("snapshot_end", account("payer"), 5, 1)]


def test_limits_of_hops_days_and_dust(world):
    world.send("nobody", "a", 100, 1)
    world.send("a", "b", 100, 30)
    world.send("b", "hub", 100, 31)
    for parameters, stop in (
        ({"trace_max_hops": 1}, ("hop_limit", account("b"), 100, 1)),
        ({"trace_max_days": 1}, ("time_limit", account("a"), 100, 2)),
        ({"token_dust_thousandths": 1_001}, ("dust", account("b"), 100, 1)),
        ({"token_dust_thousandths": 1_000}, ("mint", NOBODY, 100, 3)),
    ):
        world.parameters = parameters
        assert ends(world.run(), "backward") == [stop]


def test_what_moves_within_the_platform_is_neither_receipt_nor_payout(world):
    world.platform("deposit")
    world.send("nobody", "payer", 5, 1)
    world.send("payer", "deposit", 5, 2)
    world.send("deposit", "hub", 5, 3)
    world.send("hub", "x", 4, 4)
    tables = world.run()
    assert sorted((row["direction"], row["platform_address"]) for row in tables["token_traces"]) == [
        ("backward", account("deposit")),
        ("forward", account("hub")),
    ]


def test_poisoning_is_marked_and_never_followed(world):
    friend = account("friend")
    alike = account_address("ethereum", (friend[2:6] + "5" * 32 + friend[-4:]).lower())
    world.send("nobody", "friend", 50, 1)
    world.send("friend", "payer", 9, 2)
    world.send("payer", "friend", 0, 3)
    world.send("nobody", "x", 1, 4, to_address=alike)
    world.send("x", "payer", 1, 5, from_address=alike)
    world.send("payer", "hub", 10, 6)
    world.send("hub", "friend", 0, 7)
    tables = world.run()
    marks = sorted((row["transfer_id"], row["mark"], row["resembles"]) for row in tables["token_marks"])
    assert marks == [
        ("token_transfers-2", "zero_amount", None),
        ("token_transfers-4", "look_alike", friend),
        ("token_transfers-6", "zero_amount", None),
    ]
    assert ends(tables, "backward") == [
        ("address_poisoning", alike, 1, 2),
        ("mint", NOBODY, 9, 3),
    ]


def test_a_receipt_that_is_poisoning_is_no_origin(world):
    payer = account("payer")
    alike = account_address("ethereum", (payer[2:6] + "5" * 32 + payer[-4:]).lower())
    world.send("nobody", "payer", 50, 1)
    world.send("payer", "hub", 9, 2)
    world.send("nobody", "hub", 1, 3, from_address=alike, kind="transfer")
    tables = world.run()
    assert [row["transfer_id"] for row in tables["token_traces"]] == ["token_transfers-1"]


def test_a_copied_symbol_is_marked_and_not_followed(world):
    (issued,) = (row for row in known_issuers() if row["chain"] == "ethereum" and row["token_symbol"] == "USDT")
    world.send("x", "hub", 5, 1, token_symbol="USDT")
    tables = world.run()
    assert [(row["mark"], row["resembles"]) for row in tables["token_marks"]] == [
        ("copied_symbol", issued["token_contract"])
    ]
    assert not tables["token_traces"]


def issued(world, **cells):
    world.add(
        "token_issuers",
        **{
            "chain": "ethereum",
            "token_contract": TOKEN,
            "token_symbol": "TST",
            "issuer": "mint",
            "can_freeze": "yes",
            "can_destroy": "yes",
            "source": "page",
            "as_of": "2026-05-01",
            **cells,
        },
    )


def event(world, name, what, block, **cells):
    world.add(
        "issuer_events",
        chain="ethereum",
        token_contract=TOKEN,
        address=account(name),
        event=what,
        block_number=block,
        at_utc=BEGIN,
        **cells,
    )


def test_holders_are_leads_on_tokens(world):
    issued(world)
    for block, name in enumerate(("a", "b", "c"), start=2):
        world.send("hub", name, 5, block)
    event(world, "a", "frozen", 10)
    event(world, "b", "frozen", 10)
    event(world, "b", "unfrozen", 11)
    world.add("services", actor="mint", service_id="svc-1", name="Mint SA", country="LU", custodial=False)
    tables = world.run()
    states = {
        row["address"]: (row["freeze_state"], row["can_freeze"], row["traced_units"])
        for row in tables["token_holdings"]
    }
    assert states == {
        account("a"): ("frozen", "yes", "5"),
        account("b"): ("not_frozen", "yes", "5"),
        account("c"): ("not_frozen", "yes", "5"),
    }
    asked = {row["address"]: row["question"] for row in tables["token_requests"]}
    assert "Please freeze it" in asked[account("c")]
    assert "since when" in asked[account("a")]
    assert {row["question_kind"] for row in tables["token_requests"]} == {"freeze"}
    assert {row["country"] for row in tables["token_requests"]} == {"LU"}


@pytest.mark.parametrize(
    ("can_freeze", "events", "words"),
    [
        ("unknown", True, "Can you freeze it?"),
        ("yes", False, "is not known here"),
        ("no", True, None),
    ],
)
def test_what_an_issuer_is_asked_follows_what_it_can_do(world, can_freeze, events, words):
    issued(world, can_freeze=can_freeze)
    world.send("hub", "a", 5, 2)
    if events:
        event(world, "other", "frozen", 10)
    tables = world.run()
    assert [words in row["question"] for row in tables["token_requests"]] == ([] if words is None else [True])
    # No register names the issuer: the row is there, and says so by what it lacks.
    assert all(row["service_name"] is None for row in tables["token_requests"])


def test_a_unit_that_left_twice_is_held_once(world):
    issued(world)
    world.send("nobody", "hub", 5, 1)
    world.send("hub", "a", 5, 2)
    world.send("a", "hub", 5, 3)
    world.send("hub", "b", 5, 4)
    tables = world.run()
    (holding,) = tables["token_holdings"]
    assert (holding["traced_units"], holding["balance_units"]) == ("5", "5")
    (freeze,) = (row for row in tables["token_requests"] if row["question_kind"] == "freeze")
    assert (freeze["traced_units"], freeze["traces"]) == ("5", 2)


def test_what_was_given_back_issued_and_destroyed_is_asked_of_the_issuer(world):
    issued(world)
    world.send("nobody", "hub", 9, 1)
    world.send("hub", "a", 9, 2)
    world.send("a", "nobody", 2, 3)
    event(world, "a", "destroyed", 4, amount_units="3")
    tables = world.run()
    assert ends(tables, "forward") == [
        ("burn", NOBODY, 2, 2),
        ("destroyed", account("a"), 3, 2),
        ("unspent", account("a"), 4, 1),
    ]
    assert {row["question_kind"]: row["asked_units"] for row in tables["token_requests"]} == {
        "issued": "9",
        "redeemed": "2",
        "destroyed": "3",
        "freeze": "4",
    }


def test_fees_are_paid_from_the_oldest_coins(world):
    native = {"token_contract": "native", "decimals": 18}
    world.send("nobody", "hub", 10, 1, **native)
    world.send("hub", "a", 8, 2, **native, fee_units="1")
    world.send("a", "b", 5, 3, **native, fee_units="2")
    tables = world.run()
    (forward,) = (row for row in tables["token_traces"] if row["direction"] == "forward")
    assert forward["fee_units"] == "2"
    assert ends(tables, "forward") == [("unspent", account("a"), 1, 1), ("unspent", account("b"), 5, 2)]
    assert {row["can_freeze"] for row in tables["token_holdings"]} == {"no"}
    assert not tables["token_requests"]
    assert not codes(tables)


# Tables that overlap, contradict each other, or have no order.


def test_a_transfer_in_two_tables_is_one(world):
    world.send("nobody", "payer", 5, 1)
    sent = world.send("payer", "hub", 5, 2)
    again = {name: sent[name] for name in ("txid", "position", "block_number")}
    world.send("payer", "hub", 5, 2, **again, reference_name="two")
    world.send("payer", "hub", 5, 2, **(again | {"position": None}), reference_name="three")
    tables = world.run()
    assert len(tables["token_traces"]) == 1
    assert codes(tables) == ["issuer_unknown"]


def test_of_two_tables_each_tells_what_the_other_does_not(world):
    """One table knows the fee, another what is a contract."""
    native = {"token_contract": "native", "decimals": 18}
    world.send("nobody", "hub", 9, 1, **native)
    sent = world.send("hub", "router", 5, 2, **native, position=None, to_is_contract=True)
    again = {"txid": sent["txid"], "block_number": 2, "position": None}
    world.send("hub", "router", 5, 2, **(native | again), reference_name="two", fee_units="1")
    world.send("router", "x", 5, 3, **native)
    tables = world.run()
    assert ends(tables, "forward") == [("swap_or_contract", account("router"), 5, 1)]
    balances = {row["address"]: row["closing_units"] for row in tables["token_balances"]}
    assert balances[account("hub")] == "3"


def test_tables_that_contradict_each_other_are_told(world):
    sent = world.send("nobody", "hub", 5, 2)
    world.send("nobody", "hub", 6, 2, position=sent["position"], reference_name="two")
    world.send("nobody", "hub", 6, 9, decimals=3)
    world.send("nobody", "hub", 6, 10, at_utc=BEGIN)
    tables = world.run()
    assert {"token_transfers_disagree", "token_decimals_disagree", "token_times_disagree"} <= set(codes(tables))
    assert sorted(row["origin_units"] for row in tables["token_traces"]) == ["5", "6", "6"]


@pytest.mark.parametrize("newest_first", [True, False])
def test_without_places_the_order_is_that_of_the_table(world, newest_first):
    sent = [("nobody", "a", 5, 1), ("nobody", "b", 5, 1), ("a", "payer", 5, 2), ("b", "payer", 5, 2)]
    sent += [("payer", "hub", 5, 3)]
    for row, (sender, receiver, units, block) in enumerate(reversed(sent) if newest_first else sent):
        world.send(sender, receiver, units, block, position=None, txid=f"{row:064x}")
    tables = world.run()
    assert [row["through_address"] for row in sorted(tables["token_flows"], key=lambda row: row["hop"])] == [
        account("payer"),
        account("a"),
    ]
    assert "token_order_assumed" in codes(tables)


def test_the_order_of_rows_changes_nothing(world):
    world.send("nobody", "a", 5, 1)
    world.send("a", "hub", 5, 2)
    world.send("hub", "b", 3, 3)
    first = world.run()
    world.rows["token_transfers"].reverse()
    assert world.run() == first


# Whose addresses are the platform's.


def test_addresses_are_taken_from_invoices_wallets_and_lists():
    world = World()
    world.whole()
    tron = account("tron", "tron")
    world.add("accounts", account_id="acc-1", platform_key="7")
    world.add("accounts", account_id="acc-2", platform_key="8")
    world.add("invoices", invoice_id="inv-1", account_id="acc-1", address=account("d1").lower())
    world.add("invoices", invoice_id="inv-2", account_id="acc-1", address=tron)
    world.add("invoices", invoice_id="inv-3", account_id="acc-2", address=tron)
    wrong = account("d2")
    wrong = wrong[:-1] + ("0" if wrong[-1] != "0" else "1")
    world.add("invoices", invoice_id="inv-4", account_id="acc-2", address=wrong, exhibit_id="EX-1")
    world.add("invoices", invoice_id="inv-5", account_id="acc-2", address="bcrt1qexample")
    world.add("wallet_addresses", exhibit_id="EX-1", address=account("w"))
    for key in ("8", "9"):
        world.add("platform_accounts", chain="ethereum", address=account(f"s{key}"), account_key=key)
    tables = world.run()
    found = {
        row["address"]: (row["known_by"], row["invoice_id"], row["account_id"])
        for row in tables["platform_token_accounts"]
    }
    assert found == {
        account("d1"): ("invoice", "inv-1", "acc-1"),
        tron: ("invoice", None, None),
        account("w"): ("wallet", None, None),
        account("s8"): ("stated", None, "acc-2"),
        account("s9"): ("stated", None, None),
    }
    assert codes(tables) == ["address_checksum", "address_given_out_again", "platform_account_unknown"]


def test_a_booked_payment_says_which_invoice_an_address_of_many_was_paid_for(world):
    world.add("invoices", invoice_id="inv-1", account_id="acc-1")
    world.add("payments", payment_id="pay-1", account_id="acc-1", invoice_id="inv-1", txid=f"{2:064x}")
    world.send("nobody", "payer", 9, 1)
    world.send("payer", "hub", 4, 2)
    world.send("payer", "hub", 5, 3)
    links = {
        row["txid"]: (row["account_id"], row["invoice_id"], row["payment_id"]) for row in world.run()["token_traces"]
    }
    assert links == {f"{2:064x}": ("acc-1", "inv-1", "pay-1"), f"{3:064x}": (None, None, None)}


# source: BIP 32, test vector 1, chain m: a public key that is everybody's
XPUB = "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8"


@pytest.mark.parametrize(("coin", "chain"), [("60h", "ethereum"), ("195h", "tron"), ("0h", None)])
def test_public_keys_on_a_path_of_these_chains_give_addresses(coin, chain):
    world = World()
    world.parameters = {"address_gap_limit": 2}
    descriptor = f"pkh([d34db33f/44h/{coin}/0h]{XPUB}/0/*)"
    world.add("wallet_descriptors", descriptor=descriptor, next_index=1, range_end=1)
    found = world.run()["platform_token_accounts"]
    assert {(row["chain"], row["known_by"]) for row in found} == (set() if chain is None else {(chain, "descriptor")})
    assert len(found) == (0 if chain is None else 3)


def test_a_derived_address_is_that_of_the_key():
    """Against a derivation by another library."""
    coincurve = pytest.importorskip("coincurve", reason="another implementation of the curve, for tests only")
    world = World()
    world.parameters = {"address_gap_limit": 0}
    world.add("wallet_descriptors", descriptor=f"pkh([d34db33f/44h/60h/0h]{XPUB}/0/*)", next_index=1, range_end=1)
    (found,) = world.run()["platform_token_accounts"]
    from embit.bip32 import HDKey

    compressed = HDKey.from_string(XPUB).derive([0, 0]).key.sec()
    point = coincurve.PublicKey(compressed).format(compressed=False)[1:]
    assert found["address"] == account_address("ethereum", keccak_256(point)[-20:].hex())


def test_issuers_that_are_known_are_written_as_everything_else():
    assert len(known_issuers()) >= 3
    for row in known_issuers():
        assert row["token_contract"] == account_address(row["chain"], row["token_contract"])
        assert {row["can_freeze"], row["can_destroy"]} <= {"yes", "no", "unknown"}
        assert dt.date.fromisoformat(row["as_of"])
        assert row["source"]
