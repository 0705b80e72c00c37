"""What the parent expects of each sealed job: the schema of its reply, its limits, and the row of a refused entry.

The parent cannot import the sealed side, so the schemas stand here a second time; a test holds the two equal.
A reply that differs from the schema here is refused, whatever the worker believes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

__all__ = ["EXPECTED", "TEST_EXPECTED", "Expected", "Limits"]

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one sealed child may use.

    Attributes:
        wall_s: Seconds of waiting for it, counted only while the parent waits.
        memory_bytes: Address space it may add to what the idle worker has.
        reply_bytes: Size of all its batches together.
    """

    wall_s: float = 60.0
    memory_bytes: int = 2048 * _MIB
    reply_bytes: int = 256 * _MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The parent's side of one sealed job.

    Attributes:
        name: The job.
        schema: The only schema accepted for its batches.
        limits: What one child may use unless the caller says otherwise.
        refused: Only for jobs over `entries`: the fixed columns of the row that stands for an entry whose child ended
            abnormally. `entry_index` and `reason` are added, and so is every column that the entry itself names.
    """

    name: str
    schema: pa.Schema
    limits: Limits = field(default_factory=Limits)
    refused: Mapping[str, Any] = field(default_factory=dict)


_ECHO = Expected(
    name="echo",
    schema=pa.schema(
        [
            pa.field("file_index", pa.int64(), nullable=False),
            pa.field("size_bytes", pa.int64(), nullable=False),
            pa.field("head", pa.binary(), nullable=False),
        ]
    ),
)

_PROBE = Expected(
    name="probe",
    schema=pa.schema(
        [
            pa.field("attempt", pa.string(), nullable=False),
            pa.field("escaped", pa.bool_(), nullable=False),
            pa.field("detail", pa.string(), nullable=False),
        ]
    ),
    limits=Limits(wall_s=10.0, memory_bytes=256 * _MIB, reply_bytes=_MIB),
)

_MISBEHAVE = Expected(
    name="misbehave",
    schema=pa.schema(
        [
            pa.field("entry_index", pa.int64(), nullable=False),
            pa.field("answer", pa.string()),
            pa.field("reason", pa.string()),
        ]
    ),
    limits=Limits(wall_s=10.0, memory_bytes=256 * _MIB, reply_bytes=8 * _MIB),
)


def _schema(*fields: str) -> pa.Schema:
    """A schema from words `name:type`, with `?` behind what may be null."""
    return pa.schema([pa.field(*_field(text)) for text in fields])


_TYPES = {
    "text": pa.string(),
    "int": pa.int64(),
    "ints": pa.list_(pa.int64()),
    "bytes": pa.binary(),
    "boolean": pa.bool_(),
    "texts": pa.list_(pa.string()),
    "values": pa.list_(pa.binary()),
    "booleans": pa.list_(pa.bool_()),
}
_HOUR_S = 3600.0


def _field(text: str) -> tuple[str, pa.DataType, bool]:
    name, _, kind = text.partition(":")
    return name, _TYPES[kind.removesuffix("?")], kind.endswith("?")


_DESCRIBE_IMAGE = Expected(
    name="describe_image",
    schema=_schema(
        "container_format:text",
        "medium_bytes:int",
        "integrity:text",
        "stored_md5:text?",
        "computed_md5:text?",
        "reason:text?",
    ),
    # It reads and digests the whole medium: 4 TB at 100 MB/s take half a day.
    limits=Limits(wall_s=24 * _HOUR_S, reply_bytes=_MIB),
)

_LIST_VOLUMES = Expected(
    name="list_volumes",
    schema=_schema(
        "volume_index:int", "offset_bytes:int", "size_bytes:int", "filesystem:text", "status:text", "reason:text?"
    ),
    limits=Limits(wall_s=600.0, reply_bytes=_MIB),
)

_WALK_IMAGE = Expected(
    name="walk_image",
    schema=_schema(
        "path:bytes", "entry_type:text", "size_bytes:int", "modified_at_us:int?", "inode:int?", "links:int?",
        "offset_bytes:int?", "reason:text?",
    ),
    # Tens of millions of entries, some 150 bytes each.
    limits=Limits(wall_s=6 * _HOUR_S, reply_bytes=16 * 1024 * _MIB),
)  # fmt: skip

_TILE_MEDIUM = Expected(
    name="tile_medium",
    schema=_schema("start_bytes:int", "range_bytes:int", "range_kind:text", "volume_index:int?", "reason:text?"),
    # A walk over every volume, and a sort of where its content lies.
    limits=Limits(wall_s=24 * _HOUR_S, reply_bytes=16 * 1024 * _MIB),
)

_SNIFF_FILES = Expected(name="sniff_files", schema=_schema("file_index:int", "content_format:text"))

_DIGEST_ENTRIES = Expected(
    name="digest_entries",
    schema=_schema(
        "entry_index:int",
        "read_bytes:int",
        "md5:text?",
        "sha1:text?",
        "sha256:text?",
        "head:bytes?",
        "content_format:text?",
        "reason:text?",
    ),
    limits=Limits(wall_s=6 * _HOUR_S, reply_bytes=16 * _MIB),
    refused={"read_bytes": 0},
)

_READ_ENTRIES = Expected(
    name="read_entries",
    schema=_schema("entry_index:int", "content:bytes", "reason:text?"),
    # The data directory of a database, whole.
    limits=Limits(wall_s=24 * _HOUR_S, reply_bytes=1 << 44),
    refused={"content": b""},
)

_WALK_ARCHIVE = Expected(
    name="walk_archive",
    schema=_schema(
        "record_kind:text", "members:ints", "name:bytes", "entry_type:text", "size_bytes:int", "modified_at_us:int?",
        "read_bytes:int", "md5:text?", "sha1:text?", "sha256:text?", "head:bytes?", "content_format:text?",
        "reason:text?",
    ),
    # As for the entries of an image; each is read and digested on the way.
    limits=Limits(wall_s=24 * _HOUR_S, reply_bytes=16 * 1024 * _MIB),
)  # fmt: skip

_PARSE_MYSQL_DUMP = Expected(
    name="parse_mysql_dump",
    schema=_schema(
        "record_kind:text", "table_name:text?", "number:int?", "offset_bytes:int?", "length_bytes:int?", "names:texts?",
        "types:texts?", "values:values?", "quoted:booleans?", "code:text?", "reason:text?", "range_kind:text?",
    ),
    # The rows come back whole, so the reply is about as large as the dump.
    limits=Limits(wall_s=24 * _HOUR_S, memory_bytes=3072 * _MIB, reply_bytes=1024 * 1024 * _MIB),
)  # fmt: skip

_PARSE_OTHER_ROWS = tuple(
    replace(_PARSE_MYSQL_DUMP, name=f"parse_{name}")
    for name in (
        "postgres_dump",
        "postgres_archive",
        "sqlite",
        "bson",
        "mongo_archive",
        "json_rows",
        "csv",
        "mysql_tab",
    )
)
"""Whatever rows are read from, they come in the same form."""

_PARSE_ACCESS_LOG = Expected(
    name="parse_access_log",
    schema=_schema(
        "line_number:int", "offset_bytes:int", "length_bytes:int", "at_us:int?", "network_address:text?",
        "method:text?", "target:text?", "status:int?", "response_bytes:int?", "account_name:text?",
        "forwarded_for:text?", "log_format:text?", "code:text?", "reason:text?",
    ),
    limits=Limits(wall_s=6 * _HOUR_S, reply_bytes=128 * 1024 * _MIB),
)  # fmt: skip

_READ_WALLET = Expected(
    name="read_wallet",
    schema=_schema(
        "kind:text", "wallet_format:text", "network:text?", "descriptor:text?", "is_change:boolean?",
        "range_start:int?", "range_end:int?", "next_index:int?", "created_at_us:int?", "public_key:text?",
        "key_path:text?", "address:text?", "txid:text?", "label:text?", "record_type:text?", "request_key:text?",
        "amount_sat:int?", "count:int?", "offset_bytes:int?", "length_bytes:int?", "code:text?", "reason:text?",
    ),
    limits=Limits(wall_s=300.0, memory_bytes=4096 * _MIB, reply_bytes=256 * _MIB),
)  # fmt: skip

_NAME_COIN_STORE = Expected(
    name="name_coin_store",
    schema=_schema("coin_file_kind:text?", "is_encrypted:boolean?", "reason:text?"),
    limits=Limits(wall_s=300.0, memory_bytes=4096 * _MIB, reply_bytes=_MIB),
)

_READ_LND = Expected(
    name="read_lnd",
    schema=_schema(
        "kind:text", "bucket:text", "number:int", "offset_bytes:int", "length_bytes:int", "payment_hash:text?",
        "description:text?", "amount_msat:int?", "received_msat:int?", "state:text?", "created_at_us:int?",
        "expires_at_us:int?", "paid_at_us:int?", "peer_node_id:text?", "funding_txid:text?",
        "funding_output_index:int?", "short_channel_id:text?", "capacity_sat:int?", "opener:text?", "code:text?",
        "reason:text?",
    ),
    # A file of gigabytes, of which pages are read that lead to the records.
    limits=Limits(wall_s=6 * _HOUR_S, reply_bytes=4096 * _MIB),
)  # fmt: skip

_SCAN_MONERO = Expected(
    name="scan_monero",
    schema=_schema(
        "kind:text", "file_index:int", "number:int?", "txid:text?", "output_index:int?", "output_key:text?",
        "block_height:int?", "at_s:int?", "is_coinbase:boolean?", "unlock_time:int?", "address:text?",
        "account_index:int?", "subaddress_index:int?", "payment_id:text?", "amount_piconero:int?",
        "commitment_ok:boolean?", "transactions:int?", "outputs:int?", "first_height:int?", "last_height:int?",
        "code:text?", "reason:text?",
    ),
    # Some two thousand transactions a second (bench/monero_rate.py): a year of a busy chain takes hours.
    limits=Limits(wall_s=24 * _HOUR_S, memory_bytes=4096 * _MIB, reply_bytes=1024 * _MIB),
)  # fmt: skip

_READ_ZCASH_ANSWERS = Expected(
    name="read_zcash_answers",
    schema=_schema(
        "kind:text", "number:int?", "txid:text?", "pool:text?", "output_index:int?", "joinsplit_index:int?",
        "address:text?", "amount_zat:int?", "block_height:int?", "at_s:int?", "is_change:boolean?", "memo:text?",
        "printed_by:text?", "code:text?", "reason:text?",
    ),
    limits=Limits(wall_s=600.0, memory_bytes=4096 * _MIB, reply_bytes=1024 * _MIB),
)  # fmt: skip

_HASH_MEDIA = Expected(
    name="hash_media",
    schema=pa.schema(
        [
            pa.field("entry_index", pa.int64(), nullable=False),
            pa.field("frame_index", pa.int64(), nullable=False),
            pa.field("at_ms", pa.int64()),
            pa.field("pdq", pa.binary(32)),
            pa.field("quality", pa.int64()),
            pa.field("pdq_transforms", pa.binary(7 * 32)),
            pa.field("status", pa.string()),
            pa.field("reason", pa.string()),
            pa.field("note", pa.string()),
            pa.field("media_kind", pa.string()),
            pa.field("tier", pa.string()),
            pa.field("width_px", pa.int64()),
            pa.field("height_px", pa.int64()),
            pa.field("duration_ms", pa.int64()),
        ]
    ),
    # Every frame of a long video has to be decoded to find the first of each second.
    limits=Limits(wall_s=900.0, memory_bytes=3072 * _MIB, reply_bytes=64 * _MIB),
    refused={"frame_index": -1, "status": "refused"},
)

_READ_CLAIMS = Expected(
    name="read_claims",
    schema=_schema(
        "entry_index:int", "claim_kind:text", "claim:text?", "claimed_by:text?", "offset_bytes:int?",
        "claims_synthetic:text", "signature_checked:text?", "status:text", "reason:text?", "note:text?",
    ),
    # Some hundred short rows a file at most, of which a bounded part is read; members of archives take their time.
    limits=Limits(wall_s=600.0, memory_bytes=1024 * _MIB, reply_bytes=64 * _MIB),
    refused={"claim_kind": "summary", "claims_synthetic": "unknown", "status": "refused"},
)  # fmt: skip

TEST_EXPECTED: tuple[Expected, ...] = (_MISBEHAVE,)
"""Jobs that fail on purpose; a pool knows them only if it is told to."""

EXPECTED: tuple[Expected, ...] = (
    _ECHO,
    _PROBE,
    _DESCRIBE_IMAGE,
    _LIST_VOLUMES,
    _WALK_IMAGE,
    _TILE_MEDIUM,
    _SNIFF_FILES,
    _DIGEST_ENTRIES,
    _READ_ENTRIES,
    _WALK_ARCHIVE,
    _PARSE_MYSQL_DUMP,
    *_PARSE_OTHER_ROWS,
    _PARSE_ACCESS_LOG,
    _READ_WALLET,
    _NAME_COIN_STORE,
    _READ_LND,
    _SCAN_MONERO,
    _READ_ZCASH_ANSWERS,
    _HASH_MEDIA,
    _READ_CLAIMS,
)
"""Every job of the product; the same names in the same order as on the sealed side."""
