"""Real servers for tests beside the cluster, on the loopback, for as long as a block of code lasts.

Their files are fetched or built once into the cache of the user, by version, and nothing is installed in the system.
"""

SHELF = "brokers"
"""Where the files of message brokers are in the cache."""
