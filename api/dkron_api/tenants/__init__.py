"""The namespaces that are served: all that the service keeps for each of them."""
