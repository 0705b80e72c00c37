"""Money: who controls which addresses, where satoshis came from and went to, and whom to ask."""

from headwater.money.block_check import check_block_files, is_block_store
from headwater.money.block_summaries import read_block_summaries
from headwater.money.cluster_parts import ClusterParts, clusters_by_parts
from headwater.money.clusters import Merge, merge_path
from headwater.money.clusters_as_of import VIEWS_BY_HEIGHT, as_of_height
from headwater.money.cuts import FallenApart, fallen_apart
from headwater.money.flows import POLICIES
from headwater.money.hop_paths import proof_path
from headwater.money.stage import trace_money

__all__ = [
    "POLICIES",
    "VIEWS_BY_HEIGHT",
    "ClusterParts",
    "FallenApart",
    "Merge",
    "as_of_height",
    "check_block_files",
    "clusters_by_parts",
    "fallen_apart",
    "is_block_store",
    "merge_path",
    "proof_path",
    "read_block_summaries",
    "trace_money",
]
