"""Tables of identities: proposed links with their weights, and what speaks against them."""

from __future__ import annotations

import pyarrow as pa

from headwater.schema.columns import ID, INT, TEXT
from headwater.schema.table import Column, Table

__all__ = ["CONTRARY_FACTS", "IDENTITY_TABLES", "JUDGEMENTS", "KNOWN_LINKS", "LINKS", "RIVAL_HYPOTHESES"]

_COMPARISON = pa.struct(
    [
        pa.field("field", TEXT, nullable=False),
        pa.field("level", TEXT, nullable=False),
        pa.field("weight_mbits", INT, nullable=False),
        pa.field("rows_with_value", INT, nullable=True),
        pa.field("sentence", TEXT, nullable=False),
    ],
)

LINKS = Table(
    name="links",
    version=2,
    stage="identities",
    about="A proposed pair, with its weight field by field; nothing follows from it until a person judges.",
    key=("link_id",),
    columns=(
        Column(name="link_id", type=ID, about="Digest of claim, left and right"),
        Column(
            name="claim",
            type=TEXT,
            about="used (account and person), paid (payment and person), held (customer and person)",
        ),
        Column(name="left_table", type=TEXT, about="accounts, payments or customers"),
        Column(name="left_id", type=ID, about="Row of it"),
        Column(name="right_table", type=TEXT, about="records or customers"),
        Column(name="right_id", type=ID, about="Row of it"),
        Column(name="proposed", type=pa.bool_(), about="Above the queue's limit; the others are kept as rivals"),
        Column(
            name="match_weight_mbits", type=INT, about="log2 Bayes factor over all fields and the prior, in 1/1000 bit"
        ),
        Column(name="probability_ppm", type=INT, about="The same as a probability, in parts per million"),
        Column(
            name="comparisons",
            type=pa.list_(pa.field("item", _COMPARISON, nullable=False)),
            about="What stood before anything was compared (`prior`), then each field: level, weight, how many rows of "
            "both sides have the value agreed on (absent where the level is not about one value), and a sentence; the "
            "weights add up to `match_weight_mbits`",
        ),
        Column(name="because", type=TEXT, about="In words"),
        Column(name="model_id", type=ID, about="Digest of the model file"),
        Column(name="rivals", type=INT, about="Other candidates for the same left row"),
    ),
)

_NOT_OF_KNOWN = frozenset({"left_table", "right_table"})  # their rows are in `known_pairs`, not in these tables

KNOWN_LINKS = Table(
    name="known_links",
    version=1,
    stage="identities",
    about="A pair of known answer, weighed as if its rows were in the case; it measures who judges, and is no link.",
    key=("link_id",),
    columns=(
        *(column for column in LINKS.columns if column.name not in _NOT_OF_KNOWN),
        Column(
            name="known_pair_id",
            type=ID,
            about="The pair; absent for a rival of one",
            nullable=True,
            cites="known_pairs.known_pair_id",
        ),
        Column(
            name="contrary",
            type=pa.list_(pa.field("item", TEXT, nullable=False)),
            about="What would speak against it, in words",
        ),
    ),
)

CONTRARY_FACTS = Table(
    name="contrary_facts",
    version=2,
    stage="identities",
    about="A fact that speaks against a link or against who used an account; it travels with the lead.",
    key=("fact_id",),
    columns=(
        Column(name="fact_id", type=ID, about="Digest of kind, subject and source"),
        Column(
            name="fact_kind",
            type=TEXT,
            about="shared_network_address, proxy, single_client_log, shared_household, shared_contact, "
            "payer_is_not_user, rival_candidate, impossible_times, several_users, resold_account",
        ),
        Column(name="account_id", type=ID, about="Account concerned", nullable=True, cites="accounts.account_id"),
        Column(name="link_id", type=ID, about="Link concerned", nullable=True, cites="links.link_id"),
        Column(name="statement", type=TEXT, about="In words"),
        Column(name="source_table", type=TEXT, about="Table the fact was read from"),
        Column(name="source_id", type=ID, about="Row of it"),
    ),
)


def _list_of(**fields: pa.DataType) -> pa.DataType:
    struct = pa.struct([pa.field(name, kind, nullable=False) for name, kind in fields.items()])
    return pa.list_(pa.field("item", struct, nullable=False))


_TOLD = _list_of(statement=TEXT, table=TEXT, row_id=ID)

RIVAL_HYPOTHESES = Table(
    name="rival_hypotheses",
    version=1,
    stage="identities",
    about="Another person beside the payer of a proposed link, who shares something with them: either may have used "
    "the account, which is for a person to weigh. Nobody is merged, nothing is added up, and the order is that of ids.",
    key=("rival_id",),
    columns=(
        Column(name="rival_id", type=ID, about="Digest of the link and the other's row"),
        Column(name="link_id", type=ID, about="The proposed link of a payment to a customer", cites="links.link_id"),
        Column(name="account_id", type=ID, about="The account that was paid for", cites="accounts.account_id"),
        Column(name="payer_id", type=ID, about="The payer as the service returned them", cites="customers.customer_id"),
        Column(name="other_table", type=TEXT, about="records or customers"),
        Column(name="other_id", type=ID, about="Row about the other person"),
        Column(
            name="shared",
            type=_list_of(
                shared_kind=TEXT, payer_row_table=TEXT, payer_row_id=ID, other_row_table=TEXT, other_row_id=ID
            ),
            about="What they have in common (household, phone, email, device or network_address), with the row of each "
            "that says so: the customer, a record that a proposed link takes for them, or an identifier of either",
        ),
        Column(name="payer_support", type=_TOLD, about="Rows that fit: the payer used the account"),
        Column(name="payer_contradiction", type=_TOLD, about="Rows that do not fit it"),
        Column(name="other_support", type=_TOLD, about="Rows that fit: the other used the account"),
        Column(name="other_contradiction", type=_TOLD, about="Rows that do not fit it"),
    ),
)

JUDGEMENTS = Table(
    name="judgements",
    version=1,
    stage="judgements",
    about="The judgement that stands on a link; a snapshot of the append-only record in `case.db`, without times.",
    key=("link_id",),
    columns=(
        Column(
            name="link_id", type=ID, about="The link, by the id it has now; as it was judged, where there is none now"
        ),
        Column(name="claim", type=TEXT, about="used, paid or held"),
        Column(name="left_id", type=ID, about="Left row of the link"),
        Column(name="right_id", type=ID, about="Right row of the link"),
        Column(name="verdict", type=TEXT, about="positive, negative or unsure"),
        Column(name="operator", type=TEXT, about="Whose judgement stands"),
        Column(name="positive_operators", type=INT, about="Different people whose last judgement on it is positive"),
    ),
)

IDENTITY_TABLES = (LINKS, KNOWN_LINKS, CONTRARY_FACTS, RIVAL_HYPOTHESES, JUDGEMENTS)
