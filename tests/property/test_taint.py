"""Taint against a satoshi-by-satoshi oracle, on small random graphs of transactions.

The promises: no satoshi is lost or made; FIFO read backward and forward is one matrix; whatever either rule attributes
lies within what poison reaches; the order of transactions that do not depend on each other changes nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from headwater.money.clusters import address_clusters, coinjoin_verdicts
from headwater.money.coinjoin import CoinjoinVerdict
from headwater.money.flows import cut_along, largest_remainder, pro_rata_matrix, size_sat
from headwater.money.snapshot import ABSENT, Snapshot
from headwater.money.tracing import StopRules, Tracer

ENDLESS = StopRules(max_hops=10_000)


@dataclass(frozen=True, slots=True)
class Tx:
    """A transaction of a small world: a name, the coins it spends (name, index), and its outputs (script, satoshis)."""

    name: int
    spends: tuple[tuple[int, int], ...]
    pays: tuple[tuple[int, int], ...]


def snapshot_of(world):
    """The world as the product sees it; a transaction's name is its txid."""
    snapshot = Snapshot()
    for position, tx in enumerate(world):
        number = len(snapshot.txids)
        for name, index in tx.spends:
            output = snapshot.output_starts[snapshot.tx_numbers[name.to_bytes(32, "big")]] + index
            snapshot.spent_by[output] = len(snapshot.input_outputs)
            snapshot.input_outputs.append(output)
            snapshot.input_amounts_sat.append(snapshot.output_amounts_sat[output])
            snapshot.input_scripts.append(snapshot.output_scripts[output])
            snapshot.input_txs.append(number)
        for script, amount_sat in tx.pays:
            snapshot.output_amounts_sat.append(amount_sat)
            snapshot.output_scripts.append(snapshot.script_number(b"\x00\x14" + script.to_bytes(20, "big")))
            snapshot.output_txs.append(number)
            snapshot.spent_by.append(ABSENT)
        txid = tx.name.to_bytes(32, "big")
        snapshot.txids.append(txid)
        snapshot.tx_blocks.append(0)
        snapshot.tx_positions.append(position + 1 if tx.spends else 0)
        snapshot.input_starts.append(len(snapshot.input_outputs))
        snapshot.output_starts.append(len(snapshot.output_amounts_sat))
    return snapshot


@st.composite
def worlds(draw):
    """Coinbases and transactions that spend what is unspent, with fees, empty outputs and repeated scripts."""
    world, unspent = [], []
    for name in range(draw(st.integers(2, 9))):
        spends = ()
        if unspent and draw(st.integers(0, 3)):
            count = draw(st.integers(1, min(4, len(unspent))))
            spends = tuple(draw(st.permutations(unspent))[:count])
        budget = sum(amount_sat for _, amount_sat in spends) if spends else draw(st.integers(0, 40))
        pays = []
        for _ in range(draw(st.integers(1, 4))):
            amount_sat = draw(st.integers(0, budget))
            pays.append((draw(st.integers(0, 5)), amount_sat))
            budget -= amount_sat
        unspent = [coin for coin in unspent if coin not in spends]
        unspent += [((name, index), amount_sat) for index, (_, amount_sat) in enumerate(pays)]
        world.append(Tx(name, tuple(coin for coin, _ in spends), tuple(pays)))
    return world


def satoshis(world):
    """Every output of the world as a list of satoshis, each with the place it was made at; FIFO, one by one."""
    held, fees = {}, {}
    for tx in world:
        if tx.spends:
            stream = [satoshi for coin in tx.spends for satoshi in held[coin]]
        else:
            stream = [((tx.name, index), at) for index, (_, amount) in enumerate(tx.pays) for at in range(amount)]
        for index, (_, amount_sat) in enumerate(tx.pays):
            held[tx.name, index], stream = stream[:amount_sat], stream[amount_sat:]
        fees[tx.name] = stream
    return held, fees


def tracer_of(snapshot, rules=ENDLESS):
    return Tracer(snapshot, [CoinjoinVerdict(answer="no", rule="test")] * len(snapshot.txids), rules)


def coin_of(snapshot, output):
    return int.from_bytes(snapshot.txids[snapshot.output_txs[output]], "big"), snapshot.output_index(output)


def ends(snapshot, trace):
    return {coin_of(snapshot, leaf.output): leaf.amount_sat for leaf in trace.leaves}


def every_output(snapshot):
    return range(len(snapshot.output_txs))


@given(worlds())
def test_no_satoshi_is_lost_or_made(world):
    snapshot = snapshot_of(world)
    tracer = tracer_of(snapshot)
    for output in every_output(snapshot):
        for trace in tracer.traces_of(output):
            assert sum(leaf.amount_sat for leaf in trace.leaves) + trace.fee_sat == snapshot.output_amounts_sat[output]
            assert all(leaf.amount_sat > 0 for leaf in trace.leaves)
            assert trace.fee_sat == 0 or trace.direction == "forward"
            into = Counter({output: trace.origin_sat})
            out_of = Counter()
            for flow in trace.flows:
                into[flow.to_output] += flow.amount_sat
                out_of[flow.from_output] += flow.amount_sat
            for leaf in trace.leaves:
                out_of[leaf.output] += leaf.amount_sat
            assert sum(into.values()) - sum(out_of.values()) == trace.fee_sat
            assert all(into[number] >= out_of[number] for number in into)
            assert all(into[number] <= snapshot.output_amounts_sat[number] for number in into)


