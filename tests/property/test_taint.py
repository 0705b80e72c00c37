"""Taint against a satoshi-by-satoshi oracle, on small random graphs of transactions.

The promises: no satoshi is lost or made, by any rule; FIFO and LIFO read backward and forward are one matrix each;
whatever a rule attributes lies within what poison reaches, and below its bound; the order of transactions that do not
depend on each other changes nothing; every leaf has its reason.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headwater.money.block_layout import MAX_MONEY_SAT
from headwater.money.clusters import address_clusters
from headwater.money.coinjoin import CoinjoinVerdict
from headwater.money.coinjoin_verdicts import coinjoin_verdicts
from headwater.money.flows import Side, cut_along, largest_remainders, pro_rata_weights
from headwater.money.poison import poison_bounds
from headwater.money.snapshot import ABSENT, Snapshot
from headwater.money.stops import STOP_REASONS, StopRules
from headwater.money.tracing import Tracer
from headwater_synth.chain.oracle import OracleTransaction, flows_of

ENDLESS = StopRules(max_hops=10_000)
POLICIES = ("fifo", "pro_rata", "lifo", "tiho")
DIRECTIONS = ("backward", "forward")


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


def satoshis(world, policy="fifo"):
    """Every output of the world as a list of satoshis, each with the place it was made at; moved one by one.

    FIFO takes the next satoshi from the head of a queue that the inputs filled, LIFO from the top of a stack.
    """
    held, fees = {}, {}
    for tx in world:
        if tx.spends:
            stream = [satoshi for coin in tx.spends for satoshi in held[coin]]
            if policy == "lifo":
                stack, stream = stream, []
                while stack:
                    stream.append(stack.pop())
        else:
            stream = [((tx.name, index), at) for index, (_, amount) in enumerate(tx.pays) for at in range(amount)]
        for index, (_, amount_sat) in enumerate(tx.pays):
            held[tx.name, index], stream = stream[:amount_sat], stream[amount_sat:]
        fees[tx.name] = stream
    return held, fees


def tracer_of(snapshot, rules=ENDLESS):
    return Tracer(snapshot, [CoinjoinVerdict(answer="no", rule="test")] * len(snapshot.txids), rules)


def traces_of(tracer, snapshot):
    """Every output followed both ways by every rule, each on its own, and all at once."""
    for direction in DIRECTIONS:
        for policy in POLICIES:
            yield from tracer.traces(list(every_output(snapshot)), direction, policy).each()


def coin_of(snapshot, output):
    return int.from_bytes(snapshot.txids[snapshot.output_txs[output]], "big"), snapshot.output_index(output)


def ends(snapshot, trace):
    return {coin_of(snapshot, leaf.output): leaf.amount_sat for leaf in trace.leaves}


def every_output(snapshot):
    return range(len(snapshot.output_txs))


@given(worlds())
def test_no_satoshi_is_lost_or_made(world):
    snapshot = snapshot_of(world)
    for trace in traces_of(tracer_of(snapshot), snapshot):
        assert trace.origin_sat == snapshot.output_amounts_sat[trace.origin_output]
        assert sum(leaf.amount_sat for leaf in trace.leaves) + trace.fee_sat == trace.origin_sat
        assert all(leaf.amount_sat > 0 for leaf in trace.leaves)
        assert trace.fee_sat == 0 or trace.direction == "forward"
        into = Counter({trace.origin_output: trace.origin_sat})
        out_of = Counter()
        for flow in trace.flows:
            into[flow.to_output] += flow.amount_sat
            out_of[flow.from_output] += flow.amount_sat
        for leaf in trace.leaves:
            out_of[leaf.output] += leaf.amount_sat
        assert sum(into.values()) - sum(out_of.values()) == trace.fee_sat
        assert all(into[number] >= out_of[number] for number in into)
        assert all(into[number] <= snapshot.output_amounts_sat[number] for number in into)


@given(worlds(), st.sampled_from(("fifo", "lifo")))
def test_queues_and_stacks_are_what_following_each_satoshi_gives(world, policy):
    snapshot = snapshot_of(world)
    tracer = tracer_of(snapshot)
    held, fees = satoshis(world, policy)
    for output in every_output(snapshot):
        coin = coin_of(snapshot, output)
        backward = tracer.trace(output, "backward", policy)
        assert ends(snapshot, backward) == Counter(origin for origin, _ in held[coin])
    for output in every_output(snapshot):
        if snapshot.is_coinbase(snapshot.output_txs[output]):
            coin = coin_of(snapshot, output)
            forward = tracer.trace(output, "forward", policy)
            arrived = Counter()
            for other in every_output(snapshot):
                if snapshot.spent_by[other] == ABSENT:
                    there = coin_of(snapshot, other)
                    arrived[there] += sum(1 for origin, _ in held[there] if origin == coin)
            assert ends(snapshot, forward) == {there: count for there, count in arrived.items() if count}
            assert forward.fee_sat == sum(1 for fee in fees.values() for origin, _ in fee if origin == coin)


def poured(world, origin, *, backward):
    """TIHO, satoshi by satoshi: of each transaction, marked ones are poured first, into the highest amounts first.

    Returns the marked satoshis of every coin, and those that went to fees.
    """
    amounts = {(tx.name, index): amount_sat for tx in world for index, (_, amount_sat) in enumerate(tx.pays)}
    marked = {coin: [coin == origin] * amount_sat for coin, amount_sat in amounts.items()}
    fee_sat = 0
    for tx in reversed(world) if backward else world:
        if not tx.spends:
            continue
        mine = [(tx.name, index) for index in range(len(tx.pays))]
        given, taking = (mine, tx.spends) if backward else (tx.spends, mine)
        stream = sorted((satoshi for coin in given for satoshi in marked[coin]), reverse=True)
        if backward:  # what the fee took from the inputs carries no mark
            stream += [False] * (sum(amounts[coin] for coin in taking) - len(stream))
        for coin in sorted(taking, key=lambda coin: -amounts[coin]):
            if coin != origin:
                marked[coin], stream = stream[: amounts[coin]], stream[amounts[coin] :]
        fee_sat += sum(stream)
    return {coin: sum(found) for coin, found in marked.items() if sum(found)}, fee_sat


@given(worlds())
def test_tiho_is_what_pouring_each_satoshi_gives(world):
    snapshot = snapshot_of(world)
    tracer = tracer_of(snapshot)
    made = {(tx.name, index) for tx in world if not tx.spends for index in range(len(tx.pays))}
    spent = {coin for tx in world for coin in tx.spends}
    for output in every_output(snapshot):
        origin = coin_of(snapshot, output)
        forward, backward = (tracer.trace(output, direction, "tiho") for direction in ("forward", "backward"))
        marked, fee_sat = poured(world, origin, backward=False)
        assert ends(snapshot, forward) == {coin: count for coin, count in marked.items() if coin not in spent}
        assert forward.fee_sat == fee_sat
        marked, fee_sat = poured(world, origin, backward=True)
        assert ends(snapshot, backward) == {coin: count for coin, count in marked.items() if coin in made}
        assert backward.fee_sat == fee_sat == 0


@given(worlds(), st.sampled_from(("fifo", "lifo")))
def test_backward_and_forward_are_one_matrix(world, policy):
    snapshot = snapshot_of(world)
    tracer = tracer_of(snapshot)
    made = [output for output in every_output(snapshot) if snapshot.is_coinbase(snapshot.output_txs[output])]
    left = [output for output in every_output(snapshot) if snapshot.spent_by[output] == ABSENT]
    forward = {
        (start, leaf.output): leaf.amount_sat
        for start in made
        for leaf in tracer.trace(start, "forward", policy).leaves
    }
    backward = {
        (leaf.output, end): leaf.amount_sat for end in left for leaf in tracer.trace(end, "backward", policy).leaves
    }
    assert forward == backward


@given(worlds())
def test_the_generators_own_reckoning_agrees_to_the_satoshi(world):
    snapshot = snapshot_of(world)
    oracle = [
        OracleTransaction(
            txid=f"{tx.name:02}",
            inputs=tuple((f"{name:02}", index) for name, index in tx.spends),
            amounts_sat=tuple(amount_sat for _, amount_sat in tx.pays),
            scripts=tuple(script.to_bytes(1, "big") for script, _ in tx.pays),
            is_coinjoin=False,
        )
        for tx in world
    ]
    held = [output for output in every_output(snapshot) if snapshot.output_amounts_sat[output]]
    coins = {output: coin_of(snapshot, output) for output in held}
    expected = {
        (flow.direction, flow.policy, flow.origin_txid, flow.origin_output_index,
         flow.endpoint_txid, flow.endpoint_output_index): flow.amount_sat
        for flow in flows_of(oracle, {}, [(f"{name:02}", index) for name, index in coins.values()])
        if flow.amount_sat
    }  # fmt: skip
    found = {}
    for direction in DIRECTIONS:
        for policy in ("fifo", "pro_rata"):
            traces = tracer_of(snapshot, StopRules()).traces(held, direction, policy)
            for trace in traces.each():
                name, index = coins[trace.origin_output]
                for (at, place), amount_sat in ends(snapshot, trace).items():
                    found[direction, policy, f"{name:02}", index, f"{at:02}", place] = amount_sat
    assert found == expected


def drawn_rules(data, snapshot):
    """Stop rules of every kind but the limit of time, which this world has no clock for."""
    scripts = st.sets(st.sampled_from(range(len(snapshot.scripts))))
    return StopRules(
        scripts_by_reason={name: frozenset(data.draw(scripts)) for name in ("service", "bridge", "probable_service")},
        max_hops=data.draw(st.integers(0, 4)),
        dust_sat=data.draw(st.integers(0, 6)),
    )


def drawn_verdicts(data, world):
    joins = data.draw(st.lists(st.sampled_from(("yes", "no", "no")), min_size=len(world), max_size=len(world)))
    return [CoinjoinVerdict(answer=answer, rule="test") for answer in joins]


@given(worlds(), st.data())
def test_what_is_attributed_lies_within_poison_and_below_its_bound(world, data):
    snapshot = snapshot_of(world)
    tracer = Tracer(snapshot, drawn_verdicts(data, world), drawn_rules(data, snapshot))
    outputs = list(every_output(snapshot))
    for direction in DIRECTIONS:
        bounds = poison_bounds(tracer, outputs, direction)
        reached = {}
        columns = (bounds.traces, bounds.outputs, bounds.amounts_sat)
        for origin, output, bound_sat in zip(*(column.tolist() for column in columns), strict=True):
            reached[origin, output] = bound_sat
            assert bound_sat == min(snapshot.output_amounts_sat[output], snapshot.output_amounts_sat[origin]) > 0
        for policy in POLICIES:
            leaves = tracer.traces(outputs, direction, policy).leaves
            total = Counter()
            columns = (leaves.traces, leaves.outputs, leaves.codes, leaves.amounts_sat)
            for origin, output, code, amount_sat in zip(*(column.tolist() for column in columns), strict=True):
                # A limit may end a trace on a longer way than the one by which poison went through the same output.
                if STOP_REASONS[code] not in {"hop_limit", "dust"}:
                    assert (origin, output) in reached
                total[origin, output] += amount_sat
            for (origin, output), amount_sat in total.items():
                held = min(snapshot.output_amounts_sat[output], snapshot.output_amounts_sat[origin])
                assert amount_sat <= reached.get((origin, output), held)


@given(worlds())
def test_poison_is_every_chain_of_payments_and_no_other(world):
    snapshot = snapshot_of(world)
    tracer = tracer_of(snapshot)
    amounts = {(tx.name, index): amount_sat for tx in world for index, (_, amount_sat) in enumerate(tx.pays)}
    parents = {}
    for tx in world:
        for index in range(len(tx.pays)):
            parents[tx.name, index] = {coin for coin in tx.spends if amounts[coin]}
    children = {coin: {other for other in parents if coin in parents[other] and amounts[other]} for coin in parents}
    outputs = [output for output in every_output(snapshot) if snapshot.output_amounts_sat[output]]
    for direction, neighbours in (("backward", parents), ("forward", children)):
        bounds = poison_bounds(tracer, outputs, direction)
        found = {
            (outputs[at], coin_of(snapshot, number)) for at, number in zip(bounds.traces, bounds.outputs, strict=True)
        }
        expected = set()
        for output in outputs:
            reached, waiting = {coin_of(snapshot, output)}, [coin_of(snapshot, output)]
            while waiting:
                for coin in neighbours[waiting.pop()] - reached:
                    reached.add(coin)
                    waiting.append(coin)
            spent = {coin for tx in world for coin in tx.spends}
            made = {(tx.name, index) for tx in world if not tx.spends for index in range(len(tx.pays))}
            expected |= {(output, coin) for coin in (reached & made if direction == "backward" else reached - spent)}
        assert found == expected


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
            (coin_of(snapshot, trace.origin_output), trace.direction, trace.policy): (
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
            for trace in traces_of(tracer, snapshot)
        }
        merges = sorted((snapshot.scripts[a], snapshot.scripts[b], snapshot.txids[tx]) for a, b, tx in clusters.merges)
        answers = {snapshot.txids[tx]: verdict for tx, verdict in enumerate(verdicts)}
        seen.append((traces, merges, answers))
    assert seen[0] == seen[1]


@given(worlds(), st.data())
def test_every_stop_has_its_reason_and_the_sum_holds(world, data):
    snapshot = snapshot_of(world)
    rules, verdicts = drawn_rules(data, snapshot), drawn_verdicts(data, world)
    for trace in traces_of(Tracer(snapshot, verdicts, rules), snapshot):
        assert sum(leaf.amount_sat for leaf in trace.leaves) + trace.fee_sat == trace.origin_sat
        for leaf in trace.leaves:
            assert leaf.stop_reason in STOP_REASONS[1:]
            script = snapshot.output_scripts[leaf.output]
            owner = next((name for name, found in rules.scripts_by_reason.items() if script in found), None)
            owned = leaf.hops > 0 and owner is not None
            assert (leaf.stop_reason == owner) == owned
            if leaf.stop_reason == "coinjoin":
                created = snapshot.output_txs[leaf.output]
                spending = snapshot.spent_by[leaf.output]
                joint = created if trace.direction == "backward" else snapshot.input_txs[spending]
                assert verdicts[joint].answer != "no"
            if leaf.stop_reason == "dust":
                assert leaf.amount_sat < rules.dust_sat * (rules.max_hops + 1)
            assert leaf.hops <= rules.max_hops
            assert sum(through for _, through in leaf.via_outputs) == (leaf.amount_sat if owned else 0)


@given(st.lists(st.lists(st.integers(0, MAX_MONEY_SAT), max_size=12), max_size=6), st.data())
def test_shares_add_up_and_are_within_one_of_the_proportion(several, data):
    """Exact although no product of two amounts fits 64 bits."""
    totals = [data.draw(st.integers(0, min(sum(weights), MAX_MONEY_SAT))) for weights in several]
    flat = numbers([weight for weights in several for weight in weights])
    shares = iter(largest_remainders(numbers(totals), flat, numbers([len(weights) for weights in several])).tolist())
    for total, weights in zip(totals, several, strict=True):
        mine = [next(shares) for _ in weights]
        assert sum(mine) == total
        remainders = [total * weight % max(sum(weights), 1) for weight in weights]
        up = [place for place, weight in enumerate(weights) if mine[place] != total * weight // max(sum(weights), 1)]
        for place, weight in enumerate(weights):
            assert 0 <= mine[place] <= weight
            assert mine[place] - total * weight // max(sum(weights), 1) in {0, 1}
        order = sorted(range(len(weights)), key=lambda place: (-remainders[place], place))
        assert sorted(up) == sorted(order[: len(up)])


@given(
    st.lists(st.tuples(st.lists(st.integers(0, 10**14), min_size=1, max_size=6), st.integers(0, 6)), max_size=4),
    st.data(),
)
def test_a_matrix_adds_up_by_rows_and_by_columns(several, data):
    ins, outs, expected = [], [], []
    for inputs, count in several:
        budget, outputs = sum(inputs), []
        for _ in range(count):
            outputs.append(data.draw(st.integers(0, budget)))
            budget -= outputs[-1]
        ins.append(inputs)
        outs.append(outputs)
        expected.append([*outputs, budget])
    txs = numbers(range(len(ins)))
    offsets, weights = pro_rata_weights(txs, side_of(ins), side_of(outs), least_batch=0)
    one_by_one = pro_rata_weights(txs, side_of(ins), side_of(outs), least_batch=1 << 40)
    assert (one_by_one[1] == weights).all()
    for inputs, columns, begin in zip(ins, expected, offsets.tolist(), strict=True):
        matrix = [weights[begin + turn * len(inputs) :][: len(inputs)].tolist() for turn in range(len(columns))]
        assert [sum(column) for column in matrix] == columns
        assert [sum(row) for row in zip(*matrix, strict=True)] == inputs
        assert all(share >= 0 for column in matrix for share in column)


def numbers(values):
    return np.array(list(values), dtype=np.int64)


def side_of(parts):
    starts = [0]
    for part in parts:
        starts.append(starts[-1] + len(part))
    return Side.of(starts, [amount for part in parts for amount in part])


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.lists(st.integers(1, 9), max_size=2), st.data())
def test_stretches_are_cut_without_loss(sizes, before, data):
    """Also where sums over the transactions before have passed the range of 64 bits."""
    side = side_of([[MAX_MONEY_SAT] * 8_000, before, sizes])
    bounds = [sum(sizes[: place + 1]) for place in range(len(sizes))]
    low = data.draw(st.integers(0, bounds[-1]))
    high = data.draw(st.integers(low + 1, bounds[-1] + 3))
    pieces = cut_along(numbers([2]), numbers([low]), numbers([high]), side)
    first = 8_000 + len(before)
    bounds.append(0)  # so that what lies beyond begins where the last place ends
    placed = sorted(
        at
        for place, start, end in zip(pieces.places.tolist(), pieces.lows.tolist(), pieces.highs.tolist(), strict=True)
        for at in range(start + bounds[place - first - 1], end + bounds[place - first - 1])
    )
    assert placed == list(range(low, high))


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
