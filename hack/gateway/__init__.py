"""A gateway for the local cluster: Traefik, which carries requests as the HTTPRoutes of all namespaces say.

See docs/cluster.md, and docs/decisions/0064 for why this one. Standard library only, as the cluster's own tools.
"""
