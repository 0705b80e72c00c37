"""After a release: what was sent to whom, what comes back for it, and what is taken back."""

from __future__ import annotations

import csv
import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headwater.custody import (
    add_receipt,
    kept_receipts,
    load_case_key,
    load_case_public_key,
    load_operator_key,
    load_public_key,
    raw_public_key,
)
from headwater.errors import InputError
from headwater.packages import (
    Sent,
    age_identity,
    outcomes_from,
    recall_notices,
    receipt_from,
    sent_documents,
    write_recall,
)
from headwater.workflow.case import Actor, Case
from headwater.workflow.folders import require_reason
from headwater.workflow.intake import add_reference, recorded

__all__ = ["import_outcomes", "import_receipt", "recall_sent", "recalls_missing", "sent_list"]


def recall_sent(case: Case, actor: Actor, ids: Sequence[str]) -> list[dict[str, object]]:
    """One row for each notice that taking leads or packages back made: for whom, what, and the folder to send.

    Args:
        case: The case.
        actor: Who recalls, and why; the recipients read the reason.
        ids: Ids of leads, which are wrong wherever they were sent, or of packages.

    Raises:
        InputError: One was never sent.
        RefusedError: One was recalled from everybody already.
    """
    require_reason(actor)
    case.register(actor)
    with recorded(case, "recalled", actor, ids=list(ids)):
        notices = recall_notices(
            case.path / "packages",
            ids,
            operator=actor.name,
            why=actor.justification,
            operator_key=load_operator_key(case.path, actor.name),
            case_key=load_case_key(case.path),
            clock=case.clock,
        )
    # Before anything is sealed, so that a crash afterwards leaves no notice that the log does not know.
    case.record(
        "recalled",
        actor,
        object_ids=(*sorted(set(ids)), *(notice.recall_id for notice in notices)),
        params={"recipients": [[notice.country, notice.recipient] for notice in notices]},
        outputs={notice.recall_id: hashlib.sha256(notice.content).hexdigest() for notice in notices},
    )
    for notice in notices:
        outputs = write_recall(
            notice, case_key=load_case_key(case.path), clock=case.clock, custody_head=case.custody.head()
        )
        case.record(
            "transferred",
            actor,
            object_ids=(notice.recall_id, *notice.lead_ids),
            params={"country": notice.country, "packages": list(notice.package_ids)},
            recipient=f"{notice.country}, {notice.recipient}",
            outputs=outputs,
        )
    return [
        {
            "recall_id": notice.recall_id,
            "country": notice.country,
            "recipient": notice.recipient,
            "scope": notice.scope,
            "leads": list(notice.lead_ids),
            "packages": list(notice.package_ids),
            "folder": str(notice.folder / "sealed"),
        }
        for notice in notices
    ]


def sent_list(case: Case) -> list[dict[str, Any]]:
    """One row for everything that was sent, by recipient and number, with whether a receipt came back."""
    receipts = {receipt["received"]["id"]: receipt for receipt in kept_receipts(case.path)}
    sent = sent_documents(case.path / "packages")
    return [{**_row(one, sent), **_receipt_row(receipts.get(one.sent_id))} for one in sent]


def import_receipt(case: Case, actor: Actor, path: Path, key_path: Path) -> dict[str, Any]:
    """What a receipt says, once it is kept beside the custody log as a witness to its head.

    Args:
        case: The case.
        actor: Who brings it.
        path: The recipient's receipt.
        key_path: The recipient's public key in PEM, had over another channel.

    Raises:
        InputError: It is of another case or of nothing that was sent, is not by that key, or is kept already.
        IntegrityError: It was altered.
    """
    case.register(actor)
    with recorded(case, "verified", actor, what="receipt"):
        content, key = _content(path), raw_public_key(load_public_key(key_path))
        receipt = receipt_from(content)
        _require_own(case, receipt["sender_key"], path)
        received = receipt["received"]
        sent = {one.sent_id: one for one in sent_documents(case.path / "packages")}
        one = sent.get(received["id"])
        if one is None or one.sha256 != received["sha256"] or one.kind != received["kind"]:
            raise InputError(path, "is for nothing that this case sent", remedy="ask who sent it")
        envelope = (one.folder / "sealed" / "envelope.json").read_bytes()
        if hashlib.sha256(envelope).hexdigest() != received["envelope_sha256"]:
            raise InputError(path, "is for another envelope than was sent", remedy="ask for what they received")
        entries = add_receipt(case.path, content, key)
    case.record(
        "verified",
        actor,
        object_ids=(received["id"], receipt["receipt_id"]),
        params={"what": "receipt", "entries": entries, "missing": receipt["missing"]},
        inputs={"receipt": hashlib.sha256(content).hexdigest(), "receiver_key": hashlib.sha256(key).hexdigest()},
    )
    return {
        "receipt_id": receipt["receipt_id"],
        "received": received["id"],
        "entries": entries,
        "agency": receipt["receiver"]["agency"],
        "received_at_utc": receipt["received_at_utc"],
        "missing": receipt["missing"],
    }


