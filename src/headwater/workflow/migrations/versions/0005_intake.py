"""Attempts at what was refused, and the mapping that is being worked on."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "read_again",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("refusal_id", sa.String, nullable=False),
        sa.Column("exhibit_id", sa.String, nullable=False),
        sa.Column("tried", sa.Integer, nullable=False),
        sa.Column("read_now", sa.Integer, nullable=False),
        sa.Column("operator", sa.String, nullable=False),
        sa.Column("why", sa.String, nullable=False),
        sa.Column("at_utc", sa.String, nullable=False),
    )
    op.create_table(
        "mapping_drafts",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("act", sa.String, nullable=False),
        sa.Column("binding", sa.String, nullable=False),
        sa.Column("suggestions", sa.LargeBinary, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("operator", sa.String, nullable=False),
        sa.Column("why", sa.String, nullable=False),
        sa.Column("at_utc", sa.String, nullable=False),
        sa.CheckConstraint("act IN ('suggested', 'confirmed', 'rejected', 'edited')", name="ck_mapping_drafts_act"),
    )
