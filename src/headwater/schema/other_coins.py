"""Tables of Monero, shielded Zcash and Lightning: what came in as keys and databases show it, and never whose it was.

No table of money reads any of these, and none of them has a probability: docs/explanation/other-coins.md says why.
"""

from __future__ import annotations

from headwater.schema.columns import AT_UTC, BOOLEAN, DIGEST, ID, INT, TEXT
from headwater.schema.table import Column, Table

__all__ = [
    "COIN_FILES",
    "LIGHTNING_CHANNELS",
    "LIGHTNING_FORWARDS",
    "LIGHTNING_INVOICES",
    "LIGHTNING_INVOICE_ACCOUNTS",
    "LIGHTNING_PAYMENTS",
    "MONERO_RECEIPTS",
    "MONERO_SCANS",
    "OTHER_COIN_TABLES",
    "ZCASH_RECEIPTS",
]

_EXHIBIT = Column(name="exhibit_id", type=ID, about="The agency's exhibit number", cites="exhibits.exhibit_id")
_ITEM = Column(name="source_item_id", type=ID, about="The file it was read from, in the exhibit", cites="items.item_id")
_FROM_NODE = (
    _EXHIBIT,
    _ITEM,
    Column(name="source_table", type=TEXT, about="Table or bucket of the node's database"),
    Column(name="source_row", type=INT, about="Row within it, in the order of the file"),
    Column(name="source_offset_bytes", type=INT, about="First byte of the row in the file"),
    Column(name="source_length_bytes", type=INT, about="Length of the row in the file"),
)
_PAYMENT_HASH = Column(
    name="payment_hash", type=DIGEST, about="What the payment is known by; not the preimage, which is never kept"
)

COIN_FILES = Table(
    name="coin_files",
    version=1,
    stage="evidence",
    about="A file of Monero, Zcash or Lightning, told by its content: what it is, and what can be done with it next.",
    key=("source_item_id",),
    columns=(
        _EXHIBIT,
        Column(name="source_item_id", type=ID, about="The file, in the exhibit", cites="items.item_id"),
        Column(name="path", type=TEXT, about="Its path, shown; empty for the exhibit itself"),
        Column(name="coin", type=TEXT, about="monero, zcash or lightning"),
        Column(
            name="coin_file_kind", type=TEXT, about="monero-wallet, monero-chain, core-lightning, lnd-channels, ..."
        ),
        Column(name="is_encrypted", type=BOOLEAN, about="Whether its content is; absent where unknown", nullable=True),
        Column(name="read_as", type=TEXT, about="Tables that its content went to, separated by commas; empty for none"),
        Column(name="next_step", type=TEXT, about="What can be done next"),
    ),
)

MONERO_SCANS = Table(
    name="monero_scans",
    version=1,
    stage="evidence",
    about="A file with transactions as a Monero node prints them, looked through with a view key.",
    key=("source_item_id",),
    columns=(
        _EXHIBIT,
        _ITEM,
        Column(name="address", type=TEXT, about="The wallet's primary address"),
        Column(name="accounts", type=INT, about="So many accounts were looked for, from 0"),
        Column(name="subaddresses", type=INT, about="So many addresses of each, from 0"),
        Column(name="transactions", type=INT, about="Transactions in the file that could be read"),
        Column(name="outputs", type=INT, about="Their outputs; each was tried"),
        Column(name="receipts", type=INT, about="Outputs among them that are the wallet's"),
        Column(name="first_height", type=INT, about="Lowest block", nullable=True),
        Column(name="last_height", type=INT, about="Highest block; between them may be gaps", nullable=True),
    ),
)

