"""Tables of money: the chain, who controls what, and where satoshis went. Amounts are integers, in satoshis."""

from __future__ import annotations

from headwater.schema.columns import AT_UTC, BOOLEAN, DIGEST, ID, INT, TEXT
from headwater.schema.table import Column, Table

__all__ = [
    "ADDRESS_CLUSTERS",
    "BLOCKS",
    "CHANGE_CANDIDATES",
    "CLUSTER_MERGES",
    "CLUSTER_TAGS",
    "ENDPOINTS",
    "MERGE_CUTS",
    "MONEY_TABLES",
    "PEEL_CHAINS",
    "PEEL_HOPS",
    "PLATFORM_ADDRESSES",
    "REQUEST_SHEETS",
    "TRACES",
    "TRACE_BOUNDS",
    "TRACE_FLOWS",
    "TRANSACTIONS",
    "TX_INPUTS",
    "TX_OUTPUTS",
]

_EXHIBIT = Column(name="exhibit_id", type=ID, about="Exhibit with the block files", cites="exhibits.exhibit_id")
_TXID = Column(name="txid", type=DIGEST, about="Transaction", cites="transactions.txid")
_POLICY = Column(
    name="policy",
    type=TEXT,
    about="fifo, pro_rata or, where a case asks for them, lifo or tiho: the rule by which satoshis are attributed",
)
_DIRECTION = Column(name="direction", type=TEXT, about="backward to the payers, or forward from the platform")

_TAG_IS_LATER = Column(
    name="tag_is_later",
    type=BOOLEAN,
    about="The tag is dated after the day of the last block; absent where its date cannot be read",
    nullable=True,
)
_CLUSTER_SCRIPTS = Column(
    name="cluster_scripts", type=INT, about="For probable_service: scripts of the cluster", nullable=True
)
_CLUSTER_PAYEES = Column(
    name="cluster_payees", type=INT, about="For probable_service: other clusters that it paid", nullable=True
)
_STOP_REASON = Column(
    name="stop_reason",
    type=TEXT,
    about="service, bridge, probable_service, coinbase, unspent, snapshot_end, coinjoin, hop_limit, time_limit or dust",
)

BLOCKS = Table(
    name="blocks",
    version=1,
    stage="money",
    about="A block of the active chain, or one beside it.",
    key=("block_hash",),
    order_by=("height",),
    columns=(
        Column(name="block_hash", type=DIGEST, about="Hash of the header, as displayed"),
        Column(name="previous_hash", type=DIGEST, about="Hash of the block before"),
        Column(name="height", type=INT, about="Height by its chain of headers; -1 where that chain is not whole"),
        Column(name="active", type=BOOLEAN, about="On the chain with the most work"),
        Column(name="at_utc", type=AT_UTC, about="Time the header states"),
        Column(name="transactions", type=INT, about="Transactions"),
        Column(name="size_bytes", type=INT, about="Size"),
        Column(name="merkle_ok", type=BOOLEAN, about="The transactions give the header's merkle root"),
        _EXHIBIT,
        Column(name="file_name", type=TEXT, about="Block file"),
        Column(name="file_offset_bytes", type=INT, about="First byte of the block in it"),
    ),
)

TRANSACTIONS = Table(
    name="transactions",
    version=1,
    stage="money",
    about="A transaction of the active chain; input_sat = output_sat + fee_sat.",
    key=("txid",),
    order_by=("block_height", "position"),
    columns=(
        Column(name="txid", type=DIGEST, about="As displayed"),
        Column(name="block_hash", type=DIGEST, about="Its block", cites="blocks.block_hash"),
        Column(name="block_height", type=INT, about="Height of it"),
        Column(name="position", type=INT, about="Place in the block, from 0"),
        Column(name="at_utc", type=AT_UTC, about="Time of the block"),
        Column(name="is_coinbase", type=BOOLEAN, about="New coins"),
        Column(name="inputs", type=INT, about="Inputs; 0 for a coinbase"),
        Column(name="outputs", type=INT, about="Outputs"),
        Column(
            name="input_sat",
            type=INT,
            about="Satoshis in; for a coinbase, what it issues; absent where a defect says what is unresolved",
            nullable=True,
        ),
        Column(name="output_sat", type=INT, about="Satoshis out"),
        Column(name="fee_sat", type=INT, about="Fee; 0 for a coinbase; absent with `input_sat`", nullable=True),
        Column(name="coinjoin", type=TEXT, about="yes, no or abstain"),
        Column(name="coinjoin_rule", type=TEXT, about="The rule that answered", nullable=True),
    ),
)

