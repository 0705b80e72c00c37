"""Hash lists in delimited text: Interpol ICSE, NSRL RDS 2, exports of ThreatExchange, and CSV of our own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from headwater.errors import UnreadableInputError, UnsupportedFormatError
from headwater.references.csv_text import cells_of, decoded, delimiter_of, records
from headwater.references.list_entries import Listed, ListItem, Source, entry_of, named_file
from headwater.references.list_exchange import csv_signal
from headwater.references.rows import BadRow, BadRowError

__all__ = ["KNOWN_TABLES", "Layout", "layout_of", "read_table"]

KNOWN_TABLES = (
    "CSV with a column md5, sha1, sha256, pdq or photodna",
    "Interpol ICSE CSV",
    "NSRL RDS 2 (NSRLFile.txt)",
    "ThreatExchange CSV (signal_type and signal_str, or type and indicator)",
)
_NOT_IN_A_NAME = re.compile("[^a-z0-9]")
# Folded header to column, for every layout whose cells stand for columns.
_OURS = {
    "md5": "md5",
    "sha1": "sha1",
    "sha256": "sha256",
    "pdq": "pdq",
    "pdqquality": "pdq_quality",
    "photodna": "photodna",
    "sizebytes": "size_bytes",
    "category": "category",
    "scheme": "scheme",
    "country": "country",
    "series": "series",
    "mediakind": "media_kind",
    "victimidentified": "victim_identified",
    "offenderidentified": "offender_identified",
    "distributed": "distributed",
    "submissions": "submissions",
    "listedfile": "listed_file",
    "atms": "at_ms",
}
_ICSE = {
    "md5": "md5",
    "sha1": "sha1",
    "photodna": "photodna",
    "imageid": "listed_file",
    "isdistributed": "distributed",
    "victimidentified": "victim_identified",
    "offenderidentified": "offender_identified",
    "seriesname": "series",
    "numberofsubmissions": "submissions",
    "mediatype": "media_kind",
    "baseline": "category",
}
_NSRL = {"md5": "md5", "sha1": "sha1", "sha256": "sha256", "filesize": "size_bytes", "specialcode": "category"}
_SIGNAL = {n: n for n in ("id", "signaltype", "signalstr", "type", "indicator", "category", "status")}

_RowReader = Callable[[Source, Mapping[str, str], Mapping[str, object], int], list[dict[str, object]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a table of a kind is told and read.

    Attributes:
        name: For the operator and the seal.
        needed: Groups of folded headers; of each group one must be there.
        columns: Folded headers that are understood, to the names under which `read` gets their cells.
        keeps_further: Whether cells under other headers are kept, with every row.
        encoding_checked: Whether the text must be UTF-8.
        read: From the cells that are not empty to the values of each row.
    """

    name: str
    needed: tuple[frozenset[str], ...]
    columns: Mapping[str, str]
    read: _RowReader
    keeps_further: bool = True
    encoding_checked: bool = True


def _read_ours(
    source: Source, raw: Mapping[str, str], further: Mapping[str, object], number: int
) -> list[dict[str, object]]:
    del source
    row = entry_of(raw, further)
    if row.get("listed_file") is None and row.get("pdq") and row["media_kind"] == "video":
        row["listed_file"] = named_file(row, number, part=True)
    return [row]


def _read_icse(
    source: Source, raw: Mapping[str, str], further: Mapping[str, object], number: int
) -> list[dict[str, object]]:
    del source, number
    scheme = {"scheme": "ICSE baseline"} if "category" in raw else {}
    return [entry_of({**raw, **scheme}, further)]


def _read_nsrl(
    source: Source, raw: Mapping[str, str], further: Mapping[str, object], number: int
) -> list[dict[str, object]]:
    del source, number
    scheme = {"scheme": "NSRL special code"} if "category" in raw else {}
    return [entry_of({**raw, **scheme}, further)]


