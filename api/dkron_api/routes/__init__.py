"""What answers the requests: one module for each thing that Dkron has routes for."""
