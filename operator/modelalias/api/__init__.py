"""The resources as values: what users write and what the operator answers."""
