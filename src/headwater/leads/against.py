"""What speaks against a lead, and who else stands beside the payers of its account, by account."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from headwater.engine import Session

__all__ = ["FACT_COLUMNS", "RIVAL_COLUMNS", "facts_by_account", "rivals_by_account"]

FACT_COLUMNS: Final = ("fact_id", "fact_kind", "statement", "source_table", "source_id")
"""What a lead holds of a fact."""
RIVAL_COLUMNS: Final = ("rival_id", "link_id", "other_table", "other_id", "statement")
"""What a lead holds of another person beside a payer."""


def facts_by_account(tables: Session) -> pa.Table:
    """Rows (account_id, and FACT_COLUMNS): an account's own facts and those of its links, in order of words.

    Its links are those proposed of who used it and who paid for it, and those of who its payers are: what speaks
    against who a payer is concerns the account that was paid for.
    """
    facts, links, payments = (tables.table(name) for name in ("contrary_facts", "links", "payments"))
    proposed = links.filter(links.proposed).select("link_id", "claim", "left_id", "right_id")
    used = proposed.filter(proposed.claim == "used").select("link_id", account_id="left_id")
    paid = proposed.filter(proposed.claim == "paid").inner_join(payments, proposed.left_id == payments.payment_id)
    paid = paid.select("link_id", "account_id", customer_id="right_id")
    held = proposed.filter(proposed.claim == "held").select("link_id", "left_id")
    held = held.inner_join(paid.select("customer_id", "account_id").distinct(), held.left_id == paid.customer_id)
    of_links = used.union(paid.select("link_id", "account_id"), held.select("link_id", "account_id")).distinct()
    own = facts.filter(facts.account_id.notnull()).select("account_id", *FACT_COLUMNS)
    linked = facts.filter(facts.link_id.notnull()).select("link_id", *FACT_COLUMNS).inner_join(of_links, "link_id")
    both = own.union(linked.select("account_id", *FACT_COLUMNS)).distinct()
    return tables.result(both, order_by=["account_id", "statement", "fact_id"])


def rivals_by_account(tables: Session) -> pa.Table:
    """Rows (account_id, and RIVAL_COLUMNS): the other people beside an account's payers, in order of ids."""
    rows = tables.columns("rival_hypotheses", ["account_id", *RIVAL_COLUMNS[:-1], "shared"]).sort_by("rival_id")
    statements = [
        "somebody else shares with the payer: "
        + ", ".join(dict.fromkeys(one["shared_kind"].replace("_", " ") for one in shared))
        + "; either may have used the account"
        for shared in rows["shared"].to_pylist()
    ]
    return rows.drop_columns(["shared"]).append_column("statement", pa.array(statements, pa.string()))
