"""What the operator knows: every DkronJob and its Jobs, the dependencies between them, and the changes still to be
written."""
