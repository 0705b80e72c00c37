"""What a country needs to know, taken from the tables of the case, and what it is not given and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir

from headwater.engine import Session
from headwater.leads import concerned
from headwater.money import POLICIES
from headwater.packages.foreign import foreign_ids, without_foreign
from headwater.packages.guards import redacted
from headwater.packages.needed import needed, needed_of_record
from headwater.packages.rows import plain
from headwater.schema import table_named

__all__ = ["RECALLED", "Contents", "Withheld", "contents_for"]

Row = dict[str, Any]

RECALLED = "leads that were recalled"
_ACCOUNT_LEFT_OUT = frozenset({"account_id"})  # stands on the lead itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """Something that the case holds and the package does not.

    Attributes:
        what: In words.
        count: How many.
        why: The reason.
    """

    what: str
    count: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The rows of one package, as plain values.

    Attributes:
        leads: Each with everything that belongs to it, in order of rank.
        requests: Rows of `request_sheets`, each with the leads it concerns.
        hash_references: Digests and paths on the evidence of media that the leads' accounts uploaded.
        references: Name and version of each reference that the case relied upon, with its kind.
        withheld: What was left out.
        disclosed: What stands beside the leads: in words, how many rows, in which file.
    """

    leads: tuple[Row, ...]
    requests: tuple[Row, ...]
    hash_references: tuple[Row, ...]
    references: tuple[Row, ...]
    withheld: tuple[Withheld, ...]
    disclosed: tuple[tuple[str, int, str], ...] = ()


def contents_for(tables: Session, country: str, *, leave_out: Collection[str] = ()) -> Contents:
    """What a package for this country holds.

    A lead is in it, with every piece of evidence for any country, if the country is proposed to lead or to share it; a
    request sheet, if the service is established there or the
    money of such a lead ends there. Leads to `leave_out` were recalled.
    """
    all_leads: list[Row] = tables.arrow("leads").to_pylist()
    of_country = [lead for lead in all_leads if country in concerned(lead)]
    chosen = [lead for lead in of_country if lead["lead_id"] not in leave_out]
    account_of = {lead["lead_id"]: lead["account_id"] for lead in chosen}
    lead_of = {account: lead for lead, account in account_of.items()}
    requests, requests_left = _requests(tables, country, lead_of)
    references = _hash_references(tables, lead_of)
    links = _Links(tables, sorted(lead_of))
    accounts = {row["account_id"]: row for row in _rows(tables, "accounts", "account_id", lead_of)}
    records = {row["record_id"]: row for row in _rows(tables, "records", "record_id", links.record_ids)}
    acts = _grouped(_rows(tables, "lead_acts", "lead_id", account_of), "lead_id")
    facts = _contrary_facts(tables, lead_of, links)
    rivals = _grouped(_rows(tables, "rival_hypotheses", "account_id", lead_of), "account_id")
    named = {lead["named_record_id"] for lead in chosen}
    foreign = foreign_ids(tables, account_of) - set(lead_of) - named
    origins = _grouped(_rows(tables, "media_origins", "account_id", lead_of), "account_id")
    requests_of = _grouped(({"lead_id": lead, **row} for row in requests for lead in row["lead_ids"]), "lead_id")
    media = _grouped(references, "lead_id")
    leads = [
        {
            **needed("leads", lead),
            "account": {
                name: value
                for name, value in accounts.get(lead["account_id"], {}).items()
                if name not in _ACCOUNT_LEFT_OUT
            },
            "named_record": needed_of_record(lead, records.get(lead["named_record_id"])),
            "links": links.of_account[lead["account_id"]],
            "contrary_facts": facts[lead["account_id"]],
            "rivals": [without_foreign(row, foreign) for row in rivals[lead["account_id"]]],
            "acts": acts[lead["lead_id"]],
            "origins": origins[lead["account_id"]],
            "media": dict(sorted(Counter(row["verdict_group"] for row in media[lead["lead_id"]]).items())),
            "request_ids": [row["request_id"] for row in requests_of[lead["lead_id"]]],
        }
        for lead in chosen
    ]
    silent = sum(lead["named_record"] is not None and "convicted" not in lead["named_record"] for lead in leads)
    rows, found = redacted(
        [plain(leads), plain(requests), plain(references), plain(_sources(tables, links.customer_ids))]
    )
    assert isinstance(rows, list)
    return Contents(
        leads=tuple(rows[0]),
        requests=tuple(rows[1]),
        hash_references=tuple(rows[2]),
        references=tuple(rows[3]),
        withheld=_withheld(
            other_leads=len(all_leads) - len(of_country),
            recalled=len(of_country) - len(chosen),
            other_requests=requests_left,
            media=len({row["item_id"] for row in references}),
            unjudged=links.not_positive,
            unnamed=len(links.record_ids - named),
            customers=len(links.customer_ids),
            others=len({(row["other_table"], row["other_id"]) for found in rivals.values() for row in found}),
            convictions=silent,
            key_material=found,
        ),
    )


