"""Files whose content is more than bytes: dumps and other row files, logs, wallets; each read by its sealed reader."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Progress
from headwater.evidence.btcpay import BtcPay
from headwater.evidence.folders import shown
from headwater.evidence.gather import Gathered
from headwater.evidence.members import member_path, named_place
from headwater.evidence.other_coins import OtherCoins
from headwater.evidence.platform import PlatformTables
from headwater.evidence.readable import Readable, is_table_of_text
from headwater.evidence.row_files import LOG_SUFFIX, ROW_JOBS
from headwater.evidence.row_source import RowSource
from headwater.evidence.sealed import SealedPool, SealedWorkerError
from headwater.evidence.wallets import wallet_tables
from headwater.evidence.web_logs import log_tables

__all__ = ["RowFiles", "is_log", "read_wallet"]

_JOURNAL_SUFFIX = b"-journal"
_ROWS_OF_DIRECTORY = re.compile(rb"(?:\A|/)(\d+\.dat)(?:\.gz!/[^/]*)?\Z")
_WALLETS = {"core-wallet", "electrum-wallet", "public-keys"}
_PACKED_MEMBER = re.compile(rb"\.gz!/[^/]*\Z")


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
        self._btcpay = BtcPay(exhibit_id)
        self._coins = OtherCoins(exhibit_id, pool, gathered)
        self._seen: dict[tuple[str, ...], str] = {}
        # Files of which another one, that may come later, says how they are read.
        self._databases: list[Readable] = []
        self._logs: dict[tuple[int, bytes], Readable] = {}
        self._journals: dict[tuple[int, bytes], Readable] = {}
        self._texts: list[Readable] = []
        self._contents: dict[tuple[int, bytes], Readable] = {}
        self._rows_of_directories: list[Readable] = []
        self._declared: dict[tuple[int, bytes], Readable] = {}

    def read(self, file: Readable) -> None:
        """Takes in the rows or lines of a file; one that cannot be read to its end does not stop the others."""
        if self._waits(file) or self._coins.read(file, _source(file)):
            return
        if self._is_log(file):
            path = shown(member_path(file.path_bytes))
            self._gathered.add_all(log_tables(self._exhibit_id, path, self._lines(file, path)))
        elif file.content_format == "mydumper-metadata-unfinished":
            reason = "mydumper did not finish: its metadata says no end, so that tables may be missing"
            self._platform.defect(_source(file), code="truncated", reason=reason)
        elif file.content_format in _WALLETS or (file.content_format == "berkeley-db" and _is_called_wallet(file)):
            what = "public keys" if file.content_format == "public-keys" else "a wallet"
            reason = f"{what}; take it out and add it as an exhibit of its own, of kind 'wallet'"
            self._platform.defect(_source(file), code="wallet_not_read", reason=reason)
        elif file.content_format in ROW_JOBS:
            if file.content_format == "mysql-dump":
                self._declared[file.volume_index, _stem(file)] = file
            elif file.content_format == "postgres-directory-dump":
                self._contents[_folder(file)] = file
            self._read_as(file, file.content_format)

    def _waits(self, file: Readable) -> bool:
        """Whether another file, that may come later, says how this one is read."""
        place = file.volume_index, named_place(file.path_bytes)
        path = member_path(file.path_bytes)
        if file.content_format == "sqlite":
            self._databases.append(file)
        elif file.content_format == "sqlite-wal":
            self._logs[place] = file
        elif file.content_format == "sqlite-journal":
            self._journals[place] = file
        elif _ROWS_OF_DIRECTORY.search(path) or path.endswith(b"restore.sql"):
            self._rows_of_directories.append(file)
        elif not (file.whole or self._is_log(file) or is_table_of_text(file.path_bytes)):
            self._texts.append(file)
        else:
            return False
        return True

    def finish(self) -> None:
        """Takes in what is read in the light of other files: databases with their logs, texts beside a declaration."""
        for database in self._databases:
            place = named_place(database.path_bytes)
            log = self._logs.pop((database.volume_index, place + LOG_SUFFIX), None)
            if self._journals.pop((database.volume_index, place + _JOURNAL_SUFFIX), None) is not None:
                reason = "a rollback journal stands beside it: its last change was not finished, and is read as it is"
                self._platform.defect(_source(database), code="journal_not_applied", reason=reason)
            if log is None:
                self._read_as(database, "sqlite")
            else:
                self._read_as(database, "sqlite", log=log)
                self._read_as(log, "sqlite-wal", declared=database)
                self._read_as(database, "sqlite", told={"part": "without_log"})
        for alone, told in ((self._logs, "a write-ahead log"), (self._journals, "a rollback journal")):
            for file in alone.values():
                reason = f"{told} without the database it belongs to; it is not read"
                self._platform.defect(_source(file), code="database_missing", reason=reason)
                self._range(_source(file), "unparsed", 1, file.size_bytes)
        for file in self._rows_of_directories:
            self._finish_directory(file)
        for file in self._texts:
            declared = self._declared.get((file.volume_index, _stem(file)))
            if declared is not None:
                self._read_as(file, "mysql-tab", declared=declared)
        self._gathered.add_all(self._btcpay.tables())
        self._coins.finish()
        for waiting in (self._databases, self._logs, self._journals, self._texts, self._rows_of_directories):
            waiting.clear()

    def _finish_directory(self, file: Readable) -> None:
        """Reads a file of rows beside the archive that says what they are, or what only looked like one."""
        contents = self._contents.get(_folder(file))
        named = _ROWS_OF_DIRECTORY.search(member_path(file.path_bytes))
        if contents is not None and named is not None:
            self._read_as(
                file, "postgres-directory-rows", declared=contents, told={"rows_of": named[1].decode("ascii")}
            )
        elif contents is not None:
            reason = "statements of the archive beside it, whose rows are read from there"
            self._platform.defect(_source(file), code="copy_not_read_again", reason=reason)
        elif file.content_format in ROW_JOBS and named is None:
            self._read_as(file, file.content_format)

    def _read_as(
        self,
        file: Readable,
        source_format: str,
        *,
        log: Readable | None = None,
        declared: Readable | None = None,
        told: Mapping[str, str] | None = None,
    ) -> None:
        source = _source(file, source_format)
        if declared is not None:
            source = replace(source, declared_by=_source(declared))
        shown_path = shown(member_path(file.path_bytes))
        how = ROW_JOBS[source_format]
        of = [one for one in (declared if how.beside else None, file, log) if one is not None]
        told = how.parameters(shown_path) | dict(told or {})
        first = self._seen.setdefault((*(one.sha256 for one in of), *map(str, told.values())), shown_path)
        if first != shown_path:
            reason = f"the same content as {first}, whose rows are read"
            self._platform.defect(source, code="copy_not_read_again", reason=reason)
            return
        parameters = {**file.reached.parameters([one.entry for one in of]), **told}
        accounted = told.get("part") == "without_log"
        try:
            for batch in self._pool.stream(how.job, file.reached.files, parameters):
                self._rows += self._platform.take(source, batch)
                self._btcpay.take(source, batch)
                self._coins.take(source, batch)
                for record in batch.filter(pc.equal(batch["record_kind"], "range")).to_pylist():
                    self._range(source, record["range_kind"], record["number"], record["length_bytes"])
                    accounted = True
                self._progress("rows", self._rows, None)
        except SealedWorkerError as error:
            self._platform.defect(source, code="dump_not_readable", reason=error.reason)
            if not accounted:
                # How far it came is not known for certain, so nothing of it counts as read.
                self._range(source, "unparsed", 1, file.size_bytes)

    def _is_log(self, file: Readable) -> bool:
        """Whether the file is an access log, by its content, by its name, or because the mapping says so."""
        return is_log(file) or self._platform.log_format(shown(member_path(file.path_bytes))) is not None

    def _lines(self, file: Readable, path: str) -> Iterator[pa.RecordBatch]:
        """The records of a log; those before a worker's end count, and its end is a defect."""
        try:
            told = self._platform.log_format(path)
            parameters = file.parameters if told is None else {**file.parameters, "log_format": told}
            yield from self._pool.stream("parse_access_log", file.reached.files, parameters)
        except SealedWorkerError as error:
            self._gathered.defect(self._exhibit_id, path, "log_not_readable", error.reason)

    def _range(self, source: RowSource, kind: str, ranges: int, size_bytes: int) -> None:
        row = {"exhibit_id": self._exhibit_id, "source_item_id": source.item_id, "range_kind": kind}
        self._gathered.add_rows("dump_ranges", [{**row, "ranges": ranges, "range_bytes": size_bytes}])


def _source(file: Readable, source_format: str = "") -> RowSource:
    """The file as a source of rows."""
    return RowSource(
        exhibit_id=file.exhibit_id,
        item_id=file.item_id,
        path="" if file.whole else shown(member_path(file.path_bytes)),
        path_bytes=b"" if file.whole else file.path_bytes,
        source_format=source_format or file.content_format,
    )


def _is_called_wallet(file: Readable) -> bool:
    return b"wallet" in member_path(file.path_bytes).rpartition(b"/")[2]


def _folder(file: Readable) -> tuple[int, bytes]:
    """The folder, or the archive, that the file lies in."""
    path = _PACKED_MEMBER.sub(b"", member_path(file.path_bytes))
    return file.volume_index, path[: max(path.rfind(b"/"), 0)]


def _stem(file: Readable) -> bytes:
    """Where the file lies, and its name without its ending."""
    return named_place(file.path_bytes).rpartition(b".")[0]


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
