"""From CronJobs of Kubernetes to DkronJobs: `kubectl get cronjob NAME -o yaml | dkron-from-cronjob`."""
