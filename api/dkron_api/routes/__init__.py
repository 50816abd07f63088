"""Request handlers: one module for each group of Dkron's routes."""
