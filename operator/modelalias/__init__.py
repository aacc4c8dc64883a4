"""modelalias: MLflow model aliases as Kubernetes resources."""
