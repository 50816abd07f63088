"""The migrations, which Alembic loads from this folder."""
