"""Tables of `case.db`: what people and runs did. Behaviour lives with who uses them."""

from __future__ import annotations

import sqlalchemy as sa

__all__ = [
    "CONFIRMATIONS",
    "EXHIBIT_PLACES",
    "GRADED_FILES",
    "GRADES",
    "IMPORTS",
    "JUDGEMENTS",
    "MAPPINGS",
    "MAPPING_DRAFTS",
    "METADATA",
    "OPERATORS",
    "OUTPUTS",
    "READ_AGAIN",
    "REMARKS",
    "RUNS",
    "SHOWN_LINKS",
]

METADATA = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    },
)

OPERATORS = sa.Table(
    "operators",
    METADATA,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("role", sa.String, nullable=False),
    sa.Column("public_key", sa.String, nullable=False),
    sa.Column("at_utc", sa.String, nullable=False),
)

EXHIBIT_PLACES = sa.Table(
    "exhibit_places",
    METADATA,
    sa.Column("exhibit_id", sa.String, primary_key=True),
    sa.Column("exhibit_kind", sa.String, nullable=False),
    sa.Column("path", sa.String, nullable=False),
    sa.Column("row_json", sa.String, nullable=False),
    sa.Column("stamp_json", sa.String, nullable=False),
    sa.Column("at_utc", sa.String, nullable=False),
)

