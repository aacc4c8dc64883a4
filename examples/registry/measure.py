"""`python measure.py 2 0.776`: log how a version did in production, as a job does once loans are paid back or not."""

import sys

import mlflow

version, auc = sys.argv[1:]
mlflow.set_experiment("registry-credit-risk-live")
with mlflow.start_run():
    mlflow.set_tags({"modelalias.model": "registry-credit-risk", "modelalias.version": version})
    mlflow.log_metric("auc", float(auc))
