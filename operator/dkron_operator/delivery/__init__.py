"""Delivery: what has ended is told to processors and notification endpoints."""
