"""Which of the known formats a hash list has, from its content; never from its name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from headwater.errors import ConfigError, UnreadableInputError, UnsupportedFormatError
from headwater.references.csv_text import BYTE_ORDER_MARK
from headwater.references.list_documents import KNOWN_DOCUMENTS, read_document, shape_of
from headwater.references.list_entries import ListItem, ListReader, Source
from headwater.references.list_ncmec import KNOWN_XML, check_root, read_ncmec
from headwater.references.list_nsrl import KNOWN_DATABASES, SQLITE_MAGIC, check_tables, read_nsrl
from headwater.references.list_plain import is_digest_line, read_plain
from headwater.references.list_tables import KNOWN_TABLES, layout_of, read_table
from headwater.references.list_vpdq import is_frame_line, read_frame_lines

__all__ = ["KNOWN_FORMATS", "ListFormat", "format_of"]

_HEAD_BYTES = 4096
_PACKED = {b"\x1f\x8b": "a gzip file", b"PK\x03\x04": "a zip archive", b"7z\xbc\xaf": "a 7z archive", b"BZh": "bzip2"}
KNOWN_FORMATS = (
    *KNOWN_DOCUMENTS,
    *KNOWN_TABLES,
    *KNOWN_XML,
    *KNOWN_DATABASES,
    "vPDQ text (FRAME,QUALITY,HASH,SECONDS)",
    "plain lists (one digest a line)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFormat:
    """A format, recognised.

    Attributes:
        name: For the operator and the seal.
        read: Gives the list's rows.
        deletes: Whether a list of this format may take files off itself.
    """

    name: str
    read: ListReader
    deletes: bool = False


def format_of(source: Source) -> ListFormat:
    """The format of a list.

    Raises:
        UnreadableInputError: It is empty or not text.
        UnsupportedFormatError: It is something that is not read.
        ConfigError: `--plain` was given for a list that is not plain.
    """
    found = _recognised(source)
    if source.plain is not None and found.read is not read_plain:
        raise ConfigError(f"--plain belongs to a plain list of digests; {source.path} is {found.name}")
    return found


def _recognised(source: Source) -> ListFormat:
    with source.path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith(SQLITE_MAGIC):
        check_tables(source.path)
        return ListFormat(name="NSRL RDS 3", read=read_nsrl)
    for magic, words in _PACKED.items():
        if head.startswith(magic):
            raise UnsupportedFormatError(source.path, found=words, known=KNOWN_FORMATS, remedy="unpack it first")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadableInputError(source.path, "UTF-16 text", offset_bytes=0, remedy="convert it to UTF-8")
    head = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    if head[:1] in {b"{", b"["}:
        shape = shape_of(source.path)
        reader = partial(read_document, shape=shape)
        return ListFormat(name=shape.name, read=reader, deletes=shape.name == "ThreatExchange JSON")
    if head[:1] == b"<":
        check_root(source.path)
        return ListFormat(name="NCMEC hash-sharing 2 XML", read=read_ncmec, deletes=True)
    line = head.splitlines()[0].decode("utf-8", "replace") if head else ""
    if is_digest_line(line):
        return ListFormat(name="plain list", read=read_plain)
    if is_frame_line(line):
        return ListFormat(name="vPDQ text", read=read_frame_lines)
    layout = layout_of(source)

    def read(source: Source) -> Iterator[ListItem]:
        return read_table(source, layout)

    return ListFormat(name=layout.name, read=read)