def import_outcomes(case: Case, actor: Actor, path: Path, key_path: Path) -> dict[str, Any]:
    """What a recipient's outcome file says, once its rows are a reference of the case, of kind `outcomes`.

    Args:
        case: The case.
        actor: Who brings it.
        path: The file.
        key_path: The recipient's public key in PEM, had over another channel.

    Raises:
        InputError: It is of another case, of leads that were not sent, or not by that key.
        IntegrityError: It was altered.
    """
    case.register(actor)
    with recorded(case, "received", actor, what="outcomes"):
        content, key = _content(path), raw_public_key(load_public_key(key_path))
        report = outcomes_from(content, age_identity(case.path))
        _require_own(case, report["sender_key"], path)
        if report["receiver"]["public_key"] != key.hex():
            raise InputError(path, "is signed by another key than the recipient's", remedy="compare the keys")
        sent = {one.sent_id: one for one in sent_documents(case.path / "packages")}
        for row in report["outcomes"]:
            package = sent.get(row["package_id"])
            if package is None or row["lead_id"] not in package.lead_ids:
                raise InputError(path, f"is about {row['lead_id']}, which was not sent so", remedy="ask who sent it")
    name = f"outcomes-{report['outcomes_id'].removeprefix('ocf-')[:16]}"
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / f"{name}.csv"
        with rows.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("lead_id", "outcome", "reported_on", "reported_by", "note"))
            for row in report["outcomes"]:
                agency = report["receiver"]["agency"]
                writer.writerow((row["lead_id"], row["outcome"], row["reported_on"], agency, row["note"]))
        add_reference(case, actor, "outcomes", rows, name=name, version="1")
    case.record(
        "verified",
        actor,
        object_ids=(report["outcomes_id"], f"{name}@1"),
        params={"what": "outcomes"},
        inputs={"outcomes": hashlib.sha256(content).hexdigest(), "receiver_key": hashlib.sha256(key).hexdigest()},
    )
    return {
        "outcomes_id": report["outcomes_id"],
        "reference": f"{name}@1",
        "agency": report["receiver"]["agency"],
        "outcomes": [[row["lead_id"], row["outcome"]] for row in report["outcomes"]],
    }


def recalls_missing(case: Case) -> str | None:
    """The first recall that custody log and folder of packages do not agree on; None if all do."""
    entries = [entry for entry in case.custody.entries() if entry.outcome == "done"]
    ordered = {name: digest for e in entries if e.event == "recalled" for name, digest in e.output_digests.items()}
    there = {one.sent_id: one for one in sent_documents(case.path / "packages") if one.kind == "recall"}
    for recall_id, one in sorted(there.items()):
        if ordered.get(recall_id) != one.sha256:
            return f"{recall_id}: altered, or ordered by no custody entry"
    left = {name for e in entries if e.event == "transferred" for name in e.object_ids if name.startswith("rcl-")}
    gone = min(left - there.keys(), default=None)
    return None if gone is None else f"{gone}: sent, and gone from the case"


def _row(one: Sent, sent: Sequence[Sent]) -> dict[str, Any]:
    notices = [n.sent_id for n in sent if one.kind == "package" and one.sent_id in n.package_ids]
    return {
        "kind": one.kind,
        "id": one.sent_id,
        "country": one.country,
        "recipient": one.recipient,
        "number": one.number,
        "sent_at_utc": one.sent_at_utc,
        "leads": len(one.lead_ids),
        "recalled_by": notices,
        "folder": str(one.folder / "sealed"),
    }


def _receipt_row(receipt: dict[str, Any] | None) -> dict[str, Any]:
    if receipt is None:
        return {"receipt_id": None, "received_at_utc": None}
    return {"receipt_id": receipt["receipt_id"], "received_at_utc": receipt["received_at_utc"]}


def _require_own(case: Case, sender_key: str, path: Path) -> None:
    if sender_key != raw_public_key(load_case_public_key(case.path)).hex():
        raise InputError(path, "answers another case", remedy="import it there")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(path, f"cannot be read: {error.strerror}", remedy="name the file that came back") from None
