"""What runs inside the pod of a job whose executor is no command: `python -m dkron_executors <name>`.

`keys/` says what an executor may be told and is used by the operator, too; `run/` does it, and imports the client that
this takes. Nothing here knows Kubernetes, and a run imports only what its executor needs.
"""
