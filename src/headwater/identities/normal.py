"""Names, dates, addresses, telephones and e-mails in the form in which they are compared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
from anyascii import anyascii

from headwater.identities.names.tables import short_forms

__all__ = ["comparable", "email_key", "folded_words", "long_forms", "nickname_key", "phone_key", "words"]

_NOT_LETTERS = re.compile(r"[^a-z0-9]+")
_AGAIN = re.compile(r"(.)\1+")
_DOUBLED = "|".join(f"{c}{c}" for c in "abcdefghijklmnopqrstuvwxyz0123456789 ")
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")

# Spellings that one sound has in several ways of transliterating; applied to both sides alike.
_FOLDS = (
    ("tsch", "ch"), ("shch", "sh"), ("stsch", "sh"), ("sch", "sh"), ("tch", "ch"), ("zh", "j"), ("kh", "h"),
    ("ph", "f"), ("ae", "a"), ("oe", "o"), ("ue", "u"), ("ou", "u"), ("yu", "iu"), ("ju", "iu"), ("ya", "ia"),
    ("ja", "ia"), ("ck", "k"), ("w", "v"), ("y", "i"), ("j", "i"), ("c", "k"), ("q", "k"), ("z", "s"), ("x", "ks"),
    ("ii", "i"),
)  # fmt: skip


def words(text: str | None) -> list[str]:
    """The text's words in lower-case Latin letters, whatever script it is in."""
    if not text:
        return []
    return [word for word in _NOT_LETTERS.split(anyascii(text).lower().replace("'", "").replace("`", "")) if word]


def _folded(word: str) -> str:
    for old, new in _FOLDS:
        word = word.replace(old, new)
    return _AGAIN.sub(r"\1", word)


def folded_words(values: pa.Array) -> pa.Array:
    """The words of a column, with spellings of one sound made one."""
    for old, new in _FOLDS:
        values = pc.replace_substring(values, old, new)
    # The pattern language of Arrow cannot say "the same again".
    doubled = pc.match_substring_regex(values, _DOUBLED)
    once = pa.array([_AGAIN.sub(r"\1", text) for text in values.filter(doubled).to_pylist()], pa.string())
    return pc.replace_with_mask(values, doubled, once)


def _long_forms() -> Mapping[str, str]:
    """Each short form to the first name of the table that has it."""
    table: dict[str, str] = {}
    for long, shorts in short_forms():
        for short in shorts:
            table.setdefault(_folded(short), _folded(long))
    return table


_LONG_OF = _long_forms()


def long_forms() -> Mapping[str, str]:
    """For each folded short form, the folded name that it is short for."""
    return _LONG_OF


def email_key(email: str | None) -> str | None:
    """The address in lower case, without a tag after `+`, and without dots where the provider ignores them."""
    if not email or email.count("@") != 1:
        return None
    local, domain = email.strip().lower().split("@")
    local = local.split("+")[0]
    if domain in {"gmail.com", "googlemail.com"}:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}" if local and domain else None


def phone_key(phone: str | None, country: str | None) -> str | None:
    """The number in E.164, read with the row's country where it has no prefix; None if it is not a possible number."""
    if not phone:
        return None
    try:
        number = phonenumbers.parse(phone, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def nickname_key(nickname: str | None) -> str | None:
    """The nickname in lower case, letters and digits only; None below four characters, which say nothing."""
    key = "".join(words(nickname))
    return key if len(key) >= 4 else None


def comparable(row: Mapping[str, Any], row_id: str) -> dict[str, str | None]:
    """The columns that the model compares, from a row about a person or an account; absent stays absent."""
    given, surname = words(row.get("given_name")), words(row.get("surname"))
    if not given and not surname:
        full = words(row.get("full_name"))
        given, surname = full[:-1], full[-1:]
    given_key = _folded(given[0]) if given else None
    year, month, day = _date_parts(row.get("date_of_birth"))
    street = words(row.get("street_address"))
    postcode = "".join(words(row.get("postcode"))) or None
    whole = year is not None and month is not None and day is not None
    return {
        "unique_id": row_id,
        "given": given_key,
        "given_long": _LONG_OF.get(given_key, given_key) if given_key else None,
        "surname": _folded("".join(surname)) if surname else None,
        "date_of_birth": f"{year}-{month}-{day}" if whole else None,
        "date_of_birth_swapped": f"{year}-{day}-{month}" if whole else None,
        "born_year_month": f"{year}-{month}" if whole else None,
        "born_month_day": f"{month}-{day}" if whole else None,
        "born_year_day": f"{year}-{day}" if whole else None,
        "street": " ".join(sorted(street)) or None,
        "postcode": postcode,
        "phone": phone_key(row.get("phone"), row.get("country")),
        "email": email_key(row.get("email")),
        "nickname": nickname_key(row.get("nickname")),
    }


def _date_parts(text: str | None) -> tuple[str | None, str | None, str | None]:
    found = _DATE.fullmatch(text or "")
    return (found[1], found[2], found[3]) if found else (None, None, None)
