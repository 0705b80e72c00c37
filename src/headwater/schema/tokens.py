"""Tables of token transfers on chains that keep accounts (docs/adr/0026).

Amounts are whole base units of up to 256 bits, which no integer column holds: they are text, in decimal digits without
leading zeros, and every sum is made in Python. Columns of them end in `_units`.
"""

from __future__ import annotations

from headwater.schema.columns import AT_UTC, BOOLEAN, DIGEST, ID, INT, TEXT, from_reference
from headwater.schema.table import Column, Table

__all__ = ["TOKEN_REFERENCE_TABLES", "TOKEN_TABLES"]

_CHAIN = Column(name="chain", type=TEXT, about="ethereum or tron")
_CONTRACT = Column(name="token_contract", type=TEXT, about="Contract of the token; native for the chain's own coin")
_SYMBOL = Column(name="token_symbol", type=TEXT, about="Symbol as the table writes it", nullable=True)
_DECIMALS = Column(name="decimals", type=INT, about="A whole token is ten to this power of base units")
_TXID = Column(name="txid", type=DIGEST, about="Transaction, without 0x")
_STOP_REASON = Column(
    name="stop_reason",
    type=TEXT,
    about="service, bridge, swap_or_contract, address_poisoning, mint, burn, destroyed, balance_before_table, unspent, "
    "snapshot_end, hop_limit, time_limit or dust",
)
_DIRECTION = Column(name="direction", type=TEXT, about="backward from a receipt, or forward from a payout")
_SERVICE = Column(name="service_id", type=ID, about="The service or issuer", nullable=True, cites="services.service_id")
_TAG = Column(name="tag_id", type=ID, about="The tag relied upon", nullable=True, cites="tags.tag_id")
_TAG_IS_LATER = Column(
    name="tag_is_later",
    type=BOOLEAN,
    about="The tag is dated after the day of the last transfer of the chain; absent where its date cannot be read",
    nullable=True,
)
_ACCOUNT = Column(name="account_id", type=ID, about="Account", nullable=True, cites="accounts.account_id")
_INVOICE = Column(name="invoice_id", type=ID, about="Invoice", nullable=True, cites="invoices.invoice_id")

TOKEN_TRANSFERS = Table(
    name="token_transfers",
    version=1,
    stage="references",
    about="A transfer of tokens, or of a chain's own coin, as a table of transfers states it.",
    key=("transfer_id",),
    columns=(
        Column(name="transfer_id", type=ID, about="Digest of table, version and row"),
        *from_reference(),
        _CHAIN,
        _CONTRACT,
        _SYMBOL,
        _DECIMALS,
        _TXID,
        Column(name="block_number", type=INT, about="Height of its block"),
        Column(
            name="position",
            type=INT,
            about="Place among the events of the block (log index); absent where the table does not say",
            nullable=True,
        ),
        Column(name="at_utc", type=AT_UTC, about="Time of the block"),
        Column(name="from_address", type=TEXT, about="Who pays"),
        Column(name="to_address", type=TEXT, about="Who is paid"),
        Column(name="amount_units", type=TEXT, about="Whole base units, in decimal digits"),
        Column(
            name="fee_units",
            type=TEXT,
            about="What the sender paid to those who make blocks; of the chain's own coin only",
            nullable=True,
        ),
        Column(name="kind", type=TEXT, about="transfer, mint or burn"),
        Column(name="from_is_contract", type=BOOLEAN, about="The sender is a contract", nullable=True),
        Column(name="to_is_contract", type=BOOLEAN, about="The receiver is a contract", nullable=True),
    ),
)

TOKEN_COVERAGE = Table(
    name="token_coverage",
    version=1,
    stage="references",
    about="A statement that tables of transfers are whole: for an account, a token or a chain, between two blocks.",
    key=("coverage_id",),
    columns=(
        Column(name="coverage_id", type=ID, about="Digest of list, version and row"),
        *from_reference(),
        _CHAIN,
        Column(name="token_contract", type=TEXT, about="The token; absent: every token", nullable=True),
        Column(name="address", type=TEXT, about="The account; absent: every account", nullable=True),
        Column(name="first_block", type=INT, about="From this block on; absent: since the beginning", nullable=True),
        Column(name="last_block", type=INT, about="Up to and with this block"),
        Column(name="source", type=TEXT, about="How that is known: which query, of which node or provider"),
    ),
)

