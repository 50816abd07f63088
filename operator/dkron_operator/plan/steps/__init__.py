"""Steps of a plan, one module for each subject; `advance.STEPS` has their order."""