TX_INPUTS = Table(
    name="tx_inputs",
    version=1,
    stage="money",
    about="A spent output, resolved from the undo data; a coinbase has none.",
    key=("txid", "input_index"),
    columns=(
        _TXID,
        Column(name="input_index", type=INT, about="From 0"),
        Column(name="spent_txid", type=DIGEST, about="Transaction whose output is spent"),
        Column(name="spent_output_index", type=INT, about="Output of it"),
        Column(name="amount_sat", type=INT, about="Satoshis"),
        Column(name="script_hex", type=TEXT, about="Script of the spent output"),
        Column(name="address", type=TEXT, about="Address of it, where the script has one", nullable=True),
    ),
)

TX_OUTPUTS = Table(
    name="tx_outputs",
    version=1,
    stage="money",
    about="An output, and what spent it within this snapshot.",
    key=("txid", "output_index"),
    columns=(
        _TXID,
        Column(name="output_index", type=INT, about="From 0"),
        Column(name="amount_sat", type=INT, about="Satoshis"),
        Column(name="script_hex", type=TEXT, about="Script"),
        Column(name="address", type=TEXT, about="Address of it, where the script has one", nullable=True),
        Column(name="spent_by_txid", type=DIGEST, about="Transaction that spends it", nullable=True),
        Column(name="spent_by_input_index", type=INT, about="Input of it", nullable=True),
    ),
)

PLATFORM_ADDRESSES = Table(
    name="platform_addresses",
    version=2,
    stage="money",
    about="A script derived from a seized descriptor, with its address if it has one: no heuristic.",
    key=("script_hex",),
    columns=(
        Column(name="script_hex", type=TEXT, about="Script"),
        Column(name="address", type=TEXT, about="Address of it, where the script has one", nullable=True),
        Column(name="descriptor_id", type=ID, about="Descriptor", cites="wallet_descriptors.descriptor_id"),
        Column(name="address_index", type=INT, about="Index derived"),
        Column(name="is_change", type=BOOLEAN, about="Internal chain"),
        Column(
            name="invoice_id", type=ID, about="Invoice it was given out for", nullable=True, cites="invoices.invoice_id"
        ),
        Column(name="account_id", type=ID, about="Account of that invoice", nullable=True, cites="accounts.account_id"),
        Column(name="received_sat", type=INT, about="Satoshis received within this snapshot"),
    ),
)

ADDRESS_CLUSTERS = Table(
    name="address_clusters",
    version=1,
    stage="money",
    about="Scripts inferred to be under one control, because one transaction spent from them together.",
    key=("script_hex",),
    columns=(
        Column(name="address_cluster_id", type=ID, about="Digest of its first script in sorted order"),
        Column(name="script_hex", type=TEXT, about="Script"),
        Column(name="address", type=TEXT, about="Address of it", nullable=True),
        Column(name="heuristic", type=TEXT, about="co_spend, or none for a script alone"),
    ),
)

CLUSTER_MERGES = Table(
    name="cluster_merges",
    version=1,
    stage="money",
    about="The transaction that joined two scripts; the merges of a cluster are a spanning tree of it.",
    key=("script_hex", "other_script_hex"),
    columns=(
        Column(name="address_cluster_id", type=ID, about="The cluster"),
        Column(name="script_hex", type=TEXT, about="One script"),
        Column(name="other_script_hex", type=TEXT, about="The other"),
        _TXID,
    ),
)

CLUSTER_TAGS = Table(
    name="cluster_tags",
    version=1,
    stage="money",
    about="A tag on an address of this chain, in its address cluster: everything that is claimed of it, side by side.",
    key=("address_cluster_id", "tag_id", "script_hex"),
    columns=(
        Column(name="address_cluster_id", type=ID, about="The cluster"),
        Column(name="script_hex", type=TEXT, about="Script of the tagged address", cites="address_clusters.script_hex"),
        Column(name="tag_id", type=ID, about="The tag", cites="tags.tag_id"),
        Column(name="actor", type=TEXT, about="Actor as the tag names it, else its label"),
        Column(name="stops_as", type=TEXT, about="service or bridge, if traces stop there for its sake", nullable=True),
        Column(name="confidence", type=TEXT, about="Confidence as published; never blended", nullable=True),
        Column(name="source", type=TEXT, about="Where the publisher had it from", nullable=True),
        Column(name="last_modified", type=TEXT, about="Date of the tag as published", nullable=True),
        _TAG_IS_LATER,
    ),
)

MERGE_CUTS = Table(
    name="merge_cuts",
    version=1,
    stage="judgements",
    about="A transaction that people cut: it joins no clusters. A snapshot of the record in `case.db`, without times.",
    key=("txid",),
    columns=(
        _TXID,
        Column(name="operator", type=TEXT, about="Whose judgement stands"),
    ),
)

