"""A regtest Bitcoin chain that Bitcoin Core's consensus library accepts, with a small economy and its truth."""

from __future__ import annotations

from headwater_synth.chain.plan import MIN_BLOCKS, ROUTES, ChainPlan, PlannedInvoice

__all__ = ["MIN_BLOCKS", "ROUTES", "ChainPlan", "PlannedInvoice"]
