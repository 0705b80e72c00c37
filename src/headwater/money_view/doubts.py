"""What would make a sheet's statement false, said of that statement and not in general."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from headwater.money_view.proofs import ProofPath, Proofs, TagProof

__all__ = ["doubts", "kept_until"]

_COINJOIN: Final = "coinjoin"
_MERGES_FEW: Final = 3


def doubts(
    request: Mapping[str, Any],
    by_policy: Mapping[str, int],
    service: Mapping[str, Any],
    paths: Sequence[ProofPath],
    proof: TagProof,
    proofs: Proofs,
) -> list[str]:
    """What would make the attribution false, the weightiest first.

    Args:
        request: A row of `request_sheets`.
        by_policy: Satoshis of its output by each policy.
        service: The row of the register.
        paths: The ways to it.
        proof: The tag relied upon.
        proofs: Where further facts are looked up.
    """
    found = [*_of_tag(request, service, proof, proofs), *_of_policies(request, by_policy)]
    found += [*_of_hops(paths), *_of_coinjoins(paths)]
    found.append(
        "The time is that of the block, which its miner states and which may be off by hours from when the service "
        "booked the payment; and whoever holds the account named may have paid for somebody else."
    )
    return found


def _of_tag(request: Mapping[str, Any], service: Mapping[str, Any], proof: TagProof, proofs: Proofs) -> Iterator[str]:
    tag = proof.tag
    if not proof.is_direct:
        count = len(proof.merges)
        shown = "one transaction" if count == 1 else f"{count} transactions"
        weak = " Each one is a place where two people may have been taken for one." if count > _MERGES_FEW else ""
        yield (
            f"The address carries no tag itself. It counts as the service's because {shown} spent from it and, one "
            f"after the other, from the tagged address {tag['address']}. If one of them was signed by several people "
            f"(a CoinJoin or PayJoin not recognised, a shared wallet), the address is somebody else's.{weak}"
        )
    if not proof.agreeing:
        yield "One tag says whose the address is, and no second one. If its publisher erred, the service knows nothing."
    if any(proofs.coinjoin_of(txid) != "no" for txid in proof.merges):
        yield "One of the transactions that join the addresses may be a CoinJoin."
    tagged_on = str(tag["last_modified"] or "")[:10]
    if not tagged_on:
        yield "The tag bears no date: whether the address was the service's at the time, it does not say."
    elif tagged_on > f"{request['at_utc']:%Y-%m-%d}":
        yield (
            f"The tag is dated {tagged_on}, after the transaction of {request['at_utc']:%Y-%m-%d}: the address may "
            "have been another's then."
        )
    valid_from = str(service.get("valid_from") or "")[:10]
    if valid_from and valid_from > f"{request['at_utc']:%Y-%m-%d}":
        yield (
            f"The register's entry holds from {valid_from}, after the transaction: another company may have run the "
            "service then."
        )


def _of_policies(request: Mapping[str, Any], by_policy: Mapping[str, int]) -> Iterator[str]:
    if len(set(by_policy.values())) > 1:
        told = ", ".join(f"{amount_sat} by {_words(policy)}" for policy, amount_sat in by_policy.items())
        absent = [policy for policy, amount_sat in by_policy.items() if not amount_sat]
        by_others = f" By {' and '.join(map(_words, absent))} nothing of it is the platform's." if absent else ""
        yield f"The rules of attribution differ: {told} satoshis. Neither is a fact of the chain.{by_others}"
    rest_sat = request["output_sat"] - max(by_policy.values(), default=0)
    if rest_sat:
        yield (
            f"By every rule at least {rest_sat} of the output's {request['output_sat']} satoshis have nothing to do "
            "with the receipts followed here."
        )


def _of_hops(paths: Sequence[ProofPath]) -> Iterator[str]:
    between = sorted({len(path.hops) - 1 for path in paths})
    if not between or between[-1] <= 1:
        return
    told = str(between[0]) if len(between) == 1 else f"{between[0]} to {between[-1]}"
    yield (
        f"{told} transactions lie between the receipt and the service. At each of them the coins may have changed "
        "hands: the customer named need not be who dealt with the platform."
    )


def _of_coinjoins(paths: Sequence[ProofPath]) -> Iterator[str]:
    near = [path for path in paths if path.stops.get(_COINJOIN)]
    if near:
        most = max(near, key=lambda path: (path.stops[_COINJOIN], path.trace_id))
        yield (
            f"Of {len({path.hops[0].txid for path in near})} of the receipts another part ends in a CoinJoin (by "
            f"{_words(most.policy)} up to {most.stops[_COINJOIN]} satoshis): a payer who mixes coins may also have "
            "bought or swapped them."
        )
    if any(hop.coinjoin != "no" for path in paths for hop in path.hops):
        yield "An output on the way was made by a transaction that is, or may be, a CoinJoin."


def _words(policy: str) -> str:
    return {"fifo": "FIFO"}.get(policy, policy.replace("_", " "))


def kept_until(at_utc: dt.datetime, retention_days: int | None) -> str | None:
    """The last day on which the service keeps its records of a transaction, by the register; None if it is silent."""
    if not retention_days:
        return None
    return f"{at_utc + dt.timedelta(days=retention_days):%Y-%m-%d}"