_LAYOUTS = (
    Layout(
        name="Interpol ICSE CSV",
        needed=(frozenset({"md5", "sha1", "photodna"}), frozenset({"imageid"}), frozenset({"numberofsubmissions"})),
        columns=_ICSE,
        read=_read_icse,
    ),
    Layout(
        name="NSRL RDS 2",
        needed=(frozenset({"sha1", "md5"}), frozenset({"productcode"}), frozenset({"filesize"})),
        columns=_NSRL,
        read=_read_nsrl,
        # Names and product codes, which say nothing of a file's content, would be most of the table; and names are not
        # always UTF-8, which digests do not suffer from.
        keeps_further=False,
        encoding_checked=False,
    ),
    Layout(
        name="ThreatExchange CSV",
        needed=(frozenset({"signalstr", "indicator"}), frozenset({"signaltype", "type"})),
        columns=_SIGNAL,
        read=csv_signal,
    ),
    Layout(
        name="CSV",
        needed=(frozenset({"md5", "sha1", "sha256", "pdq", "photodna"}),),
        columns=_OURS,
        read=_read_ours,
    ),
)


def _folded(name: str) -> str:
    return _NOT_IN_A_NAME.sub("", name.lower())


def layout_of(source: Source) -> Layout:
    """The layout of a table, from its header line.

    Raises:
        UnreadableInputError: It is empty, or no text.
        UnsupportedFormatError: Its header is none that is known.
    """
    offset, header = _header(source)
    names = {_folded(name) for name in header}
    for layout in _LAYOUTS:
        if all(names & group for group in layout.needed):
            return layout
    raise UnsupportedFormatError(
        source.path,
        found=f"text that begins with {', '.join(repr(name[:30]) for name in header[:8])}",
        known=KNOWN_TABLES,
        remedy="check that the file is a hash list; give its columns these names",
        offset_bytes=offset,
    )


def _header(source: Source) -> tuple[int, list[str]]:
    with source.path.open("rb") as file:
        first = next(records(file, source.path), None)
    if first is None:
        raise UnreadableInputError(source.path, "empty file", remedy="ask its author for it again")
    line = decoded(first[1], source.path, first[0])
    try:
        return first[0], [name.strip() for name in cells_of(line, delimiter_of(line))]
    except BadRowError as error:
        raise UnreadableInputError(
            source.path, f"header line: {error}", offset_bytes=first[0], remedy="check that this is a CSV file"
        ) from error


def read_table(source: Source, layout: Layout) -> Iterator[ListItem]:
    """The rows of a table of that layout.

    Raises:
        UnreadableInputError: It is not UTF-8 text, or a header stands twice in it.
    """
    _, header = _header(source)
    folded = [_folded(name) for name in header]
    twice = next((n for n, f in zip(header, folded, strict=True) if f in layout.columns and folded.count(f) > 1), None)
    if twice is not None:
        raise UnreadableInputError(source.path, f"column {twice[:40]!r} is there twice", remedy="remove one of them")
    known = [(layout.columns[name], place) for place, name in enumerate(folded) if name in layout.columns]
    others = [(header[place], place) for place, name in enumerate(folded) if name not in layout.columns]
    others = others if layout.keeps_further else []
    with source.path.open("rb") as file:
        lines = records(file, source.path)
        first = next(lines)[1]
        delimiter = delimiter_of(decoded(first, source.path, 0))
        for number, (offset, record) in enumerate(lines):
            source.done_bytes = offset
            text = decoded(record, source.path, offset) if layout.encoding_checked else record.decode("latin-1")
            try:
                cells = cells_of(text, delimiter)
                if len(cells) != len(header):
                    raise BadRowError(f"{len(cells)} cells where the header has {len(header)}")  # noqa: TRY301 - one place makes bad rows
                further = {name: cells[place] for name, place in others if cells[place].strip()}
                for name in further:
                    source.keys.count(name)
                raw = {name: cell for name, place in known if (cell := cells[place].strip())}
                rows = layout.read(source, raw, further, number)
            except BadRowError as error:
                yield BadRow(offset_bytes=offset, row=number, reason=str(error))
                continue
            for row in rows:
                yield Listed(number, offset, row)
