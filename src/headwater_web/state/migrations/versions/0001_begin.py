"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them. Written out, not taken from today's metadata: a migration says what was, for good."""
    op.create_table(
        "people",
        sa.Column("person_id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("administrator", sa.Boolean, nullable=False),
        sa.Column("single", sa.Boolean, nullable=False),
        sa.Column("language", sa.String, nullable=False),
        sa.Column("password", sa.String, nullable=False),
        sa.Column("totp_sealed", sa.LargeBinary, nullable=False),
        sa.Column("totp_step", sa.BigInteger, nullable=False),
        sa.Column("setup_sha256", sa.String, nullable=False),
        sa.Column("setup_until_utc", sa.String, nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("at_utc", sa.String, nullable=False),
    )
    op.create_table(
        "passkeys",
        sa.Column("credential_id", sa.String, primary_key=True),
        sa.Column("person_id", sa.String, sa.ForeignKey("people.person_id"), nullable=False, index=True),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        sa.Column("label", sa.String, nullable=False),
        sa.Column("at_utc", sa.String, nullable=False),
    )
    op.create_table(
        "members",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("person_id", sa.String, sa.ForeignKey("people.person_id"), nullable=False, index=True),
        sa.Column("case_id", sa.String, nullable=False, index=True),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("purpose", sa.String, nullable=False),
        sa.Column("granted_by", sa.String, nullable=False),
        sa.Column("at_utc", sa.String, nullable=False),
        sa.Column("until_utc", sa.String, nullable=False),
        sa.Column("ended_at_utc", sa.String, nullable=False),
        sa.CheckConstraint("role IN ('analyst', 'victim-data analyst', 'approver', 'auditor')", name="ck_members_role"),
    )
    op.create_table(
        "sessions",
        sa.Column("cookie_sha256", sa.String, primary_key=True),
        sa.Column("person_id", sa.String, sa.ForeignKey("people.person_id"), nullable=False, index=True),
        sa.Column("stage", sa.String, nullable=False),
        sa.Column("form_token", sa.String, nullable=False),
        sa.Column("challenge", sa.String, nullable=False),
        sa.Column("began_at_utc", sa.String, nullable=False),
        sa.Column("seen_at_utc", sa.String, nullable=False),
        sa.CheckConstraint("stage IN ('setup', 'password', 'full')", name="ck_sessions_stage"),
    )
    op.create_table(
        "attempts",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("name_sha256", sa.String, nullable=False, index=True),
        sa.Column("at_utc", sa.String, nullable=False),
    )
