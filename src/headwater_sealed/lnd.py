"""The job `read_lnd`: invoices, payments and channels from LND's own state in bbolt.

Of each record only the fields named here leave. Preimages, secrets of payments, keys and revocations lie beside them
and are skipped; of settlements only the key of the record is looked at, because its value is the preimage. Where a
record says what its place in the file says too, the two must agree: that is how another layout is told from this one.

References:
    LND, channeldb/db.go (metadata, dbp), channeldb/invoices.go (TLV records of an invoice), channeldb/codec.go,
    channeldb/channel.go (putChanInfo, serializeChannelCloseSummary), channeldb/payments.go and
    payment_control.go (serializePaymentCreationInfo, payment-htlcs-bucket). Go, time.MarshalBinary.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import pyarrow as pa

from headwater_sealed.bolt import Bolt, Bucket, Pair
from headwater_sealed.record_reader import BadRecordError, RecordReader
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.rows import Emit, Rows, field
from headwater_sealed.sources import Sources

__all__ = ["LND_SCHEMA", "read_lnd"]

LND_SCHEMA = pa.schema(
    [
        field("kind", pa.string()),  # invoice, payment, channel or defect
        field("bucket", pa.string()),
        field("number", pa.int64()),
        field("offset_bytes", pa.int64()),
        field("length_bytes", pa.int64()),
        field("payment_hash", pa.string(), nullable=True),
        field("description", pa.string(), nullable=True),
        field("amount_msat", pa.int64(), nullable=True),
        field("received_msat", pa.int64(), nullable=True),
        field("state", pa.string(), nullable=True),
        field("created_at_us", pa.int64(), nullable=True),
        field("expires_at_us", pa.int64(), nullable=True),
        field("paid_at_us", pa.int64(), nullable=True),
        field("peer_node_id", pa.string(), nullable=True),
        field("funding_txid", pa.string(), nullable=True),
        field("funding_output_index", pa.int64(), nullable=True),
        field("short_channel_id", pa.string(), nullable=True),
        field("capacity_sat", pa.int64(), nullable=True),
        field("opener", pa.string(), nullable=True),
        field("code", pa.string(), nullable=True),
        field("reason", pa.string(), nullable=True),
    ]
)

_OLDEST_VERSION = 13  # from here on times of payments are in nanoseconds and invoices are TLV records
_MEMO, _CREATED, _SETTLED, _VALUE, _EXPIRY, _STATE, _PAID = 0, 2, 3, 7, 9, 12, 13
_INVOICE_STATES = {0: "unpaid", 1: "paid", 2: "canceled", 3: "accepted"}
_GO_EPOCH_S = 62_135_596_800  # seconds from the first of January of year 1 to that of 1970
_MAX_INT = 2**63 - 1
_MAX_MEMO_BYTES = 4096
_INVOICES, _PAYMENTS, _OPEN = b"invoices", b"payments-root-bucket", b"open-chan-bucket"
_CLOSED, _HISTORICAL, _TOLD = b"closed-chan-bucket", b"historical-chan-bucket", b"chan-info-key"


def read_lnd(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """A record for each invoice, payment and channel, and each defect.

    Args:
        files: The file, or the image that holds it.
        parameters: `entries` with the one file, if it is in an image.
        emit: Takes each batch.

    Raises:
        UnreadableError: It is no such file, or of a version that is not read.
    """
    entries = parameters.get("entries") or [{"file_index": 0}]
    store = Bolt(Sources(files, parameters).open(entries[0]))
    version = _version(store)
    if version is None or version < _OLDEST_VERSION:
        told = "no version" if version is None else f"version {version}"
        raise UnreadableError(f"LND's state of {told}; versions from {_OLDEST_VERSION} on are read")
    reading = _Reading(store, Rows(LND_SCHEMA, emit))
    reading.invoices()
    reading.payments()
    reading.channels()
    reading.rows.close()


def _version(store: Bolt) -> int | None:
    metadata = store.bucket(b"metadata")
    for one in store.elements(metadata) if metadata is not None else ():
        if isinstance(one, Pair) and one.key == b"dbp" and len(one.value) == 4:
            return int.from_bytes(one.value, "big")
    return None


class _Reading:
    def __init__(self, store: Bolt, rows: Rows) -> None:
        self._store = store
        self.rows = rows
        self._numbers: dict[bytes, int] = {}

    def _inside(self, bucket: Bucket | None, name: bytes) -> Iterator[Pair | Bucket]:
        """The elements of a bucket; what cannot be read is a defect."""
        if bucket is None:
            return
        for one in self._store.elements(bucket):
            if isinstance(one, UnreadableError):
                self._defect(name, "lnd_page_not_read", one.reason, bucket.offset_bytes, 0)
            else:
                yield one

    def _defect(self, bucket: bytes, code: str, reason: str, offset: int, length: int) -> None:
        self.rows.add(
            kind="defect",
            bucket=bucket.decode(),
            number=self._numbers.get(bucket, 0),
            offset_bytes=offset,
            length_bytes=length,
            code=code,
            reason=reason,
        )

    def _row(self, kind: str, bucket: bytes, pair: Pair, told: Mapping[str, object]) -> None:
        self.rows.add(
            kind=kind,
            bucket=bucket.decode(),
            number=self._counted(bucket),
            offset_bytes=pair.offset_bytes,
            length_bytes=len(pair.key) + len(pair.value),
            **told,
        )

    def _counted(self, bucket: bytes) -> int:
        self._numbers[bucket] = self._numbers.get(bucket, 0) + 1
        return self._numbers[bucket] - 1

    def _bad(self, bucket: bytes, pair: Pair, error: BadRecordError) -> None:
        length = len(pair.key) + len(pair.value)
        self._defect(
            bucket, "lightning_row_not_read", f"a record of another layout: {error}", pair.offset_bytes, length
        )
        self._counted(bucket)

    def invoices(self) -> None:
        """Tells the invoices."""
        bucket = self._store.bucket(_INVOICES)
        named: dict[bytes, bytes] = {}
        for one in self._inside(self._store.bucket(_INVOICES, b"paymenthashes"), _INVOICES):
            if isinstance(one, Pair) and len(one.key) == 32:
                named[one.value] = one.key
        for one in self._inside(bucket, _INVOICES):
            if not isinstance(one, Pair) or len(one.key) != 4:
                continue
            try:
                told = _invoice(RecordReader(one.value, ">"), named.get(one.key))
            except BadRecordError as error:
                self._bad(_INVOICES, one, error)
                continue
            self._row("invoice", _INVOICES, one, told)

    def payments(self) -> None:
        """Tells the payments."""
        for one in self._inside(self._store.bucket(_PAYMENTS), _PAYMENTS):
            if isinstance(one, Bucket) and len(one.key) == 32:
                self._payment(one)

    def _payment(self, bucket: Bucket) -> None:
        created: Pair | None = None
        state = "pending"
        for one in self._inside(bucket, _PAYMENTS):
            if isinstance(one, Pair) and one.key == b"payment-creation-info":
                created = one
            elif isinstance(one, Pair) and one.key == b"payment-fail-info":
                state = "failed" if state == "pending" else state
            elif isinstance(one, Bucket) and one.key == b"payment-htlcs-bucket":
                attempts = (inner.key for inner in self._inside(one, _PAYMENTS) if isinstance(inner, Pair))
                # The value behind `si` is the preimage; that there is one says that the payment arrived.
                if any(key[:2] == b"si" for key in attempts):
                    state = "complete"
        if created is None:
            return
        try:
            told = _creation(RecordReader(created.value, ">"), bucket.key)
        except BadRecordError as error:
            self._bad(_PAYMENTS, created, error)
            return
        self._row("payment", _PAYMENTS, created, told | {"state": state})

    def channels(self) -> None:
        """Tells the channels: those that are open, those that were, and what else is noted of closed ones."""
        known: set[bytes] = set()
        for node in self._inside(self._store.bucket(_OPEN), _OPEN):
            for chain in self._inside(node, _OPEN) if isinstance(node, Bucket) else ():
                for point in self._inside(chain, _OPEN) if isinstance(chain, Bucket) else ():
                    if isinstance(point, Bucket):
                        self._channel(_OPEN, point, known, node.key)
        for point in self._inside(self._store.bucket(_HISTORICAL), _HISTORICAL):
            if isinstance(point, Bucket):
                self._channel(_HISTORICAL, point, known, None)
        for one in self._inside(self._store.bucket(_CLOSED), _CLOSED):
            if isinstance(one, Pair) and one.key not in known:
                try:
                    told = _closed(RecordReader(one.value, ">"), one.key)
                except BadRecordError as error:
                    self._bad(_CLOSED, one, error)
                    continue
                self._row("channel", _CLOSED, one, told)

    def _channel(self, name: bytes, point: Bucket, known: set[bytes], node: bytes | None) -> None:
        for one in self._inside(point, name):
            if not isinstance(one, Pair) or one.key != _TOLD:
                continue
            known.add(point.key)
            try:
                told = _channel(RecordReader(one.value, ">"), point.key, node)
            except BadRecordError as error:
                self._bad(name, one, error)
                continue
            state = "closed" if name == _HISTORICAL else told["state"]
            self._row("channel", name, one, told | {"state": state})


def _fits(number: int) -> int:
    if number > _MAX_INT:
        raise BadRecordError("a number is larger than there is room for")
    return number


def _time_us(content: bytes) -> int | None:
    """Microseconds since 1970 of a time as Go writes it; None for the time that stands for none."""
    if not content:
        return None
    if len(content) not in {15, 16} or content[0] not in {1, 2}:
        raise BadRecordError("a time is none")
    seconds, nanoseconds = struct.unpack(">qi", content[1:13])
    if not seconds:
        return None
    at_us = (seconds - _GO_EPOCH_S) * 1_000_000 + nanoseconds // 1000
    return at_us if 0 < at_us < 2**56 else None


def _invoice(record: RecordReader, digest: bytes | None) -> dict[str, Any]:
    """The body of an invoice; parts of payments that stand behind it are left alone."""
    if digest is None:
        raise BadRecordError("the index of payment hashes does not name it")
    length = record.number("Q")
    if length > record.left:
        raise BadRecordError("its length is longer than it is")
    body = RecordReader(record.taken(length), ">")
    found: dict[int, bytes] = {}
    last = -1
    while body.left:
        kind = body.size()
        if kind <= last:
            raise BadRecordError("its parts are not in order")
        last = kind
        part = body.taken(body.size())
        if kind in {_MEMO, _CREATED, _SETTLED, _VALUE, _EXPIRY, _STATE, _PAID}:
            found[kind] = part
    if len(found.get(_STATE, b"")) != 1 or len(found.get(_VALUE, b"")) != 8:
        raise BadRecordError("it has no state or no value")
    state = found[_STATE][0]
    memo = found.get(_MEMO, b"")
    if len(memo) > _MAX_MEMO_BYTES:
        raise BadRecordError("its memo is too long")
    created = _time_us(found.get(_CREATED, b""))
    expiry_us = int.from_bytes(found.get(_EXPIRY, b""), "big") // 1000
    return {
        "payment_hash": digest.hex(),
        "description": memo.decode("utf-8", "backslashreplace") or None,
        "amount_msat": _fits(int.from_bytes(found[_VALUE], "big")) or None,
        "received_msat": _fits(int.from_bytes(found.get(_PAID, b""), "big")),
        "state": _INVOICE_STATES.get(state, f"state {state}"),
        "created_at_us": created,
        "expires_at_us": created + expiry_us if created is not None and 0 < expiry_us < 2**52 else None,
        "paid_at_us": _time_us(found.get(_SETTLED, b"")),
    }


def _creation(record: RecordReader, key: bytes) -> dict[str, Any]:
    digest = record.taken(32)
    if digest != key:
        raise BadRecordError("its payment hash is not that of its bucket")
    amount, at_ns = _fits(record.number("Q")), record.number("q")
    return {
        "payment_hash": digest.hex(),
        "amount_msat": amount,
        "created_at_us": at_ns // 1000 if at_ns > 0 else None,
    }


def _point(record: RecordReader, key: bytes) -> dict[str, Any]:
    """The output that opened a channel, as its bucket's key has it too."""
    if len(key) != 36:
        raise BadRecordError("its key names no output")
    if record.taken(36) != key:
        raise BadRecordError("its output is not that of its key")
    return {
        "funding_txid": key[:32][::-1].hex(),  # as in the protocol of Bitcoin, where it is shown the other way round
        "funding_output_index": int.from_bytes(key[32:], "big"),
    }