PLATFORM_ACCOUNTS = Table(
    name="platform_accounts",
    version=1,
    stage="references",
    about="An address that somebody states to be the platform's, with the account that it was given to, if any.",
    key=("platform_account_id",),
    columns=(
        Column(name="platform_account_id", type=ID, about="Digest of list, version and row"),
        *from_reference(),
        _CHAIN,
        Column(name="address", type=TEXT, about="The address"),
        Column(name="account_key", type=TEXT, about="The platform's own number of the account", nullable=True),
        Column(name="invoice_key", type=TEXT, about="The platform's own number of the invoice", nullable=True),
        Column(name="source", type=TEXT, about="How that is known"),
    ),
)

TOKEN_ISSUERS = Table(
    name="token_issuers",
    version=1,
    stage="references",
    about="Who issues a token, and whether the issuer can freeze it.",
    key=("issuer_row_id",),
    columns=(
        Column(name="issuer_row_id", type=ID, about="Digest of list, version and row"),
        *from_reference(),
        _CHAIN,
        Column(name="token_contract", type=TEXT, about="Contract of the token"),
        Column(name="token_symbol", type=TEXT, about="Symbol"),
        Column(name="issuer", type=TEXT, about="Its issuer: the actor name that tags and the service register use"),
        Column(name="can_freeze", type=TEXT, about="yes, no or unknown"),
        Column(name="can_destroy", type=TEXT, about="yes, no or unknown"),
        Column(name="source", type=TEXT, about="How that is known"),
        Column(name="as_of", type=TEXT, about="ISO date on which it was so"),
    ),
)

ISSUER_EVENTS = Table(
    name="issuer_events",
    version=1,
    stage="references",
    about="What an issuer did to an address: froze it, let it go, destroyed what it held.",
    key=("issuer_event_id",),
    columns=(
        Column(name="issuer_event_id", type=ID, about="Digest of table, version and row"),
        *from_reference(),
        _CHAIN,
        Column(name="token_contract", type=TEXT, about="Contract of the token"),
        Column(name="address", type=TEXT, about="The address"),
        Column(name="event", type=TEXT, about="frozen, unfrozen or destroyed"),
        Column(name="amount_units", type=TEXT, about="Of what was destroyed: base units", nullable=True),
        Column(name="txid", type=DIGEST, about="Transaction, without 0x", nullable=True),
        Column(name="block_number", type=INT, about="Height of its block"),
        Column(name="position", type=INT, about="Place among the events of the block", nullable=True),
        Column(name="at_utc", type=AT_UTC, about="Time of the block"),
        Column(name="source", type=TEXT, about="Where the table is from"),
    ),
)

TOKEN_REFERENCE_TABLES = (TOKEN_TRANSFERS, TOKEN_COVERAGE, PLATFORM_ACCOUNTS, TOKEN_ISSUERS, ISSUER_EVENTS)
"""What is imported."""

PLATFORM_TOKEN_ACCOUNTS = Table(
    name="platform_token_accounts",
    version=1,
    stage="tokens",
    about="An account of a chain that is the platform's, and how that is known.",
    key=("chain", "address"),
    columns=(
        _CHAIN,
        Column(name="address", type=TEXT, about="The address"),
        Column(
            name="known_by", type=TEXT, about="invoice, wallet, descriptor or stated: the first of these that holds"
        ),
        _INVOICE,
        _ACCOUNT,
        Column(name="transfers", type=INT, about="Transfers to or from it that are followed or could be"),
    ),
)

