"""Who imported a reference, and who confirmed the polarity of a hash list."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them. Lists of before are unconfirmed: nobody but their importer has looked at their polarity."""
    op.add_column("imports", sa.Column("imported_by", sa.String, nullable=True))
    op.create_table(
        "confirmations",
        sa.Column("reference_name", sa.String, primary_key=True),
        sa.Column("reference_version", sa.String, primary_key=True),
        sa.Column("polarity", sa.String, nullable=False),
        sa.Column("confirmed_by", sa.String, nullable=False),
        sa.Column("why", sa.String, nullable=False),
        sa.Column("at_utc", sa.String, nullable=False),
    )
