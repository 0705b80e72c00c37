"""Values in the form in which they are compared; only distinct values are looked at, whole columns at a time."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
from anyascii import anyascii

from headwater.identities.normal import folded_words, long_forms

__all__ = [
    "dates", "email_parts", "folded", "latin", "long_form", "phone_numbers", "street_and_number", "without_blanks",
]  # fmt: skip

_NOTHING = ["unknown", "not known", "unk", "none", "null", "nil", "n a", "na", "nan", "no fixed address"]
"""What stands in a column where nothing is known; it is absent, and never agrees."""
_NUMBER = r"^(?P<number>[0-9]+[a-z]?(?: [a-z])?(?: [0-9]+[a-z]?)?) (?P<street>.*[a-z].*)$"
_NUMBER_LAST = r"^(?P<street>.*[a-z].*) (?P<number>[0-9]+[a-z]?)$"
_STREET_WORDS = {
    "street": "st", "strasse": "str", "road": "rd", "avenue": "ave", "av": "ave", "place": "pl", "court": "ct",
    "crescent": "cr", "cres": "cr", "drive": "dr", "lane": "ln", "circuit": "cct", "close": "cl", "square": "sq",
    "terrace": "tce", "parade": "pde", "highway": "hwy",
}  # fmt: skip


def latin(values: pa.Array) -> pa.Array:
    """Text in lower-case Latin letters and digits, words apart by one blank; what says nothing is absent."""
    plain = pc.string_is_ascii(values)
    if not pc.all(plain).as_py():
        others = pc.invert(plain)
        written = pa.array([anyascii(v) for v in values.filter(others).to_pylist()], pa.string())
        values = pc.replace_with_mask(values, others, written)
    text = pc.replace_substring_regex(pc.ascii_lower(values), "['`\u2019]", "")
    text = pc.ascii_trim_whitespace(pc.replace_substring_regex(text, "[^a-z0-9]+", " "))
    nothing = pc.or_(pc.equal(text, ""), pc.is_in(text, value_set=pa.array(_NOTHING)))
    return pc.if_else(nothing, pa.scalar(None, pa.string()), text)


def without_blanks(values: pa.Array) -> pa.Array:
    """The text's letters and digits in a row."""
    return pc.replace_substring(values, " ", "")


def folded(values: pa.Array) -> pa.Array:
    """Names with spellings of one sound made one."""
    return folded_words(values)


def long_form(values: pa.Array) -> pa.Array:
    """Folded given names, short forms made long."""
    shorts = long_forms()
    at = pc.index_in(values, value_set=pa.array(list(shorts)))
    return pc.coalesce(pa.array(list(shorts.values())).take(at), values)


