"""What requests do to jobs: write them, run them and wait for the run, restore them."""
