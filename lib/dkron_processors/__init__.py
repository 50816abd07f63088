"""Processors: one module for each kind. Pure; the operator sends."""
