"""A regtest Bitcoin chain that Bitcoin Core's consensus library accepts, with a small economy and its truth."""

from __future__ import annotations

from headwater_synth.chain.block_files import MAX_FILE_BYTES, write_blocks
from headwater_synth.chain.economy import build_chain
from headwater_synth.chain.payjoins import PAYJOIN
from headwater_synth.chain.plan import MIN_BLOCKS, ROUTES, ChainPlan, PlannedInvoice
from headwater_synth.chain.result import ChainResult, Deposit, Flow, Holder, PlatformWallet, Withdrawal
from headwater_synth.chain.truth import write_truth
from headwater_synth.chain.wallet_file import write_wallet

__all__ = [
    "MAX_FILE_BYTES",
    "MIN_BLOCKS",
    "PAYJOIN",
    "ROUTES",
    "ChainPlan",
    "ChainResult",
    "Deposit",
    "Flow",
    "Holder",
    "PlannedInvoice",
    "PlatformWallet",
    "Withdrawal",
    "build_chain",
    "write_blocks",
    "write_truth",
    "write_wallet",
]
