"""The reconcile loop: which job is due, and one job at a time from its situation to a plan that is carried out."""
