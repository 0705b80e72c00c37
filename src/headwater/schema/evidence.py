"""Tables of what was seized: exhibits, volumes, entries, items, and what the platform's own tables say."""

from __future__ import annotations

from headwater.schema.columns import AT_UTC, BOOLEAN, BYTES, DIGEST, ID, INT, TEXT, from_dump, nullable
from headwater.schema.table import Column, Table

__all__ = [
    "ACCOUNTS",
    "ACCOUNT_ADDRESSES",
    "ARCHIVES",
    "DEFECTS",
    "DUMP_RANGES",
    "DUMP_TABLES",
    "ENTRIES",
    "EVIDENCE_TABLES",
    "EXHIBITS",
    "IDENTIFIERS",
    "INVOICES",
    "INVOICE_ADDRESSES",
    "ITEMS",
    "LEDGER",
    "LOGINS",
    "MAPPING_CHECKS",
    "MEDIA_REFERENCES",
    "MEDIUM_RANGES",
    "MESSAGE_COUNTS",
    "PAYMENTS",
    "UPLOADS",
    "UPLOAD_ITEMS",
    "VOLUMES",
    "WALLET_ADDRESSES",
    "WALLET_DESCRIPTORS",
    "WALLET_REQUESTS",
    "WALLET_TRANSACTIONS",
    "WEB_LOGS",
    "WEB_REQUESTS",
]

_EXHIBIT = Column(name="exhibit_id", type=ID, about="The agency's exhibit number", cites="exhibits.exhibit_id")
_ACCOUNT = Column(name="account_id", type=ID, about="The account", cites="accounts.account_id")

_ENTRY = (
    _EXHIBIT,
    Column(name="volume_index", type=INT, about="Volume within the image, from 0; 0 where there is but one"),
    Column(name="path", type=TEXT, about="Path, with bytes that are not UTF-8 shown as \\xNN"),
    Column(name="path_bytes", type=BYTES, about="Path as its bytes are"),
    Column(name="directory", type=TEXT, about="Path of the directory, shown the same way"),
    Column(name="entry_type", type=TEXT, about="file, directory, symlink, device, fifo, socket or other"),
    Column(
        name="container_id",
        type=ID,
        about="The archive that it is a member of",
        nullable=True,
        cites="items.item_id",
    ),
    Column(name="size_bytes", type=INT, about="Size the directory entry states"),
    Column(name="modified_at_utc", type=AT_UTC, about="Modification time on the medium", nullable=True),
    Column(name="inode", type=INT, about="Number of the file on its volume", nullable=True),
    Column(name="links", type=INT, about="Names this file has on its volume", nullable=True),
    Column(name="offset_bytes", type=INT, about="First byte of content in the exhibit", nullable=True),
    Column(name="disposition", type=TEXT, about="catalogued, refused or deferred"),
    Column(name="reason", type=TEXT, about="Why it was refused or deferred", nullable=True),
    Column(name="read_bytes", type=INT, about="Bytes that were read and digested"),
    Column(name="md5", type=DIGEST, about="MD5 of the content", nullable=True),
    Column(name="sha1", type=DIGEST, about="SHA-1 of the content", nullable=True),
    Column(name="sha256", type=DIGEST, about="SHA-256 of the content", nullable=True),
)

