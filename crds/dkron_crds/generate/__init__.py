"""Generates the CustomResourceDefinitions and the reference pages from the models. Not part of the wheel."""
