"""The contract of dkron-operator: custom resources, names, schedules, and the annotations that carry requests."""
