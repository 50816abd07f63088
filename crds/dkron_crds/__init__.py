"""The contract of dkron-operator: custom resources, names, schedules and the way to talk to Kubernetes."""