IMPORTS = sa.Table(
    "imports",
    METADATA,
    sa.Column("reference_name", sa.String, primary_key=True),
    sa.Column("reference_version", sa.String, primary_key=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("polarity", sa.String, nullable=True),
    sa.Column("source_sha256", sa.String, nullable=False),
    sa.Column("seal_sha256", sa.String, nullable=False),
    sa.Column("at_utc", sa.String, nullable=False),
    # Absent for what an earlier version imported; the custody log has it.
    sa.Column("imported_by", sa.String, nullable=True),
)

# A hash list whose polarity a second operator has confirmed; others count for nothing.
CONFIRMATIONS = sa.Table(
    "confirmations",
    METADATA,
    sa.Column("reference_name", sa.String, primary_key=True),
    sa.Column("reference_version", sa.String, primary_key=True),
    sa.Column("polarity", sa.String, nullable=False),
    sa.Column("confirmed_by", sa.String, nullable=False),
    sa.Column("why", sa.String, nullable=False),
    sa.Column("at_utc", sa.String, nullable=False),
)

MAPPINGS = sa.Table(
    "mappings",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("mapping_id", sa.String, nullable=False),
    sa.Column("approved_by", sa.String, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("at_utc", sa.String, nullable=False),
)

RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run_id", sa.String, nullable=False),
    sa.Column("stage", sa.String, nullable=False),
    sa.Column("version", sa.String, nullable=False),
    sa.Column("at_utc", sa.String, nullable=False),
)

OUTPUTS = sa.Table(
    "outputs",
    METADATA,
    sa.Column("run_id", sa.String, primary_key=True),
    sa.Column("table_name", sa.String, primary_key=True),
    sa.Column("sha256", sa.String, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
)

JUDGEMENTS = sa.Table(
    "judgements",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("judgement_id", sa.String, nullable=False, unique=True),
    sa.Column("link_id", sa.String, nullable=False, index=True),
    sa.Column("claim", sa.String, nullable=False),
    sa.Column("left_id", sa.String, nullable=False),
    sa.Column("right_id", sa.String, nullable=False),
    sa.Column("verdict", sa.String, nullable=False),
    sa.Column("operator", sa.String, nullable=False),
    sa.Column("why", sa.String, nullable=False),
    sa.Column("seen_weight_mbits", sa.Integer, nullable=False),
    sa.Column("model_id", sa.String, nullable=False),
    sa.Column("at_utc", sa.String, nullable=False),
    # Empty for judgements of before they were recorded.
    sa.Column("headwater_version", sa.String, nullable=False, server_default=""),
    sa.Column("links_sha256", sa.String, nullable=False, server_default=""),
    sa.Column("bars_sha256", sa.String, nullable=False, server_default=""),
    sa.Column("score_hidden", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("shown_as", sa.String, nullable=False, server_default=""),
    sa.CheckConstraint("verdict IN ('positive', 'negative', 'unsure')", name="verdict"),
)

# What the queue showed to whom; only ever added to.
SHOWN_LINKS = sa.Table(
    "shown_links",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("link_id", sa.String, nullable=False),
    sa.Column("operator", sa.String, nullable=False),
    sa.Column("bars_sha256", sa.String, nullable=False),
    sa.Column("score_hidden", sa.Boolean, nullable=False),
    sa.Column("shown_as", sa.String, nullable=False),
    sa.Column("at_utc", sa.String, nullable=False),
    sa.CheckConstraint("shown_as IN ('link', 'known', 'repeated')", name="shown_as"),
)

# What people noted beside objects; only ever added to. A text about a subject is sealed under the subject's key.
REMARKS = sa.Table(
    "remarks",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("remark_id", sa.String, nullable=False, unique=True),
    sa.Column("object_id", sa.String, nullable=False, index=True),
    sa.Column("object_table", sa.String, nullable=False),
    sa.Column("remark_kind", sa.String, nullable=False),
    sa.Column("text", sa.String, nullable=False),
    sa.Column("operator", sa.String, nullable=False),
    sa.Column("at_utc", sa.String, nullable=False),
    sa.Column("withdraws_id", sa.String, nullable=False),
    sa.CheckConstraint("remark_kind IN ('note', 'label', 'assignment')", name="remark_kind"),
)

GRADED_FILES = sa.Table(
    "graded_files",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("act", sa.String, nullable=False),
    sa.Column("source_sha256", sa.String, nullable=False, index=True),
    sa.Column("file_name", sa.String, nullable=False),
    sa.Column("grades_sha256", sa.String, nullable=False),
    sa.Column("operator", sa.String, nullable=False),
    sa.Column("why", sa.String, nullable=False),
    sa.Column("at_utc", sa.String, nullable=False),
    sa.CheckConstraint("act IN ('applied', 'withdrawn')", name="act"),
)

GRADES = sa.Table(
    "grades",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("grade_id", sa.String, nullable=False, unique=True),
    sa.Column("graded_file_seq", sa.Integer, sa.ForeignKey("graded_files.seq"), nullable=False, index=True),
    sa.Column("source_sha256", sa.String, nullable=False),
    sa.Column("source_row", sa.Integer, nullable=False),
    sa.Column("md5", sa.String, nullable=True),
    sa.Column("sha1", sa.String, nullable=True),
    sa.Column("sha256", sa.String, nullable=False, index=True),
    sa.Column("scheme", sa.String, nullable=False),
    sa.Column("country", sa.String, nullable=False),
    sa.Column("category", sa.String, nullable=True),
    sa.Column("series", sa.String, nullable=True),
    sa.Column("victim_identified", sa.String, nullable=False),
    sa.Column("tags", sa.String, nullable=True),
    sa.Column("graded_by", sa.String, nullable=False),
    sa.Column("operator", sa.String, nullable=False),
    sa.Column("at_utc", sa.String, nullable=False),
    sa.Column("row_sha256", sa.String, nullable=False),
    sa.Column("row_bytes", sa.LargeBinary, nullable=False),
    sa.CheckConstraint("victim_identified IN ('yes', 'no', 'unknown')", name="victim_identified"),
)

# Attempts at what was refused that have read something: the next run reads the evidence anew. Only ever added to.
READ_AGAIN = sa.Table(
    "read_again",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("refusal_id", sa.String, nullable=False),
    sa.Column("exhibit_id", sa.String, nullable=False),
    sa.Column("tried", sa.Integer, nullable=False),
    sa.Column("read_now", sa.Integer, nullable=False),
    sa.Column("operator", sa.String, nullable=False),
    sa.Column("why", sa.String, nullable=False),
    sa.Column("at_utc", sa.String, nullable=False),
)

# The mapping that is being worked on, as each decision on a suggestion left it. Only ever added to.
MAPPING_DRAFTS = sa.Table(
    "mapping_drafts",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("act", sa.String, nullable=False),
    sa.Column("binding", sa.String, nullable=False),
    sa.Column("suggestions", sa.LargeBinary, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("operator", sa.String, nullable=False),
    sa.Column("why", sa.String, nullable=False),
    sa.Column("at_utc", sa.String, nullable=False),
    sa.CheckConstraint("act IN ('suggested', 'confirmed', 'rejected', 'edited')", name="act"),
)
