"""Hypotheses for enquiry, ranked by printed rules over observed acts; no traits, no propensity."""

from headwater.leads.acts import ACT_TABLES
from headwater.leads.claims import MOST_ROWS_OF_CLAIM, claim_rows, short_columns
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
from headwater.leads.explained import explained_lead, lead_named, short_moves
from headwater.leads.jurisdiction import PointsOfEvidence, concerned, read_jurisdiction
from headwater.leads.local_time import LocalTime, country_names, local_time_of, zones_of_country
from headwater.leads.movers import MOVED_COLUMNS, MovedLeads, moved_leads
from headwater.leads.outcomes import outcome_sums, outcomes_of_leads, standing_outcomes
from headwater.leads.places import leads_by_country
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
    "MOST_ROWS_OF_CLAIM",
    "MOVED_COLUMNS",
    "NETWORK_READS",
    "TIMELINE_WORDS",
    "ClockComparison",
    "Connection",
    "Connections",
    "LeadTimeline",
    "LocalTime",
    "MovedLeads",
    "PointsOfEvidence",
    "Rule",
    "RuleSet",
    "account_events",
    "apart_text",
    "claim_rows",
    "clock_comparisons",
    "concerned",
    "connection_chart",
    "country_names",
    "explained_lead",
    "lead_connections",
    "lead_named",
    "lead_timelines",
    "leads_by_country",
    "local_time_of",
    "moved_leads",
    "outcome_sums",
    "outcomes_of_leads",
    "rank_leads",
    "read_jurisdiction",
    "read_rules",
    "short_columns",
    "short_moves",
    "standing_outcomes",
    "timeline_sentences",
    "timeline_words",
    "uncertainty_mbits",
    "zones_of_country",
]