EXHIBITS = Table(
    name="exhibits",
    version=2,
    stage="evidence",
    about="One thing seized, as it was taken in.",
    key=("exhibit_id",),
    columns=(
        Column(name="exhibit_id", type=ID, about="The agency's exhibit number"),
        Column(name="exhibit_kind", type=TEXT, about="disk-image, directory, dump, wallet, blocks, file or monero"),
        Column(name="container_format", type=TEXT, about="raw, e01, qcow2, mysql-dump, ..."),
        Column(name="files", type=INT, about="Files that make it up"),
        Column(name="size_bytes", type=INT, about="Their size"),
        Column(name="md5", type=DIGEST, about="MD5 of a single file", nullable=True),
        Column(name="sha1", type=DIGEST, about="SHA-1 of a single file", nullable=True),
        Column(name="sha256", type=DIGEST, about="SHA-256 of a single file, or of the sorted listing of several"),
        Column(name="medium_bytes", type=INT, about="Size of the medium inside an image", nullable=True),
        Column(
            name="integrity",
            type=TEXT,
            about="verified, failed, incomplete or not-stored: what the container says of itself",
        ),
        Column(
            name="encrypted",
            type=BOOLEAN,
            about="Read with a passphrase, or a view key, that is not kept",
            nullable=True,
        ),
    ),
)

VOLUMES = Table(
    name="volumes",
    version=1,
    stage="evidence",
    about="A range of an image that holds, or should hold, a filesystem.",
    key=("exhibit_id", "volume_index"),
    columns=(
        _EXHIBIT,
        Column(name="volume_index", type=INT, about="From 0, in the order on the medium"),
        Column(name="offset_bytes", type=INT, about="First byte on the medium"),
        Column(name="size_bytes", type=INT, about="Size"),
        Column(name="filesystem", type=TEXT, about="ext, xfs, ... or unknown"),
        Column(name="status", type=TEXT, about="readable or refused"),
        Column(name="reason", type=TEXT, about="Why it was refused", nullable=True),
    ),
)

MEDIUM_RANGES = Table(
    name="medium_ranges",
    version=1,
    stage="evidence",
    about="Every byte of a medium, told by what holds it: ranges side by side from its first byte to its last.",
    key=("exhibit_id", "start_bytes"),
    columns=(
        _EXHIBIT,
        Column(name="start_bytes", type=INT, about="First byte on the medium"),
        Column(name="range_bytes", type=INT, about="How many bytes"),
        Column(
            name="range_kind",
            type=TEXT,
            about="content, slack, structures, unallocated, unreadable, refused or outside",
        ),
        Column(name="volume_index", type=INT, about="The volume, where it lies in one", nullable=True),
        Column(name="reason", type=TEXT, about="Why it is not read, where that needs words", nullable=True),
    ),
)

ENTRIES = Table(
    name="entries",
    version=2,
    stage="evidence",
    about="Everything the exhibits' directories name, whether it could be read or not.",
    key=("exhibit_id", "volume_index", "path_bytes"),
    columns=(
        *_ENTRY,
        Column(name="head", type=BYTES, about="First 24 bytes, to tell the kind by", nullable=True),
    ),
)

ARCHIVES = Table(
    name="archives",
    version=1,
    stage="evidence",
    about="An archive that was gone into, and how far it could be read.",
    key=("archive_item_id",),
    columns=(
        Column(name="archive_item_id", type=ID, about="The archive's item", cites="items.item_id"),
        _EXHIBIT,
        Column(name="path", type=TEXT, about="Its path, shown"),
        Column(name="archive_format", type=TEXT, about="tar, zip, gzip, bzip2, xz or 7z"),
        Column(name="members", type=INT, about="Members that were found in it, itself not counted"),
        Column(name="reason", type=TEXT, about="Why it could not be read to its end", nullable=True),
    ),
)

DUMP_TABLES = Table(
    name="dump_tables",
    version=3,
    stage="evidence",
    about="A table of the application, and what became of its rows through each binding of it.",
    key=("source_item_id", "source_table", "bound_to", "bound_part"),
    columns=(
        _EXHIBIT,
        Column(name="source_item_id", type=ID, about="The file, in the exhibit", cites="items.item_id"),
        Column(name="source_format", type=TEXT, about="mysql-dump, postgres-dump, ...: what the file was read as"),
        Column(name="source_table", type=TEXT, about="As the dump names it"),
        Column(name="columns", type=TEXT, about="Its columns, separated by commas"),
        Column(name="bound_to", type=TEXT, about="What the mapping binds it to; empty if nothing"),
        Column(name="bound_part", type=TEXT, about="Which of several bindings to the same; empty if there is one"),
        Column(name="rows_read", type=INT, about="Rows in the dump"),
        Column(name="rows_mapped", type=INT, about="Rows bound"),
        Column(name="rows_rejected", type=INT, about="Rows that became defects"),
        Column(name="rows_ignored", type=INT, about="Rows that the binding leaves out; without one, all"),
    ),
)