TOKEN_BALANCES = Table(
    name="token_balances",
    version=1,
    stage="tokens",
    about="What an account holds of a token by the tables: opening + received - sent = closing, exactly.",
    key=("chain", "token_contract", "address"),
    columns=(
        _CHAIN,
        _CONTRACT,
        Column(name="address", type=TEXT, about="The account"),
        Column(
            name="opening_units",
            type=TEXT,
            about="The least it must have held before its first transfer, for its balance never to be below nothing",
        ),
        Column(name="received_units", type=TEXT, about="Base units received"),
        Column(name="sent_units", type=TEXT, about="Base units sent, burnt, destroyed or paid as fees"),
        Column(name="closing_units", type=TEXT, about="Base units held after the last transfer"),
        Column(
            name="whole_to_block",
            type=INT,
            about="Block up to which some statement says that its transfers are all here; absent: none says so",
            nullable=True,
        ),
    ),
)

TOKEN_MARKS = Table(
    name="token_marks",
    version=1,
    stage="tokens",
    about="A transfer that is not what it seems: it is marked, and no trace goes through it.",
    key=("transfer_id", "mark"),
    columns=(
        Column(name="transfer_id", type=ID, about="The transfer", cites="token_transfers.transfer_id"),
        Column(
            name="mark",
            type=TEXT,
            about="zero_amount, look_alike (its sender resembles an address that the receiver dealt with before) or "
            "copied_symbol (the symbol of an issued token under another contract)",
        ),
        Column(name="resembles", type=TEXT, about="The address, or the contract, that it resembles", nullable=True),
    ),
)

TOKEN_TRACES = Table(
    name="token_traces",
    version=1,
    stage="tokens",
    about="A receipt or a payout of the platform that is followed, by FIFO.",
    key=("trace_id",),
    columns=(
        Column(name="trace_id", type=ID, about="Digest of direction and transfer"),
        _DIRECTION,
        _CHAIN,
        _CONTRACT,
        _SYMBOL,
        _DECIMALS,
        Column(name="transfer_id", type=ID, about="Transfer it begins with", cites="token_transfers.transfer_id"),
        _TXID,
        Column(name="origin_units", type=TEXT, about="Base units followed"),
        Column(name="platform_address", type=TEXT, about="Address of the platform"),
        _ACCOUNT,
        _INVOICE,
        Column(name="payment_id", type=ID, about="Payment booked", nullable=True, cites="payments.payment_id"),
        Column(name="fee_units", type=TEXT, about="Base units of the origin that went to fees on the way"),
        Column(name="endpoints", type=INT, about="Leaves"),
    ),
)

TOKEN_FLOWS = Table(
    name="token_flows",
    version=1,
    stage="tokens",
    about="Base units of a trace that pass from one transfer to the next through an account.",
    key=("trace_id", "hop", "from_transfer_id", "to_move_id"),
    columns=(
        Column(name="trace_id", type=ID, about="The trace", cites="token_traces.trace_id"),
        Column(name="hop", type=INT, about="Place of the farther transfer, the origin being 1"),
        Column(
            name="from_transfer_id",
            type=ID,
            about="Transfer nearer the origin",
            cites="token_transfers.transfer_id",
        ),
        Column(name="to_move_id", type=ID, about="Transfer, or event of the issuer, farther from it"),
        Column(name="to_move_table", type=TEXT, about="token_transfers or issuer_events"),
        Column(name="through_address", type=TEXT, about="The account between the two"),
        Column(name="amount_units", type=TEXT, about="Base units of the origin"),
    ),
)

TOKEN_ENDPOINTS = Table(
    name="token_endpoints",
    version=1,
    stage="tokens",
    about="Where a trace of tokens stops, and why.",
    key=("endpoint_id",),
    columns=(
        Column(name="endpoint_id", type=ID, about="Digest of trace, transfer and reason"),
        Column(name="trace_id", type=ID, about="The trace", cites="token_traces.trace_id"),
        Column(name="move_id", type=ID, about="Last transfer that was followed, or event of the issuer"),
        Column(name="move_table", type=TEXT, about="token_transfers or issuer_events"),
        Column(name="txid", type=DIGEST, about="Its transaction, without 0x", nullable=True),
        Column(name="address", type=TEXT, about="Account beyond it that the reason is about"),
        Column(name="amount_units", type=TEXT, about="Base units of the origin that end here"),
        Column(name="hops", type=INT, about="Least transfers from the platform, the origin counted"),
        _STOP_REASON,
        _SERVICE,
        _TAG,
        _TAG_IS_LATER,
        Column(name="at_utc", type=AT_UTC, about="Time of that transfer"),
    ),
)

