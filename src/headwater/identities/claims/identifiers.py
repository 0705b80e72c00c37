"""What accounts, customers and people on record are told apart by, in the form in which it is compared."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.identities.linkage import forms
from headwater.identities.linkage.linkage_model import IDENTIFIERS
from headwater.identities.linkage.weighed import I32, I64

__all__ = ["Identified", "Noted", "Vocabulary", "gathered", "of_accounts", "of_customers", "of_records"]

KEY_ID_DIGITS = 16
"""Hex digits of a long key id, the last of a fingerprint of version 4 (RFC 4880, section 12.2): sources have either."""
_LEAST_NICKNAME = 4
_PLAIN_IPV4 = r"^(?:[1-9][0-9]{0,2}|0)(?:\.(?:[1-9][0-9]{0,2}|0)){3}$"
_ANY_CASE = r"^(?i)(?:bc1|tb1|bcrt1|ltc1|0x)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Values of one kind that a source has of rows.

    Attributes:
        kind: Of IDENTIFIERS.
        rows: Number of the row of each.
        texts: The value of each, as the source has it.
        countries: Country of each row, by which telephone numbers are read; None without.
    """

    kind: str
    rows: I32
    texts: pa.Array
    countries: pa.Array | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """Each value of each row of one side once, in order of rows and values.

    Attributes:
        row: Number of the row.
        value: Number of the value, of a `Vocabulary`.
        rows: Rows of the side, with or without values.
    """

    row: I32
    value: I32
    rows: int

    def rows_with_value(self, values: int) -> I64:
        """For each value, how many rows have it."""
        return np.bincount(self.value, minlength=values).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The distinct values of all sides, those of one kind next to each other.

    Attributes:
        texts: Each as it is compared.
        begins: For each of IDENTIFIERS, the number of its first value; one more than there are kinds.
    """

    texts: pa.Array
    begins: I64

    def kind_of(self, values: I32) -> I32:
        """For each value the number of its kind."""
        return (np.searchsorted(self.begins, values, side="right") - 1).astype(np.int32)


def gathered(*sides: tuple[int, Sequence[Noted]]) -> tuple[Vocabulary, tuple[Identified, ...]]:
    """The values of all sides as numbers.

    Args:
        sides: For each side its number of rows and what is noted of them.
    """
    texts: list[pa.Array] = []
    found: list[list[tuple[I32, I32]]] = [[] for _ in sides]
    begins = [0]
    for kind in IDENTIFIERS:
        parts = [(at, noted) for at, (_, listed) in enumerate(sides) for noted in listed if noted.kind == kind]
        written = [_compared(noted) for _, noted in parts]
        encoded = pa.concat_arrays([pa.array([], pa.string()), *written]).dictionary_encode()
        codes, start = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int32), 0
        for at, noted in parts:
            of_row = codes[start : start + len(noted.rows)]
            start += len(noted.rows)
            has = (of_row >= 0) & (noted.rows >= 0)
            found[at].append((noted.rows[has], of_row[has] + np.int32(begins[-1])))
        texts.append(encoded.dictionary)
        begins.append(begins[-1] + len(encoded.dictionary))
    identified = tuple(_once(parts, rows) for parts, (rows, _) in zip(found, sides, strict=True))
    return Vocabulary(texts=pa.concat_arrays(texts), begins=np.array(begins, np.int64)), identified


def _once(parts: Sequence[tuple[I32, I32]], rows: int) -> Identified:
    none = np.zeros(0, np.int32)
    row = np.concatenate([none, *(r for r, _ in parts)]).astype(np.int64)
    value = np.concatenate([none, *(v for _, v in parts)])
    both = np.unique((row << 32) | value)
    return Identified(row=(both >> 32).astype(np.int32), value=(both & 0xFFFFFFFF).astype(np.int32), rows=rows)


def of_accounts(tables: Session) -> tuple[pa.Array, list[Noted]]:
    """The accounts' ids, and what the platform noted of each: also where and by what it logged in, and its wallets."""
    columns = {"email": "email", "phone": "phone", "nickname": "nickname", "pgp_fingerprint": "pgp_fingerprint"}
    accounts = tables.columns("accounts", ["account_id", *columns.values()])
    ids = _whole(accounts["account_id"])
    noted = [_of_rows(kind, accounts[column]) for kind, column in columns.items()]
    noted += _listed(tables.columns("identifiers", ["account_id", "identifier_kind", "value"]), "account_id", ids)
    logins = tables.columns("logins", ["account_id", "network_address", "device"])
    rows = _places(logins["account_id"], ids)
    noted += [Noted(kind=kind, rows=rows, texts=_whole(logins[kind])) for kind in ("network_address", "device")]
    wallets = tables.columns("account_addresses", ["account_id", "address"])
    places = _places(wallets["account_id"], ids)
    noted.append(Noted(kind="wallet_address", rows=places, texts=_whole(wallets["address"])))
    return ids, noted


def of_records(tables: Session) -> tuple[pa.Array, list[Noted]]:
    """The ids of people on record, and what stands there of each besides name, date of birth and address."""
    records = tables.columns("records", ["record_id", "email", "phone", "nickname", "country"])
    ids = _whole(records["record_id"])
    noted = [_of_rows(kind, records[kind], records["country"]) for kind in ("email", "phone", "nickname")]
    further = tables.columns("record_identifiers", ["record_id", "identifier_kind", "value"])
    return ids, noted + _listed(further, "record_id", ids)


