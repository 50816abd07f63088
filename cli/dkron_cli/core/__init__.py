"""Functions of plain data: what the commands show and decide. No clock, no network, no terminal."""