@given(worlds())
def test_fifo_is_what_following_each_satoshi_gives(world):
    snapshot = snapshot_of(world)
    tracer = tracer_of(snapshot)
    held, fees = satoshis(world)
    for output in every_output(snapshot):
        coin = coin_of(snapshot, output)
        backward = tracer.trace(output, "backward", "fifo")
        assert ends(snapshot, backward) == Counter(origin for origin, _ in held[coin])
    for output in every_output(snapshot):
        if snapshot.is_coinbase(snapshot.output_txs[output]):
            coin = coin_of(snapshot, output)
            forward = tracer.trace(output, "forward", "fifo")
            arrived = Counter()
            for other in every_output(snapshot):
                if snapshot.spent_by[other] == ABSENT:
                    there = coin_of(snapshot, other)
                    arrived[there] += sum(1 for origin, _ in held[there] if origin == coin)
            assert ends(snapshot, forward) == {there: count for there, count in arrived.items() if count}
            assert forward.fee_sat == sum(1 for fee in fees.values() for origin, _ in fee if origin == coin)


@given(worlds())
def test_fifo_backward_and_forward_are_one_matrix(world):
    snapshot = snapshot_of(world)
    tracer = tracer_of(snapshot)
    made = [output for output in every_output(snapshot) if snapshot.is_coinbase(snapshot.output_txs[output])]
    left = [output for output in every_output(snapshot) if snapshot.spent_by[output] == ABSENT]
    forward = {
        (start, leaf.output): leaf.amount_sat
        for start in made
        for leaf in tracer.trace(start, "forward", "fifo").leaves
    }
    backward = {
        (leaf.output, end): leaf.amount_sat for end in left for leaf in tracer.trace(end, "backward", "fifo").leaves
    }
    assert forward == backward


@given(worlds())
def test_what_is_attributed_lies_within_poison(world):
    snapshot = snapshot_of(world)
    tracer = tracer_of(snapshot)
    parents = {}
    for tx in world:
        for index in range(len(tx.pays)):
            parents[tx.name, index] = set(tx.spends)
    children = {coin: {other for other, above in parents.items() if coin in above} for coin in parents}
    for output in every_output(snapshot):
        for trace in tracer.traces_of(output):
            neighbours = parents if trace.direction == "backward" else children
            reached, waiting = {coin_of(snapshot, output)}, [coin_of(snapshot, output)]
            while waiting:
                for coin in neighbours[waiting.pop()] - reached:
                    reached.add(coin)
                    waiting.append(coin)
            assert ends(snapshot, trace).keys() <= reached
            assert {coin_of(snapshot, flow.to_output) for flow in trace.flows} <= reached


@given(worlds())
def test_pro_rata_is_near_the_exact_proportion(world):
    """Rounding moves at most a satoshi for each step and way; the exact proportion is worked out in fractions."""
    snapshot = snapshot_of(world)
    tracer = tracer_of(snapshot)
    for output in every_output(snapshot):
        trace = tracer.trace(output, "backward", "pro_rata")
        exact = {output: Fraction(trace.origin_sat)}
        expected = Counter()
        for number in sorted(every_output(snapshot), reverse=True):  # parents have lower numbers
            amount = exact.pop(number, None)
            if amount is None:
                continue
            tx = snapshot.output_txs[number]
            inputs = list(snapshot.inputs_of(tx))
            total = sum(snapshot.input_amounts_sat[at] for at in inputs)
            if not inputs or not total:
                expected[number] += amount
                continue
            for at in inputs:
                spent = snapshot.input_outputs[at]
                exact[spent] = exact.get(spent, Fraction(0)) + amount * snapshot.input_amounts_sat[at] / total
        found = {leaf.output: leaf.amount_sat for leaf in trace.leaves}
        slack = 4 * len(world)
        for number in expected.keys() | found.keys():
            assert abs(expected[number] - found.get(number, 0)) <= slack


