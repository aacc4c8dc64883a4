"""A local Kubernetes for the tests and the demo, run as `python3 -m hack.cluster <command>`.

Belongs here: what brings a cluster up, takes it down without a trace and puts images into it. Only the
standard library is used, because this runs before any virtual environment exists. See docs/cluster.md.
"""
