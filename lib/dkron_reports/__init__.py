"""The fate of slots and the upcoming ones, as plain data: only from DkronJobs, for the REST API and the command
line."""
