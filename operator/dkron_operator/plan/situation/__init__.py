"""Input of a plan: views of the DkronJob, of its Jobs, and of other objects that concern it."""
