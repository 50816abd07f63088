"""What the operator knows: every DkronJob and its Jobs, who depends on whom, and what is still to be written."""
