"""Real message brokers for tests, on the loopback, for as long as a block of code lasts.

Their files are fetched once into the cache of the user, by version, and nothing is installed in the system.
"""

SHELF = "brokers"
"""Where their files are in the cache."""
