"""Converts Kubernetes CronJobs to DkronJobs: `kubectl get cronjob NAME -o yaml | dkron-from-cronjob`."""