MONERO_RECEIPTS = Table(
    name="monero_receipts",
    version=1,
    stage="evidence",
    about="An output that a seized view key shows to be the wallet's: a payment, or its own change. Payer unknown.",
    key=("monero_receipt_id",),
    columns=(
        Column(name="monero_receipt_id", type=ID, about="Digest of exhibit, transaction and output"),
        Column(name="txid", type=DIGEST, about="Transaction, as the node says it"),
        Column(name="output_index", type=INT, about="Output within it, from 0"),
        Column(name="output_key", type=TEXT, about="The output's one-time public key"),
        Column(name="block_height", type=INT, about="Block; absent while it waits for one", nullable=True),
        Column(name="at_utc", type=AT_UTC, about="Time that its block states", nullable=True),
        Column(name="is_coinbase", type=BOOLEAN, about="A miner's reward"),
        Column(name="unlock_time", type=INT, about="Height or second until which it is locked, or 0", nullable=True),
        Column(name="address", type=TEXT, about="The wallet's address that was paid"),
        Column(name="account_index", type=INT, about="Its account"),
        Column(name="subaddress_index", type=INT, about="Its place in the account; 0 of 0 is the primary address"),
        Column(
            name="payment_id",
            type=TEXT,
            about="Payment id in hex: 8 bytes, decrypted, or 32 in clear. Chance where it was meant for another output",
            nullable=True,
        ),
        Column(name="amount_piconero", type=INT, about="Amount; absent where it cannot be relied on", nullable=True),
        Column(
            name="commitment_ok",
            type=BOOLEAN,
            about="Whether the commitment on the chain is to this amount; absent where the amount is in clear",
            nullable=True,
        ),
        Column(name="spent", type=TEXT, about="Always unknown: a view key makes no key image"),
        _EXHIBIT,
        _ITEM,
        Column(name="source_row", type=INT, about="Transaction within the file, from 0"),
    ),
)

ZCASH_RECEIPTS = Table(
    name="zcash_receipts",
    version=1,
    stage="evidence",
    about="A shielded output that a seized wallet's own program has printed as received. Payer unknown.",
    key=("zcash_receipt_id",),
    columns=(
        Column(name="zcash_receipt_id", type=ID, about="Digest of exhibit, transaction, pool and output"),
        Column(name="txid", type=DIGEST, about="Transaction"),
        Column(name="pool", type=TEXT, about="sprout, sapling, orchard, or unknown where it is not printed"),
        Column(name="output_index", type=INT, about="Output within the pool's part of the transaction"),
        Column(name="joinsplit_index", type=INT, about="For sprout: the part that holds the output", nullable=True),
        Column(name="address", type=TEXT, about="Address that was paid, where it is printed", nullable=True),
        Column(name="amount_zat", type=INT, about="Amount"),
        Column(name="block_height", type=INT, about="Block, where it is printed", nullable=True),
        Column(name="at_utc", type=AT_UTC, about="Time of its block, where it is printed", nullable=True),
        Column(name="is_change", type=BOOLEAN, about="The wallet's own change, as the program says it", nullable=True),
        Column(name="memo", type=TEXT, about="Memo in text: written by whoever paid, and evidence", nullable=True),
        Column(name="printed_by", type=TEXT, about="z_listreceivedbyaddress or z_viewtransaction"),
        _EXHIBIT,
        _ITEM,
        Column(name="source_row", type=INT, about="Entry within the file, from 0"),
    ),
)

LIGHTNING_INVOICES = Table(
    name="lightning_invoices",
    version=1,
    stage="evidence",
    about="An invoice that the seized Lightning node made: what it asked for and, if paid, got. Payer unknown.",
    key=("lightning_invoice_id",),
    columns=(
        Column(name="lightning_invoice_id", type=ID, about="Digest of exhibit, file, table and row"),
        Column(name="node_software", type=TEXT, about="core-lightning or lnd"),
        _PAYMENT_HASH,
        Column(name="label", type=TEXT, about="Label that the node's holder gave it", nullable=True),
        Column(name="description", type=TEXT, about="Description in the invoice", nullable=True),
        Column(name="amount_msat", type=INT, about="Asked for; absent for any amount", nullable=True),
        Column(name="received_msat", type=INT, about="Received", nullable=True),
        Column(name="state", type=TEXT, about="unpaid, paid, expired, canceled, accepted or state N"),
        Column(name="created_at_utc", type=AT_UTC, about="When it was made, where that is kept", nullable=True),
        Column(name="expires_at_utc", type=AT_UTC, about="Until when it could be paid", nullable=True),
        Column(name="paid_at_utc", type=AT_UTC, about="When it was paid", nullable=True),
        Column(
            name="paid_txid",
            type=DIGEST,
            about="Transaction that paid it on the chain instead; look it up in `transactions`",
            nullable=True,
        ),
        Column(name="paid_output_index", type=INT, about="Output of that transaction", nullable=True),
        *_FROM_NODE,
    ),
)

