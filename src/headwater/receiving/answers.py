"""What became of leads, told to the case that sent them: signed by an operator and the store, encrypted to the case."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

from headwater.errors import InputError
from headwater.packages import outcomes_file
from headwater.receiving.shown import held_lead
from headwater.receiving.store import ReceivingStore
from headwater.references import OUTCOMES

__all__ = ["write_outcomes"]


def write_outcomes(
    store: ReceivingStore,
    lead_id: str,
    outcome: str,
    *,
    reported_on: str,
    note: str,
    operator: str,
    why: str,
) -> Path:
    """The file that tells a sender what became of a lead; carry it to them.

    Args:
        store: The receiving store.
        lead_id: The lead.
        outcome: One of `OUTCOMES`.
        reported_on: The day, YYYY-MM-DD.
        note: A remark for the sender; may be empty.
        operator: Who reports, and signs.
        why: The reason, for the store's log.

    Raises:
        InputError: No package here holds the lead, or the outcome or the day is none.
    """
    if outcome not in OUTCOMES:
        raise InputError("outcome", f"'{outcome[:20]}' is none of {', '.join(OUTCOMES)}", remedy="choose one of these")
    try:
        day = dt.date.fromisoformat(reported_on).isoformat()
    except ValueError:
        raise InputError("reported on", "is no day", remedy="write it as YYYY-MM-DD") from None
    package, _ = held_lead(store, lead_id)
    row = {"lead_id": lead_id, "package_id": package.held_id, "outcome": outcome, "reported_on": day, "note": note}
    content = outcomes_file(
        sender_key=package.sender_key,
        outcomes=[row],
        agency=store.agency,
        operator=operator,
        reported_at_utc=store.now(),
        operator_key=store.operator_key(operator),
        receiver_key=store.signing_key(),
        answer_to=package.document.get("answer_to", ""),
    )
    digest = hashlib.sha256(content).hexdigest()
    store.record(
        "exported",
        operator=operator,
        why=why,
        object_ids=(lead_id, package.held_id),
        outputs={"outcomes": digest},
        recipient=f"the case of key {package.sender_key}",
    )
    return store.answer(
        f"outcomes-{lead_id}-{digest[:8]}.{'age' if package.document.get('answer_to') else 'json'}", content
    )
