"""Tables of outside knowledge: hash lists, tags, services, records, customer returns, networks, prices, outcomes."""

from __future__ import annotations

from headwater.schema.columns import AT_UTC, BOOLEAN, BYTES, DIGEST, ID, INT, TEXT, from_reference
from headwater.schema.table import Column, Table

__all__ = [
    "ACTORS",
    "CUSTOMERS",
    "CUSTOMER_IDENTIFIERS",
    "CUSTOMER_TRANSACTIONS",
    "DATA_SUBJECTS",
    "HASH_LIST_DELETIONS",
    "HASH_LIST_ENTRIES",
    "KNOWN_PAIRS",
    "NETWORKS",
    "OUTCOMES",
    "PRICES",
    "RECORDS",
    "RECORD_IDENTIFIERS",
    "REFERENCE_KEYS",
    "REFERENCE_TABLES",
    "RETENTION_CLOCKS",
    "SERVICES",
    "TAGS",
]

_PERSON = (
    Column(name="full_name", type=TEXT, about="Name as the source writes it", nullable=True),
    Column(name="given_name", type=TEXT, about="Given name, where the source has it apart", nullable=True),
    Column(name="surname", type=TEXT, about="Surname, where the source has it apart", nullable=True),
    Column(name="date_of_birth", type=TEXT, about="ISO date; may be partial (1980 or 1980-05)", nullable=True),
    Column(name="street_address", type=TEXT, about="Street and number", nullable=True),
    Column(name="suburb", type=TEXT, about="Town or suburb", nullable=True),
    Column(name="postcode", type=TEXT, about="Postal code", nullable=True),
    Column(name="country", type=TEXT, about="ISO 3166-1 alpha-2", nullable=True),
    Column(name="phone", type=TEXT, about="As the source writes it", nullable=True),
    Column(name="email", type=TEXT, about="As the source writes it", nullable=True),
)

HASH_LIST_ENTRIES = Table(
    name="hash_list_entries",
    version=2,
    stage="references",
    about="A file that an authority lists, or a frame of one, by digests and perceptual hash, in the list's order.",
    key=("entry_id",),
    columns=(
        Column(name="entry_id", type=ID, about="Digest of list, version and row"),
        *from_reference(),
        Column(name="polarity", type=TEXT, about="known-illegal or known-benign, stated by the importer"),
        Column(name="media_kind", type=TEXT, about="still, video or unknown"),
        Column(name="md5", type=DIGEST, about="MD5", nullable=True),
        Column(name="sha1", type=DIGEST, about="SHA-1", nullable=True),
        Column(name="sha256", type=DIGEST, about="SHA-256", nullable=True),
        Column(name="pdq", type=DIGEST, about="PDQ, 64 hex digits; of one frame for a video", nullable=True),
        Column(name="size_bytes", type=INT, about="Size the list states", nullable=True),
        Column(name="scheme", type=TEXT, about="Whose categories these are", nullable=True),
        Column(name="country", type=TEXT, about="Country whose law the category follows", nullable=True),
        Column(name="category", type=TEXT, about="Category as listed; numbers differ by country", nullable=True),
        Column(name="series", type=TEXT, about="Name of the series, if listed", nullable=True),
        Column(name="victim_identified", type=TEXT, about="yes, no or unknown"),
        Column(
            name="listed_file",
            type=TEXT,
            about="Rows of one list that share it are of one file, as the frames of a video are; the list's own id of "
            "the file where it has one. Absent: the row stands alone",
            nullable=True,
        ),
        Column(name="at_ms", type=INT, about="Time of the listed frame in its video", nullable=True),
        Column(name="pdq_quality", type=INT, about="Quality of the PDQ hash, 0 to 100, as listed", nullable=True),
        Column(name="photodna", type=TEXT, about="As listed, untouched; never computed or compared", nullable=True),
        Column(name="distributed", type=TEXT, about="Known to be passed on: yes, no or unknown"),
        Column(name="offender_identified", type=TEXT, about="yes, no or unknown"),
        Column(name="submissions", type=INT, about="How often it was submitted, as listed", nullable=True),
        Column(
            name="further",
            type=TEXT,
            about="What the list says besides, under its own keys, as canonical JSON; numbers with a fraction are text "
            "as written",
            nullable=True,
        ),
    ),
)

