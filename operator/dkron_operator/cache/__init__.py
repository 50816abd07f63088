"""The cache of the operator: every DkronJob and its Jobs, the dependencies between them, and the changes still to be
written."""
