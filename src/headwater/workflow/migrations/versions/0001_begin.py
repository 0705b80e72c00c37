"""The tables a case begins with."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them. Written out, not taken from today's metadata: a migration says what was, for good."""
    op.create_table(
        "operators",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("public_key", sa.String, nullable=False),
        sa.Column("at_utc", sa.String, nullable=False),
    )
    op.create_table(
        "exhibit_places",
        sa.Column("exhibit_id", sa.String, primary_key=True),
        sa.Column("exhibit_kind", sa.String, nullable=False),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("row_json", sa.String, nullable=False),
        sa.Column("stamp_json", sa.String, nullable=False),
        sa.Column("at_utc", sa.String, nullable=False),
    )
    op.create_table(
        "imports",
        sa.Column("reference_name", sa.String, primary_key=True),
        sa.Column("reference_version", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("polarity", sa.String, nullable=True),
        sa.Column("source_sha256", sa.String, nullable=False),
        sa.Column("seal_sha256", sa.String, nullable=False),
        sa.Column("at_utc", sa.String, nullable=False),
    )
    op.create_table(
        "mappings",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("mapping_id", sa.String, nullable=False),
        sa.Column("approved_by", sa.String, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("at_utc", sa.String, nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("stage", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("at_utc", sa.String, nullable=False),
    )
    op.create_table(
        "outputs",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("table_name", sa.String, primary_key=True),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
    )
    op.create_table(
        "judgements",
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
        sa.CheckConstraint("verdict IN ('positive', 'negative', 'unsure')", name="ck_judgements_verdict"),
    )
