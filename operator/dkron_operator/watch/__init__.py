"""What changes in the cluster: kopf watches DkronJobs and Jobs, and is known here alone."""
