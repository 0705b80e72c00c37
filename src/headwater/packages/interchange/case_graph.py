"""One lead as a CASE/UCO graph: what was found, on which exhibit, by which act, and what speaks against it.

References:
    CASE 1.4.0 and UCO 1.4.0, https://ontology.caseontology.org; JSON-LD 1.1, https://www.w3.org/TR/json-ld11/.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from headwater.packages.interchange.allowed import filled
from headwater.packages.interchange.ids import OUR_TERMS, id_of
from headwater.packages.interchange.shapes import network_kind, network_uses
from headwater.packages.rows import other_person, shared_with
from headwater.schema import canonical_json

__all__ = ["CONTEXT", "case_graph"]

CONTEXT: Final = {
    "case-investigation": "https://ontology.caseontology.org/case/investigation/",
    "headwater": OUR_TERMS,
    "uco-action": "https://ontology.unifiedcyberontology.org/uco/action/",
    "uco-core": "https://ontology.unifiedcyberontology.org/uco/core/",
    "uco-identity": "https://ontology.unifiedcyberontology.org/uco/identity/",
    "uco-marking": "https://ontology.unifiedcyberontology.org/uco/marking/",
    "uco-observable": "https://ontology.unifiedcyberontology.org/uco/observable/",
    "uco-tool": "https://ontology.unifiedcyberontology.org/uco/tool/",
    "uco-types": "https://ontology.unifiedcyberontology.org/uco/types/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
"""Written in each file, so that nobody has to fetch one."""

_TYPED: Final = {"integer": "xsd:integer", "time": "xsd:dateTime", "hex": "xsd:hexBinary"}
_NETWORK: Final = {"4": "IPv4Address", "6": "IPv6Address", None: "DigitalAddress"}
_DIGESTS: Final = (("MD5", "md5"), ("SHA1", "sha1"), ("SHA256", "sha256"))

Row = Mapping[str, Any]


class _Graph:
    """Nodes by id. The same thing, made twice, is one node; nothing but the allow-list fills it."""

    def __init__(self) -> None:
        self.nodes: dict[str, dict[str, Any]] = {}
        self.objects: list[str] = []

    def add(self, thing: str, row: Row, *parts: object, part: bool = False) -> str:
        """The id of the node that this thing is.

        Args:
            thing: As the allow-list names it.
            row: What fills it.
            parts: What makes it that thing.
            part: It is a facet or the like, which no investigation lists by itself.
        """
        node_id = f"urn:uuid:{id_of(thing, *parts)}"
        if node_id in self.nodes:
            return node_id
        node: dict[str, Any] = {"@id": node_id}
        for field, values in filled("case", thing, row):
            told = [_json_ld(field.kind, value, is_type=field.name == "@type") for value in values]
            node.setdefault(field.name, []).extend(told)
        self.nodes[node_id] = {name: told[0] if len(told) == 1 else told for name, told in _lists(node)}
        if not part:
            self.objects.append(node_id)
        return node_id

    def facet(self, thing: str, row: Row, *parts: object) -> str | None:
        """The id of the facet, or None where the row has nothing for it but its type."""
        if all(field.name == "@type" for field, _ in filled("case", thing, row)):
            return None
        return self.add(thing, row, *parts, part=True)

    def relate(self, source: str, kind: str, target: str, description: str, **more: object) -> str:
        """A relationship from one node to another; of observables where both are."""
        observed = all(self._is_observable(node) for node in (source, target))
        row = {
            "type": "uco-observable:ObservableRelationship" if observed else "uco-core:Relationship",
            "source": source,
            "target": target,
            "kind": kind,
            "directional": True,
            "description": description,
            **more,
        }
        return self.add("relation", row, source, kind, target, description)

    def text(self) -> bytes:
        """The graph as canonical JSON, its nodes in order of ids."""
        nodes = [self.nodes[node_id] for node_id in sorted(self.nodes)]
        return canonical_json({"@context": CONTEXT, "@graph": nodes}) + b"\n"

    def _is_observable(self, node_id: str) -> bool:
        types = self.nodes[node_id]["@type"]
        return any(one.startswith("uco-observable:") for one in ([types] if isinstance(types, str) else types))


def case_graph(lead: Row, media: Sequence[Row], requests: Sequence[Row], terms: Row) -> bytes:
    """One lead as JSON-LD that stands alone; ids are the same for the same lead, account, file or transaction.

    Args:
        lead: As `leads.jsonl` has it.
        media: Its rows of `hash_references.csv`.
        requests: Its request sheets.
        terms: Case, sender, terms of use, time of drafting and version.
    """
    graph = _Graph()
    sender = graph.add("sender", terms, terms["agency"]) if terms["agency"] else None
    marking = _marking(graph, terms)
    tool = graph.add("tool", terms, terms["tool_version"])
    account = _account(graph, lead)
    files = {row["item_id"]: _file(graph, row, account) for row in media}
    exhibits = _exhibits(graph, lead, media, account, files, terms)
    catalogued = graph.add(
        "action",
        {
            "types": "case-investigation:InvestigativeAction",
            "name": "exhibits catalogued",
            "description": "Files listed with their digests, the platform's tables read by an approved mapping",
            "performer": sender,
            "instrument": tool,
            "results": exhibits,
        },
        "catalogued",
        terms["case_id"],
    )
    informed = [catalogued]
    about = [account]
    if requests:
        informed.append(_traced(graph, requests, catalogued, tool, sender, lead, about))
    if lead["named_record"] is not None:
        informed.append(_named(graph, lead, account, catalogued))
    against = _against(graph, lead, account)
    told = [*(rule["because"] for rule in lead["rules_fired"]), lead["why_now"]]
    lead_node = graph.add(
        "lead", {**lead, "statements": _once(told), "objects": about, "marking": marking}, lead["lead_id"]
    )
    graph.add(
        "action",
        {
            "types": "case-investigation:InvestigativeAction",
            "name": "lead drafted for a package",
            "description": f"Put together by printed rules, version {lead['rules_version']}, and drafted for "
            f"{terms['country']}; a hypothesis for enquiry, and no finding of guilt",
            "at_utc": terms["drafted_at_utc"],
            "performer": sender,
            "instrument": tool,
            "objects": exhibits,
            "results": [lead_node, *against],
            "informed_by": informed,
        },
        "drafted",
        terms["case_id"],
        lead["lead_id"],
        terms["drafted_at_utc"],
    )
    authorization = graph.add("authorization", terms, terms["authority_ref"])
    objects = sorted(graph.objects)
    graph.add(
        "investigation",
        {**terms, "authorization": authorization, "sender": sender, "marking": marking, "objects": objects},
        terms["case_id"],
    )
    return graph.text()


def _json_ld(kind: str, value: object, *, is_type: bool) -> object:
    if kind == "ref":
        return {"@id": value}
    if kind in _TYPED:
        return {"@type": _TYPED[kind], "@value": str(value)}
    if kind == "boolean" or is_type:
        return value
    return str(value)


def _lists(node: Mapping[str, Any]) -> Iterable[tuple[str, list[Any]]]:
    for name, told in node.items():
        yield name, told if isinstance(told, list) else [told]


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _marking(graph: _Graph, terms: Row) -> str:
    stated = ("handling_code", "purpose", "legal_basis", "onward_transfer")
    statements = [
        graph.add("statement", {"text": f"{name.replace('_', ' ')}: {terms[name]}"}, name, terms[name], part=True)
        for name in stated
        if terms[name]
    ]
    return graph.add("marking", {"statements": statements}, *(terms[name] for name in stated))


def _account(graph: _Graph, lead: Row) -> str:
    row, account_id = {**lead["account"], "account_id": lead["account_id"]}, lead["account_id"]
    things = ("account_facet", "digital_account_facet", "platform_account_facet")
    facets = [graph.facet(thing, row, account_id) for thing in things]
    account = graph.add("account", {"facets": facets}, account_id)
    for thing, kind in (("email", "e-mail address"), ("phone", "telephone number")):
        if row.get(thing):
            facet = graph.facet(f"{thing}_facet", row, row[thing])
            node = graph.add(thing, {"facets": [facet]}, row[thing])
            graph.relate(account, "Related_To", node, f"The account was registered with this {kind}")
    for use in network_uses(lead["acts"]):
        kind_of = _NETWORK[network_kind(use.network_address)]
        typed = {"network_address": use.network_address, "facet_type": f"uco-observable:{kind_of}Facet"}
        proxy = graph.facet("proxy_facet", {"proxy": use.proxy}, use.network_address, use.proxy)
        facets = [graph.facet("network_address_facet", typed, use.network_address), proxy]
        row = {"type": f"uco-observable:{kind_of}", "facets": facets}
        node = graph.add("network_address", row, use.network_address)
        graph.relate(
            account,
            "Connected_From",
            node,
            "Acts of the account that the platform noted from this address",
            first_at_utc=use.first_at_utc,
            last_at_utc=use.last_at_utc,
            facets=[graph.facet("count_facet", {"observed": use.observed}, account_id, use.network_address)],
        )
    return account


def _file(graph: _Graph, row: Row, account: str) -> str:
    item = row["item_id"]
    digests = [
        graph.add("digest", {"method": method, "digest": row[column]}, item, method, part=True)
        for method, column in _DIGESTS
        if row[column] is not None
    ]
    facets = [
        graph.facet("file_facet", {**row, "file_name": row["path"].rpartition("/")[2]}, item),
        graph.facet("content_facet", {**row, "digests": digests}, item),
        # Whether it was this account's upload that was the earliest depends on the account.
        graph.facet("list_facet", row, item, account),
    ]
    node = graph.add("file", {"facets": facets}, item)
    graph.relate(
        account,
        "Uploaded",
        node,
        "The platform's tables say that this account uploaded it",
        first_at_utc=row["first_uploaded_at_utc"],
        facets=[graph.facet("count_facet", {"observed": row["uploads"]}, account, item)],
    )
    return node


def _exhibits(
    graph: _Graph, lead: Row, media: Sequence[Row], account: str, files: Mapping[str, str], terms: Row
) -> list[str]:
    held: dict[str, set[str]] = {}
    if lead["account"].get("exhibit_id"):
        held.setdefault(lead["account"]["exhibit_id"], set()).add(account)
    for row in media:
        held.setdefault(row["exhibit_id"], set()).add(files[row["item_id"]])
    return [
        graph.add(
            "exhibit",
            {
                "exhibit_id": exhibit,
                "description": "Read by headwater and never altered; its acquisition is in the custody log of the case",
                "objects": sorted(nodes),
            },
            terms["case_id"],
            exhibit,
        )
        for exhibit, nodes in sorted(held.items())
    ]


def _traced(
    graph: _Graph, requests: Sequence[Row], before: str, tool: str, sender: str | None, lead: Row, about: list[str]
) -> str:
    results = []
    for row in requests:
        service = graph.add(
            "service", {**row, "facets": [graph.facet("service_facet", row, row["service_id"])]}, row["service_id"]
        )
        facet = graph.facet("transaction_facet", row, row["txid"])
        transaction = graph.add("transaction", {"facets": [facet]}, row["txid"])
        concerned = [transaction, service]
        graph.relate(
            transaction, "Related_To", service, "A tag of the case says that the service controls an end of it"
        )
        if row["address"]:
            facet = graph.facet("wallet_address_facet", row, row["address"])
            address = graph.add("wallet_address", {"facets": [facet]}, row["address"])
            paid = graph.facet("output_facet", row, row["txid"], row["output_index"], row["direction"])
            what = f"Output {row['output_index']} of the transaction pays to this address"
            graph.relate(transaction, "Sent_To", address, what, facets=[paid])
            concerned.append(address)
        results.append(graph.add("request", {**row, "objects": concerned}, row["request_id"]))
        about.append(transaction)
    return graph.add(
        "action",
        {
            "types": ["case-investigation:InvestigativeAction", "headwater:MoneyTracing"],
            "name": "money followed",
            "description": "Satoshis followed in whole numbers, FIFO and pro rata, and never through a service",
            "performer": sender,
            "instrument": tool,
            "results": results,
            "informed_by": [before],
        },
        "traced",
        lead["lead_id"],
    )


def _named(graph: _Graph, lead: Row, account: str, before: str) -> str:
    record = lead["named_record"]
    facet = graph.facet("record_facet", record, record["record_id"])
    person = graph.add("person", {**record, "facets": [facet]}, record["record_id"])
    links = [link for link in lead["links"] if link["right_id"] == record["record_id"]]
    facets = [graph.facet("link_facet", link, link["link_id"]) for link in links]
    relation = graph.relate(
        account,
        "Used_By",
        person,
        "Two people judged, each for themselves, that this person used the account; no finding of guilt",
        facets=facets,
    )
    return graph.add(
        "action",
        {
            "types": "case-investigation:InvestigativeAction",
            "name": "identity judged",
            "description": "By two named people of the sender, whose decisions are in the custody log of the case",
            "objects": [account],
            "results": [relation],
            "informed_by": [before],
        },
        "judged",
        lead["lead_id"],
    )


def _against(graph: _Graph, lead: Row, account: str) -> list[str]:
    facts = [
        graph.add("contrary", {**fact, "objects": [account]}, fact["fact_id"], account) for fact in lead["contrary"]
    ]
    rivals = []
    for rival in lead["rivals"]:
        statement = (
            f"{other_person(rival)} shares {shared_with(rival)} with a payer; nobody found that they did anything"
        )
        row = {**rival, "statement": statement, "objects": [account]}
        rivals.append(graph.add("rival", row, rival["rival_id"]))
    return facts + rivals
