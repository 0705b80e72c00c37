"""The job `parse_json_rows`: objects of JSON, one on each line or as the elements of one list, as rows."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from headwater_sealed.documents import Documents, plain, with_distinct_keys
from headwater_sealed.dump_records import DumpRecords
from headwater_sealed.lookahead import Lookahead
from headwater_sealed.rows import Emit
from headwater_sealed.sources import Sources
from headwater_sealed.text_tables import BLANK, object_end

__all__ = ["parse_json_rows"]

_MAX_OBJECT_BYTES = 16 * 1024 * 1024
_FILL_BYTES = 1024 * 1024
_LINE = re.compile(rb"[^\n]*+\n?")


class _Objects:
    def __init__(self) -> None:
        self.repeated = False

    def hook(self, pairs: list[tuple[str, Any]]) -> Any:  # noqa: ANN401  # JSON
        found, repeated = with_distinct_keys(pairs)
        self.repeated |= repeated
        return plain(found)


def _parsed(raw: bytes) -> tuple[Any, bool]:
    """The object in plain form, and whether a key stands in it twice.

    Raises:
        ValueError: It is no JSON.
        RecursionError: It is nested too deep.
    """
    objects = _Objects()
    return json.loads(raw, object_pairs_hook=objects.hook), objects.repeated


def parse_json_rows(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """Records of the objects, each a row of `_id` and `document`, and last the ranges, which sum to the file.

    Args:
        files: The file; or, with `volume_index` and one of `entries`, the image that holds it.
        parameters: The job's; `table_name` names the rows' table.
        emit: Takes each batch.
    """
    entries = parameters.get("entries") or [{"file_index": 0}]
    records = DumpRecords(emit)
    text = Lookahead(Sources(files, parameters).open(entries[0]), limit_bytes=_MAX_OBJECT_BYTES)
    _JsonRows(text, records, str(parameters.get("table_name", "documents"))).read()
    records.close()


class _JsonRows:
    def __init__(self, text: Lookahead, records: DumpRecords, name: str) -> None:
        self._text = text
        self._records = records
        self._documents = Documents(records)
        self._name = name

    def read(self) -> None:
        """Tells everything."""
        text = self._text
        self._documents.collection(self._name)
        self._skip_blank()
        in_list = text.buffer[text.at : text.at + 1] == b"["
        if in_list:
            self._take("skipped", text.at + 1)
        closed = False
        while True:
            self._skip_blank()
            if text.at == len(text.buffer):
                break
            if in_list and not closed and text.buffer[text.at : text.at + 1] == b"]":
                closed = True
                self._take("skipped", text.at + 1)
            elif in_list and not closed:
                self._element()
            else:
                found = text.match_whole(_LINE)
                assert found is not None
                self._told(found.end())
        if in_list and not closed:
            reason = "the list has no end: it was cut short"
            self._records.defect("truncated", reason, text.offset_bytes, 0, table=self._name)

    def _take(self, kind: str, end: int) -> None:
        self._records.range(kind, end - self._text.at)
        self._text.at = end

    def _skip_blank(self) -> None:
        while True:
            self._text.fill(_FILL_BYTES)
            found = self._text.match(BLANK)
            if found is None or not found[0]:
                return
            self._take("skipped", found.end())

    def _element(self) -> None:
        text = self._text
        while True:
            is_object = text.buffer[text.at : text.at + 1] == b"{"
            end = object_end(text.buffer, text.at) if is_object else None
            if end is not None:
                self._told(end)
                return
            if not is_object or not text.grow():
                break
        # No object, or one without an end: the next one that begins a line is where reading goes on.
        again = text.buffer.find(b"\n{", text.at + 1)
        self._told(again + 1 if again >= 0 else len(text.buffer))

    def _told(self, end: int) -> None:
        text = self._text
        raw, offset = text.buffer[text.at : end], text.offset_bytes
        try:
            document, repeated = _parsed(raw)
            reason = None if isinstance(document, dict) else "it is no object"
        except (ValueError, RecursionError) as error:
            reason = f"it is no JSON: {str(error)[:100]}"
        if reason is None:
            self._documents.take(self._name, document, offset, len(raw.rstrip(b"\r\n")), repeated=repeated)
            self._take("rows", end)
        else:
            self._documents.defect(self._name, reason, offset, len(raw))
            self._take("unparsed", end)