DUMP_RANGES = Table(
    name="dump_ranges",
    version=2,
    stage="evidence",
    about="How many bytes of a dump went to what; they add up to its size.",
    key=("source_item_id", "range_kind"),
    columns=(
        _EXHIBIT,
        Column(name="source_item_id", type=ID, about="The file, in the exhibit", cites="items.item_id"),
        Column(name="range_kind", type=TEXT, about="rows, schema, comment, skipped or unparsed"),
        Column(name="ranges", type=INT, about="How many"),
        Column(name="range_bytes", type=INT, about="Their bytes"),
    ),
)

ACCOUNTS = Table(
    name="accounts",
    version=2,
    stage="evidence",
    about="A login on the platform.",
    key=("account_id",),
    columns=(
        Column(name="account_id", type=ID, about="Digest of exhibit and the platform's key"),
        Column(name="platform_key", type=TEXT, about="The platform's own number"),
        Column(name="nickname", type=TEXT, about="As registered", nullable=True),
        Column(name="email", type=TEXT, about="As registered", nullable=True),
        Column(name="phone", type=TEXT, about="As registered", nullable=True),
        Column(name="pgp_fingerprint", type=TEXT, about="As registered", nullable=True),
        Column(name="role", type=TEXT, about="member, moderator, administrator or unknown"),
        Column(name="registered_at_utc", type=AT_UTC, about="Registration", nullable=True),
        Column(name="last_seen_at_utc", type=AT_UTC, about="Last activity the platform noted", nullable=True),
        *from_dump(),
    ),
)

LOGINS = Table(
    name="logins",
    version=2,
    stage="evidence",
    about="A login that the platform noted.",
    key=("login_id",),
    columns=(
        Column(name="login_id", type=ID, about="Digest of exhibit, table and row"),
        _ACCOUNT,
        Column(name="at_utc", type=AT_UTC, about="When"),
        Column(name="network_address", type=TEXT, about="From where", nullable=True),
        Column(name="device", type=TEXT, about="Device or browser the platform noted", nullable=True),
        *from_dump(),
    ),
)

UPLOADS = Table(
    name="uploads",
    version=2,
    stage="evidence",
    about="An account put a file on the platform.",
    key=("upload_id",),
    columns=(
        Column(name="upload_id", type=ID, about="Digest of exhibit, table and row"),
        _ACCOUNT,
        Column(name="at_utc", type=AT_UTC, about="When"),
        Column(name="media_path", type=TEXT, about="Where the platform says the file lies", nullable=True),
        Column(name="media_sha256", type=DIGEST, about="SHA-256 the platform noted", nullable=True),
        Column(name="media_sha1", type=DIGEST, about="SHA-1 the platform noted", nullable=True),
        Column(name="media_md5", type=DIGEST, about="MD5 the platform noted", nullable=True),
        Column(name="network_address", type=TEXT, about="From where", nullable=True),
        *from_dump(),
    ),
)

INVOICES = Table(
    name="invoices",
    version=2,
    stage="evidence",
    about="The platform asked an account for money.",
    key=("invoice_id",),
    columns=(
        Column(name="invoice_id", type=ID, about="Digest of exhibit and the platform's key"),
        Column(name="platform_key", type=TEXT, about="The platform's own number"),
        _ACCOUNT,
        Column(name="address", type=TEXT, about="Address to pay to", nullable=True),
        Column(name="amount_sat", type=INT, about="Satoshis asked for", nullable=True),
        Column(name="amount_cents", type=INT, about="Hundredths of the currency", nullable=True),
        Column(name="currency", type=TEXT, about="ISO 4217", nullable=True),
        Column(name="issued_at_utc", type=AT_UTC, about="When"),
        Column(name="status", type=TEXT, about="paid, expired or open"),
        *from_dump(),
    ),
)

