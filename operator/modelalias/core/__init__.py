"""The rules, as pure functions on values: no client, no clock, no environment."""
