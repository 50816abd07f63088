"""Translates jobs in Dkron's JSON to DkronJobs, for the REST API and for imports."""
