"""`python describe.py 1 owner=ana@example.com semver=1.0.0`: set tags on a version, with MLflow's own client."""

import sys

from mlflow import MlflowClient

version, *tags = sys.argv[1:]
client = MlflowClient()
for tag in tags:
    key, value = tag.split("=", 1)
    client.set_model_version_tag("registry-credit-risk", version, key, value)
