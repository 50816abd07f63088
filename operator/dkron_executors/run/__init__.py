"""What each executor does, one module for each with a function `run(keys)` that returns a `Result`."""
