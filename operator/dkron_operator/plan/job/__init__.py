"""The Kubernetes Job of an attempt: its pod, its node, and the refusals of an installation."""