REFERENCE_KEYS = Table(
    name="reference_keys",
    version=1,
    stage="references",
    about="A key of a hash list that was not understood; its values are kept in the column `further` of its rows.",
    key=("reference_name", "reference_version", "key_name"),
    columns=(
        Column(name="reference_name", type=TEXT, about="Name given at import"),
        Column(name="reference_version", type=TEXT, about="Version given at import"),
        Column(
            name="key_name",
            type=TEXT,
            about="The key as the list writes it; empty for all beyond the first 1,000",
        ),
        Column(name="rows", type=INT, about="Listed files that have it"),
    ),
)

HASH_LIST_DELETIONS = Table(
    name="hash_list_deletions",
    version=1,
    stage="references",
    about="A file that the authority took off its list; entries of the same import that it names are not imported.",
    key=("deletion_id",),
    columns=(
        Column(name="deletion_id", type=ID, about="Digest of list, version and row"),
        *from_reference(),
        Column(name="listed_file", type=TEXT, about="The list's own id of the file, as in `hash_list_entries`"),
        Column(name="deleted_at", type=TEXT, about="When, as the list writes it", nullable=True),
    ),
)

TAGS = Table(
    name="tags",
    version=2,
    stage="references",
    about="A statement that an address belongs to somebody, with its source.",
    key=("tag_id",),
    columns=(
        Column(name="tag_id", type=ID, about="Digest of pack, version and row"),
        *from_reference(),
        Column(name="address", type=TEXT, about="The address as published"),
        Column(name="network", type=TEXT, about="BTC, ETH, ..."),
        Column(name="label", type=TEXT, about="Label as published"),
        Column(name="actor", type=TEXT, about="Actor of the pack, the key into the service register", nullable=True),
        Column(name="category", type=TEXT, about="exchange, mixer, ...", nullable=True),
        Column(name="confidence", type=TEXT, about="Confidence as published; never blended", nullable=True),
        Column(name="source", type=TEXT, about="Where the publisher had it from", nullable=True),
        Column(name="last_modified", type=TEXT, about="ISO date of the tag", nullable=True),
        Column(
            name="is_cluster_definer",
            type=BOOLEAN,
            about="Whether the tag is about the whole cluster; false for its address alone, absent where unstated",
            nullable=True,
        ),
    ),
)

ACTORS = Table(
    name="actors",
    version=1,
    stage="references",
    about="Somebody whom tags name, as an actor pack describes them; it does not say whom to ask.",
    key=("actor_id",),
    columns=(
        Column(name="actor_id", type=ID, about="Digest of pack, version and row"),
        *from_reference(),
        Column(name="actor", type=TEXT, about="The id that tags use, the key into the service register"),
        Column(name="label", type=TEXT, about="Name as published"),
        Column(name="uri", type=TEXT, about="Address on the web, as published", nullable=True),
        Column(
            name="jurisdictions",
            type=TEXT,
            about="Countries as published, set apart by spaces; whether of seat or of licence, the pack does not say",
            nullable=True,
        ),
        Column(name="categories", type=TEXT, about="Categories as published, set apart by spaces", nullable=True),
        Column(
            name="aliases",
            type=TEXT,
            about="Other ids that tags or the register may use, set apart by spaces",
            nullable=True,
        ),
        Column(name="further", type=TEXT, about="What the pack says besides, as canonical JSON", nullable=True),
        Column(name="last_modified", type=TEXT, about="ISO date of the pack", nullable=True),
    ),
)

