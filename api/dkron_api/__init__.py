"""The Dkron REST API for the custom resources: it reads from a cache and writes to the API server."""