class _Links:
    """The links of the leads' accounts and payments on which a positive judgement stands; the others are counted."""

    def __init__(self, tables: Session, account_ids: Sequence[str]) -> None:
        payments = {
            row["payment_id"]: row["account_id"] for row in _rows(tables, "payments", "account_id", account_ids)
        }
        owner: dict[str, set[str]] = defaultdict(set)
        for account in account_ids:
            owner[account].add(account)
        for payment, account in payments.items():
            owner[payment].add(account)
        self.of_account: dict[str, list[Row]] = defaultdict(list)
        self.link_accounts: dict[str, set[str]] = defaultdict(set)
        self.record_ids: set[str] = set()
        self.customer_ids: set[str] = set()
        self.not_positive = 0
        # A customer of a service is reached through a payment, so `held` links come after the `paid` ones.
        self._take(tables, owner, ("accounts", "payments"))
        self._take(tables, owner, ("customers",))

    def _take(self, tables: Session, owner: dict[str, set[str]], left_tables: tuple[str, ...]) -> None:
        rows = [row for row in _rows(tables, "links", "left_id", owner) if row["left_table"] in left_tables]
        verdicts = {row["link_id"]: row for row in _rows(tables, "judgements", "link_id", {r["link_id"] for r in rows})}
        for row in rows:
            accounts = owner[row["left_id"]]
            self.link_accounts[row["link_id"]] |= accounts
            judgement = verdicts.get(row["link_id"])
            if judgement is None or judgement["verdict"] != "positive":
                self.not_positive += 1
                continue
            if row["right_table"] == "customers":
                self.customer_ids.add(row["right_id"])
                owner[row["right_id"]] |= accounts
            else:
                self.record_ids.add(row["right_id"])
            for account in sorted(accounts):
                self.of_account[account].append({**row, "positive_operators": judgement["positive_operators"]})


def _rows(tables: Session, name: str, column: str, values: Iterable[str]) -> list[Row]:
    """The rows of a table whose column is one of the values, in the table's order."""
    wanted = sorted(set(values))
    if not wanted:
        return []
    schema = table_named(name)
    table = tables.table(name)
    order = [*schema.order_by, *(key for key in schema.key if key not in schema.order_by)]
    rows: list[Row] = tables.result(table.filter(table[column].isin(wanted)), order_by=order).to_pylist()
    return [needed(name, row) for row in rows]


def _grouped(rows: Iterable[Row], column: str) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[column]].append({name: value for name, value in row.items() if name != column})
    return groups


def _requests(tables: Session, country: str, lead_of: Mapping[str, str]) -> tuple[list[Row], int]:
    """The request sheets for the country, and how many there are of others."""
    sheets: list[Row] = tables.arrow("request_sheets").to_pylist()
    endpoints, traces = tables.table("endpoints"), tables.table("traces")
    ends = endpoints.filter(endpoints.service_id.notnull()).inner_join(
        traces.filter(traces.policy.isin(POLICIES)), "trace_id"
    )
    where = ("service_id", "txid", "output_index", "direction")
    ends = ends.filter(ends.account_id.notnull()).select(*where, "account_id", "trace_id").distinct()
    concerned: dict[tuple[object, ...], list[tuple[str, str]]] = defaultdict(list)
    for row in tables.result(ends, order_by=[*where, "account_id", "trace_id"]).to_pylist():
        if row["account_id"] in lead_of:
            concerned[tuple(row[name] for name in where)].append((lead_of[row["account_id"]], row["trace_id"]))
    chosen = []
    for sheet in sheets:
        traced = concerned.get(tuple(sheet[name] for name in where), ())
        lead_ids = sorted({lead_id for lead_id, _ in traced})
        if sheet["country"] == country or lead_ids:
            # The table counts accounts and traces of every country; here they are those of this package's leads.
            own = {"traces": len({trace_id for _, trace_id in traced}), "accounts": len(lead_ids)}
            chosen.append({**needed("request_sheets", sheet), **own, "lead_ids": lead_ids})
    return chosen, len(sheets) - len(chosen)


