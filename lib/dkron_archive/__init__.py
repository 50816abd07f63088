"""The archive: every execution, its output, every slot that did not run, and every accepted spec, in a database.

The operator writes it, and the REST API reads it. It is no source of truth: what runs is decided by the custom
resources, and a database that is away delays nothing.
"""
