"""How the findings of a package were made, within which limits, and what else could explain them."""

from __future__ import annotations

from headwater.packages.contents import Contents
from headwater.schema import TABLES

__all__ = ["LIMITS", "methods_text"]

LIMITS: tuple[tuple[str, str, str], ...] = (
    (
        "Leads",
        (
            "A lead is a hypothesis about an account, ranked by printed rules over observed acts. It names no "
            "person unless a person judged the link, and it is no finding of guilt."
        ),
        (
            "Several people may have used one account; an account may have been taken over; the platform's own "
            "records may be wrong or may have been altered before the seizure."
        ),
    ),
    (
        "Media",
        (
            "Digests prove that files are equal. A perceptual hash (PDQ) within the case's limit (31 of 256 bits "
            "unless the case says less), on frames of enough quality, proposes that two pictures show the same "
            "scene; the distance is printed. 'None' means that the lists of this case hold nothing near: it says "
            "neither that the file is lawful nor that it is new to others. A listed hash that is near many items "
            "unlike each other stands for a template: it is set aside, and what is near it alone is 'none', until a "
            "person decides. Only lists whose meaning two people stated are compared. Videos are sampled. Where a case "
            "asks for it, pictures are looked up turned and mirrored as well, and the match says so."
        ),
        (
            "Pictures with large flat areas come near each other by chance; a list may be wrong; cropped copies, "
            "turned and mirrored ones where the case does not ask for them, and short scenes between the frames "
            "that were hashed, are missed. A person must look, in an accredited viewer, before anything follows "
            "from a match."
        ),
    ),
    (
        "Money",
        (
            "Addresses of the platform are derived from its own wallet. Satoshis are followed in whole numbers, "
            "first in first out and pro rata side by side, and never through a service that pools its customers' "
            "coins. Scripts are joined only where one transaction spent from both and it is not shaped like a "
            "CoinJoin."
        ),
        (
            "A service's tag may be wrong or out of date; a payment may have been made for somebody else; coins "
            "may have been sold between two hops."
        ),
    ),
    (
        "Identities",
        (
            "Three claims are kept apart: who used an account, who made a payment, who holds a service's customer "
            "record. Each link shows its weight field by field, and counts only if a person judged it positive."
        ),
        (
            "People pay in a relative's name, share a household, a connection or an e-mail address, and hide "
            "behind proxies. The contrary facts of each lead list what was found of this, and who shares something "
            "with a payer stands beside them, with what fits either; nobody found that such a person did anything."
        ),
    ),
    (
        "Network addresses and times",
        (
            "All times are UTC. An address is the platform's own note; whether it is a proxy is said by the lists "
            "of this case, and nothing where no list says."
        ),
        "An address names a connection, not a person; the platform's clock may have been wrong.",
    ),
)
"""For each kind of finding: how it was made, and what else could explain it."""


def methods_text(contents: Contents, *, tool_version: str) -> bytes:
    """The text of `methods.txt`."""
    lines = [f"Made by headwater {tool_version}.", ""]
    lines += ["Rules of ranking: " + _listed({str(lead["rules_version"]) for lead in contents.leads}), ""]
    models = {str(link["model_id"]) for lead in contents.leads for link in lead["links"]}
    lines += ["Linkage models behind the links in this package: " + _listed(models), "", "References relied upon:"]
    lines += [
        f"- {row['table']}: {row['reference_name']}, version {row['reference_version']}, {row['rows']} rows"
        for row in contents.references
    ] or ["- none"]
    for title, made, alternatives in LIMITS:
        lines += ["", title, f"  How: {made}", f"  What else could explain it: {alternatives}"]
    versions = ", ".join(f"{table.name} {table.version}" for table in TABLES)
    lines += ["", f"Versions of the tables: {versions}", ""]
    return "\n".join(lines).encode("utf-8")


def _listed(values: set[str]) -> str:
    return ", ".join(sorted(values)) if values else "none"
