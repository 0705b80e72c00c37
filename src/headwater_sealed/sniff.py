"""What the first bytes of a content say it is: one word for each format that some reader here is for."""

from __future__ import annotations

import re

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
# Client, two names, a time between brackets: how every web server's log begins unless it was told otherwise.
_ACCESS_LOG = re.compile(
    rb"(?:\S{1,255} )?\S{1,255} \S{1,255} [^\n]{1,255}? ?"
    rb"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "
)


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
    if _ACCESS_LOG.match(head):
        return "access-log"
    return "other"
