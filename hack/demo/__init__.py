"""`make demo`: a cluster, the operator, the REST API and the examples, and a table of what happens. `make demo-down`
removes it all.

`up` walks through the stages: `target` (the cluster), `install` (definitions, examples), `programs` (what runs
beside it), then `follow` (`watch` reads, `expectations` judges, the table is that of `dkronctl top`).
"""
