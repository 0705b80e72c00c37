"""Hypotheses for enquiry, ranked by printed rules over observed acts; no traits, no propensity."""

from headwater.leads.acts import ACT_TABLES
from headwater.leads.clocks import ClockComparison, clock_comparisons
from headwater.leads.connections import (
    CONNECTION_WORDS,
    MOST_CONNECTED,
    Connection,
    Connections,
    connection_chart,
    lead_connections,
)
from headwater.leads.events import EVENT_COLUMNS, account_events
from headwater.leads.evidence import EVIDENCE_TABLES, NETWORK_READS
from headwater.leads.explained import explained_lead
from headwater.leads.jurisdiction import PointsOfEvidence, concerned, read_jurisdiction
from headwater.leads.local_time import LocalTime, country_names, local_time_of, zones_of_country
from headwater.leads.outcomes import outcome_sums, outcomes_of_leads, standing_outcomes
from headwater.leads.rank import rank_leads
from headwater.leads.review import uncertainty_mbits
from headwater.leads.rules import Rule, RuleSet, read_rules
from headwater.leads.timeline import (
    TIMELINE_WORDS,
    LeadTimeline,
    apart_text,
    lead_timelines,
    timeline_sentences,
    timeline_words,
)

__all__ = [
    "ACT_TABLES",
    "CONNECTION_WORDS",
    "EVENT_COLUMNS",
    "EVIDENCE_TABLES",
    "MOST_CONNECTED",
    "NETWORK_READS",
    "TIMELINE_WORDS",
    "ClockComparison",
    "Connection",
    "Connections",
    "LeadTimeline",
    "LocalTime",
    "PointsOfEvidence",
    "Rule",
    "RuleSet",
    "account_events",
    "apart_text",
    "clock_comparisons",
    "concerned",
    "connection_chart",
    "country_names",
    "explained_lead",
    "lead_connections",
    "lead_timelines",
    "local_time_of",
    "outcome_sums",
    "outcomes_of_leads",
    "rank_leads",
    "read_jurisdiction",
    "read_rules",
    "standing_outcomes",
    "timeline_sentences",
    "timeline_words",
    "uncertainty_mbits",
    "zones_of_country",
]
