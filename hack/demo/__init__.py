"""`make demo`: a cluster, the operator and the examples, and a table of what happens. `make demo-down` removes it all.

`up` walks through the stages: `target` (the cluster), `install` (definitions, examples), `operator_process`, then
`follow` (`watch` reads, `expectations` judges, `table` shows).
"""
