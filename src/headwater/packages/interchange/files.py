"""The files of a package that are written in the formats of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Final, Protocol

from headwater.packages.interchange.case_graph import case_graph
from headwater.packages.interchange.ftm import ftm_lines
from headwater.packages.interchange.stix import stix_bundle

__all__ = ["about_file", "interchange_files"]

_CASE_PREFIX: Final = "case_"
_TERMS_NAME: Final = "case_terms.ttl"
_STIX_NAME: Final = "stix_bundle.json"
_FTM_NAME: Final = "followthemoney.jsonl"
_ABOUT: Final = {
    _TERMS_NAME: "The terms of headwater in the CASE/UCO graphs, aligned with CASE, UCO and the CAC ontology",
    _STIX_NAME: "Accounts, addresses, digests and services as a STIX 2.1 bundle; no name of a person",
    "hash_references_vics.json": "hash_references.csv as VICS 2.0 JSON, one object for each content; nobody's category",
    "hash_references_icse.csv": "hash_references.csv with ICSE's columns, one line for each content; nobody's category",
    _FTM_NAME: "Accounts, services, addresses and named records as FollowTheMoney entities, one a line",
}


class _Held(Protocol):
    """What a package holds, as `Contents` has it."""

    @property
    def leads(self) -> Sequence[Mapping[str, Any]]: ...

    @property
    def requests(self) -> Sequence[Mapping[str, Any]]: ...

    @property
    def hash_references(self) -> Sequence[Mapping[str, Any]]: ...


def interchange_files(contents: _Held, terms: Mapping[str, str]) -> dict[str, bytes]:
    """Name to content: a CASE/UCO graph for each lead and the terms it uses, a STIX bundle, FollowTheMoney entities.

    The same contents and terms give the same bytes.

    Args:
        contents: What the package holds, plain and without key material.
        terms: `case_id`, `authority_ref`, `agency`, `purpose`, `legal_basis`, `handling_code` and `onward_transfer` of
            the manifest; `country` for whom it is; `drafted_at_utc` as the manifest has it; `tool_version`.
    """
    media: dict[str, list[Mapping[str, Any]]] = {}
    for row in contents.hash_references:
        media.setdefault(row["lead_id"], []).append(row)
    requests: dict[str, list[Mapping[str, Any]]] = {}
    for row in contents.requests:
        for lead_id in row["lead_ids"]:
            requests.setdefault(lead_id, []).append(row)
    made = {
        _STIX_NAME: stix_bundle(contents.leads, media, requests, contents.requests, terms),
        _FTM_NAME: ftm_lines(contents.leads, contents.requests, terms),
    }
    if contents.leads:
        made[_TERMS_NAME] = files(__package__).joinpath(_TERMS_NAME).read_bytes()
    for lead in contents.leads:
        lead_id = lead["lead_id"]
        made[_case_name(lead_id)] = case_graph(lead, media.get(lead_id, ()), requests.get(lead_id, ()), terms)
    return made


def about_file(name: str) -> str:
    """What the manifest says of one of these files."""
    if name in _ABOUT:
        return _ABOUT[name]
    return "One lead as a CASE 1.4 graph (JSON-LD): what was found, where, by which act, what speaks against"


def _case_name(lead_id: str) -> str:
    return f"{_CASE_PREFIX}{lead_id.replace('-', '_')}.jsonld"
