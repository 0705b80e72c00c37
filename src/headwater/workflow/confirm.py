"""The polarity of a hash list: stated by one operator, confirmed by another; until then, the list is left out."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from headwater.errors import ConfigError, InputError, RefusedError
from headwater.references import HASH_LIST, POLARITIES, is_outdated, reference_rows
from headwater.schema import canonical_json
from headwater.schema.state import CONFIRMATIONS
from headwater.workflow.case import Actor, Case
from headwater.workflow.intake import recorded

__all__ = ["confirm_polarity", "reference_list", "unlogged_confirmation"]

_EVENT = "judged"


def confirm_polarity(case: Case, actor: Actor, reference: str, polarity: str, *, why: str) -> Mapping[str, object]:
    """What was confirmed, and by whom.

    Args:
        case: The case.
        actor: Who confirms; never who imported.
        reference: NAME@VERSION.
        polarity: What the list lists, in the second operator's own words: it must be what the importer stated.
        why: How the second operator knows.

    Raises:
        InputError: There is no such hash list, or it is confirmed already.
        ConfigError: The polarity is no polarity, or no reason is given.
        RefusedError: The operator imported the list, or states another polarity than the importer did.
    """
    with recorded(case, _EVENT, actor, reference=reference, polarity=polarity):
        if polarity not in POLARITIES:
            raise ConfigError(f"--polarity '{polarity}' is unknown; known are {' and '.join(POLARITIES)}")
        if not why.strip() or not actor.name.strip():
            raise ConfigError(
                "--operator and --why must not be empty; a confirmation is given by someone, for a reason"
            )
        imported = _hash_list(case, reference)
        importer = _importer(case, imported)
        if same_operator(importer, actor.name):
            raise RefusedError(f"{reference}: {importer} imported it and may not confirm it; a second operator must")
        if polarity != imported["polarity"]:
            raise RefusedError(
                f"{reference}: imported as {imported['polarity']}, and you say {polarity}; find out with {importer} "
                "which is right, and import it again under another --version if the import is wrong"
            )
    case.register(actor)
    case.record(_EVENT, actor, object_ids=(reference,), params=_params(polarity, str(imported["seal_sha256"])))
    row = {
        "reference_name": imported["reference_name"],
        "reference_version": imported["reference_version"],
        "polarity": polarity,
        "confirmed_by": actor.name,
        "why": why,
        "at_utc": case.now(),
    }
    with case.database.begin() as connection:
        connection.execute(CONFIRMATIONS.insert().values(**row))
    return row


def same_operator(first: str, second: str) -> bool:
    """Whether two names are one, however they are spaced and whatever their case."""
    return _folded(first) == _folded(second)


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _params(polarity: str, seal_sha256: str) -> dict[str, str]:
    return {"confirms": "polarity", "polarity": polarity, "seal_sha256": seal_sha256}


def _hash_list(case: Case, reference: str) -> Mapping[str, object]:
    name, _, version = reference.rpartition("@")
    found = [i for i in case.imports() if (i["reference_name"], i["reference_version"]) == (name, version)]
    if not found:
        raise InputError(reference, "no such reference", remedy="copy NAME@VERSION from 'headwater reference list'")
    if found[0]["kind"] != HASH_LIST:
        raise InputError(reference, "not a hash list, and has no polarity", remedy="nothing is to be confirmed")
    if is_outdated(case.path / "references" / reference):
        remedy = "import the list again under another --version"
        raise InputError(
            reference, "was imported by an earlier headwater, whose table had other columns", remedy=remedy
        )
    if reference in case.confirmations():
        by = case.confirmations()[reference]["confirmed_by"]
        raise InputError(reference, f"confirmed already, by {by}", remedy="nothing is to be done")
    return found[0]


def _importer(case: Case, imported: Mapping[str, object]) -> str:
    """Who imported a reference; the custody log knows it of imports by an earlier version, too."""
    if imported["imported_by"] is not None:
        return str(imported["imported_by"])
    reference = f"{imported['reference_name']}@{imported['reference_version']}"
    for entry in case.custody.entries():
        if entry.event == "received" and entry.outcome == "done" and reference in entry.object_ids:
            return str(entry.actor)
    raise RefusedError(f"{reference}: the custody log does not know who imported it; import it again")


def reference_list(case: Case) -> Iterator[dict[str, Any]]:
    """Every reference, in order of name and version, with who imported and who confirmed it."""
    confirmations = case.confirmations()
    for imported in case.imports():
        reference = f"{imported['reference_name']}@{imported['reference_version']}"
        confirmed = confirmations.get(reference, {})
        yield {
            "reference": reference,
            "kind": imported["kind"],
            "rows": reference_rows(case.path / "references" / reference, str(imported["kind"])),
            "polarity": imported["polarity"],
            "imported_by": _importer(case, imported),
            "confirmed_by": confirmed.get("confirmed_by"),
            "counts": imported["kind"] != HASH_LIST or bool(confirmed),
        }


def unlogged_confirmation(case: Case) -> str | None:
    """The first hash list that counts without two people in the custody log, in words; None if there is none.

    The database says which lists count, and could be edited; the log cannot without a trace.
    """
    entries = [entry for entry in case.custody.entries() if entry.outcome == "done"]
    imports = {f"{i['reference_name']}@{i['reference_version']}": i for i in case.imports()}
    for reference in sorted(case.confirmations()):
        imported = imports.get(reference)
        if imported is None:
            return f"{reference}: confirmed, and not imported"
        wanted = canonical_json(_params(str(imported["polarity"]), str(imported["seal_sha256"])))
        digest = hashlib.sha256(wanted).hexdigest()
        importers = [e.actor for e in entries if e.event == "received" and reference in e.object_ids]
        second = [
            entry.actor
            for entry in entries
            if entry.event == _EVENT and reference in entry.object_ids and entry.params_sha256 == digest
        ]
        if not any(not same_operator(first, other) for first in importers[-1:] for other in second):
            return f"{reference}: the custody log knows of no second operator who confirmed its polarity"
    return None
