"""What an act says of itself before it has a place in the log, refused where it cannot be recorded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from headwater import __version__
from headwater.custody.entry import EVENTS, OPERATIONS, outcome_is_known
from headwater.custody.machine import program_sha256
from headwater.custody.state import State
from headwater.errors import InputError
from headwater.schema import canonical_json

__all__ = ["check_erasable", "entry_fields"]


def entry_fields(
    *,
    event: str,
    justification: str,
    params: Mapping[str, object] | None = None,
    object_ids: Sequence[str] = (),
    input_digests: Mapping[str, str] | None = None,
    output_digests: Mapping[str, str] | None = None,
    workstation: str = "",
    authority_ref: str = "",
    clock_source: str = "",
    outcome: str = "done",
    operation: str | None = None,
    recipient: str = "",
    tool: str = "headwater",
    tool_version: str = __version__,
    tool_sha256: str | None = None,
    **others: str,
) -> dict[str, Any]:
    """The fields of an entry that its place in the log does not decide, and the texts that it commits to.

    Raises:
        InputError: They are none that can be recorded.
    """
    if event not in EVENTS:
        raise InputError("custody log", f"'{event}' is no event (known: {', '.join(EVENTS)})")
    if not outcome_is_known(outcome):
        raise InputError("custody log", f"the outcome '{outcome}' is not 'done', 'refused: WHY' or 'failed: WHY'")
    operation = OPERATIONS.get(event, "") if operation is None else operation
    if operation and not justification.strip():
        raise InputError("custody log", f"a {operation} needs a justification", remedy="say why")
    try:
        params_sha256 = hashlib.sha256(canonical_json(dict(params or {}))).hexdigest()  # type: ignore[arg-type]  # refused if not JSON
    except (TypeError, ValueError) as error:
        raise InputError("custody log", f"the parameters cannot be digested: {error}") from None
    outcome, _, reason = outcome.partition(": ")
    return {
        "event": event,
        "params_sha256": params_sha256,
        "object_ids": list(object_ids),
        "outcome": outcome,
        "reason": reason,
        "operation": operation,
        "recipient": recipient,
        "tool": tool,
        "tool_version": tool_version,
        "tool_sha256": program_sha256() if tool_sha256 is None else tool_sha256,
        "justification": justification,
        "input_digests": input_digests or {},
        "output_digests": output_digests or {},
        "workstation": workstation,
        "authority_ref": authority_ref,
        "clock_source": clock_source,
        **others,
    }


def check_erasable(state: State, entries: Sequence[int], or_else: Sequence[str] = ()) -> None:
    """Nothing, if each number is of an entry whose texts are there to be erased, and something is named at all.

    Raises:
        InputError: One is not, or there is none.
    """
    numbers = {json.loads(line)["seq"] for line in state.payloads}
    for number in entries:
        if number not in numbers:
            reason = "is no entry whose texts can be erased: there is none, or it is of format 1 and holds them itself"
            raise InputError(f"entry {number}", reason, remedy="name entries of format 2, by their numbers")
        if number in state.erased:
            raise InputError(f"entry {number}", f"was erased before, under entry {state.erased[number]}")
    if not entries and not or_else:
        raise InputError("custody log", "no entry is named", remedy="name what is to be erased")