def _hash_references(tables: Session, lead_of: Mapping[str, str]) -> list[Row]:
    """For each media item that a lead's account uploaded: what it is, where it lies, and what the lists say."""
    if not lead_of:
        return []
    uploads = tables.table("uploads")
    uploads = uploads.filter(uploads.account_id.isin(sorted(lead_of)))
    joined = uploads.inner_join(tables.table("upload_items"), "upload_id")
    made: ir.Table = joined.group_by(["account_id", "item_id"]).aggregate(
        uploads=joined.upload_id.nunique(),
        first_uploaded_at_utc=joined.at_utc.min(),
    )
    items = tables.table("items").select(
        "item_id", "exhibit_id", "volume_index", "path", "size_bytes", "md5", "sha1", "sha256", "content_kind"
    )
    verdicts = tables.table("media_verdicts").select(
        "item_id", "verdict", "verdict_group", "transform", "series", "victim_identified"
    )
    clusters = tables.table("media_clusters").select("item_id", "media_cluster_id")
    origins = tables.table("media_origins").select("media_cluster_id", origin_account_id="account_id")
    expression = (
        made.inner_join(items, "item_id")
        .inner_join(verdicts, "item_id")
        .left_join(clusters, "item_id")
        .drop("item_id_right")
        .left_join(origins, "media_cluster_id")
        .drop("media_cluster_id_right")
    )
    rows = tables.result(
        expression, order_by=["account_id", "exhibit_id", "volume_index", "path", "item_id"]
    ).to_pylist()
    return [
        {
            "lead_id": lead_of[row["account_id"]],
            **{name: value for name, value in row.items() if name not in {"account_id", "origin_account_id"}},
            "earliest_upload_is_this_account": row["origin_account_id"] == row["account_id"],
        }
        for row in rows
    ]


def _contrary_facts(tables: Session, lead_of: Mapping[str, str], links: _Links) -> dict[str, list[Row]]:
    """Facts by account: those on the account itself and those on any of its links, judged or not."""
    by_account = _rows(tables, "contrary_facts", "account_id", lead_of)
    by_link = _rows(tables, "contrary_facts", "link_id", links.link_accounts)
    facts: dict[str, dict[str, Row]] = defaultdict(dict)
    for fact in (*by_account, *by_link):
        accounts = set(links.link_accounts.get(fact["link_id"] or "", ()))
        if fact["account_id"] in lead_of:
            accounts.add(fact["account_id"])
        for account in accounts:
            facts[account][fact["fact_id"]] = fact
    ordered: dict[str, list[Row]] = defaultdict(list)
    for account, found in facts.items():
        ordered[account] = [found[fact_id] for fact_id in sorted(found)]
    return ordered


_RETURNS = ("customers", "customer_identifiers")


def _sources(tables: Session, customer_ids: Collection[str]) -> list[Row]:
    """Name and version of every list, pack and register in the case, and of the returns that these leads rest on."""
    sources: list[Row] = []
    for name in (
        *("hash_list_entries", "tags", "services", "records", "record_identifiers"),
        *(*_RETURNS, "networks", "network_ranges"),
    ):
        table = tables.table(name)
        if name in _RETURNS:
            # Which service answered whom, and how much, is told to those whom the answer concerns.
            table = table.filter(table.customer_id.isin(sorted(customer_ids)))
        counted = table.group_by(["reference_name", "reference_version"]).aggregate(rows=table.count())
        rows = tables.result(counted, order_by=["reference_name", "reference_version"]).to_pylist()
        sources += [{"table": name, **row} for row in rows]
    return sources


def _withheld(
    *,
    other_leads: int,
    recalled: int,
    other_requests: int,
    media: int,
    unjudged: int,
    unnamed: int,
    customers: int,
    others: int,
    convictions: int,
    key_material: int,
) -> tuple[Withheld, ...]:
    reasons = (
        (
            "media files",
            media,
            "No media leaves headwater; hash_references.csv gives digests and paths, to view where the evidence is.",
        ),
        ("leads without a link to this country", other_leads, "Need to know: they concern other countries."),
        (RECALLED, recalled, "They were found to be wrong; none goes again unless somebody says so."),
        ("request sheets of other countries", other_requests, "Need to know: no lead in this package leads there."),
        (
            "proposed identity links that no standing judgement makes positive",
            unjudged,
            "A proposal is no identity, and naming a person nobody has confirmed would harm them.",
        ),
        (
            "personal fields of records linked to a lead without being its named person",
            unnamed,
            "Data minimisation: the number of the record is given, and the holder can be asked.",
        ),
        (
            "customer rows returned by services",
            customers,
            "Obtained under another authority; the request sheet says how to ask for them.",
        ),
        (
            "personal fields of people who stand beside a payer",
            others,
            "Nobody has found that they did anything; the number of each row is given, and the holder can be asked.",
        ),
        (
            "whether a named person was ever convicted",
            convictions,
            "No rule of these leads rests on it; a conviction is told only where one does.",
        ),
        (
            "texts that held key material or encoded bytes",
            key_material,
            "Seeds, private keys and embedded files never leave; each is replaced by a fixed phrase.",
        ),
    )
    return tuple(Withheld(what=what, count=count, why=why) for what, count, why in reasons if count)
