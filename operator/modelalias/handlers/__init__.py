"""Kopf's side: thin handlers that parse, call and record, and how Kopf is tuned for them."""
