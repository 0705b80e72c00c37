"""What a chain gives back: bytes for the exhibits, and the truth about everybody's coins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from headwater_synth.chain.ledger import MinedBlock
from headwater_synth.chain.plan import ChainPlan

__all__ = ["ChainResult", "Deposit", "Flow", "Holder", "PlatformWallet", "Withdrawal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """An exchange paid a customer out.

    Attributes:
        exchange: Actor name.
        person_key: The payer of the platform; None for everybody else.
        txid: Transaction, as displayed.
        output_index: Output of it.
        address: Where to.
        amount_sat: How much.
        at_s: When the customer asked, seconds since 1970 UTC.
    """

    exchange: str
    person_key: int | None
    txid: str
    output_index: int
    address: str
    amount_sat: int
    at_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """A customer paid an exchange in.

    Attributes:
        exchange: Actor name.
        customer: `platform-operator`.
        address: The customer's deposit address.
        txid: Transaction, as displayed.
        output_index: Output of it.
        amount_sat: How much.
        at_s: When, seconds since 1970 UTC.
    """

    exchange: str
    customer: str
    address: str
    txid: str
    output_index: int
    amount_sat: int
    at_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Satoshis of a platform receipt that end at one output.

    Attributes:
        direction: `backward` or `forward`.
        policy: `fifo` or `pro_rata`.
        origin_txid: The receipt, as displayed.
        origin_output_index: Output of it.
        endpoint_txid: Where it ends, as displayed.
        endpoint_output_index: Output of it.
        endpoint_kind: `service`, `coinjoin`, `coinbase`, `unspent` or `hop_limit`.
        service_actor: Actor name, for a service.
        amount_sat: Satoshis of the origin.
    """

    direction: str
    policy: str
    origin_txid: str
    origin_output_index: int
    endpoint_txid: str
    endpoint_output_index: int
    endpoint_kind: str
    service_actor: str | None
    amount_sat: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who controls an address.

    Attributes:
        address: The address.
        script_hex: Its script.
        owner: Who; two addresses of one owner are truly under one control.
        kind: What it serves.
    """

    address: str
    script_hex: str
    owner: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformWallet:
    """What the platform's wallet file holds.

    Attributes:
        external: Descriptor of the addresses given out.
        internal: Descriptor of change.
        account_public: Public key of the account node.
        account_secret: Private key of it; written into the wallet file alone, as a real one has it.
        branch_records: Extended public keys of the external and the internal branch, 74 bytes each.
        external_next: Addresses given out.
        internal_next: Change addresses used.
        labels: Address and label, in order.
    """

    external: str
    internal: str
    account_public: bytes
    account_secret: bytes = field(repr=False)
    branch_records: tuple[bytes, bytes]
    external_next: int
    internal_next: int
    labels: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainResult:
    """A chain and the truth about it.

    Attributes:
        plan: What was asked for.
        invoice_address: Address of every invoice, by its key.
        payment_txid: Transaction and output of every invoice paid, by its key.
        withdrawals: By payers of the platform, in order.
        other_withdrawals: By everybody else, in order.
        deposits: By the platform's operator, in order.
        tagged_addresses: Publicly known addresses of each exchange; none for the one without a tag.
        wallet: The platform's wallet.
        blocks: The active chain, from the genesis block.
        stale_blocks: Blocks that lost the race; in the block files too.
        xor_key: What the block files are obfuscated with.
        holders: Everybody's addresses.
        transaction_kinds: What every transaction of the active chain is for, in order.
        flows: Where the satoshis of every receipt came from and went to.
    """

    plan: ChainPlan
    invoice_address: Mapping[int, str]
    payment_txid: Mapping[int, tuple[str, int]]
    withdrawals: tuple[Withdrawal, ...]
    other_withdrawals: tuple[Withdrawal, ...]
    deposits: tuple[Deposit, ...]
    tagged_addresses: Mapping[str, tuple[str, ...]]
    wallet: PlatformWallet
    blocks: tuple[MinedBlock, ...]
    stale_blocks: tuple[MinedBlock, ...]
    xor_key: bytes
    holders: tuple[Holder, ...]
    transaction_kinds: Mapping[str, str]
    flows: tuple[Flow, ...]

    @property
    def owners(self) -> dict[str, tuple[str, str]]:
        """Owner and kind of every address."""
        return {holder.address: (holder.owner, holder.kind) for holder in self.holders}
