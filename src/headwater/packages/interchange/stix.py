"""Accounts, addresses, digests and services of a package as a STIX 2.1 bundle. No person is named in it.

References:
    STIX 2.1, OASIS Standard, 2021: 2.9 (identifiers of observables), 3.6 (versions), 4.9 (grouping), 4.13 (note),
    6 (observables), 7.3 (extension definitions).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from headwater.packages.interchange.allowed import filled
from headwater.packages.interchange.ids import OUR_TERMS, id_of
from headwater.packages.interchange.shapes import email_text, network_kind, network_uses
from headwater.schema import canonical_json

__all__ = ["stix_bundle"]

_OBSERVED: Final = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""The namespace in which observables get their ids (STIX 2.1, 2.9): whoever sees the same one writes the same id."""

_HASH_FIRST: Final = ("MD5", "SHA-1", "SHA-256")  # 2.9: of several digests, the first of these contributes

_DEFINED_AT_UTC: Final = "2026-11-30T00:00:00.000Z"
"""When the extension got its version 1: a definition keeps its time whoever sends it."""

Row = Mapping[str, Any]


class _Bundle:
    """Objects by id; the same thing, made twice, is one object."""

    def __init__(self, terms: Row) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.terms = {**terms, "agency": terms["agency"] or f"sender of case {terms['case_id']}"}
        self.terms["sender"] = self.own("sender", self.terms, "identity", self.terms["agency"])
        stated = {"text": f"{terms['handling_code']}; onward transfer: {terms['onward_transfer']}"}
        marking = {"definition": _object("statement", stated)}
        self.terms["markings"] = [self.own("marking", marking, "marking-definition", terms["case_id"], stated["text"])]

    def own(self, thing: str, row: Row, kind: str, *parts: object) -> str:
        """The id of an object of ours: new with each draft, because an id whose `created` changes is refused (3.6)."""
        return self._put(thing, row, f"{kind}--{id_of(f'stix {thing}', self.terms['drafted_at_utc'], *parts)}")

    def lasting(self, thing: str, row: Row, kind: str, *parts: object) -> str:
        """The id of an object of ours that is the same in every package."""
        return self._put(thing, row, f"{kind}--{id_of(f'stix {thing}', *parts)}")

    def observed(self, thing: str, row: Row, kind: str, **told_apart_by: object) -> str:
        """The id of an observable, by what tells it apart (STIX 2.1, 2.9)."""
        made = uuid.uuid5(_OBSERVED, canonical_json(told_apart_by).decode("utf-8"))  # type: ignore[arg-type]  # plain values
        return self._put(thing, row, f"{kind}--{made}")

    def _put(self, thing: str, row: Row, object_id: str) -> str:
        if object_id not in self.objects:
            self.objects[object_id] = _object(thing, {**self.terms, **row, "id": object_id})
        return object_id


def stix_bundle(
    leads: Sequence[Row],
    media: Mapping[str, Sequence[Row]],
    concerned: Mapping[str, Sequence[Row]],
    requests: Sequence[Row],
    terms: Row,
) -> bytes:
    """A bundle: for each lead a grouping with what it is about, and beside them what the request sheets ask about.

    Args:
        leads: As `leads.jsonl` has them.
        media: Rows of `hash_references.csv`, by lead.
        concerned: Request sheets, by lead.
        requests: All request sheets, also those that concern no lead.
        terms: Case, sender, terms of use and time of drafting.
    """
    bundle = _Bundle(terms)
    asked = _requests(bundle, requests)
    for lead in leads:
        account = _account(bundle, lead)
        about = {account, *_beside(bundle, lead, account)}
        about |= {_file(bundle, row) for row in media.get(lead["lead_id"], ()) if _digests_of(row)}
        about |= {one for row in concerned.get(lead["lead_id"], ()) for one in asked[row["request_id"]]}
        because = "; ".join(rule["because"] for rule in lead["rules_fired"])
        bundle.own("grouping", {**lead, "because": because, "objects": sorted(about)}, "grouping", lead["lead_id"])
    objects = [bundle.objects[object_id] for object_id in sorted(bundle.objects)]
    bundle_id = f"bundle--{id_of('stix bundle', terms['case_id'], terms['country'], terms['drafted_at_utc'])}"
    return canonical_json({"type": "bundle", "id": bundle_id, "objects": objects}) + b"\n"


def _object(thing: str, row: Row) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for field, values in filled("stix", thing, row):
        told = [value if field.kind in {"integer", "object"} else str(value) for value in values]
        made[field.name] = told if field.kind in {"refs", "list"} else told[0]
    return made


def _account(bundle: _Bundle, lead: Row) -> str:
    key = lead["account"].get("platform_key") or lead["account_id"]
    # The platform's own number says nothing without the platform, so the id is ours and not shared with others.
    return bundle.lasting("account", {**lead["account"], "platform_key": key}, "user-account", lead["account_id"])


def _beside(bundle: _Bundle, lead: Row, account: str) -> list[str]:
    beside = []
    email = email_text(lead["account"].get("email"))
    if email is not None:
        node = bundle.observed("email", {"email": email}, "email-addr", value=email)
        beside += [node, _relation(bundle, account, node, "The account was registered with this e-mail address")]
    for use in network_uses(lead["acts"]):
        version = network_kind(use.network_address)
        if version is None:
            continue
        kind = f"ipv{version}-addr"
        row = {"type": kind, "network_address": use.network_address}
        node = bundle.observed("network_address", row, kind, value=use.network_address)
        what = f"{use.observed} acts of the account from this address, {use.first_at_utc} to {use.last_at_utc}"
        beside += [node, _relation(bundle, account, node, what)]
    return beside


def _relation(bundle: _Bundle, source: str, target: str, description: str) -> str:
    row = {"source": source, "target": target, "description": description}
    return bundle.own("relation", row, "relationship", source, target, description)


def _digests_of(row: Row) -> dict[str, Any]:
    return _object("digests", row)


def _file(bundle: _Bundle, row: Row) -> str:
    digests = _digests_of(row)
    first = next(name for name in _HASH_FIRST if name in digests)
    return bundle.observed("file", {**row, "digests": digests}, "file", hashes={first: digests[first]})


def _requests(bundle: _Bundle, requests: Sequence[Row]) -> dict[str, list[str]]:
    """For each request sheet its service and a note that asks; any reader shows the note, and ours its numbers too."""
    if not requests:
        return {}
    defined = {"schema": OUR_TERMS, "defined_at_utc": _DEFINED_AT_UTC}
    defined["tool"] = bundle.lasting("tool", defined, "identity", "headwater")
    extension = bundle.lasting("extension", defined, "extension-definition", "outputs", "1")
    made: dict[str, list[str]] = {}
    for row in requests:
        service = bundle.own("service", row, "identity", row["service_id"])
        to = f" to {row['address']}" if row["address"] else ""
        told = f"{row['question']} Output {row['output_index']} of {row['txid']}{to}: {row['output_sat']} satoshis."
        extensions = {extension: _object("output", row)}
        asked = {**row, "told": told, "objects": [service], "extensions": extensions}
        made[row["request_id"]] = [service, bundle.own("request", asked, "note", row["request_id"])]
    return made
