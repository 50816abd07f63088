"""The budgets of the source, which `make lint` prints and checks: `PYTHONPATH=hack python -m budgets`."""
