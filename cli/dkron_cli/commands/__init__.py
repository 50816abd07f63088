"""The commands, one module for a command or a family. Each is loaded only when it is called."""
