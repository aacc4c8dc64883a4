"""Requests: which version they mean, whose turn it is, and how they end."""
