"""The evidence stage: every exhibit becomes entries and rows; what cannot be read becomes defects."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from headwater.engine import Derived, Exhibit, StageContext
from headwater.errors import UnreadableInputError
from headwater.evidence.archives import read_archive
from headwater.evidence.databases import read_databases, read_volume_databases
from headwater.evidence.entries import read_files, read_folder, read_volume
from headwater.evidence.gather import Gathered
from headwater.evidence.image_files import image_parameters, image_sources
from headwater.evidence.lightning_accounts import join_invoice_accounts
from headwater.evidence.mapping import PlatformMapping, read_mapping
from headwater.evidence.medium import read_medium
from headwater.evidence.monero import MONERO_KIND, read_monero
from headwater.evidence.other_coins import COIN_TABLES
from headwater.evidence.platform import PlatformTables
from headwater.evidence.postconditions import mapping_checks
from headwater.evidence.readable import ARCHIVE_FORMATS, FileSet, Readable
from headwater.evidence.rows import RowFiles, read_wallet
from headwater.evidence.sealed import SealedPool, SealedWorkerError
from headwater.evidence.targets import TARGETS

__all__ = ["read_evidence"]

_PRODUCED = (
    "volumes",
    "medium_ranges",
    "entries",
    "archives",
    "dump_tables",
    "dump_ranges",
    *(target.table for target in TARGETS.values()),
    "mapping_checks",
    "wallet_descriptors",
    "wallet_addresses",
    "wallet_transactions",
    "wallet_requests",
    "web_requests",
    "web_logs",
    *COIN_TABLES,
    "defects",
)


_NAMED = ("exhibit_id", "volume_index", "path", "path_bytes")


def read_evidence(context: StageContext) -> dict[str, Derived]:
    """All tables of the evidence stage, from the exhibits of the context and the approved mapping."""
    mapping = read_mapping(context.mapping) if context.mapping is not None else None
    gathered = Gathered(
        lambda path: mapping is not None and mapping.log_format(path) is not None, scratch=context.scratch
    )
    with SealedPool(workers=context.workers, allow_unsealed=context.allow_unsealed) as pool:
        for exhibit in sorted(context.exhibits, key=lambda e: e.exhibit_id):
            _read_exhibit(exhibit, pool, gathered, mapping, context)
    join_invoice_accounts(gathered)
    if mapping is not None:
        gathered.add("mapping_checks", mapping_checks(mapping, gathered))
    return {"exhibits": context.tables.arrow("exhibits")} | gathered.finished(_PRODUCED)


def _read_exhibit(
    exhibit: Exhibit, pool: SealedPool, gathered: Gathered, mapping: PlatformMapping | None, context: StageContext
) -> None:
    platform = PlatformTables(exhibit_id=exhibit.exhibit_id, mapping=mapping)
    rows = RowFiles(exhibit.exhibit_id, platform, pool, gathered, context.progress)
    if exhibit.exhibit_kind == "disk-image":
        _read_image(exhibit, pool, gathered, rows, platform, context)
    elif exhibit.exhibit_kind == "directory":
        _read_further(read_folder(exhibit, pool, gathered, context), pool, gathered, rows)
        read_databases(exhibit, platform, pool, context)
    elif exhibit.exhibit_kind == MONERO_KIND:
        for _ in read_folder(exhibit, pool, gathered, context):
            pass  # each file is an entry; all that it holds is what the view key shows
        read_monero(exhibit, pool, gathered, context)
    elif exhibit.exhibit_kind == "wallet":
        for wallet in read_files(exhibit, pool, gathered, context):
            read_wallet(wallet, pool, gathered)
    else:
        _read_further(read_files(exhibit, pool, gathered, context), pool, gathered, rows)
    rows.finish()
    gathered.add_all(platform.finished())


def _read_image(
    exhibit: Exhibit,
    pool: SealedPool,
    gathered: Gathered,
    rows: RowFiles,
    platform: PlatformTables,
    context: StageContext,
) -> None:
    files, told = image_sources(exhibit.path, exhibit.secret), image_parameters(exhibit.path, exhibit.secret)
    read_medium(exhibit, files, told, pool, gathered, context)
    readable = 0
    for batch in pool.stream("list_volumes", files, told):
        for volume in batch.to_pylist():
            gathered.add_rows("volumes", [{"exhibit_id": exhibit.exhibit_id, **volume}])
            if volume["status"] != "readable":
                gathered.defect(
                    exhibit.exhibit_id,
                    "",
                    "volume_not_readable",
                    str(volume["reason"]),
                    offset=volume["offset_bytes"],
                    length=volume["size_bytes"],
                )
                continue
            readable += 1
            if volume["reason"] is not None:
                gathered.defect(
                    exhibit.exhibit_id,
                    "",
                    "volume_remark",
                    f"volume {volume['volume_index']}: {volume['reason']}",
                    offset=volume["offset_bytes"],
                    length=volume["size_bytes"],
                )
            reached = FileSet(files=files, volume_index=volume["volume_index"], told=told)
            _read_further(read_volume(exhibit, reached, pool, gathered, context), pool, gathered, rows)
            read_volume_databases(exhibit, reached, gathered.parts("entries", _NAMED), platform, pool, context)
    if not readable:
        # Nothing found and could not read must never look alike.
        raise UnreadableInputError(exhibit.path, "no readable volume", remedy="take the exhibit out of the case")


def _read_further(found: Iterable[Readable], pool: SealedPool, gathered: Gathered, rows: RowFiles) -> None:
    """Goes into what holds more than bytes: archives first, so that a dump and its packed copies come in one order."""
    waiting = deque(found)
    while waiting:
        file = waiting.popleft()
        # An archive in an archive has been gone into with the outer one.
        if file.content_format in ARCHIVE_FORMATS and "members" not in file.entry:
            try:
                waiting.extend(read_archive(file, pool, gathered))
            except SealedWorkerError as error:
                gathered.defect(file.exhibit_id, file.path, "archive_not_readable", error.reason)
        else:
            rows.read(file)
