"""What the money stage could not use, as rows."""

from __future__ import annotations

from typing import Any

from headwater.schema import content_id

__all__ = ["Defects"]


class Defects:
    """Rows of the table `defects`, gathered as they are found; the same defect found twice is one row."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Any]] = {}

    def add(
        self,
        code: str,
        reason: str,
        *,
        exhibit_id: str | None = None,
        reference_name: str | None = None,
        path: str = "",
        source_table: str | None = None,
        offset_bytes: int | None = None,
        length_bytes: int | None = None,
    ) -> None:
        """Note one defect.

        Args:
            code: Kind, a fixed word.
            reason: In words, without anything that changes between runs.
            exhibit_id: The exhibit concerned.
            reference_name: The reference concerned, where it is not an exhibit.
            path: File of the exhibit.
            source_table: Table concerned.
            offset_bytes: First byte concerned.
            length_bytes: How many.
        """
        row = {
            "exhibit_id": exhibit_id,
            "reference_name": reference_name,
            "path": path,
            "source_table": source_table,
            "offset_bytes": offset_bytes,
            "length_bytes": length_bytes,
            "code": code,
            "reason": reason,
        }
        marked = ["-" if value is None else f"={value}" for value in row.values()]
        defect_id = content_id("dfc", "money", *marked)
        self._rows[defect_id] = {"defect_id": defect_id, **row}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows, in the order of their ids."""
        return [self._rows[defect_id] for defect_id in sorted(self._rows)]
