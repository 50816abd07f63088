"""`python -m dkron_cli` is `dkronctl`."""

from dkron_cli.main import main

if __name__ == "__main__":
    main()
