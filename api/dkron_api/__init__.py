"""The Dkron REST API over the custom resources: it reads from a cache of them and writes to the API server."""
