"""The engine: keys that are dirty, one pass over an alias at a time, and the registry's snapshots."""