def street_and_number(address: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The street's words in a row, usual words shortened, and the house number if one stands before or behind them."""
    first = pc.extract_regex(address, _NUMBER)
    last = pc.extract_regex(address, _NUMBER_LAST)
    street = pc.coalesce(pc.struct_field(first, "street"), pc.struct_field(last, "street"), address)
    number = pc.coalesce(pc.struct_field(first, "number"), pc.struct_field(last, "number"))
    for word, short in _STREET_WORDS.items():
        street = pc.replace_substring_regex(street, rf"\b{word}\b", short)
    return without_blanks(street), without_blanks(number)


_MONTHS = {
    m: n
    for n, m in enumerate(("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1)
}
_YEAR_FIRST = re.compile(r"(\d{4})(?:[-/. ](\d{1,2}|[A-Za-z]{3,9})(?:[-/. ](\d{1,2}))?)?(?:[T ].*)?")
_YEAR_LAST = re.compile(r"(?:(?:(\d{1,2})[-/. ]+)?(\d{1,2}|[A-Za-z]{3,9})[-/., ]+)?(\d{4}|\d{2})(?: \d\d?:.*)?")
_MONTH_FIRST = re.compile(r"([A-Za-z]{3,9})\.? (\d{1,2}),? (\d{4})")
_EARLIEST_YEAR = 1850


def dates(values: pa.Array, latest_year: int) -> npt.NDArray[np.int32]:
    """For each text, year * 10000 + month * 100 + day; 0 for a part that is not known, and 0 where no date was read.

    A month or a day that cannot be is kept as it stands: a slip of the pen still tells people apart.

    Args:
        values: `19081209`, `1908-12-09`, `09/12/1908` (day first unless it cannot be), `9 Dec 1908`, `1908-12`, `1908`.
        latest_year: A year of two digits is the last one with them up to here.
    """
    return np.fromiter((_date(text, latest_year) for text in values.to_pylist()), np.int32, len(values))


def _date(text: str | None, latest_year: int) -> int:
    if not text:
        return 0
    if text.isdecimal() and len(text) == 8:
        year, month, day = int(text[:4]), int(text[4:6]), int(text[6:])
        if not _EARLIEST_YEAR <= year <= latest_year and _EARLIEST_YEAR <= int(text[4:]) <= latest_year:
            year, month, day = int(text[4:]), int(text[2:4]), int(text[:2])
    elif found := _YEAR_FIRST.fullmatch(text):
        year, month, day = int(found[1]), _month(found[2]), int(found[3] or 0)
    elif found := _MONTH_FIRST.fullmatch(text):
        year, month, day = int(found[3]), _month(found[1]), int(found[2])
    elif found := _YEAR_LAST.fullmatch(text):
        year, month, day = int(found[3]), _month(found[2]), int(found[1] or 0)
        if len(found[3]) == 2:
            year += latest_year // 100 * 100 - (100 if year > latest_year % 100 else 0)
        if month > 12 >= day > 0:
            month, day = day, month
    else:
        return 0
    return 0 if year == 0 else year * 10000 + month * 100 + day


def _month(text: str | None) -> int:
    if text is None:
        return 0
    return int(text) if text.isdecimal() else _MONTHS.get(text[:3].lower(), 0)


def phone_numbers(values: pa.Array, countries: pa.Array | None) -> tuple[pa.Array, pa.Array]:
    """Telephone numbers in E.164, as far as prefix or country allow, and their last eight digits.

    Without either, the national number as it stands, so that it can still be found by its last digits.

    References:
        ITU-T E.164, section 6: at most fifteen digits behind the `+`. National prefixes are those of `phonenumbers`.
    """
    digits = pc.replace_substring_regex(values, r"(?i)(?:ext\.?|x)\s*[0-9]+$", "")
    digits = pc.replace_substring(digits, "(0)", "")
    digits = pc.replace_substring_regex(digits, r"[^0-9+]+", "")
    digits = pc.replace_substring_regex(digits, r"^00+", "+")
    international = pc.match_substring_regex(digits, r"^\+[0-9]{7,15}$")
    bare = pc.replace_substring_regex(digits, r"[^0-9]", "")
    full = pc.if_else(international, digits, pa.scalar(None, pa.string()))
    if countries is not None:
        for country in pc.unique(countries.drop_null()).to_pylist():
            metadata = phonenumbers.PhoneMetadata.metadata_for_region(country.upper(), None)
            if metadata is None:
                continue
            trunk = metadata.national_prefix or ""
            own = pc.and_(pc.invert(international), pc.fill_null(pc.equal(countries, country), fill_value=False))
            national = pc.replace_substring_regex(bare, f"^{trunk}", "") if trunk else bare
            prefixed = pc.binary_join_element_wise(f"+{metadata.country_code}", national, "")
            full = pc.if_else(own, prefixed, full)
    national = pc.replace_substring_regex(bare, "^0+", "")
    enough = pc.greater_equal(pc.binary_length(bare), 6)
    written = pc.if_else(enough, pc.coalesce(full, national), pa.scalar(None, pa.string()))
    return written, pc.utf8_slice_codeunits(pc.if_else(enough, bare, pa.scalar(None, pa.string())), -8)


def email_parts(values: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Addresses in one form, and their local part: no tag, and no dots where the provider ignores them."""
    text = pc.ascii_lower(values)
    parts = pc.extract_regex(text, r"^(?P<local>[^@\s+]+)(?:\+[^@\s]*)?@(?P<domain>[^@\s]+\.[^@\s]+)$")
    local, domain = pc.struct_field(parts, "local"), pc.struct_field(parts, "domain")
    domain = pc.if_else(pc.equal(domain, "googlemail.com"), "gmail.com", domain)
    local = pc.if_else(pc.equal(domain, "gmail.com"), pc.replace_substring(local, ".", ""), local)
    return pc.binary_join_element_wise(local, domain, "@"), local
