"""Build the product's images into archives that a cluster loads.

With Docker where it runs, else with buildah as root. `python3 -m hack.images build [operator] [serving]`.
Standard library only: it runs before any environment exists.
"""
