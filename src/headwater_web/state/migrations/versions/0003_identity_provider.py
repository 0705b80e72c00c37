"""People bound to an identity provider, and sign-ins begun there."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "bindings",
        sa.Column("issuer", sa.String, primary_key=True),
        sa.Column("sub", sa.String, primary_key=True),
        sa.Column("person_id", sa.String, sa.ForeignKey("people.person_id"), nullable=False, index=True),
        sa.Column("bound_by", sa.String, nullable=False),
        sa.Column("at_utc", sa.String, nullable=False),
        sa.UniqueConstraint("person_id", "issuer", name="uq_bindings_person_id"),
    )
    op.create_table(
        "begun_sign_ins",
        sa.Column("state_sha256", sa.String, primary_key=True),
        sa.Column("nonce_sha256", sa.String, nullable=False),
        sa.Column("browser_sha256", sa.String, nullable=False),
        sa.Column("issuer", sa.String, nullable=False),
        sa.Column("next", sa.String, nullable=False),
        sa.Column("stage", sa.String, nullable=False),
        sa.Column("person_id", sa.String, nullable=False),
        sa.Column("handle_sha256", sa.String, nullable=False, index=True),
        sa.Column("until_utc", sa.String, nullable=False, index=True),
        sa.CheckConstraint("stage IN ('begun', 'returned', 'vouched')", name="ck_begun_sign_ins_stage"),
    )
