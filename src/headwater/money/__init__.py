"""Money: who controls which addresses, where satoshis came from and went to, and whom to ask."""

from headwater.money.block_check import check_block_files
from headwater.money.block_summaries import read_block_summaries
from headwater.money.clusters import Merge, merge_path
from headwater.money.cuts import FallenApart, fallen_apart
from headwater.money.stage import trace_money

__all__ = [
    "FallenApart",
    "Merge",
    "check_block_files",
    "fallen_apart",
    "merge_path",
    "read_block_summaries",
    "trace_money",
]
