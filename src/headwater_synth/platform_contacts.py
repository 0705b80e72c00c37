"""The table in which the invented application keeps contacts of accounts, each with the time since when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headwater_synth.platform_dump import DumpTable, Value
from headwater_synth.population import Population

__all__ = ["contact_table"]

_CONTACTS_KEPT = 40  # one account of so many has its first address in the table of contacts


def _reach_rows(population: Population) -> Iterator[Sequence[Value]]:
    rows: list[tuple[int, int, str, str]] = []
    for contact in population.facts.contacts:
        person = population.person(contact.person_key)
        value = person.email if contact.kind == "mail" else person.phone
        rows.append((contact.at_s, contact.account_key, contact.kind, value))
    for account_key in range(1, population.accounts + 1, _CONTACTS_KEPT):
        account = population.account(account_key)
        if account.email:
            rows.append((account.registered_at_s, account_key, "mail", account.email))
    for number, (at_s, account_key, kind, value) in enumerate(sorted(rows), start=1):
        yield (number, account_key, kind, value, at_s)


def contact_table(population: Population) -> DumpTable:
    """The table, its rows made as they are read.

    Args:
        population: Whose contacts.
    """
    return DumpTable(
        name="gx_reach",
        definitions=(
            "`rid` int(10) unsigned NOT NULL",
            "`mbr` int(10) unsigned NOT NULL",
            "`knd` enum('mail','tel') NOT NULL",
            "`val` varchar(190) NOT NULL",
            "`since` int(10) unsigned NOT NULL",
            "PRIMARY KEY (`rid`)",
            "KEY `mbr` (`mbr`)",
            "CONSTRAINT `reach_mbr` FOREIGN KEY (`mbr`) REFERENCES `gx_mbr` (`mid`)",
        ),
        rows=_reach_rows(population),
    )
