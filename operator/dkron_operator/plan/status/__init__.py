"""Changes of a status, and how each is folded."""
