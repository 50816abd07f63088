"""A real Prometheus for tests, and promtool: the ones on PATH, else Debian's, unpacked into the cache of the user."""