def _node(record: RecordReader, key: bytes | None) -> str:
    node = record.taken(33)
    if node[0] not in {2, 3} or (key is not None and node != key):
        raise BadRecordError("the other node is none, or not that of its bucket")
    return node.hex()


def _short_id(number: int) -> str | None:
    return f"{number >> 40}x{number >> 16 & 0xFFFFFF}x{number & 0xFFFF}" if number else None


def _truth(record: RecordReader) -> bool:
    byte = record.number("B")
    if byte > 1:
        raise BadRecordError("a yes or no is neither")
    return bool(byte)


def _channel(record: RecordReader, key: bytes, node: bytes | None) -> dict[str, Any]:
    record.size()  # its type
    record.taken(32)  # the chain
    told = _point(record, key)
    short = record.number("Q")
    pending, initiator = _truth(record), _truth(record)
    record.size()  # its status
    record.taken(4 + 2 + 1)  # height of its broadcast, confirmations, flags
    return told | {
        "short_channel_id": _short_id(short),
        "peer_node_id": _node(record, node),
        "capacity_sat": _fits(record.number("Q")),
        "opener": "local" if initiator else "remote",
        "state": "pending" if pending else "open",
    }


def _closed(record: RecordReader, key: bytes) -> dict[str, Any]:
    told = _point(record, key)
    short = record.number("Q")
    record.taken(32 + 32 + 4)  # the chain, the transaction that closed it, its height
    return told | {
        "short_channel_id": _short_id(short),
        "peer_node_id": _node(record, None),
        "capacity_sat": _fits(record.number("Q")),
        "opener": "unknown",
        "state": "closed",
    }