TOKEN_HOLDINGS = Table(
    name="token_holdings",
    version=1,
    stage="tokens",
    about="An address that still holds traced tokens, and whether their issuer can freeze them: a lead on tokens.",
    key=("chain", "token_contract", "address"),
    columns=(
        _CHAIN,
        _CONTRACT,
        _SYMBOL,
        _DECIMALS,
        Column(name="address", type=TEXT, about="The address"),
        Column(name="traced_units", type=TEXT, about="Base units of payouts that it still holds by the tables"),
        Column(name="balance_units", type=TEXT, about="All that it holds by the tables"),
        Column(name="as_of_block", type=INT, about="Block up to which that is so"),
        Column(name="issuer", type=TEXT, about="Issuer of the token; absent where no list names one", nullable=True),
        _SERVICE,
        Column(name="can_freeze", type=TEXT, about="yes, no or unknown"),
        Column(name="issuer_source", type=TEXT, about="How the issuer is known", nullable=True),
        Column(name="issuer_as_of", type=TEXT, about="ISO date of that", nullable=True),
        Column(
            name="freeze_state",
            type=TEXT,
            about="frozen or not_frozen by the newest event; not_stated where no table of its events was imported",
        ),
        Column(name="freeze_at_utc", type=AT_UTC, about="Time of that event", nullable=True),
        Column(
            name="issuer_event_id",
            type=ID,
            about="That event",
            nullable=True,
            cites="issuer_events.issuer_event_id",
        ),
    ),
)

TOKEN_REQUESTS = Table(
    name="token_requests",
    version=1,
    stage="tokens",
    about="One thing to ask a service or an issuer about tokens. It is about an address and says nothing of a person.",
    key=("request_id",),
    order_by=("actor", "question_kind"),
    columns=(
        Column(name="request_id", type=ID, about="Digest of who is asked, kind and transfer or address"),
        Column(name="actor", type=TEXT, about="Who is asked, as tags and lists of issuers name it"),
        _SERVICE,
        Column(
            name="service_name",
            type=TEXT,
            about="Registered name; absent where the register does not know it: complete it before asking",
            nullable=True,
        ),
        Column(name="country", type=TEXT, about="Country of establishment", nullable=True),
        Column(name="legal_contact", type=TEXT, about="Where lawful requests go", nullable=True),
        Column(name="question_kind", type=TEXT, about="withdrawal, deposit, freeze, redeemed, issued or destroyed"),
        Column(name="question", type=TEXT, about="What to ask, in words"),
        _CHAIN,
        _CONTRACT,
        _SYMBOL,
        _DECIMALS,
        Column(
            name="move_id",
            type=ID,
            about="Transfer, or event of the issuer, asked about; absent for a freeze",
            nullable=True,
        ),
        Column(name="move_table", type=TEXT, about="token_transfers or issuer_events", nullable=True),
        Column(name="txid", type=DIGEST, about="Transaction asked about; absent for a freeze", nullable=True),
        Column(name="address", type=TEXT, about="Address asked about"),
        Column(name="asked_units", type=TEXT, about="Base units of that transfer; for a freeze, all that is held"),
        Column(name="traced_units", type=TEXT, about="Of these, base units of the platform's receipts or payouts"),
        Column(name="at_utc", type=AT_UTC, about="Time of the transfer; for a freeze, of the newest traced one"),
        Column(name="traces", type=INT, about="Receipts or payouts whose traces end here"),
        Column(name="accounts", type=INT, about="Accounts concerned"),
        _TAG,
        _TAG_IS_LATER,
    ),
)

TOKEN_TABLES = (
    PLATFORM_TOKEN_ACCOUNTS,
    TOKEN_BALANCES,
    TOKEN_MARKS,
    TOKEN_TRACES,
    TOKEN_FLOWS,
    TOKEN_ENDPOINTS,
    TOKEN_HOLDINGS,
    TOKEN_REQUESTS,
)
"""What is derived."""
