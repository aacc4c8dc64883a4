"""Policies: the rules that hold for a ModelAlias beside its own."""
