"""Effects: everything that the operator does to the cluster for one job."""
