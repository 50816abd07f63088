"""GET /v1/events: what has happened, in order, for each client that listens."""
