"""The identities stage: three claims, each with its own evidence; nothing follows from a link until a person judges."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from headwater.engine import StageContext
from headwater.identities.claims import (
    account_reuse,
    held_pairs,
    links_table,
    paid_pairs,
    reports_table,
    standing_denials,
    used_pairs,
)
from headwater.identities.claims.bars import ClaimPairs
from headwater.identities.claims.reuse import with_context
from headwater.identities.contrary import contrary_facts
from headwater.identities.linkage.linkage_model import read_linkage_model
from headwater.identities.linkage.weighed import Priors

__all__ = ["KEPT_MBITS", "link_records"]

KEPT_MBITS = -7_000
"""Pairs below this weight are not kept even as rivals: their odds are worse than 1 to 128."""
DEFAULT_PRECISION_PPM = 970_000


def link_records(context: StageContext, *, priors: Mapping[str, Priors] | None = None) -> dict[str, pa.Table]:
    """The tables `links`, `linkage_reports`, `account_reuse` and `contrary_facts`.

    Args:
        context: The stage's tables and parameters.
        priors: By claim, what is expected of a pair, in place of what these rows say.
    """
    tables, model, said = context.tables, read_linkage_model(), priors or {}
    threads = max(1, context.workers)
    reuse = account_reuse(tables, model)
    claims = [
        _kept(held_pairs(tables, model, least_mbits=KEPT_MBITS, threads=threads, expected=said.get("held"))),
        _kept(with_context(used_pairs(tables, model, said.get("used")), reuse)),
        _kept(paid_pairs(context, model)),
    ]
    least = int(str(context.parameters.get("queue_expected_precision_ppm", DEFAULT_PRECISION_PPM)))
    links = links_table(claims, model, least, standing_denials(tables))
    tables.put("links", links)
    return {
        "links": links,
        "linkage_reports": reports_table(claims, links, model),
        "account_reuse": reuse,
        "contrary_facts": contrary_facts(context),
    }


def _kept(pairs: ClaimPairs) -> ClaimPairs:
    return pairs.chosen(pairs.total_mbits >= KEPT_MBITS)