INVOICE_ADDRESSES = Table(
    name="invoice_addresses",
    version=1,
    stage="evidence",
    about="An address that was given out for an invoice, kept as a row of its own: an invoice may have several.",
    key=("invoice_address_id",),
    columns=(
        Column(name="invoice_address_id", type=ID, about="Digest of exhibit, table and row"),
        Column(name="invoice_id", type=ID, about="The invoice", cites="invoices.invoice_id"),
        Column(name="address", type=TEXT, about="As the platform keeps it"),
        *from_dump(),
    ),
)

PAYMENTS = Table(
    name="payments",
    version=3,
    stage="evidence",
    about="A payment that the platform booked, also one that it no longer counts.",
    key=("payment_id",),
    columns=(
        Column(name="payment_id", type=ID, about="Digest of exhibit and the platform's key"),
        Column(name="platform_key", type=TEXT, about="The platform's own number"),
        _ACCOUNT,
        Column(name="invoice_id", type=ID, about="Invoice it settles", nullable=True, cites="invoices.invoice_id"),
        Column(name="txid", type=DIGEST, about="Transaction the platform noted", nullable=True),
        Column(name="amount_sat", type=INT, about="Satoshis", nullable=True),
        Column(name="amount_cents", type=INT, about="Hundredths of the currency", nullable=True),
        Column(name="currency", type=TEXT, about="ISO 4217", nullable=True),
        Column(name="at_utc", type=AT_UTC, about="When"),
        Column(name="status", type=TEXT, about="As the platform states, such as replaced or settled", nullable=True),
        *from_dump(),
    ),
)

IDENTIFIERS = Table(
    name="identifiers",
    version=1,
    stage="evidence",
    about="Something that an account is reached or told apart by, kept by the platform as a row of its own.",
    key=("identifier_id",),
    columns=(
        Column(name="identifier_id", type=ID, about="Digest of exhibit, table and row"),
        _ACCOUNT,
        Column(
            name="identifier_kind",
            type=TEXT,
            about="email, nickname, phone, network_address, pgp_fingerprint, device or what the mapping calls it",
        ),
        Column(name="value", type=TEXT, about="As the platform keeps it"),
        Column(name="at_utc", type=AT_UTC, about="Since when", nullable=True),
        *from_dump(),
    ),
)

ACCOUNT_ADDRESSES = Table(
    name="account_addresses",
    version=1,
    stage="evidence",
    about="An address for coins that the platform keeps, for an account or for itself.",
    key=("account_address_id",),
    columns=(
        Column(name="account_address_id", type=ID, about="Digest of exhibit, table and row"),
        nullable(_ACCOUNT),
        Column(name="address", type=TEXT, about="As the platform keeps it"),
        Column(name="at_utc", type=AT_UTC, about="Since when", nullable=True),
        *from_dump(),
    ),
)

MEDIA_REFERENCES = Table(
    name="media_references",
    version=1,
    stage="evidence",
    about="A file that the platform refers to otherwise than as an upload; it may be gone from the exhibit.",
    key=("media_reference_id",),
    columns=(
        Column(name="media_reference_id", type=ID, about="Digest of exhibit, table and row"),
        nullable(_ACCOUNT),
        Column(name="at_utc", type=AT_UTC, about="When", nullable=True),
        Column(name="media_path", type=TEXT, about="Where the platform says the file lies", nullable=True),
        Column(name="media_sha256", type=DIGEST, about="SHA-256 the platform noted", nullable=True),
        Column(name="media_sha1", type=DIGEST, about="SHA-1 the platform noted", nullable=True),
        Column(name="media_md5", type=DIGEST, about="MD5 the platform noted", nullable=True),
        *from_dump(),
    ),
)

