"""Writes the CustomResourceDefinitions and the reference pages from the models; no part of the wheel."""
