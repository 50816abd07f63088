"""The version of the program, from its package metadata."""

from importlib.metadata import version

VERSION = version("dkron-operator")
