"""Request sheets: what one service is asked, on what proof, and what would make it false."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from headwater.engine import Session
from headwater.errors import InputError
from headwater.money_view.amounts import btc_text, money_text
from headwater.money_view.doubts import doubts, kept_until
from headwater.money_view.prices import Prices
from headwater.money_view.proofs import ProofPath, Proofs, TagProof
from headwater.money_view.sums import money_sums, services_by_id
from headwater.packages import plain, redacted

__all__ = ["Basis", "Sheet", "request_sheets"]

Row = Mapping[str, Any]

_FORMAT: Final = "headwater request sheet"
_VERSION: Final = 1
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
_NOT_A_POLICY: Final = frozenset({"output_sat"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a sheet rests on, so that it can be checked against the case.

    Attributes:
        case_id: The case.
        authority_ref: Warrant or order.
        purpose: Purpose of the case.
        custody_seq: Number of the custody entry that recorded the tables of money.
        custody_sha256: Its digest, which the next entry holds.
        custody_at_utc: Its time: the only time of ours on a sheet, so that the same tables give the same bytes.
        custody_head: Head of the log as that entry left it, as ENTRIES:ROOT; printed, so that its reader is a witness.
        tables: Digest of each table used, by name.
        references: Digest of the seal of each reference used, by NAME@VERSION.
        version: Of headwater.
        program_sha256: Digest of its files, as the custody log and the manifest of a package have it.
    """

    case_id: str
    authority_ref: str
    purpose: str
    custody_seq: int
    custody_sha256: str
    custody_at_utc: dt.datetime
    custody_head: str
    tables: Mapping[str, str]
    references: Mapping[str, str]
    version: str
    program_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What one service is asked.

    Attributes:
        name: For its files, without an ending.
        document: All of it.
        withheld: Texts in which key material or encoded bytes were withheld.
    """

    name: str
    document: Mapping[str, Any]
    withheld: int


def request_sheets(
    tables: Session,
    basis: Basis,
    actors: Sequence[str] | None,
    prices: Prices | None,
    others: Collection[str] = (),
) -> list[Sheet]:
    """A sheet for each service, in order of country and actor.

    Args:
        tables: The case's tables.
        basis: What they rest on.
        actors: Services by their name in tags; None for all.
        prices: For values at the day's price; None for none.
        others: Services that are asked about something else, so that nothing to ask about coins is no error.

    Raises:
        InputError: There is nothing to ask a service that is named, or any at all.
    """
    rows = tables.arrow("request_sheets").to_pylist()
    by_service: dict[str, list[Row]] = {}
    for row in rows:
        if actors is None or row["actor"] in actors:
            by_service.setdefault(row["service_id"], []).append(row)
    there = sorted({row["actor"] for row in rows})
    for actor in actors or ():
        if actor not in there and actor not in others:
            told = ", ".join(sorted({*there, *others})) or "none"
            raise InputError(actor, f"no trace ends at this service; those that can be asked: {told}")
    if not by_service and not others:
        raise InputError("request sheets", "no trace ends at a registered service", remedy="see 'headwater money'")
    services = services_by_id(tables)
    proofs = Proofs(tables, by_service.keys())
    sums = money_sums(tables)
    followed = {(flow.direction, flow.policy): flow.origin_sat for flow in sums.flows}
    reached = {
        (flow.direction, flow.policy, end.service_id): amount_sat
        for flow in sums.flows
        for end, amount_sat in flow.ends.items()
    }
    sheets = []
    for service_id, requests in by_service.items():
        service = services[service_id]
        asked = [_request(row, service, proofs, prices) for row in requests]
        document = {
            "format": _FORMAT,
            "version": _VERSION,
            "service": {name: value for name, value in service.items() if name != "reference_row"},
            "records_to_ask_for": _records(service),
            "case": {
                "case_id": basis.case_id,
                "authority_ref": basis.authority_ref,
                "purpose": basis.purpose,
            },
            "shares": [
                {
                    "direction": direction,
                    "policy": policy,
                    "followed_sat": followed_sat,
                    "reaches_sat": reached.get((direction, policy, service_id), 0),
                }
                for (direction, policy), followed_sat in followed.items()
            ],
            "requests": asked,
            "basis": {
                "custody_entry": basis.custody_seq,
                "custody_entry_sha256": basis.custody_sha256,
                "custody_entry_at_utc": basis.custody_at_utc,
                "custody_head": basis.custody_head,
                "tables": dict(basis.tables),
                "references": dict(basis.references),
                "tool": f"headwater {basis.version}",
                "tool_sha256": basis.program_sha256,
            },
            "prices": None if prices is None else {"currency": prices.currency, "what": prices.words},
        }
        # Texts of registers and tags are other people's.
        safe, withheld = redacted(plain(document))
        assert isinstance(safe, Mapping)
        sheets.append(Sheet(name=_file_name(service), document=safe, withheld=withheld))
    return sheets


def _file_name(service: Row) -> str:
    """A name that tells services apart whatever their actors are called."""
    words = _NOT_IN_NAMES.sub("-", str(service["actor"]).lower()).strip("-")[:40] or "service"
    country = _NOT_IN_NAMES.sub("", str(service["country"]).lower())[:4]
    return f"{country}_{words}_{str(service['service_id'])[-8:]}"


def _records(service: Row) -> list[str]:
    """What the register says the service holds, one by one."""
    return [part.strip() for part in re.split(r"[,;\n]", service["records_held"] or "") if part.strip()]


def _request(row: Row, service: Row, proofs: Proofs, prices: Prices | None) -> dict[str, Any]:
    # Whatever columns of satoshis the table has are policies: no list of them is kept here.
    by_policy = {
        name.removesuffix("_sat"): sat
        for name, sat in row.items()
        if name.endswith("_sat") and name not in _NOT_A_POLICY and isinstance(sat, int)
    }
    paths = proofs.paths(row)
    proof = proofs.tag_proof(row)
    receipts = {(path.hops[0].txid, path.hops[0].output_index): path.receipt_sat for path in paths}
    worth = None if prices is None else prices.value(row["output_sat"], row["at_utc"])
    return {
        "request_id": row["request_id"],
        "direction": row["direction"],
        "question": row["question"],
        "txid": row["txid"],
        "output_index": row["output_index"],
        "address": row["address"],
        "output_sat": row["output_sat"],
        "output_btc": btc_text(row["output_sat"]),
        "by_policy": by_policy,
        "least_sat": min(by_policy.values(), default=0),
        "most_sat": max(by_policy.values(), default=0),
        # No rule can attribute more to an output than it holds, nor more than the receipts held.
        "bound_sat": min(row["output_sat"], sum(receipts.values())),
        "at_utc": row["at_utc"],
        "kept_until": kept_until(row["at_utc"], service["retention_days"]),
        "value_minor": worth,
        "value": None if worth is None or prices is None else money_text(worth, prices.currency),
        "receipts": [
            {"txid": txid, "output_index": index, "receipt_sat": sat} for (txid, index), sat in sorted(receipts.items())
        ],
        "tag": {**_tag(proof), "is_later": row["tag_is_later"]},
        "merges": list(proof.merges),
        "paths": [_path(path) for path in paths],
        "what_would_make_it_false": doubts(row, by_policy, service, paths, proof, proofs),
    }


def _tag(proof: TagProof) -> dict[str, Any]:
    names = ("tag_id", "address", "label", "actor", "category", "confidence", "source", "last_modified")
    return {
        **{name: proof.tag[name] for name in names},
        "pack": f"{proof.tag['reference_name']}@{proof.tag['reference_version']}",
        "relied_on_for": proof.address,
        "is_direct": proof.is_direct,
        "further_tags_that_agree": proof.agreeing,
    }


def _path(path: ProofPath) -> dict[str, Any]:
    return {
        "policy": path.policy,
        "receipt_sat": path.receipt_sat,
        "amount_sat": path.amount_sat,
        "hops": [
            {
                "txid": hop.txid,
                "output_index": hop.output_index,
                "amount_sat": hop.amount_sat,
                "at_utc": hop.at_utc,
            }
            for hop in path.hops
        ],
    }
