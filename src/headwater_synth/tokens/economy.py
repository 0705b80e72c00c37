"""Who pays whom in the invented token economy, and the situations that are planted in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from headwater.references import account_address
from headwater_synth.population import Population
from headwater_synth.population_accounts import SEIZED_AT_S
from headwater_synth.population_payments import EXCHANGES
from headwater_synth.seeds import seed_digest, stream
from headwater_synth.tokens.ledger import NOBODY, Ending, Sent, TokenLedger

__all__ = ["EXCHANGE_ACTORS", "IssuerAct", "TokenEconomy", "built_economy"]

_MOST_RECEIPTS = 400
_FIRST_BLOCK = 1_000
_TRADING_S = 170 * 86_400
_COUNTERFEIT = "TCR-copied"
_BLOCK_S = 600  # apart; blocks between are others'
EXCHANGE_ACTORS = tuple(exchange.actor for exchange in EXCHANGES[:2])


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerAct:
    """What an issuer did to an address."""

    symbol: str
    address: str
    event: str
    units: int | None
    block: int
    position: int


@dataclass(slots=True, kw_only=True)
class TokenEconomy:
    """All that is written down of it.

    Attributes:
        tokens: The tokens by symbol; the last is a counterfeit of the first.
        platform: Chain and address of the platform, with the number of the account each was given to.
        tagged: Chain, address, actor and category of what a tag pack knows.
        contracts: Addresses that are contracts.
        acts: What issuers did.
        marks: Token, number of the transfer, and the mark it should bear.
        whole: For each token the accounts that are stated to be whole; None for all.
        endings: Where the units of receipts and payouts truly end, by token.
    """

    tokens: dict[str, TokenLedger]
    platform: dict[tuple[str, str], int | None] = field(default_factory=dict)
    tagged: list[tuple[str, str, str, str]] = field(default_factory=list)
    contracts: set[str] = field(default_factory=set)
    acts: list[IssuerAct] = field(default_factory=list)
    marks: list[tuple[str, int, str]] = field(default_factory=list)
    whole: dict[str, list[str] | None] = field(default_factory=dict)
    endings: list[tuple[str, Ending]] = field(default_factory=list)
    last_block: int = _FIRST_BLOCK

    @staticmethod
    def at_s(block: int) -> int:
        """Time of a block."""
        return SEIZED_AT_S - _TRADING_S + (block - _FIRST_BLOCK) * _BLOCK_S


class _Maker:
    """Makes the economy step by step; every step is a block of its own, with a few transfers in it."""

    def __init__(self, population: Population) -> None:
        self.seed = population.seed
        self.rng = stream(population.seed, "tokens")
        planned = population.planned_accounts()
        self.customers = sorted({*planned, *population.payers})[
            : min(_MOST_RECEIPTS, max(12, population.accounts // 8))
        ]
        self.economy = TokenEconomy(
            tokens={
                "TCR": self._token("ethereum", "TCR", 6),
                "MDW": self._token("tron", "MDW", 18),
                _COUNTERFEIT: self._token("ethereum", "TCR", 6, name="counterfeit"),
            }
        )
        self.economy.whole = {"TCR": None, "MDW": [], _COUNTERFEIT: None}
        self.block = _FIRST_BLOCK
        self.position = 0

    def address(self, chain: str, name: str) -> str:
        """An address that nobody holds the key of."""
        account = seed_digest(self.seed, "token-account", chain, name)[:20]
        return account_address(chain, ("41" if chain == "tron" else "") + account.hex())

    def _token(self, chain: str, symbol: str, decimals: int, name: str = "token") -> TokenLedger:
        return TokenLedger(
            chain=chain, contract=self.address(chain, f"{name} {symbol}"), symbol=symbol, decimals=decimals
        )

    def next_block(self) -> None:
        """Begin a block."""
        self.block += self.rng.randrange(1, 4)
        self.position = 0

    def pay(self, token: str, sender: str, receiver: str, units: int, *, destroyed: bool = False) -> int:
        """The number of a transfer in the block."""
        sent = Sent(
            sender=sender,
            receiver=receiver,
            units=units,
            block=self.block,
            position=self.position,
            destroyed=destroyed,
        )
        self.position += self.rng.randrange(1, 5)
        return self.economy.tokens[token].send(sent)

    def amount(self, token: str) -> int:
        """A price in base units, with the odd units that real amounts have."""
        decimals = self.economy.tokens[token].decimals
        one: int = 10**decimals
        return self.rng.randrange(5, 60) * one + self.rng.randrange(one)


def built_economy(population: Population) -> TokenEconomy:
    """The token economy of a seizure; nothing else of the seizure depends on it."""
    maker = _Maker(population)
    for token in ("TCR", "MDW"):
        _of_token(maker, token)
    _counterfeits(maker)
    economy = maker.economy
    economy.last_block = maker.block + 10
    owned = _owned(economy)
    for token, ledger in economy.tokens.items():
        if ledger.contract == economy.tokens[_COUNTERFEIT].contract:
            continue
        for direction, number in _origins(economy, token):
            follow = ledger.backward if direction == "backward" else ledger.forward
            for ending in follow(number, owned[ledger.chain], economy.whole[token]):
                economy.endings.append((token, ending))
    return economy


def _of_token(maker: _Maker, token: str) -> None:
    economy, rng = maker.economy, maker.rng
    ledger = economy.tokens[token]
    chain, one = ledger.chain, 10**ledger.decimals
    hot = {actor: maker.address(chain, f"{actor} hot") for actor in EXCHANGE_ACTORS}
    hub, operator, swap, bridge = (maker.address(chain, name) for name in ("hub", "operator", "swap", "bridge"))
    economy.tagged += [(chain, address, actor, "exchange") for actor, address in hot.items()]
    economy.tagged.append((chain, bridge, "fordbridge", "bridge"))
    if chain == "ethereum":  # the table of the other chain does not say what is a contract
        economy.contracts.add(swap)
    economy.platform[chain, hub] = None
    maker.next_block()
    for address in hot.values():
        maker.pay(token, NOBODY, address, 5_000_000 * one)
    old_hand = maker.address(chain, "old hand")
    ledger.held_before(old_hand, 400 * one + 7)
    customers = list(maker.customers)
    rng.shuffle(customers)
    wallets = [maker.address(chain, f"wallet {account}") for account in customers]
    for place, (account, wallet) in enumerate(zip(customers, wallets, strict=True)):
        maker.next_block()
        price = maker.amount(token)
        deposit = maker.address(chain, f"deposit {account}")
        economy.platform[chain, deposit] = account
        _funded(maker, token, wallet, price, place, wallets, hot, old_hand, swap)
        maker.next_block()
        maker.pay(token, wallet, deposit, price)
        if place % 5 == 0:
            _poisoned(maker, token, wallet, deposit)
        maker.next_block()
        maker.pay(token, deposit, hub, price)
        if place % 4 == 3:
            _paid_out(maker, token, hub, operator, place, hot)
    _spent(maker, token, operator, swap, bridge)
    _held_and_frozen(maker, token, hub)
    if economy.whole[token] is not None:
        # Half of the accounts were asked for one by one; of the others only what touches these is there.
        economy.whole[token] = sorted({hub, operator, *wallets[::2]})


def _funded(
    maker: _Maker,
    token: str,
    wallet: str,
    price: int,
    place: int,
    wallets: Sequence[str],
    hot: Mapping[str, str],
    old_hand: str,
    swap: str,
) -> None:
    """Give a customer's wallet the price and more, in one of several ways."""
    source = hot[EXCHANGE_ACTORS[place % 2]]
    one = 10 ** maker.economy.tokens[token].decimals
    if place == 3:
        maker.pay(token, old_hand, wallet, price // 3)
        maker.pay(token, source, wallet, price - price // 3)
    elif place == 5:
        maker.pay(token, source, swap, price)
        maker.pay(token, swap, wallet, price)
    elif place % 3 == 1:
        between = maker.address(maker.economy.tokens[token].chain, f"between {place}")
        maker.pay(token, source, between, price + 2 * one)
        maker.next_block()
        maker.pay(token, between, wallet, price + one)
    else:
        maker.pay(token, source, wallet, price + maker.rng.randrange(3 * one))
    if place and place % 6 == 0:
        other = wallets[place - 1]
        spare = maker.economy.tokens[token].balance(other)
        if spare:
            maker.pay(token, other, wallet, spare)


def _poisoned(maker: _Maker, token: str, wallet: str, deposit: str) -> None:
    """Transfers of nothing, and of nearly nothing from an address that resembles the one just paid."""
    economy = maker.economy
    ledger = economy.tokens[token]
    maker.next_block()
    economy.marks.append((token, maker.pay(token, wallet, maker.address(ledger.chain, "nothing"), 0), "zero_amount"))
    if ledger.chain == "ethereum":
        middle = seed_digest(maker.seed, "look-alike", deposit).hex()[:32]
        alike = account_address("ethereum", (deposit[2:6] + middle + deposit[-4:]).lower())
        ledger.held_before(alike, 3)
        economy.marks.append((token, maker.pay(token, alike, wallet, 3), "look_alike"))


def _paid_out(maker: _Maker, token: str, hub: str, operator: str, place: int, hot: Mapping[str, str]) -> None:
    """The platform pays: the operator, who cashes out at an exchange, or its hoster."""
    ledger = maker.economy.tokens[token]
    maker.next_block()
    units = ledger.balance(hub) // 2 + 1
    maker.pay(token, hub, operator, units)
    maker.next_block()
    deposit = maker.address(ledger.chain, f"operator at exchange {place % 8}")
    maker.pay(token, operator, deposit, units // 3)
    maker.next_block()
    maker.pay(token, deposit, hot[EXCHANGE_ACTORS[place % 2]], units // 3)


def _spent(maker: _Maker, token: str, operator: str, swap: str, bridge: str) -> None:
    """What the operator does with the rest: swaps, bridges, gives back to the issuer, keeps."""
    fifth = maker.economy.tokens[token].balance(operator) // 5
    for receiver in (swap, bridge, NOBODY):
        maker.next_block()
        maker.pay(token, operator, receiver, fifth)


def _held_and_frozen(maker: _Maker, token: str, hub: str) -> None:
    """Three who hold: one is frozen, one was let go again, and what one held was destroyed in part."""
    economy = maker.economy
    ledger = economy.tokens[token]
    sixth = ledger.balance(hub) // 6
    holders = [maker.address(ledger.chain, f"holder {number}") for number in range(3)]
    for holder in holders:
        maker.next_block()
        maker.pay(token, hub, holder, sixth)

    def act(address: str, event: str, units: int | None = None) -> None:
        maker.next_block()
        economy.acts.append(
            IssuerAct(
                symbol=token, address=address, event=event, units=units, block=maker.block, position=maker.position
            )
        )

    act(holders[0], "frozen")
    act(holders[1], "frozen")
    act(holders[1], "unfrozen")
    act(holders[2], "frozen")
    act(holders[2], "destroyed", sixth // 2)
    maker.pay(token, holders[2], NOBODY, sixth // 2, destroyed=True)


def _counterfeits(maker: _Maker) -> None:
    """A token that bears another's symbol, sent to the platform for nothing."""
    economy = maker.economy
    hub = maker.address("ethereum", "hub")
    maker.next_block()
    for _ in range(3):
        forger = maker.address("ethereum", "forger")
        for sender, receiver in ((NOBODY, forger), (forger, hub)):
            number = maker.pay(_COUNTERFEIT, sender, receiver, 1_000_000)
            economy.marks.append((_COUNTERFEIT, number, "copied_symbol"))


def _owned(economy: TokenEconomy) -> dict[str, dict[str, str]]:
    owned: dict[str, dict[str, str]] = {"ethereum": {}, "tron": {}}
    for ledger in economy.tokens.values():
        for sent in ledger.sent:
            for address in (sent.sender, sent.receiver):
                if address in economy.contracts:
                    owned[ledger.chain][address] = "swap_or_contract"
    for chain, address, _, category in economy.tagged:
        owned[chain][address] = "service" if category == "exchange" else category
    return owned


def _origins(economy: TokenEconomy, token: str) -> Iterator[tuple[str, int]]:
    ledger = economy.tokens[token]
    marked = {number for name, number, _ in economy.marks if name == token}
    for number, sent in enumerate(ledger.sent):
        ours = [(ledger.chain, address) in economy.platform for address in (sent.sender, sent.receiver)]
        if sent.units and number not in marked and ours[0] != ours[1]:
            yield ("forward" if ours[0] else "backward"), number
