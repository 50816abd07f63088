"""The operator: turns DkronJob resources into Kubernetes Jobs, one per slot."""
