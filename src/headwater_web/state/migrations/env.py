"""Run by Alembic; the connection is handed in by `headwater.workflow`."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