MESSAGE_COUNTS = Table(
    name="message_counts",
    version=1,
    stage="evidence",
    about="How many messages of an account a table holds; no message is kept.",
    key=("message_count_id",),
    columns=(
        Column(name="message_count_id", type=ID, about="Digest of file, table and account"),
        _ACCOUNT,
        Column(name="messages", type=INT, about="Rows of the table that name the account"),
        Column(name="first_at_utc", type=AT_UTC, about="When the first was written", nullable=True),
        Column(name="last_at_utc", type=AT_UTC, about="When the last was written", nullable=True),
        _EXHIBIT,
        Column(name="source_item_id", type=ID, about="The file, in the exhibit", cites="items.item_id"),
        Column(name="source_table", type=TEXT, about="Table of the application, as the dump names it"),
        Column(name="mapping_id", type=ID, about="Digest of the mapping that bound the columns"),
    ),
)

MAPPING_CHECKS = Table(
    name="mapping_checks",
    version=2,
    stage="evidence",
    about="What the rows that a mapping bound show afterwards: how many of them meet what a right mapping would meet.",
    key=("exhibit_id", "source_table", "binds", "bound_part", "column_name", "check_name"),
    columns=(
        _EXHIBIT,
        Column(name="mapping_id", type=ID, about="Digest of the mapping"),
        Column(name="source_table", type=TEXT, about="Table of the application"),
        Column(name="binds", type=TEXT, about="What it is bound to"),
        Column(
            name="bound_part",
            type=TEXT,
            about="Which of several bindings to the same; empty if there is one, and for what they have in common",
        ),
        Column(name="column_name", type=TEXT, about="Column of ours; empty for the whole row"),
        Column(
            name="check_name",
            type=TEXT,
            about="used, no_orphan, filled, valid_address, inside_window, one_instant, path_found or digest_found",
        ),
        Column(name="rows", type=INT, about="Rows that the check is about"),
        Column(name="rows_met", type=INT, about="Rows that meet it"),
    ),
)

WALLET_DESCRIPTORS = Table(
    name="wallet_descriptors",
    version=1,
    stage="evidence",
    about="A public output descriptor of a seized wallet; never a private key.",
    key=("descriptor_id",),
    columns=(
        Column(name="descriptor_id", type=ID, about="Digest of exhibit and descriptor"),
        _EXHIBIT,
        Column(name="descriptor", type=TEXT, about="Output descriptor with public keys only (BIP 380)"),
        Column(name="is_change", type=BOOLEAN, about="Internal chain"),
        Column(name="range_start", type=INT, about="First index in use"),
        Column(name="range_end", type=INT, about="Index after the last that the wallet had prepared"),
        Column(name="next_index", type=INT, about="Next index the wallet would hand out"),
        Column(name="created_at_utc", type=AT_UTC, about="Creation time the wallet states", nullable=True),
    ),
)

WALLET_ADDRESSES = Table(
    name="wallet_addresses",
    version=1,
    stage="evidence",
    about="An address that a seized wallet names, or that follows from its public keys and descriptors.",
    key=("exhibit_id", "address"),
    columns=(
        _EXHIBIT,
        Column(name="address", type=TEXT, about="The address"),
        Column(name="wallet_format", type=TEXT, about="core-sqlite, core-bdb, electrum, btcpay or public-keys"),
        Column(name="origin", type=TEXT, about="derived, listed or labelled: how the wallet leads to it"),
        Column(
            name="descriptor_id",
            type=ID,
            about="Descriptor that gives it",
            nullable=True,
            cites="wallet_descriptors.descriptor_id",
        ),
        Column(name="address_index", type=INT, about="Its index in a descriptor of many", nullable=True),
        Column(name="is_change", type=BOOLEAN, about="Internal chain; absent where unknown", nullable=True),
        Column(name="purpose", type=TEXT, about="As the wallet notes: send, receive, refund, unknown", nullable=True),
        Column(name="label", type=TEXT, about="As the wallet's holder wrote", nullable=True),
    ),
)