CHANGE_CANDIDATES = Table(
    name="change_candidates",
    version=1,
    stage="money",
    about="What one rule takes for the change of a payment with two outputs: for following, never evidence of control.",
    key=("txid", "rule"),
    columns=(
        _TXID,
        Column(name="rule", type=TEXT, about="Rule that names one of the two outputs; a silent rule has no row"),
        Column(name="fired", type=TEXT, about="yes, or conflict where another rule names the other output"),
        Column(name="output_index", type=INT, about="Output that it takes for the change"),
        Column(name="amount_sat", type=INT, about="Satoshis of it"),
        Column(name="rejected_output_index", type=INT, about="The sibling, which it takes for the payment"),
        Column(name="rejected_sat", type=INT, about="Satoshis of that"),
    ),
)

PEEL_CHAINS = Table(
    name="peel_chains",
    version=1,
    stage="money",
    about="Payments in a row, each from the remainder of the one before: for following, never evidence of control.",
    key=("peel_chain_id",),
    columns=(
        Column(name="peel_chain_id", type=ID, about="Digest of its first transaction"),
        Column(name="first_txid", type=DIGEST, about="First transaction", cites="transactions.txid"),
        Column(name="last_txid", type=DIGEST, about="Last one", cites="transactions.txid"),
        Column(name="hops", type=INT, about="Transactions, at least 3"),
        Column(name="input_sat", type=INT, about="Satoshis that the first one spends"),
        Column(name="peeled_sat", type=INT, about="Satoshis paid away, summed over all"),
        Column(name="remainder_sat", type=INT, about="Satoshis that the last one leaves"),
        Column(name="stop_reason", type=TEXT, about="unspent, not_a_peel, rules_conflict or no_rule"),
    ),
)

PEEL_HOPS = Table(
    name="peel_hops",
    version=1,
    stage="money",
    about="One transaction of a peel chain, the rule that chose its remainder, and the sibling it rejected.",
    key=("peel_chain_id", "hop"),
    columns=(
        Column(name="peel_chain_id", type=ID, about="The chain", cites="peel_chains.peel_chain_id"),
        Column(name="hop", type=INT, about="Place in it, from 1"),
        _TXID,
        Column(name="rule", type=TEXT, about="Rule that named the remainder"),
        Column(name="output_index", type=INT, about="The remainder, which goes on"),
        Column(name="remainder_sat", type=INT, about="Satoshis of it"),
        Column(name="rejected_output_index", type=INT, about="The sibling, which was paid away"),
        Column(name="peeled_sat", type=INT, about="Satoshis of that"),
    ),
)

TRACES = Table(
    name="traces",
    version=1,
    stage="money",
    about="One amount that is followed.",
    key=("trace_id",),
    columns=(
        Column(name="trace_id", type=ID, about="Digest of direction, policy and origin"),
        _DIRECTION,
        _POLICY,
        Column(name="origin_txid", type=DIGEST, about="Output it begins at", cites="transactions.txid"),
        Column(name="origin_output_index", type=INT, about="Index of it"),
        Column(name="origin_sat", type=INT, about="Satoshis followed"),
        Column(name="origin_address", type=TEXT, about="Platform address", nullable=True),
        Column(name="account_id", type=ID, about="Account invoiced", nullable=True, cites="accounts.account_id"),
        Column(name="invoice_id", type=ID, about="Invoice", nullable=True, cites="invoices.invoice_id"),
        Column(name="payment_id", type=ID, about="Payment booked", nullable=True, cites="payments.payment_id"),
        Column(name="fee_sat", type=INT, about="Satoshis of the origin that went to fees on the way"),
        Column(name="endpoints", type=INT, about="Leaves"),
    ),
)

TRACE_FLOWS = Table(
    name="trace_flows",
    version=1,
    stage="money",
    about="Satoshis of a trace that pass from one output to another through a transaction.",
    key=("trace_id", "hop", "from_txid", "from_output_index", "to_txid", "to_output_index"),
    columns=(
        Column(name="trace_id", type=ID, about="The trace", cites="traces.trace_id"),
        Column(name="hop", type=INT, about="Transactions from the origin, from 1"),
        Column(name="from_txid", type=DIGEST, about="Output nearer the origin"),
        Column(name="from_output_index", type=INT, about="Its index"),
        Column(name="to_txid", type=DIGEST, about="Output farther from the origin"),
        Column(name="to_output_index", type=INT, about="Its index"),
        Column(name="amount_sat", type=INT, about="Satoshis of the origin"),
    ),
)

