"""`python -m dkron_operator` is `dkron-operator`."""

from dkron_operator.main import main

main()
