"""What a package for one country shows of money: its own leads' receipts and its own services, and the rest unnamed.

Followed are the receipts of accounts whose leads are in the package, and those of which anything ends at a service of
the country. A service is named where it is established in the country, or where money of one of these leads ends there,
which is what the request sheets of the package name too. Everything else that these receipts come to is drawn as "other
services", without a name, a number or a month, so that what is shown still adds up to every satoshi.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headwater.engine import Session
from headwater.money import POLICIES
from headwater.money_view.months import month_table
from headwater.money_view.sankey import laid_out
from headwater.money_view.sankey_svg import svg_text
from headwater.money_view.sums import money_sums
from headwater.packages import Contents, MoneyPages, MoneyPicture, plain, redacted

__all__ = ["CountryScope", "country_scope", "money_pages"]

_TOP = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryScope:
    """Which traces count for a country, and where each may be said to end.

    Attributes:
        traces: Traces of the receipts that concern it, of the two policies that packages state.
        lead_traces: Of these, traces of accounts whose leads are in the package.
        services: Services established in the country.
    """

    traces: frozenset[str]
    lead_traces: frozenset[str]
    services: frozenset[str]

    def includes(self, trace_id: str) -> bool:
        """Whether the trace counts."""
        return trace_id in self.traces

    def names(self, trace_id: str, service_id: str) -> bool:
        """Whether the service may be named as an end of this trace."""
        return service_id in self.services or trace_id in self.lead_traces


def country_scope(tables: Session, country: str, account_ids: Collection[str]) -> CountryScope:
    """The scope of a country.

    Args:
        tables: The case's tables.
        country: ISO 3166-1 alpha-2.
        account_ids: Accounts whose leads are in the package.
    """
    services = frozenset(row["service_id"] for row in tables.arrow("services").to_pylist() if row["country"] == country)
    accounts = frozenset(account_ids)
    columns = ("trace_id", "policy", "origin_txid", "origin_output_index", "account_id")
    traces = [row for row in _rows(tables, "traces", columns) if row["policy"] in POLICIES]
    ends = _rows(tables, "endpoints", ("trace_id", "service_id"))
    at_services = {row["trace_id"] for row in ends if row["service_id"] in services}
    of_leads = frozenset(row["trace_id"] for row in traces if row["account_id"] in accounts)
    concerned = {_receipt(row) for row in traces if row["trace_id"] in at_services or row["trace_id"] in of_leads}
    return CountryScope(
        traces=frozenset(row["trace_id"] for row in traces if _receipt(row) in concerned),
        lead_traces=of_leads,
        services=services,
    )


def money_pages(tables: Session, country: str, contents: Contents) -> MoneyPages:
    """The pictures and the table by month of a package.

    Args:
        tables: The case's tables.
        country: For whom the package is.
        contents: What it holds.
    """
    scope = country_scope(tables, country, [lead["account_id"] for lead in contents.leads])
    sums = money_sums(tables, scope)
    months = month_table(tables, scope=scope)
    note = (
        f"Receipts of the accounts in this package, and those that reach services in {country}; services of other "
        "countries are drawn as one."
    )
    rows, _ = redacted(plain([dict(row) for row in months.rows]))
    assert isinstance(rows, list)
    return MoneyPages(
        pictures=tuple(
            MoneyPicture(
                policy=policy,
                svg=svg_text(
                    laid_out(sums, policy, top=_TOP),
                    title=f"Money that concerns {country}, by {policy.replace('_', ' ')}",
                    notes=(note,),
                ),
            )
            for policy in sums.policies()
        ),
        months=tuple(rows),
        month_columns=months.columns,
    )


def _receipt(row: Mapping[str, Any]) -> tuple[str, int]:
    return row["origin_txid"], row["origin_output_index"]


def _rows(tables: Session, name: str, columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for part in tables.parts(name, columns):
        yield from part.to_pylist()