SERVICES = Table(
    name="services",
    version=2,
    stage="references",
    about="An organisation that may hold records of its customers, and how to ask it.",
    key=("service_id",),
    columns=(
        Column(name="service_id", type=ID, about="Digest of the actor"),
        *from_reference(),
        Column(name="actor", type=TEXT, about="The actor name that tags use"),
        Column(name="name", type=TEXT, about="Registered name"),
        Column(name="kind", type=TEXT, about="exchange, processor, ..."),
        Column(name="country", type=TEXT, about="Country of establishment, ISO 3166-1 alpha-2"),
        Column(name="legal_contact", type=TEXT, about="Where lawful requests go"),
        Column(name="records_held", type=TEXT, about="What it holds of a customer", nullable=True),
        Column(name="retention_days", type=INT, about="How many days it keeps them", nullable=True),
        Column(name="custodial", type=BOOLEAN, about="Whether it pools customers' coins: a trace never goes through"),
        Column(name="valid_from", type=TEXT, about="ISO date of this entry", nullable=True),
        Column(
            name="source",
            type=TEXT,
            about="Where the investigator has this entry from: a register, a letter, the service's own page",
            nullable=True,
        ),
    ),
)

RECORDS = Table(
    name="records",
    version=1,
    stage="references",
    about="One row about a person from a register that the agency may use.",
    key=("record_id",),
    columns=(
        Column(name="record_id", type=ID, about="Digest of register, version and row"),
        *from_reference(),
        Column(name="source_key", type=TEXT, about="The register's own number for the row"),
        *_PERSON,
        Column(name="nickname", type=TEXT, about="Nickname on record, if any", nullable=True),
        Column(name="convicted", type=BOOLEAN, about="A relevant conviction is on record"),
    ),
)

_IDENTIFIER = (
    Column(
        name="identifier_kind",
        type=TEXT,
        about="email, phone, nickname, network_address, device, pgp_fingerprint, iban, payment_card (last digits), "
        "wallet_address or national_id",
    ),
    Column(name="value", type=TEXT, about="As the source writes it"),
    Column(name="at_utc", type=AT_UTC, about="When it was used or noted", nullable=True),
)

RECORD_IDENTIFIERS = Table(
    name="record_identifiers",
    version=1,
    stage="references",
    about="Something else that a person on record is told apart by: an account, key or wallet of an earlier case.",
    key=("record_identifier_id",),
    columns=(
        Column(name="record_identifier_id", type=ID, about="Digest of file, version and row"),
        *from_reference(),
        Column(name="record_id", type=ID, about="Whose", cites="records.record_id"),
        *_IDENTIFIER,
    ),
)

CUSTOMERS = Table(
    name="customers",
    version=1,
    stage="references",
    about="A customer as a service returned them on a lawful request.",
    key=("customer_id",),
    columns=(
        Column(name="customer_id", type=ID, about="Digest of the service and its customer number"),
        *from_reference(),
        Column(name="actor", type=TEXT, about="The service that returned it"),
        Column(name="source_key", type=TEXT, about="The service's customer number"),
        *_PERSON,
    ),
)

CUSTOMER_IDENTIFIERS = Table(
    name="customer_identifiers",
    version=1,
    stage="references",
    about="What a service noted of a returned customer besides: network addresses, devices, bank accounts.",
    key=("customer_identifier_id",),
    columns=(
        Column(name="customer_identifier_id", type=ID, about="Digest of return, version and row"),
        *from_reference(),
        Column(name="customer_id", type=ID, about="Whose", cites="customers.customer_id"),
        *_IDENTIFIER,
    ),
)

CUSTOMER_TRANSACTIONS = Table(
    name="customer_transactions",
    version=1,
    stage="references",
    about="A deposit or withdrawal of a returned customer.",
    key=("customer_transaction_id",),
    columns=(
        Column(name="customer_transaction_id", type=ID, about="Digest of return, version and row"),
        *from_reference(),
        Column(name="customer_id", type=ID, about="Whose", cites="customers.customer_id"),
        Column(name="direction", type=TEXT, about="deposit or withdrawal, seen from the service"),
        Column(name="txid", type=DIGEST, about="Transaction", nullable=True),
        Column(name="output_index", type=INT, about="Output of that transaction", nullable=True),
        Column(name="address", type=TEXT, about="Deposit address, or address paid to"),
        Column(name="amount_sat", type=INT, about="Satoshis"),
        Column(name="at_utc", type=AT_UTC, about="When the service booked it"),
    ),
)

