"""The API's read cache: the newest version of each object, and an index of jobs by their Dkron names."""
