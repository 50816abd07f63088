"""Builds what a release consists of into a folder: `make release`. Nothing here publishes."""
