"""Who sends a request, and whether they may do what it asks for."""
