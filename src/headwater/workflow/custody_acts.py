"""What is done with the custody log itself: its head shown, things proved about it, texts erased from beside it."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence
from pathlib import Path

from headwater.custody import (
    Head,
    add_timestamp,
    clock_source,
    consistency_proof,
    inclusion_proof,
    timestamp_request,
)
from headwater.workflow.case import Actor, Case, recordable
from headwater.workflow.folders import require_new_file, require_reason, write_new_file
from headwater.workflow.intake import recorded

__all__ = [
    "erase_texts",
    "import_timestamp",
    "prove_entry",
    "prove_growth",
    "request_timestamp",
    "witnessed_head",
]


def prove_entry(case: Case, actor: Actor, seq: int, out: Path, *, with_texts: bool = True) -> Head:
    """The tree head that a proof of one entry, written to a new file, leads to.

    Args:
        case: The case.
        actor: Who discloses it.
        seq: Number of the entry.
        out: The file.
        with_texts: Also disclose the entry's justification and reason.

    Raises:
        InputError: There is no such entry, or the file cannot be made.
    """
    with recorded(case, "exported", actor, what="proof"):
        require_new_file(case, out)
        inclusion_proof(case.path, seq)  # before it is recorded: what cannot be proved is not disclosed
    case.record("exported", actor, object_ids=(f"entry-{seq}",), params={"what": "proof", "with_texts": with_texts})
    keys = case.custody.subject_keys
    return _written(case, out, inclusion_proof(case.path, seq, with_texts=with_texts, subject_keys=keys))


def prove_growth(case: Case, actor: Actor, entries: int, root: str, out: Path) -> Head:
    """The tree head that a proof of growth, written to a new file, leads to.

    Args:
        case: The case.
        actor: Who discloses it.
        entries: Entries of the head that somebody kept.
        root: Its root, in hex.
        out: The file.

    Raises:
        InputError: The log is shorter, or the file cannot be made.
        IntegrityError: The log does not begin with the entries of that head.
    """
    with recorded(case, "exported", actor, what="proof of growth"):
        require_new_file(case, out)
        consistency_proof(case.path, entries, root)
    case.record("exported", actor, params={"what": "proof of growth", "entries": entries, "root": root})
    return _written(case, out, consistency_proof(case.path, entries, root))


def erase_texts(
    case: Case, actor: Actor, entries: Sequence[int], receipt: Path, *, object_ids: Sequence[str] = ()
) -> int:
    """The number of the entry that records an erasure, of which a receipt was written to a new file.

    The receipt is a proof of that entry: signed by the case's key, it names what was erased, by whom, when and why.

    Args:
        case: The case.
        actor: Who erases, and why.
        entries: Numbers of the entries whose texts are erased.
        receipt: The file.
        object_ids: What the erasure carries out, such as a proposal.

    Raises:
        InputError: An entry holds no such text, or the file cannot be made.
    """
    with recorded(case, "erased", actor, what="texts"):
        require_reason(actor)
        require_new_file(case, receipt)
        entry = case.custody.erase(
            entries,
            actor=recordable(actor.name),
            role=actor.role,
            justification=recordable(actor.justification),
            clock=case.clock,
            object_ids=object_ids,
            workstation=platform.node(),
            authority_ref=case.settings.authority_ref,
            clock_source=clock_source(case.settings.clock_note),
        )
    _written(case, receipt, inclusion_proof(case.path, entry.seq))
    return entry.seq


def witnessed_head(case: Case, actor: Actor) -> Head:
    """The newest tree head, to be kept elsewhere, after its reading was recorded."""
    case.record("consulted", actor, params={"read": "tree head"})
    return case.custody.head()


def request_timestamp(case: Case, actor: Actor, out: Path) -> int:
    """The number of entries of the tree head that a request for a time stamp, written to a new file, is about.

    The request holds a digest and nothing of the case; the file goes to an authority by whatever way crosses the gap.

    Raises:
        InputError: The file cannot be made.
    """
    with recorded(case, "exported", actor, what="request for a time stamp"):
        require_new_file(case, out)
    case.record("exported", actor, params={"what": "request for a time stamp"})
    entries, request = timestamp_request(case.path)
    _written(case, out, request)
    return entries


def import_timestamp(case: Case, actor: Actor, response: Path, authority: Path) -> int:
    """The number of entries of the tree head that the time stamp is on, once it is kept and recorded.

    Args:
        case: The case.
        actor: Who brings it.
        response: The authority's reply, as it came.
        authority: Certificate in PEM that the authority's own leads up to.

    Raises:
        InputError: It is no time stamp by that authority on a tree head of this case.
    """
    with recorded(case, "verified", actor, what="time stamp"):
        reply, certificate = response.read_bytes(), authority.read_bytes()
        entries = add_timestamp(case.path, reply, certificate)
    digests = {"time stamp": hashlib.sha256(reply).hexdigest(), "authority": hashlib.sha256(certificate).hexdigest()}
    case.record("verified", actor, params={"what": "time stamp", "entries": entries}, inputs=digests)
    return entries


def _written(case: Case, out: Path, content: bytes) -> Head:
    write_new_file(out, content)
    return case.custody.head()
