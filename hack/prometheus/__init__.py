"""Debian's Prometheus as a pod of the local cluster, which scrapes the pods of one namespace.

See docs/cluster.md. Standard library only, as the cluster's own tools.
"""
