"""Tables of identities: proposed links with their weights, and what speaks against them."""

from __future__ import annotations

import pyarrow as pa

from headwater.schema.columns import ID, INT, TEXT
from headwater.schema.table import Column, Table

__all__ = [
    "ACCOUNT_REUSE",
    "CONTRARY_FACTS",
    "IDENTITY_TABLES",
    "JUDGEMENTS",
    "KNOWN_LINKS",
    "LINKAGE_REPORTS",
    "LINKS",
    "RIVAL_HYPOTHESES",
    "SETTLED_LINKS",
]

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
    version=3,
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
        Column(
            name="proposed",
            type=pa.bool_(),
            about="Among the most probable links of the claim of which enough are expected to be right; the others are "
            "kept as rivals",
        ),
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
        Column(
            name="barred_by",
            type=ID,
            about="The link whose standing negative judgement bars this one: itself, or one that would join the same "
            "two people; such a link is never proposed",
            nullable=True,
        ),
    ),
)

_RULE = pa.struct(
    [
        pa.field("rule", TEXT, nullable=False),
        pa.field("pairs_compared", INT, nullable=False),
        pa.field("pairs_left_out", INT, nullable=False),
    ],
)
_LINE = pa.struct(
    [
        pa.field("least_probability_ppm", INT, nullable=False),
        pa.field("links", INT, nullable=False),
        pa.field("expected_precision_ppm", INT, nullable=True),
        pa.field("expected_wrong", INT, nullable=False),
    ],
)

LINKAGE_REPORTS = Table(
    name="linkage_reports",
    version=1,
    stage="identities",
    about="How the linkage of one claim went in this case, and how right its links are expected to be at this size.",
    key=("claim",),
    columns=(
        Column(name="claim", type=TEXT, about="used, paid or held"),
        Column(name="left_table", type=TEXT, about="accounts, payments or customers"),
        Column(name="left_rows", type=INT, about="Rows of it"),
        Column(name="right_table", type=TEXT, about="records or customers"),
        Column(name="right_rows", type=INT, about="Rows of it"),
        Column(
            name="rules",
            type=pa.list_(pa.field("item", _RULE, nullable=False)),
            about="What brought rows together: pairs that each rule was the first to compare, and pairs of blocks that "
            "stayed too large",
        ),
        Column(name="pairs_compared", type=INT, about="Pairs compared, by whatever rule"),
        Column(
            name="prior_mbits",
            type=INT,
            about="log2 of the odds of a pair before anything is compared, in 1/1000 bit; of `held`, as fitted",
        ),
        Column(
            name="household_prior_mbits",
            type=INT,
            about="Likewise that a pair is of two members of one household; absent where that is not asked",
            nullable=True,
        ),
        Column(
            name="moved_ppm",
            type=INT,
            about="Share of one person's pairs of rows that are of different addresses, as fitted; absent likewise",
            nullable=True,
        ),
        Column(name="links_kept", type=INT, about="Links kept, proposed or not"),
        Column(
            name="lines",
            type=pa.list_(pa.field("item", _LINE, nullable=False)),
            about="For several least probabilities: links, their expected precision, and how many are expected wrong",
        ),
        Column(name="links_proposed", type=INT, about="Links proposed to a person"),
        Column(
            name="expected_precision_ppm",
            type=INT,
            about="Share of these that is expected to be right: their mean probability; absent of none",
            nullable=True,
        ),
        Column(name="expected_wrong", type=INT, about="How many of these are expected to be wrong"),
        Column(name="links_barred", type=INT, about="Links that a standing negative judgement bars"),
        Column(name="model_id", type=ID, about="Digest of the model file"),
        Column(name="model_version", type=TEXT, about="As that file states it"),
    ),
)

ACCOUNT_REUSE = Table(
    name="account_reuse",
    version=1,
    stage="identities",
    about="Two accounts of different exhibits that share a nickname, key, wallet or contact; it merges nothing.",
    key=("reuse_id",),
    columns=(
        Column(name="reuse_id", type=ID, about="Digest of both accounts"),
        Column(name="account_id", type=ID, about="The one account", cites="accounts.account_id"),
        Column(name="other_account_id", type=ID, about="The other", cites="accounts.account_id"),
        Column(name="exhibit_id", type=ID, about="Exhibit of the one", cites="exhibits.exhibit_id"),
        Column(name="other_exhibit_id", type=ID, about="Exhibit of the other", cites="exhibits.exhibit_id"),
        Column(name="shared", type=TEXT, about="What they share, in words"),
        Column(
            name="match_weight_mbits",
            type=INT,
            about="log2 of the odds that one person has both, in 1/1000 bit; nothing follows from it",
        ),
        Column(
            name="comparisons",
            type=pa.list_(pa.field("item", _COMPARISON, nullable=False)),
            about="What the weight is made of, as in `links`: how rare each shared value is among the case's accounts",
        ),
        Column(name="model_id", type=ID, about="Digest of the model file"),
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

SETTLED_LINKS = Table(
    name="settled_links",
    version=1,
    stage="judgements",
    about="The positive and negative judgements that stand on links, once one is negative; until then it is empty.",
    key=("link_id",),
    columns=(
        Column(name="link_id", type=ID, about="The link judged"),
        Column(name="claim", type=TEXT, about="used, paid or held"),
        Column(name="left_id", type=ID, about="Left row of the link"),
        Column(name="right_id", type=ID, about="Right row of the link"),
        Column(name="verdict", type=TEXT, about="positive or negative"),
    ),
)

REMARKS = Table(
    name="remarks",
    version=1,
    stage="judgements",
    about="What people noted beside objects, also what was withdrawn since; no stage reads it.",
    key=("remark_id",),
    order_by=("place",),
    columns=(
        Column(name="remark_id", type=ID, about="Digest of the remark"),
        Column(name="place", type=INT, about="In the order in which remarks and withdrawals were given, from 0"),
        Column(name="object_table", type=TEXT, about="The table of the row it is beside"),
        Column(name="object_id", type=ID, about="That row, by the value of its key"),
        Column(name="remark_kind", type=TEXT, about="note, label or assignment"),
        Column(name="text", type=TEXT, about="The note; the label; who is to work on it"),
        Column(name="operator", type=TEXT, about="Who noted it"),
        Column(name="at_utc", type=TEXT, about="When"),
        Column(name="state", type=TEXT, about="stands, withdrawn, or replaced by a later assignment"),
        Column(name="ended_by", type=TEXT, about="Who withdrew or replaced it", nullable=True),
        Column(name="ended_at_utc", type=TEXT, about="When", nullable=True),
        Column(name="ended_why", type=TEXT, about="Why it was withdrawn", nullable=True),
    ),
)

IDENTITY_TABLES = (
    LINKS,
    KNOWN_LINKS,
    LINKAGE_REPORTS,
    ACCOUNT_REUSE,
    CONTRARY_FACTS,
    RIVAL_HYPOTHESES,
    JUDGEMENTS,
    SETTLED_LINKS,
    REMARKS,
)
