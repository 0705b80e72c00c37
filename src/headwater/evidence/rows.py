"""Files whose content is more than bytes: dumps and other row files, logs, wallets; each read by its sealed reader."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Progress
from headwater.evidence.folders import shown
from headwater.evidence.gather import Gathered
from headwater.evidence.members import member_path
from headwater.evidence.platform import PlatformTables, RowSource
from headwater.evidence.readable import Readable
from headwater.evidence.row_files import ROW_JOBS
from headwater.evidence.sealed import SealedPool, SealedWorkerError
from headwater.evidence.wallets import wallet_tables
from headwater.evidence.web_logs import log_tables

__all__ = ["RowFiles", "is_log", "read_wallet"]


class RowFiles:
    """Reads the files of one exhibit that hold rows or lines, each content once.

    Args:
        exhibit_id: The exhibit.
        platform: Takes the rows.
        pool: Sealed workers.
        gathered: Takes everything else.
        progress: Told of rows read.
    """

    def __init__(
        self, exhibit_id: str, platform: PlatformTables, pool: SealedPool, gathered: Gathered, progress: Progress
    ) -> None:
        self._exhibit_id = exhibit_id
        self._platform = platform
        self._pool = pool
        self._gathered = gathered
        self._progress = progress
        self._rows = 0
        self._seen: dict[str, str] = {}

    def read(self, file: Readable) -> None:
        """Takes in the rows or lines of a file; one that cannot be read to its end does not stop the others."""
        shown_path = shown(member_path(file.path_bytes))
        path = "" if file.whole else shown_path
        job = ROW_JOBS.get(file.content_format)
        if job is not None:
            source = RowSource(
                exhibit_id=self._exhibit_id,
                item_id=file.item_id,
                path=path,
                path_bytes=b"" if file.whole else file.path_bytes,
                source_format=file.content_format,
            )
            first = self._seen.setdefault(file.sha256, shown_path)
            if first != shown_path:
                told = f"the same content as {first}, whose rows are read"
                self._platform.defect(source, code="copy_not_read_again", reason=told)
                return
            self._read_rows(file, source, job)
        elif is_log(file):
            lines = self._lines(file, shown_path)
            self._gathered.add_all(log_tables(self._exhibit_id, shown_path, lines))

    def _lines(self, file: Readable, path: str) -> Iterator[pa.RecordBatch]:
        """The records of a log; those before a worker's end count, and its end is a defect."""
        try:
            yield from self._pool.stream("parse_access_log", file.reached.files, file.parameters)
        except SealedWorkerError as error:
            self._gathered.defect(self._exhibit_id, path, "log_not_readable", error.reason)

    def _read_rows(self, file: Readable, source: RowSource, job: str) -> None:
        accounted = False
        try:
            for batch in self._pool.stream(job, file.reached.files, file.parameters):
                self._rows += self._platform.take(source, batch)
                for record in batch.filter(pc.equal(batch["record_kind"], "range")).to_pylist():
                    self._range(source, record["range_kind"], record["number"], record["length_bytes"])
                    accounted = True
                self._progress("rows", self._rows, None)
        except SealedWorkerError as error:
            self._platform.defect(source, code="dump_not_readable", reason=error.reason)
            if not accounted:
                # How far it came is not known for certain, so nothing of it counts as read.
                self._range(source, "unparsed", 1, file.size_bytes)

    def _range(self, source: RowSource, kind: str, ranges: int, size_bytes: int) -> None:
        row = {"exhibit_id": self._exhibit_id, "source_item_id": source.item_id, "range_kind": kind}
        self._gathered.add_rows("dump_ranges", [{**row, "ranges": ranges, "range_bytes": size_bytes}])


def is_log(file: Readable) -> bool:
    """Whether the file is an access log, by its content or by its name."""
    # The one member of a packed file need not have a name of its own.
    name = member_path(file.path_bytes).rstrip(b"!/").rpartition(b"/")[2]
    return file.content_format == "access-log" or name.startswith(b"access.log")


def read_wallet(file: Readable, pool: SealedPool, gathered: Gathered) -> None:
    """Takes in the public parts of a wallet."""
    path = "" if file.whole else shown(member_path(file.path_bytes))
    batches = pool.stream("read_wallet", file.reached.files, file.parameters)
    gathered.add_all(wallet_tables(file.exhibit_id, batches, path=path))
