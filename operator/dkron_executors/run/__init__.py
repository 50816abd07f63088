"""The implementations: one module per executor, with a function `run(keys)` that returns a `Result`."""
