"""What people noted beside objects."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "remarks",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("remark_id", sa.String, nullable=False),
        sa.Column("object_id", sa.String, nullable=False),
        sa.Column("object_table", sa.String, nullable=False),
        sa.Column("remark_kind", sa.String, nullable=False),
        sa.Column("text", sa.String, nullable=False),
        sa.Column("operator", sa.String, nullable=False),
        sa.Column("at_utc", sa.String, nullable=False),
        sa.Column("withdraws_id", sa.String, nullable=False),
        sa.UniqueConstraint("remark_id", name="uq_remarks_remark_id"),
        sa.CheckConstraint("remark_kind IN ('note', 'label', 'assignment')", name="ck_remarks_remark_kind"),
    )
    op.create_index("ix_remarks_object_id", "remarks", ["object_id"])