NETWORKS = Table(
    name="networks",
    version=1,
    stage="references",
    about="A range of network addresses, with its country and whether it hides who uses it.",
    key=("network_id",),
    columns=(
        Column(name="network_id", type=ID, about="Digest of list, version and row"),
        *from_reference(),
        Column(name="cidr", type=TEXT, about="The range"),
        Column(name="kind", type=TEXT, about="access, vpn, proxy, tor or hosting"),
        Column(name="country", type=TEXT, about="ISO 3166-1 alpha-2", nullable=True),
        Column(name="holder", type=TEXT, about="Who can name the subscriber", nullable=True),
    ),
)

NETWORK_RANGES = Table(
    name="network_ranges",
    version=1,
    stage="references",
    about="A range of an imported database of network addresses, and what the database says of it; looked up only for "
    "addresses that stand in the case.",
    key=("network_range_id",),
    order_by=("reference_name", "reference_version", "reference_row"),
    columns=(
        Column(name="network_range_id", type=ID, about="Digest of database, version and row"),
        Column(name="reference_name", type=TEXT, about="Name given at import"),
        Column(name="reference_version", type=TEXT, about="Version given at import"),
        Column(name="reference_row", type=INT, about="Place of the range in the order of addresses, from 0"),
        Column(name="first_address", type=TEXT, about="First address of the range"),
        Column(name="last_address", type=TEXT, about="Last address of the range"),
        Column(name="first_bytes", type=BYTES, about="The same as 4 bytes (IPv4) or 16 (IPv6)"),
        Column(name="last_bytes", type=BYTES, about="The same as 4 bytes (IPv4) or 16 (IPv6)"),
        Column(name="country", type=TEXT, about="ISO 3166-1 alpha-2, where the database names one", nullable=True),
        Column(
            name="hides_as",
            type=TEXT,
            about="tor, vpn, proxy, relay, hosting, anonymous or anycast, where the database flags it",
            nullable=True,
        ),
        Column(name="system_number", type=INT, about="Autonomous system that announces it", nullable=True),
        Column(name="holder", type=TEXT, about="Organisation of that autonomous system", nullable=True),
    ),
)

NETWORK_DATABASES = Table(
    name="network_databases",
    version=1,
    stage="references",
    about="An imported database of network addresses, as it describes itself.",
    key=("reference_name", "reference_version"),
    columns=(
        Column(name="reference_name", type=TEXT, about="Name given at import"),
        Column(name="reference_version", type=TEXT, about="Version given at import"),
        Column(name="database_type", type=TEXT, about="What it calls itself"),
        Column(name="built_at_utc", type=AT_UTC, about="When its publisher built it"),
        Column(name="ip_version", type=INT, about="4, or 6 for both"),
        Column(name="nodes", type=INT, about="Nodes of its tree"),
        Column(name="ranges", type=INT, about="Ranges of which it says something"),
        Column(name="ranges_with_country", type=INT, about="Those with a country"),
        Column(name="ranges_that_hide", type=INT, about="Those that are flagged"),
        Column(name="ranges_with_holder", type=INT, about="Those with the organisation that announces them"),
    ),
)

PRICES = Table(
    name="prices",
    version=1,
    stage="references",
    about="What one bitcoin cost on a day, as somebody published it; an aid for reading, which no stage depends on.",
    key=("price_id",),
    columns=(
        Column(name="price_id", type=ID, about="Digest of table, version, day and currency"),
        *from_reference(),
        Column(name="day", type=TEXT, about="ISO date, UTC"),
        Column(name="currency", type=TEXT, about="ISO 4217, three capital letters"),
        Column(name="price_minor", type=INT, about="Minor units of the currency (cents, or whole yen) for one bitcoin"),
        Column(name="source", type=TEXT, about="Where the price is from"),
    ),
)

OUTCOMES = Table(
    name="outcomes",
    version=1,
    stage="references",
    about="What became of a lead, as whoever worked on it reports; shown beside the lead, and read by no rule.",
    key=("outcome_id",),
    columns=(
        Column(name="outcome_id", type=ID, about="Digest of report, version and row"),
        *from_reference(),
        Column(name="lead_id", type=ID, about="The lead, as the package named it"),
        Column(name="outcome", type=TEXT, about="child_safeguarded, payer_identified, no_action or wrong_person"),
        Column(name="reported_on", type=TEXT, about="ISO date"),
        Column(name="reported_by", type=TEXT, about="The unit that worked on it"),
        Column(name="note", type=TEXT, about="In that unit's words", nullable=True),
    ),
)

