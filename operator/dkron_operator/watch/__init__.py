"""What changes in the cluster: kopf watches DkronJobs and Jobs. Only this package knows kopf."""
