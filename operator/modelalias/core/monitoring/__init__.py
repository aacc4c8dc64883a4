"""Monitors: what is asked for a version, and what the readings of a production metric add up to."""
