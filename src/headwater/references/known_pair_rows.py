"""Pairs of rows of which the answer is known: what measures the people who judge."""

from __future__ import annotations

from pathlib import Path

from headwater.references.column_map import ColumnMap
from headwater.references.register_columns import FURTHER_OF_PERSON
from headwater.references.row_files import register_rows
from headwater.references.rows import BadRowError, Reading, required, text_or_none
from headwater.references.values import instant_of
from headwater.schema import content_id

__all__ = ["read_known_pairs"]

_ANSWERS = ("same", "different")
_PERSON = ("full_name", *FURTHER_OF_PERSON)
_LEFT = {"used": ("acc", ("key", "nickname", "email", "phone")), "held": ("cus", ("key", "actor", *_PERSON))}
"""For each claim, the prefix of the ids of its left rows and what such a row may hold."""
_NEEDED = {"used": ("nickname", "email", "phone"), "held": ("full_name",)}
_RIGHT = (*_PERSON, "nickname")


def read_known_pairs(path: Path, columns: ColumnMap | None = None) -> Reading:
    """Pairs with their answers; one pair stands in the file once."""
    seen: set[tuple[object, ...]] = set()

    def read(cells: dict[str, str], _number: int) -> dict[str, object]:
        row: dict[str, object] = {"source": required(cells, "source")}
        claim, answer = (required(cells, name).lower() for name in ("claim", "answer"))
        if claim not in _LEFT:
            raise BadRowError(
                f"claim {claim[:20]!r} is none of {', '.join(_LEFT)}; a payment is tied by its trace alone"
            )
        if answer not in _ANSWERS:
            raise BadRowError(f"answer {answer[:20]!r} is none of {', '.join(_ANSWERS)}")
        prefix, names = _LEFT[claim]
        left = {f"left_{name}": text_or_none(cells.get(f"left_{name}")) for name in names}
        right = {f"right_{name}": text_or_none(cells.get(f"right_{name}")) for name in _RIGHT}
        if not any(left[f"left_{name}"] for name in _NEEDED[claim]):
            raise BadRowError(f"the left row holds nothing of {', '.join(f'left_{name}' for name in _NEEDED[claim])}")
        if claim == "held":
            required(cells, "left_actor")
        required(cells, "right_full_name")
        row |= {"claim": claim, "answer": answer, **left, **right}
        if claim == "used" and (opened := text_or_none(cells.get("left_registered_at_utc"))) is not None:
            row["left_registered_at_utc"] = instant_of(opened)
        row["left_id"] = content_id(prefix, "known", *(str(left[name] or "") for name in sorted(left)))
        row["right_id"] = content_id("rec", "known", *(str(right[name] or "") for name in sorted(right)))
        pair = (claim, row["left_id"], row["right_id"])
        if pair in seen:
            raise BadRowError("this pair stands here already")
        seen.add(pair)
        return row

    return register_rows(path, "known-pairs", read, columns)
