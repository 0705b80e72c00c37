"""Tables of leads: hypotheses for enquiry, ranked by printed rules over observed acts."""

from __future__ import annotations

import pyarrow as pa

from headwater.schema.columns import AT_UTC, BOOLEAN, ID, INT, TEXT
from headwater.schema.table import Column, Table

__all__ = ["LEADS", "LEAD_ACTS", "LEAD_TABLES"]


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
        Column(name="data_subject_category", type=TEXT, about="unclassified until a person says otherwise"),
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
            type=pa.list_(pa.field("item", TEXT, nullable=False)),
            about="What speaks against, in words",
        ),
        Column(name="deconfliction_key", type=TEXT, about="Digest of the normalised identifiers"),
    ),
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

LEAD_TABLES = (LEADS, LEAD_ACTS)