LIGHTNING_PAYMENTS = Table(
    name="lightning_payments",
    version=1,
    stage="evidence",
    about="A payment that the seized Lightning node sent or tried to; each part of it that the node keeps.",
    key=("lightning_payment_id",),
    columns=(
        Column(name="lightning_payment_id", type=ID, about="Digest of exhibit, file, table and row"),
        Column(name="node_software", type=TEXT, about="core-lightning or lnd"),
        _PAYMENT_HASH,
        Column(name="destination", type=TEXT, about="Node paid, where the node keeps it", nullable=True),
        Column(name="label", type=TEXT, about="Label that the node's holder gave it", nullable=True),
        Column(name="description", type=TEXT, about="Description in the invoice, where it is kept", nullable=True),
        Column(name="amount_msat", type=INT, about="Amount for the destination", nullable=True),
        Column(name="sent_msat", type=INT, about="Amount with fees", nullable=True),
        Column(name="state", type=TEXT, about="pending, complete, failed or state N"),
        Column(name="at_utc", type=AT_UTC, about="When it began", nullable=True),
        Column(name="completed_at_utc", type=AT_UTC, about="When it ended, where that is kept", nullable=True),
        *_FROM_NODE,
    ),
)

LIGHTNING_CHANNELS = Table(
    name="lightning_channels",
    version=1,
    stage="evidence",
    about="A channel of the seized Lightning node: opened by an output on the chain, shared with one other node.",
    key=("lightning_channel_id",),
    columns=(
        Column(name="lightning_channel_id", type=ID, about="Digest of exhibit, file, table and row"),
        Column(name="node_software", type=TEXT, about="core-lightning or lnd"),
        Column(name="peer_node_id", type=TEXT, about="Public key of the other node", nullable=True),
        Column(name="peer_network_address", type=TEXT, about="Where the node last reached it", nullable=True),
        Column(name="funding_txid", type=DIGEST, about="Transaction that opened it; look it up in `transactions`"),
        Column(name="funding_output_index", type=INT, about="Output of it that is the channel"),
        Column(name="short_channel_id", type=TEXT, about="Block x transaction x output", nullable=True),
        Column(name="capacity_sat", type=INT, about="Satoshis in the channel", nullable=True),
        Column(name="own_msat", type=INT, about="The seized node's share as last noted", nullable=True),
        Column(name="opener", type=TEXT, about="local, remote or unknown"),
        Column(name="state", type=TEXT, about="As the software calls it; open, closed or state N"),
        *_FROM_NODE,
    ),
)

LIGHTNING_FORWARDS = Table(
    name="lightning_forwards",
    version=1,
    stage="evidence",
    about="A payment of others that the seized Lightning node passed on. It was neither sent nor received by the node.",
    key=("lightning_forward_id",),
    columns=(
        Column(name="lightning_forward_id", type=ID, about="Digest of exhibit, file, table and row"),
        Column(name="node_software", type=TEXT, about="core-lightning"),
        Column(name="in_channel", type=TEXT, about="Short id of the channel it came by", nullable=True),
        Column(name="out_channel", type=TEXT, about="Short id of the channel it left by", nullable=True),
        Column(name="in_msat", type=INT, about="Amount that came", nullable=True),
        Column(name="out_msat", type=INT, about="Amount that left; the rest is the fee", nullable=True),
        Column(name="state", type=TEXT, about="offered, settled, failed, local_failed or state N"),
        Column(name="received_at_utc", type=AT_UTC, about="When it came", nullable=True),
        Column(name="resolved_at_utc", type=AT_UTC, about="When it was settled or failed", nullable=True),
        *_FROM_NODE,
    ),
)

LIGHTNING_INVOICE_ACCOUNTS = Table(
    name="lightning_invoice_accounts",
    version=1,
    stage="evidence",
    about="The platform's own table names an invoice of the node as an account's. It does not say who paid it.",
    key=("lightning_invoice_id", "identifier_id"),
    columns=(
        Column(name="lightning_invoice_id", type=ID, about="Invoice", cites="lightning_invoices.lightning_invoice_id"),
        Column(name="account_id", type=ID, about="The account", cites="accounts.account_id"),
        Column(name="named_by", type=TEXT, about="payment_hash or invoice_label: what the platform's row names"),
        Column(name="identifier_id", type=ID, about="The platform's row", cites="identifiers.identifier_id"),
    ),
)

OTHER_COIN_TABLES: tuple[Table, ...] = (
    COIN_FILES,
    MONERO_SCANS,
    MONERO_RECEIPTS,
    ZCASH_RECEIPTS,
    LIGHTNING_INVOICES,
    LIGHTNING_INVOICE_ACCOUNTS,
    LIGHTNING_PAYMENTS,
    LIGHTNING_CHANNELS,
    LIGHTNING_FORWARDS,
)
