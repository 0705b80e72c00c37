"""What a sealed worker can be asked to do: one explicit tuple, in a fixed order.

Importing this module imports every decoder and reader; `basic` says what a job is, without them.
"""

from __future__ import annotations

from headwater_sealed.access_log import ACCESS_LOG_SCHEMA, parse_access_log
from headwater_sealed.archives import WALK_ARCHIVE_SCHEMA, walk_archive
from headwater_sealed.basic import BASIC_JOBS, Job
from headwater_sealed.claims import READ_CLAIMS_SCHEMA, read_claims
from headwater_sealed.coin_stores import COIN_STORE_SCHEMA, name_coin_store
from headwater_sealed.delimited import parse_csv, parse_mysql_tab
from headwater_sealed.digests import DIGEST_ENTRIES_SCHEMA, SNIFF_FILES_SCHEMA, digest_entries, sniff_files
from headwater_sealed.images import (
    DESCRIBE_IMAGE_SCHEMA,
    LIST_VOLUMES_SCHEMA,
    WALK_IMAGE_SCHEMA,
    describe_image,
    list_volumes,
    walk_image,
)
from headwater_sealed.images import prepare as prepare_images
from headwater_sealed.json_rows import parse_json_rows
from headwater_sealed.lnd import LND_SCHEMA, read_lnd
from headwater_sealed.media import HASH_MEDIA_SCHEMA, hash_media
from headwater_sealed.media import prepare as prepare_media
from headwater_sealed.monero import MONERO_SCHEMA, scan_monero
from headwater_sealed.monero import prepare as prepare_monero
from headwater_sealed.mongo_dump import parse_bson, parse_mongo_archive
from headwater_sealed.mysql_dump import DUMP_SCHEMA, parse_mysql_dump
from headwater_sealed.postgres_archive import parse_postgres_archive
from headwater_sealed.postgres_dump import parse_postgres_dump
from headwater_sealed.reading import READ_ENTRIES_SCHEMA, read_entries
from headwater_sealed.sqlite_rows import parse_sqlite
from headwater_sealed.tiling import TILE_MEDIUM_SCHEMA, tile_medium
from headwater_sealed.wallet import WALLET_SCHEMA, read_wallet
from headwater_sealed.wallet import prepare as prepare_wallet
from headwater_sealed.zcash_answers import ZCASH_SCHEMA, read_zcash_answers

__all__ = ["JOBS"]

JOBS: tuple[Job, ...] = (
    *BASIC_JOBS,
    Job(name="describe_image", schema=DESCRIBE_IMAGE_SCHEMA, function=describe_image, prepare=prepare_images),
    Job(name="list_volumes", schema=LIST_VOLUMES_SCHEMA, function=list_volumes),
    Job(name="walk_image", schema=WALK_IMAGE_SCHEMA, function=walk_image),
    Job(name="tile_medium", schema=TILE_MEDIUM_SCHEMA, function=tile_medium),
    Job(name="sniff_files", schema=SNIFF_FILES_SCHEMA, function=sniff_files),
    Job(name="digest_entries", schema=DIGEST_ENTRIES_SCHEMA, function=digest_entries),
    Job(name="read_entries", schema=READ_ENTRIES_SCHEMA, function=read_entries),
    Job(name="walk_archive", schema=WALK_ARCHIVE_SCHEMA, function=walk_archive),
    Job(name="parse_mysql_dump", schema=DUMP_SCHEMA, function=parse_mysql_dump),
    Job(name="parse_postgres_dump", schema=DUMP_SCHEMA, function=parse_postgres_dump),
    Job(name="parse_postgres_archive", schema=DUMP_SCHEMA, function=parse_postgres_archive),
    Job(name="parse_sqlite", schema=DUMP_SCHEMA, function=parse_sqlite),
    Job(name="parse_bson", schema=DUMP_SCHEMA, function=parse_bson),
    Job(name="parse_mongo_archive", schema=DUMP_SCHEMA, function=parse_mongo_archive),
    Job(name="parse_json_rows", schema=DUMP_SCHEMA, function=parse_json_rows),
    Job(name="parse_csv", schema=DUMP_SCHEMA, function=parse_csv),
    Job(name="parse_mysql_tab", schema=DUMP_SCHEMA, function=parse_mysql_tab),
    Job(name="parse_access_log", schema=ACCESS_LOG_SCHEMA, function=parse_access_log),
    Job(name="read_wallet", schema=WALLET_SCHEMA, function=read_wallet, prepare=prepare_wallet),
    Job(name="name_coin_store", schema=COIN_STORE_SCHEMA, function=name_coin_store),
    Job(name="read_lnd", schema=LND_SCHEMA, function=read_lnd),
    Job(name="scan_monero", schema=MONERO_SCHEMA, function=scan_monero, prepare=prepare_monero),
    Job(name="read_zcash_answers", schema=ZCASH_SCHEMA, function=read_zcash_answers),
    Job(name="hash_media", schema=HASH_MEDIA_SCHEMA, function=hash_media, prepare=prepare_media),
    Job(name="read_claims", schema=READ_CLAIMS_SCHEMA, function=read_claims),
)
"""Every job of the product, in the order of the path."""
