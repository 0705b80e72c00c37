"""Each part of a weight in a sentence that needs no knowledge of statistics."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["sentence"]

_FIELDS: Mapping[str, str] = {
    "given_name": "The given name",
    "surname": "The surname",
    "date_of_birth": "The date of birth",
    "street": "The street",
    "street_number": "The house number",
    "suburb": "The town",
    "postcode": "The postal code",
    "state": "The region",
    "country": "The country",
    "phone": "The telephone number",
    "email": "The e-mail address",
    "nickname": "The nickname",
    "national_id": "The national number",
    "pgp_fingerprint": "The PGP key",
    "wallet_address": "The wallet",
    "network_address": "The network address",
    "device": "The device",
    "iban": "The bank account",
    "payment_card": "The payment card",
    "other": "The identifier",
}
_LEVELS: Mapping[str, str] = {
    "equal": "is the same",
    "first name equal": "begins with the same name",
    "spelled alike": "is another spelling of the same sound",
    "short form of the same name": "is a short form of the same name",
    "one edit": "is the same but for one letter or digit",
    "initial of the other": "is an initial of the other",
    "a further name, or part of the other": "is part of the other",
    "near": "is nearly the same",
    "loosely alike": "is only loosely alike",
    "one part of the other": "is part of the other",
    "different": "is another",
    "another writing of the name": "is the same name in another writing",
    "day and month exchanged": "has day and month exchanged",
    "one digit": "is the same but for one digit",
    "one year apart": "is one year apart",
    "one part differs": "differs in day, month or year",
    "year and month equal, no day": "has the same year and month; one side has no day",
    "year equal, no month": "has the same year; one side has no more",
    "two digits": "differs in two digits",
    "year equal": "has the same year and nothing else in common",
    "near, or part of the other": "is nearly the same, or part of the other",
    "equal, as the suburb is": "is the same, as goes with the same town",
    "different, though the suburb is equal": "is another, though the town is the same",
    "equal, as suburb or postcode is": "is the same, as goes with the same town",
    "different, though suburb or postcode is equal": "is another, though the town is the same",
    "local part equal": "is the same before the @",
}
_WHOLE: Mapping[str, str] = {
    "prior": "Before anything is compared: so seldom does the claim hold of two rows, whatever they say",
    "names_exchanged": "Given name and surname stand in each other's place, which is seldom",
    "moved": "People move: that street, town and postal code differ all at once counts as one difference",
    "shared_by_household": "People of one household share much of this; what they share counts once",
    "rivals": "Another candidate fits as well or better, and seldom do both fit one row",
    "all of it, by FIFO and pro rata": "The whole payment can be followed to what the service sent for this customer",
    "more than half, by FIFO and pro rata": "More than half of the payment can be followed to what the service "
    "sent for this customer",
    "some of it": "Part of the payment can be followed to what the service sent for this customer",
    "the service sent to the address of the invoice": "The service says that it sent coins for this customer to the "
    "very address of the invoice",
    "the service booked the transaction that the platform noted": "The service booked for this customer the very "
    "transaction that the platform noted",
    "other_exhibits": "An account of another exhibit shares something with this one; it is context, and counts nothing",
}


def sentence(
    field: str, level: str, weight_mbits: int, rows_with_value: int | None, of_rows: int, *, value: str | None = None,
    reason: str | None = None,
) -> str:  # fmt: skip
    """What a bar says.

    Args:
        field: Its field.
        level: Its level.
        weight_mbits: What it adds, in thousandths of a bit.
        rows_with_value: Rows of both sides that have the value agreed on; None where it is not about one.
        of_rows: Rows of both sides.
        value: The value, of fields that have several.
        reason: Why a shared value says nothing.

    Example:
        >>> sentence("surname", "equal", 8_500, 12, 4_310)
        'The surname is the same; 12 of 4,310 rows have it, so the agreement adds 8.5 bits'
        >>> sentence("date_of_birth", "different", -6_600, None, 4_310)
        'The date of birth is another, which takes 6.6 bits'
    """
    whole = _WHOLE.get(field) or _WHOLE.get(level)
    if whole is not None:
        return f"{whole}: {_told(weight_mbits)}" if weight_mbits else whole
    name = _FIELDS.get(field, field)
    shown = f"{name} {value}" if value is not None else name
    if reason is not None:
        return f"{shown} is shared, but {reason}, so it adds nothing"
    if level == "shared, but the e-mail address is made of it":
        return f"{shown} is shared, but the shared e-mail address is made of it, so it adds nothing more"
    if level == "other values":
        return f"{name} is known on both sides, and none is shared, which {_told(weight_mbits)}"
    told = "is shared" if level == "shared" else _LEVELS.get(level, level)
    if rows_with_value is None:
        return f"{shown} {told}, which {_told(weight_mbits)}"
    have = "has" if rows_with_value == 1 else "have"
    return f"{shown} {told}; {rows_with_value:,} of {of_rows:,} rows {have} it, so the agreement {_told(weight_mbits)}"


def _told(weight_mbits: int) -> str:
    """What is added or taken, in bits, to a tenth."""
    tenths = (abs(weight_mbits) + 50) // 100
    if not tenths:
        return "says next to nothing"
    return f"{'adds' if weight_mbits > 0 else 'takes'} {tenths // 10}.{tenths % 10} bits"
