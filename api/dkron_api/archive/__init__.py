"""Reads of the archive: within limits of time and number, whatever the database does."""
