"""Statuses: what conditions, phases, events and results say."""
