"""Accounts of different exhibits that share something: a finding for a person to weigh, never a merge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.identities.claims.agreement import SHARED, Agreement
from headwater.identities.claims.barred import barred_values
from headwater.identities.claims.bars import NOT_MADE, ClaimPairs, PairedRows, constant_bar
from headwater.identities.claims.identifiers import Identified, Vocabulary, gathered, of_accounts
from headwater.identities.claims.tables import bar_lists, positive_reasons
from headwater.identities.claims.used import BEFORE
from headwater.identities.linkage.linkage_model import LinkageModel
from headwater.identities.linkage.weighed import I32, mbits
from headwater.schema import content_id, table_named

__all__ = ["account_reuse", "with_context"]

_NONE = pa.array([], pa.string())
_COUNTED = frozenset({"email", "nickname", "phone", "pgp_fingerprint", "wallet_address"})
"""What a person takes along from one platform to the next; devices and network addresses are many people's."""


def account_reuse(tables: Session, model: LinkageModel) -> pa.Table:
    """The table `account_reuse`: each two accounts of different exhibits that share a value, with what it says.

    How frequent a value is counts among all accounts of the case.
    """
    schema = table_named("account_reuse")
    exhibits = tables.columns("accounts", ["exhibit_id"])["exhibit_id"].combine_chunks().dictionary_encode()
    if isinstance(exhibits, pa.ChunkedArray):
        exhibits = pa.concat_arrays(exhibits.chunks)
    if len(exhibits.dictionary if len(exhibits) else ()) < 2:
        return schema.empty()
    ids, noted = of_accounts(tables)
    vocabulary, (accounts,) = gathered((len(ids), [n for n in noted if n.kind in _COUNTED]))
    exhibit = exhibits.indices.to_numpy()
    found = _pairs(ids, exhibit, vocabulary, accounts, model, tables)
    lists, total = bar_lists(found), found.total_mbits
    lefts, rights = (ids.take(pa.array(rows)).to_pylist() for rows in (found.left, found.right))
    return schema.columnar(
        {
            "reuse_id": [content_id("reu", one, other) for one, other in zip(lefts, rights, strict=True)],
            "account_id": lefts,
            "other_account_id": rights,
            "exhibit_id": exhibits.dictionary.take(pa.array(exhibit[found.left])),
            "other_exhibit_id": exhibits.dictionary.take(pa.array(exhibit[found.right])),
            "shared": positive_reasons(found, "; "),
            "match_weight_mbits": total,
            "comparisons": lists,
            "model_id": [model.model_id] * len(total),
        }
    )


def _pairs(
    ids: pa.Array, exhibit: I32, vocabulary: Vocabulary, accounts: Identified, model: LinkageModel, tables: Session
) -> ClaimPairs:
    agreement = Agreement(vocabulary, accounts, accounts, model, barred_values(tables), itself=True)
    pairs, rules = agreement.candidates()
    pairs = pairs[(pairs[:, 0] < pairs[:, 1]) & (exhibit[pairs[:, 0]] != exhibit[pairs[:, 1]])]
    bars = agreement.bars(pairs[:, 0], pairs[:, 1])
    prior = mbits(model.uses["reused"].expected_share_ppm, 1_000_000 * max(1, len(ids)))
    found = ClaimPairs(
        sides=PairedRows(claim="reused", left_table="accounts", left_ids=ids, right_table="accounts", right_ids=ids),
        left=pairs[:, 0],
        right=pairs[:, 1],
        bars=(constant_bar("prior", BEFORE, prior, len(pairs)), *bars),
        rules=rules,
        same_mbits=prior,
    )
    shared = np.zeros(len(pairs), np.bool_)
    for bar in bars:
        shared |= bar.level == SHARED
    return found.chosen(shared)


def with_context(used: ClaimPairs, reuse: pa.Table) -> ClaimPairs:
    """The pairs, with a bar of no weight where an account of another exhibit shares something with the pair's."""
    reused = pa.concat_arrays([c for name in ("account_id", "other_account_id") for c in reuse[name].chunks] or [_NONE])
    here = np.asarray(pc.is_in(used.sides.left_ids.take(pa.array(used.left)), value_set=reused))
    if not here.any():
        return used
    bar = constant_bar("other_exhibits", "an account of another exhibit shares something", 0, len(here))
    return used.with_bars([replace(bar, level=np.where(here, 0, NOT_MADE).astype(np.int32))])
