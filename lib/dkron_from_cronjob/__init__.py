"""Translates Kubernetes CronJobs to DkronJobs, for `dkronctl import`."""