ENDPOINTS = Table(
    name="endpoints",
    version=2,
    stage="money",
    about="Where a trace stops, and why.",
    key=("endpoint_id",),
    columns=(
        Column(name="endpoint_id", type=ID, about="Digest of trace, output and reason"),
        Column(name="trace_id", type=ID, about="The trace", cites="traces.trace_id"),
        Column(name="txid", type=DIGEST, about="Output it stops at", cites="transactions.txid"),
        Column(name="output_index", type=INT, about="Its index"),
        Column(name="address", type=TEXT, about="Its address", nullable=True),
        Column(name="amount_sat", type=INT, about="Satoshis of the origin that end here"),
        Column(name="bound_sat", type=INT, about="Satoshis of the origin that can be there by any rule"),
        Column(name="hops", type=INT, about="Least transactions from the origin"),
        _STOP_REASON,
        Column(name="service_id", type=ID, about="The service", nullable=True, cites="services.service_id"),
        Column(name="tag_id", type=ID, about="The tag that says so", nullable=True, cites="tags.tag_id"),
        _TAG_IS_LATER,
        Column(name="tagged_address", type=TEXT, about="Tagged address of the same cluster", nullable=True),
        Column(name="tags", type=INT, about="Tags that say so, equally near", nullable=True),
        Column(
            name="address_cluster_id",
            type=ID,
            about="Its cluster, where tags say whose it is; all of them are there",
            nullable=True,
            cites="cluster_tags.address_cluster_id",
        ),
        _CLUSTER_SCRIPTS,
        _CLUSTER_PAYEES,
        Column(name="at_utc", type=AT_UTC, about="Time of that transaction"),
    ),
)

TRACE_BOUNDS = Table(
    name="trace_bounds",
    version=1,
    stage="money",
    about="Where satoshis of a receipt can end by any rule: poison, if the case asks for it. It attributes none.",
    key=("bound_id",),
    columns=(
        Column(name="bound_id", type=ID, about="Digest of direction, origin, output and reason"),
        _DIRECTION,
        Column(name="origin_txid", type=DIGEST, about="Output it begins at", cites="transactions.txid"),
        Column(name="origin_output_index", type=INT, about="Index of it"),
        Column(name="txid", type=DIGEST, about="Output that can be reached", cites="transactions.txid"),
        Column(name="output_index", type=INT, about="Its index"),
        Column(name="address", type=TEXT, about="Its address", nullable=True),
        Column(name="bound_sat", type=INT, about="Satoshis of the origin that can be there by any rule"),
        Column(name="hops", type=INT, about="Least transactions from the origin"),
        _STOP_REASON,
        Column(name="service_id", type=ID, about="The service", nullable=True, cites="services.service_id"),
        Column(name="tag_id", type=ID, about="The tag that says so", nullable=True, cites="tags.tag_id"),
        _TAG_IS_LATER,
        _CLUSTER_SCRIPTS,
        _CLUSTER_PAYEES,
    ),
)

REQUEST_SHEETS = Table(
    name="request_sheets",
    version=2,
    stage="money",
    about="One thing to ask a service about: a transaction and an address it controls or paid to.",
    key=("request_id",),
    order_by=("country", "actor"),
    columns=(
        Column(name="request_id", type=ID, about="Digest of service, output and direction"),
        Column(name="service_id", type=ID, about="The service", cites="services.service_id"),
        Column(name="actor", type=TEXT, about="Its name in tags"),
        Column(name="service_name", type=TEXT, about="Registered name"),
        Column(name="country", type=TEXT, about="Country of establishment"),
        Column(name="legal_contact", type=TEXT, about="Where lawful requests go"),
        _DIRECTION,
        Column(name="question", type=TEXT, about="What to ask, in words"),
        Column(name="txid", type=DIGEST, about="Withdrawal or deposit", cites="transactions.txid"),
        Column(name="output_index", type=INT, about="Output of it"),
        Column(name="address", type=TEXT, about="Customer's address at or from the service", nullable=True),
        Column(name="output_sat", type=INT, about="Satoshis of that output"),
        Column(name="fifo_sat", type=INT, about="Of these, attributed by FIFO"),
        Column(name="pro_rata_sat", type=INT, about="Of these, attributed pro rata"),
        Column(name="at_utc", type=AT_UTC, about="Time of the transaction"),
        Column(name="traces", type=INT, about="Receipts whose traces end here, by either policy"),
        Column(name="accounts", type=INT, about="Accounts concerned"),
        Column(name="tag_id", type=ID, about="The tag relied upon", cites="tags.tag_id"),
        _TAG_IS_LATER,
    ),
)

MONEY_TABLES = (
    BLOCKS,
    TRANSACTIONS,
    TX_INPUTS,
    TX_OUTPUTS,
    PLATFORM_ADDRESSES,
    ADDRESS_CLUSTERS,
    CLUSTER_MERGES,
    CLUSTER_TAGS,
    MERGE_CUTS,
    CHANGE_CANDIDATES,
    PEEL_CHAINS,
    PEEL_HOPS,
    TRACES,
    TRACE_FLOWS,
    ENDPOINTS,
    TRACE_BOUNDS,
    REQUEST_SHEETS,
)
