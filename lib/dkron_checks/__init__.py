"""Findings about a job from its manifest. Pure."""