def of_customers(tables: Session) -> tuple[pa.Array, list[Noted]]:
    """The customers' ids, and what their service noted of each besides name, date of birth and address."""
    customers = tables.columns("customers", ["customer_id", "email", "phone", "country"])
    ids = _whole(customers["customer_id"])
    noted = [_of_rows(kind, customers[kind], customers["country"]) for kind in ("email", "phone")]
    further = tables.columns("customer_identifiers", ["customer_id", "identifier_kind", "value"])
    return ids, noted + _listed(further, "customer_id", ids)


def _of_rows(kind: str, column: pa.ChunkedArray, countries: pa.ChunkedArray | None = None) -> Noted:
    rows = np.arange(len(column), dtype=np.int32)
    told = None if countries is None or kind != "phone" else _whole(countries)
    return Noted(kind=kind, rows=rows, texts=_whole(column), countries=told)


def _listed(table: pa.Table, key: str, ids: pa.Array) -> list[Noted]:
    """Rows that state their own kind; one that the model has no name for is `other`, and says its name."""
    found: list[Noted] = []
    if not table.num_rows:
        return found
    kinds = pc.replace_substring_regex(pc.utf8_lower(table["identifier_kind"]), r"[\s-]+", "_")
    for kind in sorted(pc.unique(kinds).to_pylist()):
        rows = table.filter(pc.equal(kinds, kind))
        texts, known = _whole(rows["value"]), kind in IDENTIFIERS and kind != "other"
        if not known:
            texts = pc.binary_join_element_wise(kind, texts, ": ")
        found.append(Noted(kind=kind if known else "other", rows=_places(rows[key], ids), texts=texts))
    return found


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays([pa.array([], column.type), *column.chunks])


def _places(column: pa.ChunkedArray, ids: pa.Array) -> I32:
    """The number of the row that each id names; -1 where there is none."""
    places: I32 = np.asarray(pc.fill_null(pc.index_in(_whole(column), value_set=ids, skip_nulls=True), -1), np.int32)
    return places


def _compared(noted: Noted) -> pa.Array:
    """The values in the form in which they are compared; absent where there is nothing to compare."""
    if noted.countries is not None:
        written, _ = forms.phone_numbers(noted.texts, pc.utf8_upper(noted.countries))
        return written
    encoded = noted.texts.dictionary_encode()
    return _FORMS[noted.kind](encoded.dictionary).take(encoded.indices)


def _phones(texts: pa.Array) -> pa.Array:
    """Only numbers with the prefix of their country: without it two of them say little."""
    written, _ = forms.phone_numbers(texts, None)
    return _where(pc.starts_with(written, "+"), written)


def _nicknames(texts: pa.Array) -> pa.Array:
    written = forms.without_blanks(forms.latin(texts))
    return _where(pc.greater_equal(pc.binary_length(written), _LEAST_NICKNAME), written)


def _wallets(texts: pa.Array) -> pa.Array:
    """Addresses without blanks; those that may be written in either case in lower case."""
    written = pc.replace_substring_regex(texts, r"\s", "")
    either = pc.match_substring_regex(written, _ANY_CASE)
    return _said(pc.if_else(either, pc.ascii_lower(written), written))


def _keys(texts: pa.Array) -> pa.Array:
    """The long key id of fingerprints and key ids."""
    digits = pc.replace_substring_regex(pc.ascii_upper(texts), r"^\s*0X|[^0-9A-F]", "")
    enough = pc.greater_equal(pc.binary_length(digits), KEY_ID_DIGITS)
    return _where(enough, pc.utf8_slice_codeunits(digits, -KEY_ID_DIGITS))


def _network_addresses(texts: pa.Array) -> pa.Array:
    """In the one spelling of each, an IPv4 address written within IPv6 as that IPv4 address."""
    plain = pc.match_substring_regex(texts, _PLAIN_IPV4)
    others = pc.fill_null(pc.invert(plain), fill_value=False)
    written = pa.array([_network_address(text) for text in texts.filter(others).to_pylist()], pa.string())
    return pc.replace_with_mask(texts, others, written)


def _network_address(text: str) -> str | None:
    try:
        parsed = ipaddress.ip_address(text.strip())
    except ValueError:
        return None  # a server may note a name, or a path, where a visitor has no address
    return str((parsed.ipv4_mapped or parsed) if isinstance(parsed, ipaddress.IPv6Address) else parsed)


def _signs(texts: pa.Array) -> pa.Array:
    """Letters and digits, in capitals."""
    return _said(pc.replace_substring_regex(pc.ascii_upper(texts), r"[^0-9A-Z]", ""))


def _phrases(texts: pa.Array) -> pa.Array:
    """In lower case, with single blanks."""
    return _said(pc.utf8_trim_whitespace(pc.replace_substring_regex(pc.utf8_lower(texts), r"\s+", " ")))


def _said(texts: pa.Array) -> pa.Array:
    return _where(pc.not_equal(texts, ""), texts)


def _where(keep: pa.Array, texts: pa.Array) -> pa.Array:
    return pc.if_else(keep, texts, pa.scalar(None, pa.string()))


_FORMS: Mapping[str, Callable[[pa.Array], pa.Array]] = {
    "email": lambda texts: forms.email_parts(pc.utf8_trim_whitespace(texts))[0],
    "phone": _phones,
    "nickname": _nicknames,
    "pgp_fingerprint": _keys,
    "wallet_address": _wallets,
    "network_address": _network_addresses,
    "device": _phrases,
    "iban": _signs,
    "payment_card": _signs,
    "national_id": _signs,
    "other": _phrases,
}
