"""Hypotheses for enquiry, ranked by printed rules over observed acts; no traits, no propensity."""

from headwater.leads.acts import ACT_TABLES
from headwater.leads.evidence import EVIDENCE_TABLES, NETWORK_READS
from headwater.leads.explained import explained_lead
from headwater.leads.jurisdiction import PointsOfEvidence, concerned, read_jurisdiction
from headwater.leads.outcomes import outcome_sums, outcomes_of_leads, standing_outcomes
from headwater.leads.rank import rank_leads
from headwater.leads.review import uncertainty_mbits
from headwater.leads.rules import Rule, RuleSet, read_rules

__all__ = [
    "ACT_TABLES",
    "EVIDENCE_TABLES",
    "NETWORK_READS",
    "PointsOfEvidence",
    "Rule",
    "RuleSet",
    "concerned",
    "explained_lead",
    "outcome_sums",
    "outcomes_of_leads",
    "rank_leads",
    "read_jurisdiction",
    "read_rules",
    "standing_outcomes",
    "uncertainty_mbits",
]
