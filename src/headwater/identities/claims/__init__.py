"""The three claims of a case, by the machinery of `linkage`: who held, who paid, who used."""

from headwater.identities.claims.held import blocked_pairs, held_pairs
from headwater.identities.claims.paid import paid_pairs
from headwater.identities.claims.reuse import account_reuse
from headwater.identities.claims.standing import standing_denials
from headwater.identities.claims.tables import fitted_priors, links_table, reports_table
from headwater.identities.claims.used import used_pairs

__all__ = [
    "account_reuse",
    "blocked_pairs",
    "fitted_priors",
    "held_pairs",
    "links_table",
    "paid_pairs",
    "reports_table",
    "standing_denials",
    "used_pairs",
]
