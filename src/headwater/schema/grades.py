"""The table of grades: what specialists decided in their own viewer, as it stands."""

from __future__ import annotations

import pyarrow as pa

from headwater.schema.columns import BOOLEAN, DIGEST, ID, INT, TEXT
from headwater.schema.table import Column, Table

__all__ = ["GRADE_TABLES", "MEDIA_GRADES"]

_GRADING = pa.struct(
    [
        pa.field("graded_by", TEXT, nullable=False),
        pa.field("category", TEXT),
        pa.field("series", TEXT),
        pa.field("victim_identified", TEXT, nullable=False),
        pa.field("source_sha256", DIGEST, nullable=False),
    ],
)

MEDIA_GRADES = Table(
    name="media_grades",
    version=1,
    stage="grades",
    about="The grade that stands on an item under one scheme and law; a snapshot of the append-only record in "
    "`case.db`, without times.",
    key=("item_id", "scheme", "country"),
    columns=(
        Column(name="item_id", type=ID, about="The item", cites="items.item_id"),
        Column(name="scheme", type=TEXT, about="Whose categories; empty where the graded file does not say"),
        Column(name="country", type=TEXT, about="Whose law; empty where the graded file does not say"),
        Column(
            name="category",
            type=TEXT,
            about="As graded; absent where graders differ, or none gave one. Headwater does not choose between them",
            nullable=True,
        ),
        Column(name="series", type=TEXT, about="As graded; absent where graders differ", nullable=True),
        Column(name="victim_identified", type=TEXT, about="yes, no or unknown; no if any grader says so"),
        Column(name="in_conflict", type=BOOLEAN, about="Graders differ in the category or on the victim"),
        Column(name="graders", type=INT, about="Graders whose grade stands"),
        Column(
            name="gradings",
            type=pa.list_(pa.field("item", _GRADING, nullable=False)),
            about="What each of them said, and in which file",
        ),
    ),
)

GRADE_TABLES = (MEDIA_GRADES,)
