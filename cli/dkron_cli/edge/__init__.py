"""The edges: the cluster by kubeconfig, the REST API by its address, and the terminal."""
