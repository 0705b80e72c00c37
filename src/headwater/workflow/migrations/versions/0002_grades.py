"""Grades that came back from the accredited viewer, and the files that they came in."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them. Written out, not taken from today's metadata: a migration says what was, for good."""
    op.create_table(
        "graded_files",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("act", sa.String, nullable=False),
        sa.Column("source_sha256", sa.String, nullable=False, index=True),
        sa.Column("file_name", sa.String, nullable=False),
        sa.Column("grades_sha256", sa.String, nullable=False),
        sa.Column("operator", sa.String, nullable=False),
        sa.Column("why", sa.String, nullable=False),
        sa.Column("at_utc", sa.String, nullable=False),
        sa.CheckConstraint("act IN ('applied', 'withdrawn')", name="ck_graded_files_act"),
    )
    op.create_table(
        "grades",
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
        sa.CheckConstraint("victim_identified IN ('yes', 'no', 'unknown')", name="ck_grades_victim_identified"),
    )
