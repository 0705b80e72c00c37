"""What is known of a lead, field by field: present, absent, or not collected yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headwater.identities import typed_identifier

__all__ = ["completeness", "deconfliction_fields"]

_IDENTIFIERS = {"nickname": "nickname", "email": "email", "phone": "phone", "pgp_fingerprint": "pgp"}
"""Columns of an account to the kind of identifier in them, in the order in which the key is made of them."""


def completeness(
    account: Mapping[str, Any], *, has_open_address: bool, paid: bool, has_customer: bool, asked: bool, is_judged: bool
) -> list[dict[str, str]]:
    """The fields in their order, each with its state.

    Args:
        account: Its row.
        has_open_address: An act came from an address that nothing flags.
        paid: It made a payment.
        has_customer: A customer is proposed to have made one, and nobody denied it.
        asked: Money came from a service that can be asked.
        is_judged: A person is named by a judgement.
    """
    states = {
        **{name: _state(account[name]) for name in _IDENTIFIERS},
        "network_address_not_hidden": _state(has_open_address),
        "payment": _state(paid),
        # Not asked for yet is another thing than not there.
        "customer_of_service": "present" if has_customer else "not_collected" if asked else "absent",
        "subscriber_of_network_address": "not_collected" if has_open_address else "absent",
        "judged_identity": _state(is_judged),
    }
    return [{"field": field, "state": state} for field, state in states.items()]


def deconfliction_fields(account: Mapping[str, Any]) -> tuple[str, ...]:
    """The account's identifiers, normalised, in a fixed order; its own id where it has none.

    Two accounts without any have nothing in common.
    """
    identifiers = tuple(typed_identifier(kind, account[name]) or "" for name, kind in _IDENTIFIERS.items())
    return identifiers if any(identifiers) else (str(account["account_id"]),)


def _state(value: object) -> str:
    return "present" if value else "absent"
