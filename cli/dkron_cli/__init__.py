"""`dkronctl`, also `kubectl dkron`: the command line, by kubeconfig or by the REST API."""
