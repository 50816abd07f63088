"""The version of the program, as it is packaged."""

from importlib.metadata import version

VERSION = version("dkron-operator")