WALLET_TRANSACTIONS = Table(
    name="wallet_transactions",
    version=1,
    stage="evidence",
    about="A transaction that a seized wallet keeps.",
    key=("exhibit_id", "txid"),
    columns=(
        _EXHIBIT,
        Column(name="txid", type=DIGEST, about="Transaction id, as it is written"),
        Column(name="wallet_format", type=TEXT, about="core-sqlite, core-bdb, electrum, btcpay or public-keys"),
        Column(name="label", type=TEXT, about="As the wallet's holder wrote", nullable=True),
    ),
)

WALLET_REQUESTS = Table(
    name="wallet_requests",
    version=1,
    stage="evidence",
    about="Money that a seized wallet was to pay or to be paid.",
    key=("wallet_request_id",),
    columns=(
        Column(name="wallet_request_id", type=ID, about="Digest of exhibit, kind, key and order"),
        _EXHIBIT,
        Column(name="request_kind", type=TEXT, about="invoices (to pay) or payment_requests (to be paid)"),
        Column(name="address", type=TEXT, about="Address to pay to", nullable=True),
        Column(name="amount_sat", type=INT, about="Satoshis asked for", nullable=True),
        Column(name="at_utc", type=AT_UTC, about="When", nullable=True),
        Column(name="label", type=TEXT, about="As the wallet's holder wrote", nullable=True),
    ),
)

WEB_LOGS = Table(
    name="web_logs",
    version=1,
    stage="evidence",
    about="An access log as a whole: its lines, and whether they come from one client alone.",
    key=("exhibit_id", "log_path"),
    columns=(
        _EXHIBIT,
        Column(name="log_path", type=TEXT, about="The log on the exhibit"),
        Column(name="log_format", type=TEXT, about="Format that its lines were read by; empty if by none"),
        Column(name="lines", type=INT, about="Lines; parsed + rejected"),
        Column(name="parsed", type=INT, about="Lines that became requests"),
        Column(name="rejected", type=INT, about="Lines that became defects"),
        Column(name="clients", type=INT, about="Different network addresses"),
        Column(name="largest_client", type=TEXT, about="The address with the most parsed lines", nullable=True),
        Column(name="largest_client_ppm", type=INT, about="Its share of the parsed lines, in millionths"),
        Column(
            name="single_client",
            type=BOOLEAN,
            about="Whether that is more than 95 %: a proxy or a hidden service stands before the server",
        ),
    ),
)

WEB_REQUESTS = Table(
    name="web_requests",
    version=2,
    stage="evidence",
    about="One line of an access log.",
    key=("exhibit_id", "log_path", "line_number"),
    columns=(
        _EXHIBIT,
        Column(name="log_path", type=TEXT, about="The log on the exhibit"),
        Column(name="line_number", type=INT, about="Within the log, from 1"),
        Column(name="source_offset_bytes", type=INT, about="First byte of the line in the log"),
        Column(name="at_utc", type=AT_UTC, about="When, with the zone the line states applied"),
        Column(name="network_address", type=TEXT, about="Client"),
        Column(name="method", type=TEXT, about="HTTP method; absent for a request that was none", nullable=True),
        Column(name="target", type=TEXT, about="Request target, escaped", nullable=True),
        Column(name="status", type=INT, about="HTTP status"),
        Column(name="response_bytes", type=INT, about="Size of the answer", nullable=True),
        Column(name="account_name", type=TEXT, about="Authenticated name, if any", nullable=True),
        Column(
            name="forwarded_for", type=TEXT, about="Client as a proxy, or the client itself, states it", nullable=True
        ),
    ),
)

