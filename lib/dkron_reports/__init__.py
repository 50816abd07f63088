"""What became of jobs and what is due, as plain data: from DkronJobs alone, for the REST API and the command line."""
