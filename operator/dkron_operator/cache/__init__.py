"""Everything known: DkronJobs, their Jobs and DkronRuns, their dependencies, and changes still to be written."""
