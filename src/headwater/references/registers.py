"""Registers: services, records, customer returns and their transactions, networks, prices, outcomes; and packs."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from headwater.errors import UnreadableInputError
from headwater.references.column_map import ColumnMap
from headwater.references.register_columns import FURTHER_OF_PERSON
from headwater.references.row_files import register_rows
from headwater.references.rows import (
    BadRow,
    BadRowError,
    Reading,
    hex_digest,
    required,
    text_or_none,
    whole_number,
)
from headwater.references.values import day_of, flag_of, instant_of

__all__ = [
    "HOLDER_KINDS",
    "OUTCOMES",
    "SUBJECT_CATEGORIES",
    "read_actor_pack",
    "read_customer_return",
    "read_customer_transactions",
    "read_data_subjects",
    "read_networks",
    "read_outcomes",
    "read_prices",
    "read_records",
    "read_retention",
    "read_services",
    "read_tag_pack",
]

_PERSON = ("full_name", *FURTHER_OF_PERSON)
SUBJECT_CATEGORIES = ("unclassified", "suspected", "convicted", "victim", "other_party")
"""What the subject of a lead may be; source: EU Directive 2016/680, Art. 6, points (a) to (d)."""
OUTCOMES = ("child_safeguarded", "payer_identified", "no_action", "wrong_person")
"""What may become of a lead."""

HOLDER_KINDS = ("service", "access")
"""Who holds what names a person: services where people pay, and those who give people network addresses."""

_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_MOST_DAYS = 36_525  # a century
_LEAD_ID = re.compile(r"led-[0-9a-f]{32}")
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_TAG_FIELDS = ("address", "network", "currency", "label", "actor", "category", "confidence", "source", "lastmod")
_DEFINER = "is_cluster_definer"
_ACTOR_FIELDS = ("id", "label", "uri", "jurisdictions", "categories", "aliases", "lastmod")


def read_services(path: Path, columns: ColumnMap | None = None) -> Reading:
    """The rows of a service register."""

    def read(cells: dict[str, str], _number: int) -> dict[str, object]:
        row: dict[str, object] = {n: required(cells, n) for n in ("actor", "name", "kind", "country", "legal_contact")}
        row |= {n: text_or_none(cells.get(n)) for n in ("records_held", "valid_from", "source")}
        row["retention_days"] = whole_number(cells.get("retention_days"), "retention_days")
        row["custodial"] = flag_of(cells.get("custodial"), "custodial")
        return row

    return register_rows(path, "services", read, columns)


def read_records(path: Path, columns: ColumnMap | None = None) -> Reading:
    """The rows of a register of people."""

    def read(cells: dict[str, str], _number: int) -> dict[str, object]:
        row = _person(cells)
        row["nickname"] = text_or_none(cells.get("nickname"))
        row["convicted"] = flag_of(cells.get("convicted"), "convicted")
        return row

    return register_rows(path, "records", read, columns)


def read_customer_return(path: Path, columns: ColumnMap | None = None) -> Reading:
    """The customers that a service returned."""

    def read(cells: dict[str, str], _number: int) -> dict[str, object]:
        return _person(cells) | {"actor": required(cells, "actor")}

    return register_rows(path, "customers", read, columns)


def read_customer_transactions(path: Path, columns: ColumnMap | None = None) -> Reading:
    """The deposits and withdrawals that a service returned."""

    def read(cells: dict[str, str], _number: int) -> dict[str, object]:
        direction = required(cells, "direction")
        if direction not in {"deposit", "withdrawal"}:
            raise BadRowError(f"direction {direction[:20]!r} is neither deposit nor withdrawal")
        amount = whole_number(required(cells, "amount_sat"), "amount_sat")
        return {
            "actor": required(cells, "actor"),
            "customer_key": required(cells, "source_key"),
            "direction": direction,
            "txid": hex_digest(cells.get("txid"), 64, "txid"),
            "output_index": whole_number(cells.get("output_index"), "output_index"),
            "address": required(cells, "address"),
            "amount_sat": amount,
            "at_utc": instant_of(required(cells, "at_utc")),
        }

    return register_rows(path, "customer-transactions", read, columns)


def read_networks(path: Path, columns: ColumnMap | None = None) -> Reading:
    """The ranges of a network list."""

    def read(cells: dict[str, str], _number: int) -> dict[str, object]:
        cidr = required(cells, "cidr")
        try:
            network = ipaddress.ip_network(cidr)
        except ValueError as error:
            raise BadRowError(f"{cidr[:40]!r} is not a network range") from error
        return {
            "cidr": str(network),
            "kind": required(cells, "kind"),
            "country": text_or_none(cells.get("country")),
            "holder": text_or_none(cells.get("holder")),
        }

    return register_rows(path, "networks", read, columns)


def read_prices(path: Path, columns: ColumnMap | None = None) -> Reading:
    """The prices of a table; a day and currency stand in it once."""
    seen: set[tuple[str, str]] = set()

    def read(cells: dict[str, str], _number: int) -> dict[str, object]:
        day, currency = day_of(required(cells, "day")), required(cells, "currency")
        if not _CURRENCY.fullmatch(currency):
            raise BadRowError(f"currency {currency[:20]!r} is not three capital letters")
        price_minor = whole_number(required(cells, "price_minor"), "price_minor")
        if not price_minor:
            raise BadRowError("'price_minor' is 0; leave the day out where there is no price")
        if (day, currency) in seen:
            raise BadRowError(f"{currency} on {day} has a price already")
        seen.add((day, currency))
        return {"day": day, "currency": currency, "price_minor": price_minor, "source": required(cells, "source")}

    return register_rows(path, "prices", read, columns)


def read_outcomes(path: Path, columns: ColumnMap | None = None) -> Reading:
    """What became of leads; one unit reports on a lead once a day."""
    seen: set[tuple[str, str, str]] = set()

    def read(cells: dict[str, str], _number: int) -> dict[str, object]:
        row = {name: required(cells, name) for name in ("lead_id", "reported_by")}
        row["reported_on"] = day_of(required(cells, "reported_on"))
        outcome = re.sub(r"[\s_-]+", "_", required(cells, "outcome").strip().lower())
        if outcome not in OUTCOMES:
            raise BadRowError(f"outcome {outcome[:20]!r} is none of {', '.join(OUTCOMES)}")
        if not _LEAD_ID.fullmatch(row["lead_id"]):
            raise BadRowError(f"lead_id {row['lead_id'][:20]!r} is no lead: 'led-' and 32 hex digits")
        told = (row["lead_id"], row["reported_by"], row["reported_on"])
        if told in seen:
            raise BadRowError(f"{row['reported_by'][:40]!r} has reported on this lead and day already")
        seen.add(told)
        return {**row, "outcome": outcome, "note": text_or_none(cells.get("note"))}

    return register_rows(path, "outcomes", read, columns)


def read_data_subjects(path: Path, columns: ColumnMap | None = None) -> Reading:
    """What people state the subjects of leads to be."""

    def read(cells: dict[str, str], _number: int) -> dict[str, object]:
        category = re.sub(r"[\s_-]+", "_", required(cells, "category").strip().lower())
        if category not in SUBJECT_CATEGORIES:
            raise BadRowError(f"category {category[:20]!r} is none of {', '.join(SUBJECT_CATEGORIES)}")
        lead_id = required(cells, "lead_id")
        if not _LEAD_ID.fullmatch(lead_id):
            raise BadRowError(f"lead_id {lead_id[:20]!r} is no lead: 'led-' and 32 hex digits")
        return {
            "lead_id": lead_id,
            "category": category,
            "stated_on": day_of(required(cells, "stated_on")),
            "stated_by": required(cells, "stated_by"),
            "reason": required(cells, "reason"),
        }

    return register_rows(path, "data-subjects", read, columns)


def read_retention(path: Path, columns: ColumnMap | None = None) -> Reading:
    """How long holders keep records; a holder, or a country for all of a kind, stands in it once."""
    seen: set[tuple[str, str, str]] = set()

    def read(cells: dict[str, str], _number: int) -> dict[str, object]:
        kind, country = required(cells, "holder_kind").lower(), required(cells, "country").upper()
        if kind not in HOLDER_KINDS:
            raise BadRowError(f"holder_kind {kind[:20]!r} is none of {', '.join(HOLDER_KINDS)}")
        if not _COUNTRY.fullmatch(country):
            raise BadRowError(f"country {country[:20]!r} is not two capital letters")
        holder = text_or_none(cells.get("holder"))
        if (kind, country, holder or "") in seen:
            raise BadRowError(f"{holder or country} stands here already")
        seen.add((kind, country, holder or ""))
        days = whole_number(required(cells, "retention_days"), "retention_days")
        if days is None or days > _MOST_DAYS:
            raise BadRowError(f"'retention_days' is more than {_MOST_DAYS}")
        return {
            "holder_kind": kind,
            "country": country,
            "holder": holder,
            "retention_days": days,
            "source": required(cells, "source"),
        }

    return register_rows(path, "retention", read, columns)


def read_tag_pack(path: Path) -> Reading:
    """The tags of a TagPack (graphsense-tagpack-tool, TagPack schema): fields of the pack hold for each tag."""
    document = _yaml(path)
    if not isinstance(document, Mapping) or not isinstance(document.get("tags"), list):
        raise UnreadableInputError(path, "no list 'tags'", offset_bytes=0, remedy="check that this is a TagPack")
    reading = Reading()
    for number, tag in enumerate(document["tags"]):
        try:
            reading.add("tags", _tag(tag, document), row=number, offset_bytes=None)
        except BadRowError as error:
            reading.bad_rows.append(BadRow(offset_bytes=None, row=number, reason=str(error)))
    return reading


def read_actor_pack(path: Path) -> Reading:
    """The actors of an actor pack (graphsense-tagpack-tool, ActorPack schema)."""
    document = _yaml(path)
    if not isinstance(document, Mapping) or not isinstance(document.get("actors"), list):
        raise UnreadableInputError(path, "no list 'actors'", offset_bytes=0, remedy="check that this is an actor pack")
    reading = Reading()
    for number, actor in enumerate(document["actors"]):
        try:
            reading.add("actors", _actor(actor, document), row=number, offset_bytes=None)
        except BadRowError as error:
            reading.bad_rows.append(BadRow(offset_bytes=None, row=number, reason=str(error)))
    stated: set[object] = set()

    def repeated(row: Mapping[str, object]) -> str | None:
        if row["actor"] in stated:
            return f"actor {str(row['actor'])[:40]!r} stands in this pack already"
        stated.add(row["actor"])
        return None

    reading.reject("actors", repeated)
    return reading


def _actor(actor: object, pack: Mapping[object, object]) -> dict[str, object]:
    if not isinstance(actor, Mapping):
        raise BadRowError("not a mapping")
    missing = [name for name in ("id", "label") if actor.get(name) in {None, ""}]
    if missing:
        raise BadRowError(f"'{missing[0]}' is missing")
    further = {str(name): value for name, value in actor.items() if name not in _ACTOR_FIELDS}
    try:
        written = json.dumps(further, sort_keys=True, ensure_ascii=False, default=str) if further else None
    except (RecursionError, TypeError, ValueError) as error:
        raise BadRowError(f"what it says besides cannot be kept ({error})") from error
    modified = actor.get("lastmod", pack.get("lastmod"))
    return {
        "actor": str(actor["id"]),
        "label": str(actor["label"]),
        "uri": _words(actor.get("uri"), "uri"),
        "jurisdictions": _words(actor.get("jurisdictions"), "jurisdictions"),
        "categories": _words(actor.get("categories"), "categories"),
        "aliases": _words(actor.get("aliases"), "aliases"),
        "further": written,
        "last_modified": None if modified is None else str(modified),
    }


def _words(value: object, name: str) -> str | None:
    """A text, or a list of texts set apart by spaces, as published; None where there is none."""
    if value is None or isinstance(value, str):
        return value or None
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise BadRowError(f"'{name}' is neither a text nor a list of texts")
    return " ".join(value) or None


def _tag(tag: object, pack: Mapping[object, object]) -> dict[str, object]:
    if not isinstance(tag, Mapping):
        raise BadRowError("not a mapping")
    merged = {name: tag.get(name, pack.get(name)) for name in _TAG_FIELDS}
    missing = [name for name in ("address", "label") if not merged[name]]
    if missing:
        raise BadRowError(f"'{missing[0]}' is missing")
    text = {name: None if value is None else str(value) for name, value in merged.items()}
    defines = tag.get(_DEFINER, pack.get(_DEFINER))
    if defines is not None and not isinstance(defines, bool):
        raise BadRowError(f"'{_DEFINER}' is {str(defines)[:20]!r}, neither true nor false")
    return {
        "address": text["address"],
        "network": text["network"] or text["currency"] or "unknown",
        "label": text["label"],
        "actor": text["actor"],
        "category": text["category"],
        "confidence": text["confidence"],
        "source": text["source"],
        "last_modified": text["lastmod"],
        "is_cluster_definer": defines,
    }


def _yaml(path: Path) -> object:
    """The document in a YAML file.

    Raises:
        UnreadableInputError: It is not one.
    """
    remedy = "ask the pack's author for it again"
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
    except UnicodeDecodeError as error:
        raise UnreadableInputError(path, "not UTF-8 text", offset_bytes=error.start, remedy=remedy) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = None if mark is None else len(text[: mark.index].encode("utf-8"))
        raise UnreadableInputError(
            path, f"not valid YAML ({error.problem})", offset_bytes=where, remedy=remedy
        ) from error
    except yaml.YAMLError as error:
        raise UnreadableInputError(path, f"not valid YAML ({error})", remedy=remedy) from error
    except (RecursionError, ValueError) as error:
        raise UnreadableInputError(path, f"a value in it is none ({error})", remedy=remedy) from error


def _person(cells: dict[str, str]) -> dict[str, object]:
    row: dict[str, object] = {name: text_or_none(cells.get(name)) for name in _PERSON}
    row["source_key"] = required(cells, "source_key")
    return row
