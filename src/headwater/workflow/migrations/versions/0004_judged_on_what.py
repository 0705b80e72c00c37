"""On what a judgement was given, and what the queue showed to whom."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them. Judgements of before keep their ids: what nobody recorded then stays empty."""
    for name in ("headwater_version", "links_sha256", "bars_sha256", "shown_as"):
        op.add_column("judgements", sa.Column(name, sa.String, nullable=False, server_default=""))
    op.add_column("judgements", sa.Column("score_hidden", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "shown_links",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("link_id", sa.String, nullable=False),
        sa.Column("operator", sa.String, nullable=False),
        sa.Column("bars_sha256", sa.String, nullable=False),
        sa.Column("score_hidden", sa.Boolean, nullable=False),
        sa.Column("shown_as", sa.String, nullable=False),
        sa.Column("at_utc", sa.String, nullable=False),
        sa.CheckConstraint("shown_as IN ('link', 'known', 'repeated')", name="ck_shown_links_shown_as"),
    )
