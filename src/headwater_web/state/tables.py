"""Tables of the workbench's own database. What people decide about a case is in the case, never here."""

from __future__ import annotations

import sqlalchemy as sa

__all__ = [
    "ATTEMPTS",
    "BEGUN_SIGN_INS",
    "BINDINGS",
    "MEMBERS",
    "METADATA",
    "PASSKEYS",
    "PEOPLE",
    "SAVED_VIEWS",
    "SESSIONS",
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

# Times are text in UTC, as in the custody log.
PEOPLE = sa.Table(
    "people",
    METADATA,
    sa.Column("person_id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False, unique=True),
    sa.Column("administrator", sa.Boolean, nullable=False),
    sa.Column("single", sa.Boolean, nullable=False),
    sa.Column("language", sa.String, nullable=False),
    # Argon2id, with its parameters; empty until the person has chosen one.
    sa.Column("password", sa.String, nullable=False),
    # Encrypted with the key in the server's folder; empty without one.
    sa.Column("totp_sealed", sa.LargeBinary, nullable=False),
    # The last time step whose code was taken: none is taken twice.
    sa.Column("totp_step", sa.BigInteger, nullable=False),
    sa.Column("setup_sha256", sa.String, nullable=False),
    sa.Column("setup_until_utc", sa.String, nullable=False),
    sa.Column("disabled", sa.Boolean, nullable=False),
    sa.Column("at_utc", sa.String, nullable=False),
)

PASSKEYS = sa.Table(
    "passkeys",
    METADATA,
    sa.Column("credential_id", sa.String, primary_key=True),
    sa.Column("person_id", sa.String, sa.ForeignKey("people.person_id"), nullable=False, index=True),
    sa.Column("public_key", sa.LargeBinary, nullable=False),
    sa.Column("sign_count", sa.BigInteger, nullable=False),
    sa.Column("label", sa.String, nullable=False),
    sa.Column("at_utc", sa.String, nullable=False),
)

# Only ever added to; a membership ends by its date, or by a row's `ended_at_utc`.
MEMBERS = sa.Table(
    "members",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("person_id", sa.String, sa.ForeignKey("people.person_id"), nullable=False, index=True),
    sa.Column("case_id", sa.String, nullable=False, index=True),
    sa.Column("role", sa.String, nullable=False),
    sa.Column("purpose", sa.String, nullable=False),
    sa.Column("granted_by", sa.String, nullable=False),
    sa.Column("at_utc", sa.String, nullable=False),
    sa.Column("until_utc", sa.String, nullable=False),
    sa.Column("ended_at_utc", sa.String, nullable=False),
    sa.CheckConstraint("role IN ('analyst', 'victim-data analyst', 'approver', 'auditor')", name="role"),
)

SESSIONS = sa.Table(
    "sessions",
    METADATA,
    # The cookie itself is nowhere on disk.
    sa.Column("cookie_sha256", sa.String, primary_key=True),
    sa.Column("person_id", sa.String, sa.ForeignKey("people.person_id"), nullable=False, index=True),
    # `password`: the second factor is still to come; `setup`: only to choose a password; `full`.
    sa.Column("stage", sa.String, nullable=False),
    sa.Column("form_token", sa.String, nullable=False),
    sa.Column("challenge", sa.String, nullable=False),
    sa.Column("began_at_utc", sa.String, nullable=False),
    sa.Column("seen_at_utc", sa.String, nullable=False),
    sa.CheckConstraint("stage IN ('setup', 'password', 'full')", name="stage"),
)

ATTEMPTS = sa.Table(
    "attempts",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    # Of the name that was tried, so that a password typed into the wrong field is not kept.
    sa.Column("name_sha256", sa.String, nullable=False, index=True),
    sa.Column("at_utc", sa.String, nullable=False),
)

SAVED_VIEWS = sa.Table(
    "saved_views",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("person_id", sa.String, sa.ForeignKey("people.person_id"), nullable=False, index=True),
    sa.Column("case_id", sa.String, nullable=False, index=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("address", sa.String, nullable=False),
    sa.Column("shared", sa.Boolean, nullable=False),
    sa.Column("at_utc", sa.String, nullable=False),
)

# Whom a provider's identifier stands for here, by an administrator's word alone.
BINDINGS = sa.Table(
    "bindings",
    METADATA,
    sa.Column("issuer", sa.String, primary_key=True),
    sa.Column("sub", sa.String, primary_key=True),
    sa.Column("person_id", sa.String, sa.ForeignKey("people.person_id"), nullable=False, index=True),
    sa.Column("bound_by", sa.String, nullable=False),
    sa.Column("at_utc", sa.String, nullable=False),
    sa.UniqueConstraint("person_id", "issuer"),
)

BEGUN_SIGN_INS = sa.Table(
    "begun_sign_ins",
    METADATA,
    # State, nonce, the browser's cookie and the handle are nowhere on disk.
    sa.Column("state_sha256", sa.String, primary_key=True),
    sa.Column("nonce_sha256", sa.String, nullable=False),
    sa.Column("browser_sha256", sa.String, nullable=False),
    sa.Column("issuer", sa.String, nullable=False),
    sa.Column("next", sa.String, nullable=False),
    # `begun`: the browser is at the provider; `returned`: a token came and is looked at; `vouched`: it held.
    sa.Column("stage", sa.String, nullable=False),
    sa.Column("person_id", sa.String, nullable=False),
    sa.Column("handle_sha256", sa.String, nullable=False, index=True),
    sa.Column("until_utc", sa.String, nullable=False, index=True),
    sa.CheckConstraint("stage IN ('begun', 'returned', 'vouched')", name="stage"),
)
