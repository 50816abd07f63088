"""From `executorConfig` to pods: one module for each kind of executor. Pure."""
