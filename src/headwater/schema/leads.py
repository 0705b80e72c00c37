"""Tables of leads: hypotheses for enquiry, ranked by printed rules over observed acts."""

from __future__ import annotations

import pyarrow as pa

from headwater.schema.columns import AT_UTC, BOOLEAN, ID, INT, TEXT
from headwater.schema.table import Column, Table

__all__ = ["LEADS", "LEAD_ACTS", "LEAD_TABLES", "REVIEW_QUEUE", "VICTIM_LEADS"]


def _list_of(**fields: pa.DataType) -> pa.DataType:
    struct = pa.struct([pa.field(name, kind, nullable=False) for name, kind in fields.items()])
    return pa.list_(pa.field("item", struct, nullable=False))


LEADS = Table(
    name="leads",
    version=2,
    stage="leads",
    about="A hypothesis about one account, proposed for enquiry.",
    key=("lead_id",),
    order_by=("rank",),
    columns=(
        Column(name="lead_id", type=ID, about="Digest of the account"),
        Column(name="rank", type=INT, about="From 1"),
        Column(name="risk_tier", type=INT, about="1 is most urgent; the class of the strongest rule that fired"),
        Column(name="account_id", type=ID, about="The account", cites="accounts.account_id"),
        Column(name="rules_version", type=TEXT, about="Version of the rule file"),
        Column(
            name="rules_fired",
            type=_list_of(rule=TEXT, tier=INT, because=TEXT, observed=INT, table=TEXT, example_id=ID),
            about="Each rule that fired, its tier, its reason, how often it was observed and one row to see it by",
        ),
        Column(name="rules_not_fired", type=pa.list_(pa.field("item", TEXT, nullable=False)), about="The others"),
        Column(
            name="jurisdiction",
            type=_list_of(country=TEXT, evidence=TEXT, weight=INT, observed=INT, table=TEXT, example_id=ID),
            about="Each piece of evidence for a country: its kind, its weight (the kind's points, divided among the "
            "countries it names), how often it was observed and one row to see it by; the heaviest country first",
        ),
        Column(name="jurisdiction_version", type=TEXT, about="Version of the file of points"),
        Column(
            name="lead_country",
            type=TEXT,
            about="Country proposed to lead: the one of most weight; absent: unattributed",
            nullable=True,
        ),
        Column(
            name="lead_country_margin",
            type=INT,
            about="Its weight less that of the next country; 0: they are even, and the number of kinds of evidence, "
            "then the code, decided",
            nullable=True,
        ),
        Column(
            name="shared_with",
            type=pa.list_(pa.field("item", TEXT, nullable=False)),
            about="Other countries of enough weight to share the lead, the heaviest first",
        ),
        Column(name="why_now", type=TEXT, about="The reasons not to wait, the strongest first"),
        Column(name="latest_act_at_utc", type=AT_UTC, about="Its last dated act", nullable=True),
        Column(
            name="completeness",
            type=_list_of(field=TEXT, state=TEXT),
            about="Field by field: present, absent or not_collected",
        ),
        Column(
            name="next_lawful_steps",
            type=_list_of(holder=TEXT, country=TEXT, step=TEXT),
            about="For each holder of data: preservation, production_order or mutual_assistance",
        ),
        Column(name="volatile_until_utc", type=AT_UTC, about="When the first holder may delete", nullable=True),
        Column(
            name="data_subject_category",
            type=TEXT,
            about="unclassified until a person states otherwise: suspected, convicted, victim or other_party",
        ),
        Column(name="assertion_kind", type=TEXT, about="observed, computed or assessed"),
        Column(
            name="named_record_id",
            type=ID,
            about="Only by a positive judgement",
            nullable=True,
            cites="records.record_id",
        ),
        Column(
            name="contrary",
            type=_list_of(fact_id=ID, fact_kind=TEXT, statement=TEXT, source_table=TEXT, source_id=ID),
            about="What speaks against, each a row of `contrary_facts`: those of the account and of its proposed links",
        ),
        Column(
            name="rivals",
            type=_list_of(rival_id=ID, link_id=ID, other_table=TEXT, other_id=ID, statement=TEXT),
            about="Other people beside a payer, each a row of `rival_hypotheses`, in order of ids",
        ),
        Column(name="deconfliction_key", type=TEXT, about="Digest of the normalised identifiers"),
    ),
)

VICTIM_LEADS = Table(
    name="victim_leads",
    version=1,
    stage="leads",
    about="A lead whose subject somebody stated to be a victim: apart from all others, in no queue and no package.",
    key=("lead_id",),
    order_by=("rank",),
    columns=LEADS.columns,
)

LEAD_ACTS = Table(
    name="lead_acts",
    version=1,
    stage="leads",
    about="An observed act with its network address and time.",
    key=("lead_id", "act", "act_id"),
    columns=(
        Column(name="lead_id", type=ID, about="The lead", cites="leads.lead_id"),
        Column(name="act", type=TEXT, about="login, upload, payment or registration"),
        Column(name="act_id", type=ID, about="Row that records it"),
        Column(name="at_utc", type=AT_UTC, about="When"),
        Column(name="network_address", type=TEXT, about="From where", nullable=True),
        Column(name="proxy", type=BOOLEAN, about="The address is flagged; absent: no list says", nullable=True),
    ),
)

REVIEW_QUEUE = Table(
    name="review_queue",
    version=1,
    stage="leads",
    about="The order in which proposed links are given to a person: how much a decision on each is worth.",
    key=("link_id",),
    order_by=("rank",),
    columns=(
        Column(name="link_id", type=ID, about="The proposed link", cites="links.link_id"),
        Column(name="rank", type=INT, about="From 1"),
        Column(name="claim", type=TEXT, about="Its claim"),
        Column(
            name="risk_tier",
            type=INT,
            about="Tier of the most urgent lead that it concerns; where it concerns none, one more than the last tier",
        ),
        Column(name="lead_id", type=ID, about="That lead; absent for none", nullable=True, cites="leads.lead_id"),
        Column(
            name="uncertainty_mbits",
            type=INT,
            about="How much a decision would tell: the entropy of the link's probability, 1000 at one half; at least "
            "100, because the model's probabilities are not measured",
        ),
        Column(
            name="value_mbits",
            type=INT,
            about="The uncertainty, doubled for each tier above the lowest; the order is by this, then by tier, then "
            "by the lead's rank, then by id",
        ),
        Column(name="because", type=TEXT, about="Why it stands there, in words"),
    ),
)

LEAD_TABLES = (LEADS, VICTIM_LEADS, LEAD_ACTS, REVIEW_QUEUE)
