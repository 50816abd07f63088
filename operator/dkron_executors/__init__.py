"""Runs in the pod of a job whose executor is not a command: `python -m dkron_executors <name>`.

`keys/` defines the keys of each executor, which the operator uses too. `run/` makes the calls and imports the client
libraries. Nothing here depends on Kubernetes, and a run imports only the code of its executor.
"""
