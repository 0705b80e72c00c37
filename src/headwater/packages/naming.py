"""Two people for a name: a lead that leaves with somebody's name in it rests on the judgements of two."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from headwater.errors import IntegrityError, RefusedError
from headwater.packages.documents import DRAFT_FOLDER, RECORD_FOLDER, SEALED_FOLDER

__all__ = ["NAMED_BY", "UnsupportedName", "check_names", "package_leads", "unsupported_names"]

NAMED_BY: Final = 2
"""How many people's positive judgements a name needs before it leaves."""

_READ: Final = ("lead_id", "account_id", "named_record_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsupportedName:
    """A lead that names a record on fewer people's judgements than it takes.

    Attributes:
        lead_id: The lead.
        record_id: The record it names.
        link_id: The link that was judged; empty where no judgement stands.
        people: How many people's positive judgements stand.
    """

    lead_id: str
    record_id: str
    link_id: str
    people: int


def unsupported_names(
    leads: Iterable[Mapping[str, Any]], judgements: Iterable[Mapping[str, Any]]
) -> Iterator[UnsupportedName]:
    """The leads that name a record without two people's standing positive judgements on the link to it.

    Args:
        leads: Each with `lead_id`, `account_id` and `named_record_id`.
        judgements: Rows of the table `judgements`.
    """
    of_link = {(row["left_id"], row["right_id"]): row for row in judgements if row["claim"] == "used"}
    for lead in leads:
        if lead["named_record_id"] is None:
            continue
        row = of_link.get((lead["account_id"], lead["named_record_id"]))
        people = row["positive_operators"] if row is not None and row["verdict"] == "positive" else 0
        if people < NAMED_BY:
            yield UnsupportedName(
                lead_id=lead["lead_id"],
                record_id=lead["named_record_id"],
                link_id="" if row is None else row["link_id"],
                people=people,
            )


def check_names(leads: Iterable[Mapping[str, Any]], judgements: Iterable[Mapping[str, Any]]) -> None:
    """Nothing, if every name rests on two people's judgements.

    Raises:
        RefusedError: One does not; the first of them is named.
    """
    missing = list(unsupported_names(leads, judgements))
    if not missing:
        return
    first, more = missing[0], f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
    if first.people:
        told = f"link {first.link_id} was judged positive by one person"
        remedy = "have a second operator judge it (headwater judge), run, then draft again"
    else:
        told = f"no positive judgement stands on it{f' (link {first.link_id})' if first.link_id else ''}"
        remedy = "run, then draft again"
    raise RefusedError(f"lead {first.lead_id} names record {first.record_id}, and {told}{more}; {remedy}")


def package_leads(package_dir: Path) -> list[dict[str, Any]]:
    """Id, account and named record of the leads of a package as it was drafted or released, from `leads.jsonl`.

    Raises:
        IntegrityError: The file is gone or damaged.
    """
    # After a release a crash may leave a part of the draft, and before it a record that is none.
    places = (RECORD_FOLDER,) if (package_dir / SEALED_FOLDER).is_dir() else (DRAFT_FOLDER, RECORD_FOLDER)
    folder = next((package_dir / name for name in places if (package_dir / name).is_dir()), None)
    if folder is None:
        raise IntegrityError(f"{package_dir}: neither a draft nor a record is in it; draft it again")
    try:
        leads = [json.loads(line) for line in (folder / "leads.jsonl").read_bytes().splitlines()]
        return [{name: lead[name] for name in _READ} for lead in leads]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"{folder}: leads.jsonl cannot be read: {error}; draft it again") from None
