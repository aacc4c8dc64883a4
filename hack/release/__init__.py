"""A release: one version in every file that names it, a section of the changelog, and what is published, built and tried."""
