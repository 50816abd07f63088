"""What any controller needs, without knowledge of jobs: work queues, clocks, logs."""