DEFECTS = Table(
    name="defects",
    version=1,
    stage="evidence",
    about="What could not be read, where, and why.",
    key=("defect_id",),
    columns=(
        Column(name="defect_id", type=ID, about="Digest of all below"),
        Column(
            name="exhibit_id",
            type=ID,
            about="The exhibit; absent for a reference",
            nullable=True,
            cites="exhibits.exhibit_id",
        ),
        Column(name="reference_name", type=TEXT, about="The reference; absent for an exhibit", nullable=True),
        Column(name="path", type=TEXT, about="File on the exhibit; empty for the exhibit itself"),
        Column(name="source_table", type=TEXT, about="Table of a dump, if one", nullable=True),
        Column(name="offset_bytes", type=INT, about="First byte concerned", nullable=True),
        Column(name="length_bytes", type=INT, about="How many", nullable=True),
        Column(name="code", type=TEXT, about="Kind of defect, a fixed word"),
        Column(name="reason", type=TEXT, about="In words"),
    ),
)

ITEMS = Table(
    name="items",
    version=2,
    stage="catalogue",
    about="Every entry of every exhibit, by content.",
    key=("item_id",),
    columns=(
        Column(name="item_id", type=ID, about="Digest of exhibit, volume and path"),
        *_ENTRY,
        Column(name="content_kind", type=TEXT, about="still, video, text, database, archive, empty, other; by content"),
        Column(name="content_format", type=TEXT, about="jpeg, png, mp4, ... or unknown"),
        Column(name="copies", type=INT, about="Items of the case with the same SHA-256, this one counted"),
    ),
)

UPLOAD_ITEMS = Table(
    name="upload_items",
    version=1,
    stage="catalogue",
    about="Which item an upload left behind, and how that is known.",
    key=("upload_id", "item_id"),
    columns=(
        Column(name="upload_id", type=ID, about="The upload", cites="uploads.upload_id"),
        Column(name="item_id", type=ID, about="The item", cites="items.item_id"),
        Column(name="resolved_by", type=TEXT, about="path or digest"),
    ),
)

LEDGER = Table(
    name="ledger",
    version=1,
    stage="catalogue",
    about="Entries and bytes of each directory; enumerated = catalogued + refused + deferred.",
    key=("exhibit_id", "volume_index", "directory"),
    columns=(
        _EXHIBIT,
        Column(name="volume_index", type=INT, about="Volume"),
        Column(name="directory", type=TEXT, about="Directory"),
        Column(name="entries", type=INT, about="Entries enumerated"),
        Column(name="entry_bytes", type=INT, about="Bytes their directory entries state"),
        Column(name="catalogued", type=INT, about="Entries catalogued"),
        Column(name="catalogued_bytes", type=INT, about="Bytes read and digested"),
        Column(name="refused", type=INT, about="Entries refused"),
        Column(name="refused_bytes", type=INT, about="Bytes refused"),
        Column(name="deferred", type=INT, about="Entries deferred"),
        Column(name="deferred_bytes", type=INT, about="Bytes deferred"),
    ),
)

EVIDENCE_TABLES = (
    EXHIBITS,
    VOLUMES,
    MEDIUM_RANGES,
    ENTRIES,
    ARCHIVES,
    DUMP_TABLES,
    DUMP_RANGES,
    ACCOUNTS,
    LOGINS,
    UPLOADS,
    INVOICES,
    INVOICE_ADDRESSES,
    PAYMENTS,
    IDENTIFIERS,
    ACCOUNT_ADDRESSES,
    MEDIA_REFERENCES,
    MESSAGE_COUNTS,
    MAPPING_CHECKS,
    WALLET_DESCRIPTORS,
    WALLET_ADDRESSES,
    WALLET_TRANSACTIONS,
    WALLET_REQUESTS,
    WEB_LOGS,
    WEB_REQUESTS,
    DEFECTS,
    ITEMS,
    UPLOAD_ITEMS,
    LEDGER,
)
