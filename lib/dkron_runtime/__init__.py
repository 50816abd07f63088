"""Shared by the programs: logging, command line, supervision, event loop and tracing."""
