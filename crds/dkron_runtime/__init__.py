"""What the programs share around their work: the log, and the command line."""
