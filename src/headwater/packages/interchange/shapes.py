"""Evidence as others can take it: what has not the shape that a format asks for is left to `leads.jsonl`."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["NetworkUse", "date_text", "email_text", "network_kind", "network_uses", "phone_text"]

_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+", re.ASCII)
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)  # E.164
_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?", re.ASCII)


def email_text(text: str | None) -> str | None:
    """The e-mail address, if it is one."""
    return text if text is not None and _EMAIL.fullmatch(text) else None


def phone_text(text: str | None) -> str | None:
    """The telephone number, if it is written in the international form (E.164)."""
    return text if text is not None and _PHONE.fullmatch(text) else None


def date_text(text: str | None) -> str | None:
    """The date, if it is ISO 8601; it may be partial."""
    return text if text is not None and _DATE.fullmatch(text) else None


def network_kind(text: str) -> str | None:
    """`4`, `6`, or None where the text is no address of either."""
    try:
        return str(ipaddress.ip_address(text).version)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkUse:
    """How an account used one network address.

    Attributes:
        network_address: The address.
        observed: Acts from there.
        first_at_utc: The first of them.
        last_at_utc: The last of them.
        proxy: Whether a list says that it is one; None where no list says.
    """

    network_address: str
    observed: int
    first_at_utc: str
    last_at_utc: str
    proxy: bool | None


def network_uses(acts: Iterable[Mapping[str, Any]]) -> Sequence[NetworkUse]:
    """The addresses from which acts were made, in order of text; acts without one count nowhere."""
    grouped: dict[str, list[Mapping[str, Any]]] = {}
    for act in acts:
        if act["network_address"] is not None:
            grouped.setdefault(act["network_address"], []).append(act)
    uses = []
    for address, found in sorted(grouped.items()):
        times = sorted(act["at_utc"] for act in found)
        told = [act["proxy"] for act in found if act["proxy"] is not None]
        uses.append(
            NetworkUse(
                network_address=address,
                observed=len(found),
                first_at_utc=times[0],
                last_at_utc=times[-1],
                proxy=any(told) if told else None,
            )
        )
    return uses
