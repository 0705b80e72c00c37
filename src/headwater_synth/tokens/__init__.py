"""An invented token economy: transfers on two chains, what services and issuers did, and where every unit went."""

from headwater_synth.tokens.economy import TokenEconomy, built_economy
from headwater_synth.tokens.written import write_token_references, write_token_truth

__all__ = ["TokenEconomy", "built_economy", "write_token_references", "write_token_truth"]
