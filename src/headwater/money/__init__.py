"""Money: who controls which addresses, where satoshis came from and went to, and whom to ask."""

from headwater.money.block_summaries import read_block_summaries

__all__ = ["read_block_summaries"]
