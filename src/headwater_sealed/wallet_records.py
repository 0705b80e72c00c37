"""What a wallet gives out: records of one schema, each text looked through for key material before it leaves."""

from __future__ import annotations

import re
from collections import Counter

import pyarrow as pa
from embit.wordlists.bip39 import WORDLIST

from headwater_sealed.descriptors import has_private_key
from headwater_sealed.rows import Emit, Rows, field

__all__ = ["WALLET_KINDS", "WALLET_SCHEMA", "WalletRecords", "may_hold_key"]

WALLET_KINDS = ("descriptor", "public_key", "address", "txid", "request", "not_read", "defect")
"""Kinds of record. `not_read` says how many records of a type were left alone; `request`, that money was asked for."""

WALLET_SCHEMA = pa.schema(
    [
        field("kind", pa.string()),
        field("wallet_format", pa.string()),
        field("network", pa.string(), nullable=True),
        field("descriptor", pa.string(), nullable=True),
        field("is_change", pa.bool_(), nullable=True),
        field("range_start", pa.int64(), nullable=True),
        field("range_end", pa.int64(), nullable=True),
        field("next_index", pa.int64(), nullable=True),
        field("created_at_us", pa.int64(), nullable=True),
        field("public_key", pa.string(), nullable=True),
        field("key_path", pa.string(), nullable=True),
        field("address", pa.string(), nullable=True),
        field("txid", pa.string(), nullable=True),
        field("label", pa.string(), nullable=True),
        field("record_type", pa.string(), nullable=True),
        field("request_key", pa.string(), nullable=True),
        field("amount_sat", pa.int64(), nullable=True),
        field("count", pa.int64(), nullable=True),
        field("offset_bytes", pa.int64(), nullable=True),
        field("length_bytes", pa.int64(), nullable=True),
        field("code", pa.string(), nullable=True),
        field("reason", pa.string(), nullable=True),
    ]
)

_SEED_WORDS = 12  # source: BIP 39, the fewest words of a phrase; Electrum's phrases use the same list
_WORDS = frozenset(WORDLIST)
_HEX_KEY = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{64}(?![0-9a-fA-F])")
_OTHER_SECRETS = re.compile(r"(?<![A-Za-z0-9])6P[1-9A-HJ-NP-Za-km-z]{56}(?![A-Za-z0-9])|PRIVATE KEY|AGE-SECRET-KEY-")
_MAX_TEXT_CHARACTERS = 4096


def may_hold_key(text: str) -> bool:
    """Whether a free text holds what could be a private key or the words of a seed.

    Anything of 64 hexadecimal digits counts, although a transaction's id looks the same: a person can look it up in the
    wallet, and a key that has left cannot be called back.
    """
    if has_private_key(text.encode("utf-8", "replace")) or _HEX_KEY.search(text) or _OTHER_SECRETS.search(text):
        return True
    run = 0
    for word in re.findall(r"[a-z]+", text.lower()):
        run = run + 1 if word in _WORDS else 0
        if run >= _SEED_WORDS:
            return True
    return False


class WalletRecords:
    """Takes what a wallet's reader finds and emits it in the same order.

    Args:
        emit: Takes a batch.
        wallet_format: core-sqlite, core-bdb, electrum or public-keys.
    """

    def __init__(self, emit: Emit, wallet_format: str) -> None:
        self._rows = Rows(WALLET_SCHEMA, emit)
        self._format = wallet_format
        self._left: Counter[str] = Counter()
        self.network: str | None = None

    def add(self, kind: str, *, label: str | None = None, **values: object) -> None:
        """Takes a record; a label that may hold a key is withheld, and a defect says so."""
        assert kind in WALLET_KINDS
        if label is not None and (len(label) > _MAX_TEXT_CHARACTERS or may_hold_key(label)):
            self.defect("label_withheld", "a label may hold a private key or a seed, or is too long; it is withheld")
            label = None
        assert not any(isinstance(value, str) and has_private_key(value.encode()) for value in values.values())
        self._rows.add(kind=kind, wallet_format=self._format, network=self.network, label=label, **values)

    def defect(
        self, code: str, reason: str, *, offset_bytes: int | None = None, length_bytes: int | None = None
    ) -> None:
        """Takes what could not be read, where and why."""
        self._rows.add(
            kind="defect",
            wallet_format=self._format,
            code=code,
            reason=reason,
            offset_bytes=offset_bytes,
            length_bytes=length_bytes,
        )

    def not_read(self, record_type: str) -> None:
        """Counts a record that is left alone because of its type."""
        self._left[record_type] += 1

    def close(self) -> None:
        """Emits what is left, the counts of what was left alone last."""
        for record_type, count in sorted(self._left.items()):
            self.add("not_read", record_type=record_type, count=count)
        self._rows.close()
