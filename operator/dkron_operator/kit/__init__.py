"""What any controller is made of, without knowledge of jobs: work queues, clocks, logs."""
