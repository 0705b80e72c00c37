"""The rows that registers and returns have brought already, which those of a new import must stand beside."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from headwater.engine import Session
from headwater.schema import content_id

__all__ = ["OF_CUSTOMERS", "RowsThere", "customer_id", "service_id"]

OF_CUSTOMERS = frozenset({"customer_transactions", "customer_identifiers"})
"""Tables whose rows are of a customer."""


class RowsThere:
    """The rows that are there already, which those of an import must stand beside.

    An actor or customer stated twice would be two rows of one id, and a transaction of a customer whom nobody returned
    would cite nothing: neither can be put right later, because an import is never taken back.
    """

    def __init__(self, files: Mapping[str, Sequence[Path]]) -> None:
        with Session(files) as session:
            self._services = set(session.arrow("services")["service_id"].to_pylist())
            self._customers = set(session.arrow("customers")["customer_id"].to_pylist())
            self._records: dict[str, list[tuple[str, str]]] = defaultdict(list)
            columns = ("source_key", "reference_name", "record_id")
            for row in session.columns("records", columns).to_pylist():
                self._records[row["source_key"]].append((row["reference_name"], row["record_id"]))

    def record_ids(self, register: object, source_key: object) -> list[str]:
        """The rows of registers with that number; of one register only, where it is named."""
        return [of for name, of in self._records.get(str(source_key), []) if register is None or name == register]

    def reason_against(self, table: str, row: Mapping[str, object]) -> str | None:
        """Why a row cannot stand beside those that are there; None if it can. From then on it is there too."""
        if table == "services":
            wanted = service_id(row["actor"])
            if wanted in self._services:
                return f"actor {str(row['actor'])[:40]!r} is in the register already"
            self._services.add(wanted)
        if table == "customers":
            wanted = customer_id(row["actor"], row["source_key"])
            if wanted in self._customers:
                return f"customer {str(row['source_key'])[:40]!r} of this service was returned already"
            self._customers.add(wanted)
        if table in OF_CUSTOMERS and customer_id(row["actor"], row["customer_key"]) not in self._customers:
            key = str(row["customer_key"])[:40]
            return f"customer {key!r} of this service is in no customer return; import that first"
        if table == "record_identifiers":
            found = len(self.record_ids(row["register"], row["source_key"]))
            if found != 1:
                told = f"{found} rows of registers have" if found else "no row of a register has"
                return f"{told} the number {str(row['source_key'])[:40]!r}; name the register, or import it first"
        return None


def service_id(actor: object) -> str:
    """The id of a service: the same in every register, so that tags find it by actor."""
    return content_id("svc", str(actor))


def customer_id(actor: object, source_key: object) -> str:
    """The id of a service's customer, the same in the file of customers and in the file of transactions."""
    return content_id("cus", str(actor), str(source_key))
