"""Rounds of known CoinJoin protocols, by what each has published: a rule, its source, and its answer.

The rules of `coinjoin` look at the shape alone. These look at what one program does: its denominations, its
coordinator, its order of outputs, and, for Whirlpool, where the coins came from. They are tried before the shapes, and
only they say of a transaction which protocol it is of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from headwater.money.coinjoin import DUST_SAT, CoinjoinAnswer, CoinjoinVerdict
from headwater.money.partition import shares_add_up

__all__ = [
    "LEAST_EQUAL",
    "LEAST_INPUTS",
    "PROTOCOL_RULES",
    "STANDARD_DENOMINATIONS_SAT",
    "WASABI_COORDINATORS",
    "WHIRLPOOL_POOLS_SAT",
    "Premix",
    "ProtocolRule",
    "Round",
    "mix_pool_sat",
    "premix_of",
    "round_answer",
]

_BTC_SAT: Final = 100_000_000

WASABI_COORDINATORS: Final = {
    # source: docs.wasabiwallet.io, FAQ "What is the coordinator address"; WalletWasabi 1.1, Helpers/Constants.cs
    "bc1qs604c7jv6amk4cxqlnvuxv26hv3e48cds4m0ew": bytes.fromhex("0014869f5c7a4cd7776ae0c0fcd9c3315abb239a9f0d"),
    "bc1qa24tsgchvuxsaccp8vrnkfd85hrcpafg20kmjw": bytes.fromhex("0014eaaab82317670d0ee3013b073b25a7a5c780f528"),
    "tb1qecaheev3hjzs9a3w9x33wr8n0ptu7txp359exs": bytes.fromhex("0014ce3b7ce591bc8502f62e29a3170cf37857cf2cc1"),
    "bcrt1qangxrwyej05x9mnztkakk29s4yfdv4n586gs8l": bytes.fromhex("0014ecd061b89993e862ee625dbb6b28b0a912d65674"),
}
"""Published fee addresses of the coordinator of Wasabi 1 and their scripts; main, main, test, regtest."""

_WASABI1_SAT: Final = _BTC_SAT // 10  # source: ZeroLink; arXiv:2109.10229, section 4
_WASABI1_PRECISION_SAT: Final = 2 * _BTC_SAT // 100  # source: nopara73/Dumplings, WasabiBaseDenominationPrecision
_WASABI1_EQUAL: Final = 10  # source: nopara73/Dumplings, Scanner.cs
_WASABI2_INPUTS: Final = 50  # source: nopara73/Dumplings, Scanner.cs: least inputs of a round of the first coordinator
_WASABI2_FEW_INPUTS: Final = 21  # source: WalletWasabi, least inputs by default where others coordinate
_WASABI2_TENTHS: Final = 8  # source: nopara73/Dumplings, Scanner.cs: share of standard outputs, in tenths
_WASABI2_LEAST_SAT: Final = 5_000  # source: WabiSabi, least amount of an output
_SCRIPT_SHARE: Final = 10  # source: graphsense-lib pull 82, patch A: no address has more than a tenth of the inputs

WHIRLPOOL_POOLS_SAT: Final = {100_000: 5_000, 1_000_000: 50_000, 5_000_000: 175_000, 50_000_000: 1_750_000}
"""Amount of each pool and its fee. Source: arXiv:2109.10229, section 2; graphsense-lib pull 76."""

_MIX_SIZES: Final = range(5, 11)  # source: Samourai, "Introducing Whirlpool Surge Cycles" (5 to 8); Dumplings allows 10
_PREMIX_EXTRA_SAT: Final = 110_000  # source: arXiv:2109.10229, heuristic for mixes: pool and at most 0.0011 BTC
_PREMIX_MOST: Final = 70  # source: graphsense-lib pull 76, outputs of a tx0
_ALLOWANCE_PARTS: Final = 100  # a hundredth of the share; source: Goldfeder et al. 2018, section 5, bound on fees
_LEAST_ALLOWANCE_SAT: Final = 10_000  # ours: fees of makers that are stated in absolute terms are below
_JOINMARKET_LEAST: Final = 3  # fewer equal outputs are a payment as likely as a round: left to the generic rules


def _standard_denominations() -> frozenset[int]:
    """Powers of two and three, twice those of three, and 1, 2 and 5 times those of ten.

    References:
        WalletWasabi, WabiSabi/Client/CoinJoin/Client/Decomposer/DenominationBuilder.cs.
    """
    most_sat = 21_000_000 * _BTC_SAT
    found: set[int] = set()
    for base, multiples in ((2, (1,)), (3, (1, 2)), (10, (1, 2, 5))):
        power = 1
        while power <= most_sat:
            found.update(power * multiple for multiple in multiples)
            power *= base
    return frozenset(amount_sat for amount_sat in found if _WASABI2_LEAST_SAT <= amount_sat <= most_sat)


STANDARD_DENOMINATIONS_SAT: Final = _standard_denominations()


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A transaction as the rules of protocols see it, in its own order.

    Attributes:
        spent: Script and satoshis of each output spent.
        outputs: Script and satoshis of each output that somebody can spend.
        data_outputs: Outputs that carry data and nothing else.
    """

    spent: tuple[tuple[bytes, int], ...]
    outputs: tuple[tuple[bytes, int], ...]
    data_outputs: int

    def most_equal(self) -> tuple[int, int]:
        """How many distinct scripts receive the amount that most receive, and the amount; the largest of several."""
        receivers = Counter(amount_sat for _, amount_sat in set(self.outputs) if amount_sat > DUST_SAT)
        return max(((count, amount_sat) for amount_sat, count in receivers.items()), default=(0, 0))

    def input_scripts(self) -> int:
        """Distinct scripts spent from."""
        return len({script for script, _ in self.spent})

    def returns_to_input(self) -> bool:
        """Whether an output goes back to a script spent from."""
        spent = {script for script, _ in self.spent}
        return any(script in spent for script, _ in self.outputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolRule:
    """What one program's rounds look like.

    Attributes:
        name: As `coinjoin_rule` has it.
        protocol: The program.
        answer: What it says where it holds.
        source: Where the shape is published.
        holds: Whether a round has it; None where it was too much effort to tell.
        undecided_name: As `coinjoin_rule` has it in that case, and the answer is `abstain`.
    """

    name: str
    protocol: str
    answer: CoinjoinAnswer
    source: str
    holds: Callable[[Round], bool | None]
    undecided_name: str = ""


def _pays_wasabi_coordinator(joint: Round) -> bool:
    scripts = set(WASABI_COORDINATORS.values())
    return joint.most_equal()[0] >= 3 and any(script in scripts for script, _ in joint.outputs)


def _is_wasabi1(joint: Round) -> bool:
    count, amount_sat = joint.most_equal()
    unique = sum(1 for often in Counter(amount_sat for _, amount_sat in joint.outputs).values() if often == 1)
    return (
        count >= _WASABI1_EQUAL
        and joint.input_scripts() >= count
        and abs(amount_sat - _WASABI1_SAT) <= _WASABI1_PRECISION_SAT
        and unique >= 2  # at least somebody's change, and the coordinator's fee
        and _has_only(joint, _is_key_hash)
    )


def _is_wasabi2(joint: Round) -> bool:
    most_of_one = max(Counter(script for script, _ in joint.spent).values())
    return (
        len(joint.spent) >= _WASABI2_INPUTS
        and 10 * _standard_outputs(joint) > _WASABI2_TENTHS * len(joint.outputs)
        and _SCRIPT_SHARE * most_of_one <= len(joint.spent)
        and _falls(joint.spent)
        and _falls(joint.outputs)
        and _has_only(joint, lambda script: _is_key_hash(script) or _is_taproot(script))
    )


def _may_be_wasabi2(joint: Round) -> bool:
    return joint.input_scripts() >= _WASABI2_FEW_INPUTS and 2 * _standard_outputs(joint) > len(joint.outputs) >= 3


def _shares_of_joinmarket(joint: Round) -> bool | None:
    """Whether every participant's inputs can pay an equal share and a change; None where trying took too long."""
    count, equal_sat = joint.most_equal()
    rest_sat = [amount_sat for _, amount_sat in joint.outputs if amount_sat != equal_sat]
    scripts = {script for script, _ in joint.outputs}
    if (
        count < _JOINMARKET_LEAST
        or count > joint.input_scripts()
        or not count - 1 <= len(rest_sat) <= count  # the taker may have swept a wallet, and has no change then
        or len(scripts) < len(joint.outputs)
        or joint.returns_to_input()
    ):
        return False
    goals_sat = [equal_sat + change_sat for change_sat in rest_sat] + [equal_sat] * (count - len(rest_sat))
    by_script: Counter[bytes] = Counter()
    for script, amount_sat in joint.spent:
        by_script[script] += amount_sat
    # A maker is paid for taking part, so that its outputs exceed its inputs by its fee.
    allowance_sat = max(_LEAST_ALLOWANCE_SAT, equal_sat // _ALLOWANCE_PARTS)
    return shares_add_up(list(by_script.values()), goals_sat, allowance_sat=allowance_sat)


def mix_pool_sat(joint: Round) -> int | None:
    """The pool that a transaction has the shape of a mix of, if any."""
    pool_sat = joint.outputs[0][1] if joint.outputs else 0
    if pool_sat not in WHIRLPOOL_POOLS_SAT or joint.data_outputs or len(joint.spent) not in _MIX_SIZES:
        return None
    sizes = {len(joint.spent), len(joint.outputs), joint.input_scripts(), len({script for script, _ in joint.outputs})}
    if len(sizes) > 1 or any(amount_sat != pool_sat for _, amount_sat in joint.outputs) or joint.returns_to_input():
        return None
    if not all(pool_sat <= amount_sat <= pool_sat + _PREMIX_EXTRA_SAT for _, amount_sat in joint.spent):
        return None
    return pool_sat


@dataclass(frozen=True, slots=True, kw_only=True)
class Premix:
    """The shape of a transaction that prepares coins for a pool.

    Attributes:
        pool_sat: The pool.
        premix_sat: What each prepared output holds: the pool's amount and a share of the fee of the mix.
        changes: Outputs that are neither prepared nor the pool's fee.
    """

    pool_sat: int
    premix_sat: int
    changes: int


def premix_of(joint: Round) -> Premix | None:
    """The shape of a tx0, if a transaction has it: equal outputs a little above a pool, its fee, and one data output.

    Two changes are allowed, because two people can prepare their coins together; then they were two.
    """
    if joint.data_outputs != 1:
        return None
    amounts = Counter(amount_sat for _, amount_sat in joint.outputs)
    for pool_sat, pool_fee_sat in WHIRLPOOL_POOLS_SAT.items():
        above = [(count, sat) for sat, count in amounts.items() if pool_sat < sat <= pool_sat + _PREMIX_EXTRA_SAT]
        count, premix_sat = max(above, default=(0, 0))
        others = [amount_sat for _, amount_sat in joint.outputs if amount_sat != premix_sat]
        # source: graphsense-lib pull 76: the fee is between half of the pool's and three times it
        fees = sum(1 for amount_sat in others if pool_fee_sat <= 2 * amount_sat <= 6 * pool_fee_sat)
        if 1 <= count <= _PREMIX_MOST and fees == 1 and len(others) <= 3:
            return Premix(pool_sat=pool_sat, premix_sat=premix_sat, changes=len(others) - 1)
    return None


PROTOCOL_RULES: Final = (
    ProtocolRule(
        name="wasabi1_coordinator",
        protocol="wasabi1",
        answer="yes",
        source="docs.wasabiwallet.io, FAQ, coordinator address; arXiv:2109.10229, section 4",
        holds=_pays_wasabi_coordinator,
    ),
    ProtocolRule(
        name="wasabi1_denomination",
        protocol="wasabi1",
        answer="yes",
        source="arXiv:2109.10229, section 4; nopara73/Dumplings, Scanner.cs",
        holds=_is_wasabi1,
    ),
    ProtocolRule(
        name="wasabi2",
        protocol="wasabi2",
        answer="yes",
        source="WalletWasabi, DenominationBuilder.cs; nopara73/Dumplings, Scanner.cs; graphsense-lib pull 82",
        holds=_is_wasabi2,
    ),
    # Whether the mix descends from the pool needs the chain: see `coinjoin_lineage`, which raises this to yes.
    ProtocolRule(
        name="whirlpool_shape",
        protocol="whirlpool",
        answer="abstain",
        source="arXiv:2109.10229, section 4; Samourai, Introducing Whirlpool Surge Cycles",
        holds=lambda joint: mix_pool_sat(joint) is not None,
    ),
    ProtocolRule(
        name="joinmarket",
        protocol="joinmarket",
        answer="yes",
        source="bitcoin wiki, JoinMarket; Möser, Böhme 2017, Anonymous Alone?; Goldfeder et al. 2018, section 5",
        holds=_shares_of_joinmarket,
        undecided_name="joinmarket_undecided",
    ),
    ProtocolRule(
        name="wasabi2_shape",
        protocol="wasabi2",
        answer="abstain",
        source="WalletWasabi, DenominationBuilder.cs; ours: 21 scripts and half of the outputs are enough to doubt",
        holds=_may_be_wasabi2,
    ),
)
"""In the order in which they are tried; the first that holds answers, and where none does, the shapes are asked."""


LEAST_EQUAL: Final = 3
"""Scripts that receive one amount, and """
LEAST_INPUTS: Final = _WASABI2_FEW_INPUTS
"""inputs: without one or the other, no rule here holds, and `mix_pool_sat` finds no pool."""


def round_answer(joint: Round) -> CoinjoinVerdict | None:
    """The answer of the first rule of a protocol that holds; None where none does.

    Example:
        >>> alone = Round(spent=((b"a", 9),), outputs=((b"b", 8),), data_outputs=0)
        >>> round_answer(alone) is None
        True
    """
    for rule in PROTOCOL_RULES:
        holds = rule.holds(joint)
        if holds is None:
            return CoinjoinVerdict(answer="abstain", rule=rule.undecided_name)
        if holds:
            return CoinjoinVerdict(answer=rule.answer, rule=rule.name)
    return None


def _standard_outputs(joint: Round) -> int:
    return sum(1 for _, amount_sat in joint.outputs if amount_sat in STANDARD_DENOMINATIONS_SAT)


def _falls(parts: Sequence[tuple[bytes, int]]) -> bool:
    return all(earlier[1] >= later[1] for earlier, later in pairwise(parts))


def _has_only(joint: Round, is_kind: Callable[[bytes], bool]) -> bool:
    return all(is_kind(script) for script in _scripts(joint))


def _scripts(joint: Round) -> Iterator[bytes]:
    yield from (script for script, _ in joint.spent)
    yield from (script for script, _ in joint.outputs)


def _is_key_hash(script: bytes) -> bool:
    return len(script) == 22 and script[:2] == b"\x00\x14"


def _is_taproot(script: bytes) -> bool:
    return len(script) == 34 and script[:2] == b"\x51\x20"
