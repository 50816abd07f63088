"""The archive: hands over what the statuses owe it, and keeps it in order. Nothing waits for it."""
