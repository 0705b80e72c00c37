"""What the first bytes of a content say it is: one word for each format that some reader here is for."""

from __future__ import annotations

import re

from headwater_sealed.log_format import chosen_format

__all__ = ["sniffed"]

_SIGNATURES: tuple[tuple[bytes, int, str], ...] = (
    (b"\x1f\x8b\x08", 0, "gzip"),
    (b"BZh", 0, "bzip2"),
    (b"\xfd7zXZ\x00", 0, "xz"),
    (b"PK\x03\x04", 0, "zip"),
    (b"PK\x05\x06", 0, "zip"),
    (b"7z\xbc\xaf\x27\x1c", 0, "7z"),
    (b"ustar", 257, "tar"),
    (b"SQLite format 3\x00", 0, "sqlite"),
    (b"PGDMP", 0, "postgres-custom-dump"),
)
_MYSQL = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:-- (?:MySQL|MariaDB) dump|/\*M?!\d{5,6}|-- mysqldump)")
_POSTGRES = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s|--\n)*-- PostgreSQL database (?:cluster )?dump")
_BTREE = (b"\x62\x31\x05\x00", b"\x00\x05\x31\x62")  # at byte 12 of a Berkeley DB file, in either order of bytes
_LOG_SAMPLE_LINES = 20


def sniffed(head: bytes) -> str:
    """The format of a content, by its first 64 KiB or less; `empty`, or `other` if it is none that is known."""
    if not head:
        return "empty"
    for signature, at, name in _SIGNATURES:
        if head.startswith(signature, at):
            return name
    if _MYSQL.match(head):
        return "mysql-dump"
    if _POSTGRES.match(head):
        return "postgres-dump"
    if head[12:16] in _BTREE:
        return "berkeley-db"
    return "access-log" if _is_access_log(head) else "other"


def _is_access_log(head: bytes) -> bool:
    """Whether the first lines are in a format that a web server's log has."""
    first, line_end, _ = head.partition(b"\n")
    # Most contents are no text; they are told by their first bytes, before any line is looked at.
    if not line_end or b"\0" in first or not 16 <= len(first) < 8192:
        return False
    return chosen_format(head.split(b"\n")[:_LOG_SAMPLE_LINES]) is not None
