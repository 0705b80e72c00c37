"""Customers of services and people on record: names, dates of birth, addresses, and what identifiers say besides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.identities.claims.agreement import Agreement
from headwater.identities.claims.barred import barred_values
from headwater.identities.claims.bars import (
    NO_COUNT,
    NOT_MADE,
    Bar,
    ClaimPairs,
    PairedRows,
    RuleCount,
    constant_bar,
    taken_bar,
)
from headwater.identities.claims.identifiers import gathered, of_customers, of_records
from headwater.identities.claims.used import BEFORE, RIVALS, SHARED_BY_HOUSEHOLD
from headwater.identities.linkage.blocks import Blocks, blocks_of
from headwater.identities.linkage.compare import Comparer
from headwater.identities.linkage.features import Features, features_of
from headwater.identities.linkage.linkage_model import LEVELS, LinkageModel
from headwater.identities.linkage.name_levels import OtherWritings
from headwater.identities.linkage.rivals import rivals_mbits
from headwater.identities.linkage.rows import as_text
from headwater.identities.linkage.run import LATEST_YEAR, rows_of_a_block
from headwater.identities.linkage.weighed import I32, I64, SUMS, Priors, WeighedPairs, joined, mbits, shared_again

__all__ = ["blocked_pairs", "held_pairs"]

_COLUMNS = {
    "full_name": "full_name",
    "given_name": "given_name",
    "surname": "surname",
    "date_of_birth": "date_of_birth",
    "street_address": "address",
    "suburb": "suburb",
    "postcode": "postcode",
    "country": "country",
    "phone": "phone",
    "email": "email",
}
_MOST_LATIN_ROWS = 50_000
"""Comparing whole names takes half a thousandth of a second: in larger cases only those not in Latin letters are."""
_KEYS = {"customers": "customer_id", "records": "record_id"}
_SAID_OF = {
    "names_exchanged": "given name and surname stand in each other's place",
    "moved": "a move counts once, however many parts of the address differ",
    "shared_by_household": SHARED_BY_HOUSEHOLD,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _People:
    ids: tuple[pa.Array, pa.Array]
    rows: tuple[pa.Table, pa.Table]
    features: Features
    blocks: Blocks


def _people(tables: Session, model: LinkageModel, threads: int) -> _People | None:
    """Both sides as numbers, in blocks; None where one is empty."""
    sides = [tables.columns(name, [key, *_COLUMNS]) for name, key in _KEYS.items()]
    if not all(side.num_rows for side in sides):
        return None
    rows = [pa.table({field: as_text(side[column]) for column, field in _COLUMNS.items()}) for side in sides]
    features = features_of(rows[0], rows[1], latest_year=LATEST_YEAR)
    most = rows_of_a_block(max(side.num_rows for side in sides))
    return _People(
        ids=tuple(pa.concat_arrays(side[key].chunks) for side, key in zip(sides, _KEYS.values(), strict=True)),
        rows=(rows[0], rows[1]),
        features=features,
        blocks=blocks_of(features, model.rules, most_rows=most, threads=threads),
    )


def blocked_pairs(tables: Session, model: LinkageModel, pairs: Sequence[tuple[str, str]]) -> list[bool]:
    """Whether each of these pairs of a customer and a person on record is compared at all.

    Args:
        tables: The case's tables.
        model: Whose rules bring rows together.
        pairs: Ids of customer and record.
    """
    people = _people(tables, model, threads=2)
    if people is None:
        return [False for _ in pairs]
    at = [
        np.asarray(pc.index_in(pa.array(ids, pa.string()), value_set=known))
        for ids, known in zip(zip(*pairs, strict=True), people.ids, strict=True)
    ] if pairs else [np.zeros(0, np.int64)] * 2  # fmt: skip
    left, right = people.blocks.left_keys[at[0]], people.blocks.right_keys[at[1]]
    together = ((left == right) & (left != 0)).any(axis=1)
    shared, _ = _agreement(tables, model).candidates()
    by_identifier = {tuple(pair) for pair in shared.tolist()}
    return [
        bool(rule) or (int(one), int(other)) in by_identifier
        for rule, one, other in zip(together, at[0], at[1], strict=True)
    ]


def _agreement(tables: Session, model: LinkageModel) -> Agreement:
    (customer_ids, customers), (record_ids, records) = of_customers(tables), of_records(tables)
    vocabulary, (left, right) = gathered((len(customer_ids), customers), (len(record_ids), records))
    return Agreement(vocabulary, left, right, model, barred_values(tables))


def held_pairs(
    tables: Session, model: LinkageModel, *, least_mbits: int, threads: int, expected: Priors | None = None
) -> ClaimPairs:
    """The pairs of a customer and a person on record that come to this weight before rivals, or share an identifier.

    Args:
        tables: The case's tables.
        model: The model.
        least_mbits: The least weight.
        threads: Threads at once; results do not depend on it.
        expected: What is expected of a pair, in place of what these rows say.
    """
    people = _people(tables, model, threads)
    if people is None:
        return _nobody(tables, model)
    left, right = people.rows
    many = max(left.num_rows, right.num_rows) > _MOST_LATIN_ROWS
    names = OtherWritings(left, right, model, other_scripts_only=many)
    comparer = Comparer(people.features, people.blocks, model, model.uses["held"], threads, names)
    fitted = comparer.fit()
    priors = expected or fitted
    weighed = comparer.pairs(priors, least_mbits=least_mbits, progress=lambda _: None)
    agreement = _agreement(tables, model)
    shared, counted = agreement.candidates()
    weighed = _with(weighed, comparer.weighed(priors, shared), right.num_rows)
    pairs = weighed.pairs
    identifiers = agreement.bars(
        pairs[:, 0], pairs[:, 1], told={field: _agrees(weighed, field) for field in ("email", "phone")}
    )
    household = len(LEVELS) + SUMS.index("shared_by_household")
    taken = weighed.weights_mbits[:, household].astype(np.int64)
    if identifiers:
        taken = shared_again(taken, agreement.household_mbits(identifiers))
    found = ClaimPairs(
        sides=_sides(*people.ids),
        left=pairs[:, 0],
        right=pairs[:, 1],
        bars=(
            constant_bar("prior", BEFORE, priors.same_mbits, len(pairs)),
            *_comparisons(weighed, comparer.agreed_rows(weighed), people.features),
            *_country(left, right, pairs, model),
            *identifiers,
            *(_sum(weighed, name) for name in ("names_exchanged", "moved")),
            taken_bar("shared_by_household", SHARED_BY_HOUSEHOLD, taken),
        ),
        rules=(*_rules(people.blocks, comparer.compared), *counted),
        same_mbits=priors.same_mbits,
        household_mbits=priors.household_mbits,
        moved_ppm=priors.moved_ppm,
    )
    found = found.chosen(found.total_mbits >= least_mbits)
    total = found.total_mbits
    # A customer is one person; and a service has a person once, as a rule.
    lost = sum(rivals_mbits(rows.astype(np.int64), total) for rows in (found.left, found.right))
    return found.with_bars([taken_bar("rivals", RIVALS, np.asarray(lost, np.int64))])


def _nobody(tables: Session, model: LinkageModel) -> ClaimPairs:
    ids = (tables.columns(name, [key])[key] for name, key in _KEYS.items())
    none = np.zeros(0, np.int32)
    return ClaimPairs(
        sides=_sides(*(pa.concat_arrays([pa.array([], pa.string()), *each.chunks]) for each in ids)),
        left=none, right=none, bars=(), rules=(), same_mbits=mbits(model.uses["held"].expected_share_ppm, 1_000_000),
    )  # fmt: skip


def _sides(left: pa.Array, right: pa.Array) -> PairedRows:
    return PairedRows(claim="held", left_table="customers", left_ids=left, right_table="records", right_ids=right)


def _with(weighed: WeighedPairs, further: WeighedPairs, width: int) -> WeighedPairs:
    """The pairs and the further ones that are not among them, in order of rows."""
    known, new = (w.pairs[:, 0].astype(np.int64) * width + w.pairs[:, 1] for w in (weighed, further))
    both = joined([weighed, further.chosen(~np.isin(new, known))])
    return both.chosen(np.lexsort((both.pairs[:, 1], both.pairs[:, 0])))


def _agrees(weighed: WeighedPairs, field: str) -> npt.NDArray[np.bool_]:
    at = list(LEVELS).index(field)
    found: npt.NDArray[np.bool_] = weighed.levels[:, at] == LEVELS[field].index("equal")
    return found


def _comparisons(weighed: WeighedPairs, agreed: I32, features: Features) -> list[Bar]:
    rows = len(features.left) + len(features.right)
    return [
        Bar(
            field=field,
            levels=levels,
            level=weighed.levels[:, n],
            weight_mbits=weighed.weights_mbits[:, n].astype(np.int64),
            rows_with_value=agreed[:, n].astype(np.int64),
            of_rows=rows,
        )
        for n, (field, levels) in enumerate(LEVELS.items())
        if (weighed.levels[:, n] >= 0).any()
    ]


def _country(left: pa.Table, right: pa.Table, pairs: I32, model: LinkageModel) -> list[Bar]:
    """What another country says; the same country says nothing that name and address do not say already."""
    sides = [pc.utf8_upper(side["country"]).combine_chunks() for side in (left, right)]
    encoded = pa.concat_arrays([pa.concat_arrays([pa.array([], pa.string()), s]) for s in sides]).dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    mine, theirs = codes[: left.num_rows], codes[left.num_rows :]
    one, other = mine[pairs[:, 0]], theirs[pairs[:, 1]]
    differ = (one >= 0) & (other >= 0) & (one != other)
    if not differ.any():
        return []
    counts = [np.bincount(side[side >= 0], minlength=len(encoded.dictionary)) for side in (mine, theirs)]
    all_pairs, same = int(counts[0].sum()) * int(counts[1].sum()), int((counts[0] * counts[1]).sum())
    weight = mbits(model.country_differs_m_ppm * all_pairs, 1_000_000 * max(1, all_pairs - same))
    return [
        Bar(
            field="country",
            levels=("different",),
            level=np.where(differ, 0, NOT_MADE).astype(np.int32),
            weight_mbits=np.full(len(pairs), min(0, weight), np.int64),
            rows_with_value=np.full(len(pairs), NO_COUNT, np.int64),
        )
    ]


def _sum(weighed: WeighedPairs, name: str) -> Bar:
    weights: I64 = weighed.weights_mbits[:, len(LEVELS) + SUMS.index(name)].astype(np.int64)
    return taken_bar(name, _SAID_OF[name], weights)


def _rules(blocks: Blocks, compared: I64) -> list[RuleCount]:
    return [
        RuleCount(rule=" + ".join(report.columns), pairs_compared=int(pairs), pairs_left_out=report.left_out_pairs)
        for report, pairs in zip(blocks.reports, compared, strict=True)
    ]
