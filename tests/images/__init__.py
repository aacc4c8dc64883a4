"""Build the product's images into archives that a cluster loads: with Docker where it runs, else with buildah as root.

`python3 -m tests.images build [operator] [serving]`. Standard library only: it runs before any environment exists.
"""
