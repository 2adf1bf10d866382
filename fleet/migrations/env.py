"""Alembic's entry: the connection comes from `fleet.database.Database.upgrade`, never from a file."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
