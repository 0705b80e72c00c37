"""Archives in archives, read forward in one pass: members named, digested and gone into, never unpacked to paths."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, BinaryIO

import pyarrow as pa

from headwater_sealed.archive_members import ARCHIVE_FORMATS, MAX_HELD_BYTES, SOUGHT_IN, members_of
from headwater_sealed.digesting import SNIFFED_BYTES, Digests
from headwater_sealed.packed import Budget, BudgetError, Reads
from headwater_sealed.refusal import UnreadableError, refusing
from headwater_sealed.rows import Emit, Rows, field
from headwater_sealed.sniff import sniffed
from headwater_sealed.sources import Sources
from headwater_sealed.tar_archive import Member

__all__ = ["WALK_ARCHIVE_SCHEMA", "walk_archive"]

WALK_ARCHIVE_SCHEMA = pa.schema(
    [
        field("record_kind", pa.string()),
        field("members", pa.list_(pa.int64())),
        field("name", pa.binary()),
        field("entry_type", pa.string()),
        field("size_bytes", pa.int64()),
        field("modified_at_us", pa.int64(), nullable=True),
        field("read_bytes", pa.int64()),
        field("md5", pa.string(), nullable=True),
        field("sha1", pa.string(), nullable=True),
        field("sha256", pa.string(), nullable=True),
        field("head", pa.binary(), nullable=True),
        field("content_format", pa.string(), nullable=True),
        field("reason", pa.string(), nullable=True),
    ]
)
"""`begin`: an archive in the archive is gone into; `member`: one member; `end`: an archive ends, or is not read on."""

_MAX_DEPTH = 8
_MAX_MEMBERS = 50_000_000
_MAX_RATIO = 250
_MAX_UNPACKED_BYTES = 1 << 44


class _Walk:
    """The records of one archive and those in it."""

    def __init__(self, rows: Rows, budget: Budget, *, max_depth: int, max_members: int) -> None:
        self._rows = rows
        self._budget = budget
        self._max_depth = max_depth
        self._left = max_members

    def archive(self, name: str, source: Reads, head: bytes, place: tuple[int, ...], *, whole: BinaryIO | None) -> None:
        """Records of what an archive holds.

        Args:
            name: Its format.
            source: Its bytes, from the beginning.
            head: The first of them.
            place: Its place in the outermost one.
            whole: The same bytes, where they can be sought in.

        Raises:
            BudgetError: After the last record, if nothing more may be unpacked.
        """
        reason = None
        members = 0
        ended: BudgetError | None = None
        try:
            with refusing(name):
                for number, member in enumerate(members_of(name, source, head, whole, self._budget)):
                    members += 1
                    self._count()
                    self._member((*place, number), member)
        except BudgetError as error:
            reason, ended = error.reason, error
        except UnreadableError as error:
            reason = error.reason
        self._rows.add(
            record_kind="end",
            members=list(place),
            name=b"",
            entry_type=name,
            size_bytes=members,
            read_bytes=0,
            reason=reason,
        )
        if ended is not None:
            raise ended

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise BudgetError("more members than are gone through; what follows is not read")

    def _member(self, place: tuple[int, ...], member: Member) -> None:
        row: dict[str, Any] = {
            "record_kind": "member",
            "members": list(place),
            "name": member.name,
            "entry_type": member.entry_type,
            "size_bytes": member.size_bytes,
            "modified_at_us": member.modified_at_us,
            "read_bytes": 0,
            "reason": member.reason,
        }
        if member.content is None:
            self._rows.add(**row)
            return
        content = Digests(member.content)
        ended: BudgetError | None = None
        try:
            with refusing("its content cannot be read"):
                self._content(place, member, content)
                content.drain()
        except BudgetError as error:
            row["reason"], ended = error.reason, error
        except UnreadableError as error:
            row["reason"] = error.reason
        row |= content.row(whole=row["reason"] is None)
        if row["size_bytes"] < 0:
            row["size_bytes"] = content.read_bytes  # the format does not state it
        elif row["reason"] is None and content.read_bytes != row["size_bytes"]:
            row |= {"reason": f"{content.read_bytes} of {row['size_bytes']} bytes could be read"}
        self._rows.add(**row)
        if ended is not None:
            raise ended

    def _content(self, place: tuple[int, ...], member: Member, content: Digests) -> None:
        head = content.peek()
        name = sniffed(head)
        if name not in ARCHIVE_FORMATS:
            return
        self._rows.add(
            record_kind="begin", members=list(place), name=member.name, entry_type=name, size_bytes=0, read_bytes=0
        )
        if len(place) >= self._max_depth:
            self._refuse(place, name, f"{self._max_depth} archives deep; nothing deeper is gone into")
            return
        whole = None
        if name in SOUGHT_IN:
            held = content.hold(MAX_HELD_BYTES)
            if held is None:
                self._refuse(place, name, f"a {name} archive of more than {MAX_HELD_BYTES >> 20} MiB inside another")
                return
            whole = io.BytesIO(held)
        self.archive(name, whole or content, head, place, whole=whole)

    def _refuse(self, place: tuple[int, ...], name: str, reason: str) -> None:
        self._rows.add(
            record_kind="end",
            members=list(place),
            name=b"",
            entry_type=name,
            size_bytes=0,
            read_bytes=0,
            reason=reason,
        )


def _budget(size_bytes: int, parameters: Mapping[str, Any]) -> Budget:
    return Budget(
        source_bytes=size_bytes,
        max_bytes=int(parameters.get("max_unpacked_bytes", _MAX_UNPACKED_BYTES)),
        max_ratio=int(parameters.get("max_ratio", _MAX_RATIO)),
    )


def walk_archive(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """Records of every member, at every depth, in one pass; what is not read has its reason.

    Args:
        files: The archive, or the image that holds it.
        parameters: `entries` with the one archive; `max_unpacked_bytes`, `max_ratio`, `max_depth` and `max_members`
            in place of the defaults.
        emit: Takes each batch.
    """
    entries = parameters.get("entries") or [{"file_index": 0}]
    source = Sources(files, parameters).open(entries[0])
    head = source.read(SNIFFED_BYTES)
    size_bytes = source.seek(0, os.SEEK_END)
    source.seek(0)
    rows = Rows(WALK_ARCHIVE_SCHEMA, emit)
    walk = _Walk(
        rows,
        _budget(size_bytes, parameters),
        max_depth=int(parameters.get("max_depth", _MAX_DEPTH)),
        max_members=int(parameters.get("max_members", _MAX_MEMBERS)),
    )
    with suppress(BudgetError):  # its reason stands in the last record
        walk.archive(sniffed(head), source, head, (), whole=source)
    rows.close()
