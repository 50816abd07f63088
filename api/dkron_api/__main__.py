"""`python -m dkron_api`."""

from dkron_api.main import main

main()
