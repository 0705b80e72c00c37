"""Whose ids a package may name: those of its own leads, and of the candidates beside them who are no other lead's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.engine import Session
from headwater.packages.contents import Contents
from headwater.packages.documents import DRAFT_FOLDER
from headwater.packages.foreign import foreign_ids, rows_where
from headwater.packages.sent import Sent

__all__ = ["Own", "own_ids"]

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What is this country's.

    Attributes:
        country: ISO 3166-1 alpha-2.
        account_of: Lead to account.
        lefts: Left row of a link (account, payment, or customer of a service who was paid for one) to the accounts.
        named: Records of the people whom the leads name.
        foreign: Rows about people of leads that are not in the package; none of them is ever named.
        links: Rows of `links` that begin at one of `lefts`.
        facts: Contrary facts, by link.
        rivals: Rows of `rival_hypotheses`, by account.
        cuts: Transactions that people cut and through which money of these accounts goes.
        other_cuts: How many were cut besides.
        documents: Ids of the packages and notices for this country, drafts among them.
        references: `NAME@VERSION` of each reference that the manifest's methods name.
        exhibits: Numbers of all exhibits of the case.
        link_ids: Of `links`.
        mappings: Ids of the mappings that the leads' accounts were read with.
    """

    country: str
    account_of: Mapping[str, str]
    lefts: Mapping[str, frozenset[str]]
    named: frozenset[str]
    foreign: frozenset[str]
    links: tuple[Row, ...]
    facts: Mapping[str, tuple[Row, ...]]
    rivals: Mapping[str, tuple[Row, ...]]
    cuts: tuple[Row, ...]
    other_cuts: int
    documents: frozenset[str]
    references: frozenset[str]
    exhibits: frozenset[str]
    link_ids: frozenset[str]
    mappings: frozenset[str]

    @property
    def subjects(self) -> frozenset[str]:
        """Ids of leads, accounts, payments, links to named people, and these: all that a text about them may be of."""
        known = {row["link_id"] for row in self.links if row["right_id"] in self.named}
        accounts = {left for left in self.lefts if not left.startswith("cus-")}
        return frozenset({*self.account_of, *accounts, *self.named, *known})

    @property
    def judged(self) -> frozenset[str]:
        """These, and the links and candidates that a judgement may be about; never a person of another lead."""
        return (
            self.subjects | self.link_ids | {row["right_id"] for row in self.links} | frozenset(self.lefts)
        ) - self.foreign

    @property
    def ids(self) -> frozenset[str]:
        """Every id that may stand in what the country is given."""
        rights = {row["right_id"] for row in self.links} | {
            row["other_id"] for rows in self.rivals.values() for row in rows
        }
        shown = {*self.account_of, *self.lefts, *self.named, *rights, *self.link_ids, *self.documents}
        return (
            frozenset(shown | self.references | self.exhibits | self.mappings | {row["txid"] for row in self.cuts})
            - self.foreign
        )


def own_ids(tables: Session, contents: Contents, country: str, out_dir: Path, sent: Iterable[Sent]) -> Own:
    """What of the case's tables is this country's.

    Args:
        tables: The tables of the case.
        contents: What the package holds.
        country: For whom.
        out_dir: The case's folder of packages.
        sent: What was sent before.
    """
    account_of = {lead["lead_id"]: lead["account_id"] for lead in contents.leads}
    accounts = set(account_of.values())
    named = {lead["named_record_id"] for lead in contents.leads} - {None}
    lefts: dict[str, set[str]] = defaultdict(set)
    for account in accounts:
        lefts[account].add(account)
    for row in rows_where(tables, "payments", "account_id", accounts):
        lefts[row["payment_id"]].add(row["account_id"])
    links = rows_where(tables, "links", "left_id", lefts)
    paid = [row for row in links if row["right_table"] == "customers"]
    for row in paid:
        lefts[row["right_id"]] |= lefts[row["left_id"]]
    links += rows_where(tables, "links", "left_id", {row["right_id"] for row in paid})
    facts: dict[str, list[Row]] = defaultdict(list)
    for row in rows_where(tables, "contrary_facts", "link_id", {row["link_id"] for row in links}):
        facts[row["link_id"]].append(row)
    rivals: dict[str, list[Row]] = defaultdict(list)
    for row in rows_where(tables, "rival_hypotheses", "account_id", accounts):
        rivals[row["account_id"]].append(row)
    cuts = tables.arrow("merge_cuts").to_pylist()
    own_cuts = [row for row in cuts if row["txid"] in _own_transactions(tables, accounts)] if cuts else []
    documents = {one.sent_id for one in sent if one.country == country}
    documents |= {folder.parent.name for folder in out_dir.glob(f"{country}/*/{DRAFT_FOLDER}")}
    return Own(
        country=country,
        account_of=account_of,
        lefts={left: frozenset(of) for left, of in lefts.items()},
        named=frozenset(named),
        foreign=foreign_ids(tables, account_of) - accounts - named,
        links=tuple(links),
        facts={link: tuple(found) for link, found in facts.items()},
        rivals={account: tuple(found) for account, found in rivals.items()},
        cuts=tuple(own_cuts),
        other_cuts=len(cuts) - len(own_cuts),
        documents=frozenset(documents),
        references=frozenset(f"{row['reference_name']}@{row['reference_version']}" for row in contents.references),
        exhibits=frozenset(tables.arrow("exhibits")["exhibit_id"].to_pylist())
        | {row["exhibit_id"] for row in contents.hash_references},
        link_ids=frozenset(row["link_id"] for row in links),
        mappings=frozenset(
            str(lead["account"]["mapping_id"]) for lead in contents.leads if lead["account"].get("mapping_id")
        ),
    )


def _own_transactions(tables: Session, accounts: Collection[str]) -> set[str]:
    """Transactions on the ways of these accounts' money."""
    traces = {row["trace_id"] for row in rows_where(tables, "traces", "account_id", accounts)}
    found = {row["txid"] for row in rows_where(tables, "payments", "account_id", accounts)}
    for row in rows_where(tables, "trace_flows", "trace_id", traces):
        found |= {row["from_txid"], row["to_txid"]}
    return found
