"""What the API reads: the newest version of each object, and jobs by their Dkron names."""