@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_independent_transactions_means_nothing(world, chance):
    reordered, waiting = [], list(world)
    chance.shuffle(waiting)
    while waiting:
        done = {tx.name for tx in reordered}
        ready = next(tx for tx in waiting if {name for name, _ in tx.spends} <= done)
        waiting.remove(ready)
        reordered.append(ready)
    seen = []
    for order in (world, reordered):
        snapshot = snapshot_of(order)
        verdicts = coinjoin_verdicts(snapshot)
        clusters = address_clusters(snapshot, verdicts)
        tracer = Tracer(snapshot, verdicts, StopRules(max_hops=3))
        traces = {
            (coin_of(snapshot, output), trace.direction, trace.policy): (
                trace.fee_sat,
                sorted(
                    (coin_of(snapshot, leaf.output), leaf.stop_reason, leaf.amount_sat, leaf.hops)
                    for leaf in trace.leaves
                ),
                sorted(
                    (flow.hop, coin_of(snapshot, flow.from_output), coin_of(snapshot, flow.to_output), flow.amount_sat)
                    for flow in trace.flows
                ),
            )
            for output in every_output(snapshot)
            for trace in tracer.traces_of(output)
        }
        merges = sorted((snapshot.scripts[a], snapshot.scripts[b], snapshot.txids[tx]) for a, b, tx in clusters.merges)
        answers = {snapshot.txids[tx]: verdict for tx, verdict in enumerate(verdicts)}
        seen.append((traces, merges, answers))
    assert seen[0] == seen[1]


@given(worlds(), st.data())
def test_every_stop_has_its_reason_and_the_sum_holds(world, data):
    snapshot = snapshot_of(world)
    scripts = range(len(snapshot.scripts))
    rules = StopRules(
        service_scripts=frozenset(data.draw(st.sets(st.sampled_from(scripts)))),
        max_hops=data.draw(st.integers(0, 3)),
        dust_sat=data.draw(st.integers(0, 6)),
    )
    joins = data.draw(st.lists(st.sampled_from(("yes", "no", "abstain")), min_size=len(world), max_size=len(world)))
    verdicts = [CoinjoinVerdict(answer=answer, rule="test") for answer in joins]
    tracer = Tracer(snapshot, verdicts, rules)
    for output in every_output(snapshot):
        for trace in tracer.traces_of(output):
            assert sum(leaf.amount_sat for leaf in trace.leaves) + trace.fee_sat == trace.origin_sat
            for leaf in trace.leaves:
                service = leaf.hops > 0 and snapshot.output_scripts[leaf.output] in rules.service_scripts
                assert (leaf.stop_reason == "service") == service
                if leaf.stop_reason == "coinjoin":
                    created = snapshot.output_txs[leaf.output]
                    spending = snapshot.spent_by[leaf.output]
                    joint = created if trace.direction == "backward" else snapshot.input_txs[spending]
                    assert verdicts[joint].answer != "no"
                assert leaf.hops <= rules.max_hops
                if leaf.hops and service:
                    assert sum(through for _, through in leaf.via_outputs) == leaf.amount_sat


@given(st.lists(st.integers(0, 10**15), min_size=1, max_size=12), st.data())
def test_shares_add_up_and_are_within_one_of_the_proportion(weights, data):
    whole = sum(weights)
    total = data.draw(st.integers(0, whole))
    shares = largest_remainder(total, weights)
    assert sum(shares) == total
    for share, weight in zip(shares, weights, strict=True):
        assert 0 <= share <= weight
        if whole:
            assert abs(Fraction(total * weight, whole) - share) < 1


@given(st.lists(st.integers(0, 10**14), min_size=1, max_size=6), st.data())
def test_a_matrix_adds_up_by_rows_and_by_columns(inputs, data):
    budget, outputs = sum(inputs), []
    for _ in range(data.draw(st.integers(0, 6))):
        outputs.append(data.draw(st.integers(0, budget)))
        budget -= outputs[-1]
    columns = pro_rata_matrix(inputs, outputs)
    assert [sum(column) for column in columns] == [*outputs, budget]
    assert [sum(row) for row in zip(*columns, strict=True)] == inputs
    assert all(share >= 0 for column in columns for share in column)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.data())
def test_intervals_are_cut_without_loss(sizes, data):
    bounds = [sum(sizes[: place + 1]) for place in range(len(sizes))]
    offset = data.draw(st.integers(0, bounds[-1]))
    low = data.draw(st.integers(0, bounds[-1] - offset))
    high = data.draw(st.integers(low, bounds[-1] - offset))
    parts = cut_along([(low, high)], offset, bounds)
    assert sum(size_sat(part) for _, part in parts) == high - low
    placed = sorted(
        at
        for place, part in parts
        for start, end in part
        for at in range(start + bounds[place] - sizes[place], end + bounds[place] - sizes[place])
    )
    assert placed == list(range(low + offset, high + offset))


def test_a_doubled_way_is_followed_as_one():
    """Thirty transactions that split in two and join again: ways double at each, the work does not."""
    world = [Tx(0, (), ((0, 1_000),))]
    for step in range(1, 31):
        coins = tuple((step - 1, index) for index in range(len(world[-1].pays)))
        world.append(replace(world[0], name=step, spends=coins, pays=((0, 499 + 1), (1, 500))))
    snapshot = snapshot_of(world)
    trace = tracer_of(snapshot).trace(len(snapshot.output_txs) - 1, "backward", "pro_rata")
    assert [leaf.amount_sat for leaf in trace.leaves] == [500]
    assert len(trace.flows) < 4 * len(world)
