"""Plain lists: one digest a line, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headwater.errors import InputError
from headwater.references.csv_text import decoded, records
from headwater.references.list_entries import Listed, ListItem, Source, entry_of
from headwater.references.rows import BadRow, BadRowError

__all__ = ["PLAIN_MEANINGS", "is_digest_line", "read_plain"]

PLAIN_MEANINGS = ("sha256", "pdq")
_LINE = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")
_BY_LENGTH = {32: "md5", 40: "sha1"}


def is_digest_line(line: str) -> bool:
    """Whether the line is an MD5, SHA-1 or SHA-256, or a PDQ hash."""
    return _LINE.fullmatch(line.strip()) is not None


def read_plain(source: Source) -> Iterator[ListItem]:
    """The rows of a plain list.

    Raises:
        InputError: A line has 64 digits, and nobody has said what these are.
    """
    with source.path.open("rb") as file:
        for number, (offset, record) in enumerate(records(file, source.path)):
            source.done_bytes = offset
            line = decoded(record, source.path, offset).strip()
            name = _BY_LENGTH.get(len(line)) or source.plain
            if name is None and len(line) == 64:
                raise InputError(
                    source.path,
                    f"line {number} has 64 digits, which a SHA-256 and a PDQ hash both have",
                    remedy="say which with --plain sha256 or --plain pdq",
                    offset_bytes=offset,
                )
            try:
                if name is None or not is_digest_line(line):
                    raise BadRowError("not 32, 40 or 64 hex digits")  # noqa: TRY301 - one place makes bad rows
                yield Listed(number, offset, entry_of({name: line}, {}))
            except BadRowError as error:
                yield BadRow(offset_bytes=offset, row=number, reason=str(error))