DATA_SUBJECTS = Table(
    name="data_subjects",
    version=1,
    stage="references",
    about="What a person stated the subject of a lead to be (EU Directive 2016/680, Art. 6); the last counts.",
    key=("data_subject_id",),
    columns=(
        Column(name="data_subject_id", type=ID, about="Digest of file, version and row"),
        *from_reference(),
        Column(name="lead_id", type=ID, about="The lead"),
        Column(
            name="category",
            type=TEXT,
            about="unclassified, suspected, convicted, victim or other_party (such as a witness)",
        ),
        Column(name="stated_on", type=TEXT, about="ISO date"),
        Column(name="stated_by", type=TEXT, about="Who states it"),
        Column(name="reason", type=TEXT, about="In that person's words"),
    ),
)

RETENTION_CLOCKS = Table(
    name="retention_clocks",
    version=1,
    stage="references",
    about="How long holders of a kind keep records in a country, or one holder does; an investigator's file.",
    key=("retention_id",),
    columns=(
        Column(name="retention_id", type=ID, about="Digest of table, version and row"),
        *from_reference(),
        Column(name="holder_kind", type=TEXT, about="service, or access for those who give people network addresses"),
        Column(name="country", type=TEXT, about="ISO 3166-1 alpha-2"),
        Column(name="holder", type=TEXT, about="One holder by name; absent for all of the country", nullable=True),
        Column(name="retention_days", type=INT, about="How many days records are kept"),
        Column(name="source", type=TEXT, about="The statute, or the holder's own statement"),
    ),
)

_SIDE = (
    "key",
    "actor",
    "full_name",
    "given_name",
    "surname",
    "date_of_birth",
    "street_address",
    "suburb",
    "postcode",
    "country",
    "phone",
    "email",
    "nickname",
)
_SIDE_WORDS = {
    "key": "The platform's or the service's own number",
    "actor": "The service, where the left row is a customer",
    "nickname": "As the source writes it",
    **{column.name: column.about for column in _PERSON},
}

KNOWN_PAIRS = Table(
    name="known_pairs",
    version=1,
    stage="references",
    about="A pair of rows of which it is known whether they are one person: from closed cases, or made for training.",
    key=("known_pair_id",),
    columns=(
        Column(name="known_pair_id", type=ID, about="Digest of file, version and row"),
        *from_reference(),
        Column(name="claim", type=TEXT, about="used (account and record) or held (customer and record)"),
        Column(name="answer", type=TEXT, about="same or different"),
        Column(name="source", type=TEXT, about="Where the answer is known from"),
        Column(name="left_id", type=ID, about="Digest of the left row: what is judged is told by its content"),
        Column(name="right_id", type=ID, about="Digest of the right row"),
        *(
            Column(name=f"{side}_{name}", type=TEXT, about=f"{_SIDE_WORDS[name]} ({side} row)", nullable=True)
            for side in ("left", "right")
            for name in _SIDE
            if side == "left" or name not in {"key", "actor"}
        ),
        Column(name="left_registered_at_utc", type=AT_UTC, about="When the left account was opened", nullable=True),
    ),
)

REFERENCE_TABLES = (
    HASH_LIST_ENTRIES,
    HASH_LIST_DELETIONS,
    REFERENCE_KEYS,
    TAGS,
    ACTORS,
    SERVICES,
    RECORDS,
    RECORD_IDENTIFIERS,
    CUSTOMERS,
    CUSTOMER_IDENTIFIERS,
    CUSTOMER_TRANSACTIONS,
    NETWORKS,
    NETWORK_RANGES,
    NETWORK_DATABASES,
    PRICES,
    OUTCOMES,
    DATA_SUBJECTS,
    RETENTION_CLOCKS,
    KNOWN_PAIRS,
)
