"""GET /v1/events: the events in order, for each connected client."""
