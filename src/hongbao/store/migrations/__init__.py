"""Alembic's folder: each file in versions/ brings a schema one step forward."""
