"""The command line: what the operator knows, without a cluster. Each command is a module that adds its own arguments."""
